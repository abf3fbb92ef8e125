"""Pixels to files and the recipe with them: every format."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from picture_files import left_in, levels, smooth
from PIL import Image

from deepdream.errors import DeepDreamError, UsageError
from deepdream.pictures.picture import Picture, check_writable, load, read_recipe

RECIPE = {"mode": "dream", "seed": 7, "weights": [0.5, 1], "path": "Zoë & 東京/a\udc80.jpg", "none": None}


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".tif", ".TIFF"])
def test_lossless_formats_keep_every_level(tmp_path: Path, photo: Picture, suffix: str) -> None:
    path = photo.save(tmp_path / f"a{suffix}")
    assert path == tmp_path / f"a{suffix}"
    np.testing.assert_array_equal(levels(path), photo.pixels)


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".webp"])
def test_lossy_formats_stay_close(tmp_path: Path, suffix: str) -> None:
    assert np.abs(levels(Picture.from_array(smooth()).save(tmp_path / f"a{suffix}")) - smooth()).mean() < 2


def test_jpeg_keeps_colour_at_full_resolution(tmp_path: Path, photo: Picture) -> None:
    from PIL import JpegImagePlugin

    with Image.open(photo.save(tmp_path / "a.jpg")) as image:
        assert isinstance(image, JpegImagePlugin.JpegImageFile)
        assert JpegImagePlugin.get_sampling(image) == 0  # 4:4:4
        default = image.quantization
    with Image.open(photo.save(tmp_path / "b.jpg", quality=95)) as image:
        assert isinstance(image, JpegImagePlugin.JpegImageFile)
        assert image.quantization == default
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Picture.from_array(noise).save(tmp_path / "c.jpg", quality=100)


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_quality_out_of_range(tmp_path: Path, photo: Picture, quality: int) -> None:
    with pytest.raises(UsageError, match="quality"):
        photo.save(tmp_path / "a.jpg", quality=quality)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_alpha_is_saved_where_it_can_be(tmp_path: Path, suffix: str) -> None:
    alpha = np.full((48, 64), 255, np.float32)
    alpha[:20] = 0
    picture = Picture(smooth(), alpha)
    back = load(picture.save(tmp_path / f"a{suffix}"))
    np.testing.assert_array_equal(back.alpha, alpha)
    assert np.abs(back.pixels - smooth()).mean() < 2
    assert picture.saving_notes(f"a{suffix}") == ()


def test_jpeg_shows_white_through_and_says_so(tmp_path: Path) -> None:
    picture = Picture(np.zeros((16, 16, 3)), np.full((16, 16), 51))
    assert levels(picture.save(tmp_path / "a.jpg"))[8, 8].tolist() == [204, 204, 204]
    assert picture.saving_notes("x/a.jpg") == (
        "a.jpg: JPEG has no transparency, white shows through; PNG would keep it",
    )


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
@pytest.mark.parametrize("alpha", [False, True])
def test_recipe_comes_back(tmp_path: Path, photo: Picture, suffix: str, alpha: bool) -> None:
    mask = np.full(photo.pixels.shape[:2], 9) if alpha else None
    path = Picture(photo.pixels, mask, recipe=RECIPE).save(tmp_path / f"a{suffix}")
    assert read_recipe(path) == RECIPE
    assert load(path).recipe is None
    if suffix != ".png":
        with Image.open(path) as image:
            assert image.getexif()[0x0131] == "deepdream"


def test_recipe_is_json_where_other_tools_look(tmp_path: Path, photo: Picture) -> None:
    picture = Picture(photo.pixels, recipe=RECIPE)
    with Image.open(picture.save(tmp_path / "a.png")) as image:
        assert json.loads(image.info["deepdream"]) == RECIPE
    with Image.open(picture.save(tmp_path / "a.jpg")) as image:
        comment = image.getexif().get_ifd(0x8769)[0x9286]
        assert json.loads(comment.removeprefix(b"ASCII\0\0\0")) == {"deepdream": RECIPE}


def test_png_bytes_depend_on_pixels_and_recipe_alone(tmp_path: Path, photo: Picture) -> None:
    one = Picture(photo.pixels, recipe=RECIPE).save(tmp_path / "one.png").read_bytes()
    two = Picture(photo.pixels.copy(), recipe=dict(RECIPE)).save(tmp_path / "two.png").read_bytes()
    assert one == two
    assert one != Picture(photo.pixels, recipe=RECIPE | {"seed": 8}).save(tmp_path / "3.png").read_bytes()


def test_recipe_too_long_for_a_jpeg_does_not_cost_the_picture(tmp_path: Path, photo: Picture) -> None:
    picture = Picture(photo.pixels, recipe={"list": "x" * 70_000})
    assert "too long" in picture.saving_notes("a.jpg")[0]
    assert load(picture.save(tmp_path / "a.jpg")).size == photo.size
    nearly = Picture(photo.pixels, recipe={"list": "x" * 65_300})
    assert (
        nearly.saving_notes("a.jpg") == () and read_recipe(nearly.save(tmp_path / "b.jpg")) == nearly.recipe
    )
    assert read_recipe(picture.save(tmp_path / "a.png")) == picture.recipe


def test_recipe_that_is_no_json_is_refused_before_writing(tmp_path: Path, photo: Picture) -> None:
    for value in (float("nan"), Path("x")):
        with pytest.raises(DeepDreamError, match="JSON"):
            Picture(photo.pixels, recipe={"a": value}).save(tmp_path / "a.png")
    assert left_in(tmp_path) == set()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_picture_without_recipe(tmp_path: Path, photo: Picture, suffix: str) -> None:
    path = photo.save(tmp_path / f"a{suffix}")
    with pytest.raises(DeepDreamError, match="carries no recipe") as caught:
        read_recipe(path)
    assert caught.value.hint


def test_comments_of_others_are_no_recipe(tmp_path: Path, photo: Picture) -> None:
    exif = Image.Exif()
    exif[0x010E] = "A sunny day"
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0{not ours"
    photo.to_pil().save(tmp_path / "a.jpg", exif=exif)
    with pytest.raises(DeepDreamError, match="carries no recipe"):
        read_recipe(tmp_path / "a.jpg")


@pytest.mark.parametrize("text", ["{cut sho", "[1, 2]", '{"seed": NaN}', "[" * 100_000])
def test_damaged_recipe(tmp_path: Path, photo: Picture, text: str) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("deepdream", text)
    photo.to_pil().save(tmp_path / "a.png", pnginfo=info)
    with pytest.raises(DeepDreamError, match=r"^the recipe in .*a\.png is damaged: ") as caught:
        read_recipe(tmp_path / "a.png")
    assert caught.value.hint and "the picture can be used" in caught.value.hint
    assert load(tmp_path / "a.png").size == photo.size


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (20000, 10), (10, 17000)])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int], suffix: str) -> None:
    picture = Picture(smooth(*size))
    if suffix == ".webp" and max(size) > 16383:
        with pytest.raises(DeepDreamError, match="at most 16383 pixels"):
            check_writable(tmp_path / "a.webp", size=size)
        with pytest.raises(DeepDreamError, match="at most 16383 pixels"):
            picture.save(tmp_path / "a.webp")
        return
    assert load(picture.save(tmp_path / f"a{suffix}")).size == size
