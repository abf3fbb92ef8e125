"""Files that are no pictures, or no longer: each is refused in one line."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from picture_files import as_stranger, levels, png, smooth
from PIL import Image

from deepdream.errors import DeepDreamError
from deepdream.pictures.picture import Picture, load, read_recipe


def refusal(path: Path) -> DeepDreamError:
    with pytest.raises(DeepDreamError) as caught:
        load(path)
    assert caught.value.exit_code == 1
    assert "\n" not in caught.value.message and path.name in caught.value.message
    return caught.value


def test_missing_file_names_the_one_that_was_meant(tmp_path: Path, photo: Picture) -> None:
    photo.save(tmp_path / "holiday.png")
    error = refusal(tmp_path / "holidya.png")
    assert error.message.startswith("no such file") and error.hint == "did you mean 'holiday.png'?"
    assert refusal(tmp_path / "holiday.jpg").hint == refusal(tmp_path / "Holiday").hint == error.hint
    photo.save(tmp_path / "rocket.png")
    assert refusal(tmp_path / "nope.png").hint is None, "all names are alike in their suffix"


def test_a_link_to_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "link.png").symlink_to("gone.png")
    error = refusal(tmp_path / "link.png")
    assert error.message.endswith("link.png is a link to gone.png, which is not there") and error.hint is None


def test_an_empty_name_is_not_the_current_folder() -> None:
    with pytest.raises(DeepDreamError, match="empty name"):
        load("")


def test_a_huge_profile_is_not_called_damage(tmp_path: Path, photo: Picture) -> None:
    photo.to_pil().save(tmp_path / "a.png", icc_profile=bytes(3_000_000))
    assert "colour profile of more than a megabyte" in refusal(tmp_path / "a.png").message


def test_missing_folder_is_said(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone" / "a.png").hint == f"there is no folder {tmp_path / 'gone'}"
    (tmp_path / "file").write_text("x")
    assert refusal(tmp_path / "file" / "a.png").hint == f"there is no folder {tmp_path / 'file'}"


def test_what_is_no_file(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path).message
    assert refusal(tmp_path).hint == f"name a file in it, or all: {tmp_path / '*.jpg'}"
    os.mkfifo(tmp_path / "pipe.png")
    assert "not a regular file" in refusal(tmp_path / "pipe.png").message
    with pytest.raises(DeepDreamError, match="name"):
        load("a\0b.png")
    assert "name too long" in refusal(tmp_path / ("a" * 300 + ".png")).message


def test_what_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    assert refusal(tmp_path / "empty.jpg").message.endswith("is empty")
    (tmp_path / "notes.jpg").write_text("Dear diary,\n" * 50)
    error = refusal(tmp_path / "notes.jpg")
    assert "not a picture" in error.message and "JPEG, PNG" in str(error.hint)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("kept", [20, 200, 0.5, -20, -1])
def test_truncated_jpeg_is_refused(tmp_path: Path, kept: float, progressive: bool) -> None:
    buffer = io.BytesIO()
    Image.fromarray(smooth(200, 100).astype(np.uint8)).save(buffer, "JPEG", progressive=progressive)
    whole = buffer.getvalue()
    (tmp_path / "a.jpg").write_bytes(whole[: int(len(whole) * kept) if kept == 0.5 else int(kept)])
    assert "damaged" in refusal(tmp_path / "a.jpg").message


@pytest.mark.parametrize("format", ["PNG", "GIF", "BMP", "TIFF", "WEBP"])
def test_no_damage_ends_in_a_traceback(tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)  # a damaged size may well be a huge one
    buffer = io.BytesIO()
    Image.fromarray(smooth(20, 10).astype(np.uint8)).save(buffer, format)
    whole, random, refused = buffer.getvalue(), np.random.default_rng(0), 0
    for trial in range(60):
        damaged = bytearray(whole[: len(whole) // 2 if trial % 2 else None])
        for place in random.integers(0, min(len(damaged), 200), 3):
            damaged[place] = random.integers(256)
        (tmp_path / "a").write_bytes(damaged)
        try:
            load(tmp_path / "a")
        except DeepDreamError:
            refused += 1
    assert refused > 20


def test_decompression_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(png(60_000, 60_000, 8, 2, b"never decoded"))
    assert refusal(tmp_path / "bomb.png").message.endswith("is too large: more than 179 megapixels")


def test_large_phone_photograph_is_no_bomb(
    tmp_path: Path, photo: Picture, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    photo.save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", photo.width * photo.height - 1)
    assert load(tmp_path / "a.png").size == photo.size
    assert not recwarn.list


def test_unreadable_file(open_folder: Path, photo: Picture) -> None:
    path = photo.save(open_folder / "secret.png")
    path.chmod(0)
    with as_stranger():
        error = refusal(path)
    assert error.message == f"cannot read {path}: permission denied"


def test_cie_lab(tmp_path: Path) -> None:
    Image.new("LAB", (4, 4), (135, 128 + 80, 128 + 67)).save(tmp_path / "a.tif")
    np.testing.assert_allclose(levels(tmp_path / "a.tif")[0, 0], (255, 0, 0), atol=12)


def test_unsupported_colours(tmp_path: Path) -> None:
    with pytest.raises(DeepDreamError, match="colours of the kind La"):
        Picture.from_pil(Image.new("La", (4, 4)))
    Image.new("RGB", (4, 4)).save(tmp_path / "a.tif")
    seven_bits = (
        (tmp_path / "a.tif").read_bytes().replace(struct.pack("<3H", 8, 8, 8), struct.pack("<3H", 7, 7, 7))
    )
    (tmp_path / "a.tif").write_bytes(seven_bits)
    assert refusal(tmp_path / "a.tif").message.endswith("is a damaged TIFF, or of a kind that cannot be read")


def test_a_damaged_mp4_is_said_to_be_damaged(tmp_path: Path) -> None:
    pytest.importorskip("av")
    (tmp_path / "x.mp4").write_bytes(b"\0\0\0\x18ftypisom\0\0\2\0")
    with pytest.raises(DeepDreamError, match=r"x\.mp4 is damaged or cut short"):
        read_recipe(tmp_path / "x.mp4")
