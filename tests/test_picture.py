"""The picture itself: what it is made of, its sizes, how it shows itself."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import icc_profiles
import numpy as np
import pytest
from PIL import Image

from deepdream.errors import DeepDreamError, UsageError
from deepdream.pictures.picture import Picture, load


def test_from_array_of_any_kind() -> None:
    assert Picture.from_array(np.full((2, 3), 40, np.uint8)).pixels.tolist() == [[[40] * 3] * 3] * 2
    assert Picture.from_array(np.full((2, 3, 1), 257, np.uint16)).pixels[0, 0].tolist() == [1, 1, 1]
    assert Picture.from_array(np.array([[True, False]])).pixels[0, :, 0].tolist() == [255, 0]
    floats = Picture.from_array(np.array([[[-3.0, 12.5, 300.0]]]))
    assert floats.pixels.tolist() == [[[0, 12.5, 255]]] and floats.pixels.dtype == np.float32
    rgba = Picture.from_array(np.dstack([np.zeros((2, 2, 3)), np.full((2, 2), 9)]))
    assert rgba.alpha is not None and rgba.alpha.tolist() == [[9, 9], [9, 9]]
    assert "multiplied by 255" in Picture.from_array(np.full((2, 2), 0.5)).notes[0]


def test_from_array_does_not_share_memory() -> None:
    array = np.full((2, 2, 3), 7, np.float32)
    picture = Picture.from_array(array)
    array[:] = 0
    assert picture.pixels.min() == 7


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2), (2, 2, 5), (1, 2, 2, 3), (0, 4, 3), ()])
def test_from_array_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="shape"):
        Picture.from_array(np.zeros(shape))


def test_from_array_of_no_numbers() -> None:
    with pytest.raises(UsageError, match="NaN"):
        Picture.from_array(np.full((2, 2), np.nan))
    with pytest.raises(UsageError, match="complex"):
        Picture.from_array(np.zeros((2, 2), complex))


def test_wrong_pixels_are_refused_at_once(photo: Picture) -> None:
    with pytest.raises(UsageError, match=r"\[height, width, 3\]"):
        photo.with_pixels(np.zeros((4, 4)))
    with pytest.raises(UsageError, match="alpha"):
        Picture(photo.pixels, np.zeros((1, 1)))


def test_from_pil_converts_like_load(tmp_path: Path) -> None:
    image = Image.new("RGB", (4, 2), (250, 90, 140)).quantize(4)
    exif = image.getexif()
    exif[274] = 6
    image.info["icc_profile"] = icc_profiles.swapped_primaries()
    picture = Picture.from_pil(image)
    assert picture.size == (2, 4)
    np.testing.assert_allclose(picture.pixels[0, 0], (90, 250, 140), atol=6)


def test_with_pixels_keeps_alpha_source_and_notes(tmp_path: Path) -> None:
    alpha = np.zeros((8, 8), np.float32)
    alpha[:, 4:] = 255
    before = Picture(np.zeros((8, 8, 3)), alpha, notes=("a note",), recipe={"seed": 1})
    after = before.with_pixels(np.ones((16, 12, 3), np.float32))
    assert after.size == (12, 16) and after.notes == ("a note",) and after.recipe is None
    assert after.alpha is not None and after.alpha.shape == (16, 12)
    assert after.alpha[0, 0] == 0 and after.alpha[0, -1] == 255 and after.alpha.max() <= 255
    same = before.with_pixels(before.pixels + 1).alpha
    assert same is not None and np.shares_memory(same, alpha)


def test_resizing_to_the_same_size_changes_nothing(photo: Picture) -> None:
    assert photo.resized(7, 5) is photo and photo.fitted(7) is photo


def test_resizing_keeps_fractions_and_bounds() -> None:
    pixels = np.full((40, 40, 3), 100.3, np.float32)
    np.testing.assert_allclose(Picture(pixels).resized(13, 57).pixels, 100.3, atol=1e-3)
    pixels[:, :20], pixels[:, 20:] = 0, 255
    for size in ((90, 90), (15, 15)):
        found = Picture(pixels).resized(*size).pixels
        assert found.dtype == np.float32 and found.min() == 0 and found.max() == 255


def test_shrinking_is_antialiased() -> None:
    stripes = np.zeros((64, 64, 3), np.float32)
    stripes[:, ::2] = 200
    shrunk = Picture(stripes, stripes[..., 0]).resized(16, 16)
    np.testing.assert_allclose(shrunk.pixels[4:12, 4:12], 100, atol=3)
    assert shrunk.alpha is not None
    np.testing.assert_allclose(shrunk.alpha[4:12, 4:12], 100, atol=3)


@pytest.mark.parametrize(
    ("size", "longest", "expected"),
    [((64, 48), 32, (32, 24)), ((48, 64), 128, (96, 128)), ((2000, 10), 100, (100, 1)), ((1, 1), 5, (5, 5))],
)
def test_fitted(size: tuple[int, int], longest: int, expected: tuple[int, int]) -> None:
    assert Picture(np.zeros((size[1], size[0], 3))).fitted(longest).size == expected


def test_impossible_sizes(photo: Picture) -> None:
    for impossible in (lambda: photo.resized(0, 5), lambda: photo.fitted(0), lambda: photo.fitted(-3)):
        with pytest.raises(UsageError):
            impossible()
    with pytest.raises(DeepDreamError, match="too many"):
        photo.fitted(1_000_000)


def test_to_pil_rounds_to_the_nearest_level() -> None:
    image = Picture(np.array([[[-4, 1.4, 1.6], [254.4, 254.6, 999]]])).to_pil()
    assert np.asarray(image).tolist() == [[[0, 1, 2], [254, 255, 255]]]
    assert image.mode == "RGB"


def test_notebook_and_repr(photo: Picture, tmp_path: Path) -> None:
    with Image.open(io.BytesIO(photo._repr_png_())) as image:
        np.testing.assert_array_equal(np.asarray(image), photo.pixels)
    assert repr(photo) == "<Picture 7x5>"
    path = Picture(photo.pixels, np.zeros((5, 7))).save(tmp_path / "a.png")
    assert repr(load(path)) == f"<Picture 7x5, alpha, {path}>"


def test_importing_costs_nothing() -> None:
    code = "import deepdream.pictures.picture, sys; print({'numpy', 'PIL', 'tensorflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr
