"""Pictures in and out of files: every format, every fault, and nothing ever lost."""

from __future__ import annotations

import errno
import io
import json
import os
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import icc_profiles
import numpy as np
import pytest
from PIL import Image

from deepdream.errors import DeepDreamError, UsageError
from deepdream.pictures.picture import Picture, check_writable, load, output_path, read_recipe

RECIPE = {"mode": "dream", "seed": 7, "weights": [0.5, 1], "path": "Zoë & 東京/a\udc80.jpg", "none": None}


@pytest.fixture
def photo() -> Picture:
    """7x5 pixels, every one another colour."""
    return Picture.from_array(np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8))


def smooth(width: int = 64, height: int = 48) -> np.ndarray:
    """A picture that lossy formats keep well: gradients of saturated colours."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([255 * x / width, 255 * y / height, 255 - 255 * x / width], axis=2).astype(np.float32)


def levels(path: Path) -> np.ndarray:
    return load(path).pixels


def left_in(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


@contextmanager
def as_stranger() -> Iterator[None]:
    """Act as a user whom permissions bind: root passes them all, so be nobody for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that the stranger can reach: the way to `tmp_path` is its owner's alone."""
    way = [
        p for p in (tmp_path, *tmp_path.parents) if os.geteuid() == 0 and p.stat().st_mode & 0o055 != 0o055
    ]
    before = {p: p.stat().st_mode & 0o7777 for p in way}
    for p in way:
        p.chmod(before[p] | 0o055)
    yield tmp_path
    for p in way:
        p.chmod(before[p])


# Reading


@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP", "GIF", "WEBP", "JPEG"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_each_format_gives_the_colours_it_holds(tmp_path: Path, format: str, mode: str) -> None:
    image = Image.fromarray(smooth().astype(np.uint8)).convert(mode)
    path = tmp_path / "picture.data"  # the content decides, not the suffix
    image.save(path, format, **({"lossless": True} if format == "WEBP" else {}))
    picture = load(path)
    assert picture.source is not None and picture.source.format == format
    assert picture.pixels.dtype == np.float32 and picture.alpha is None and picture.notes == ()
    expected = np.asarray(image.convert("RGB"), dtype=np.float32)
    error = np.abs(picture.pixels - expected).mean()
    assert error <= {"JPEG": 2.0, "GIF": 9.0}.get(format, 0.0)


def test_the_source_says_where_a_picture_came_from(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Picture.from_array(smooth()).save(path)
    source = load(path).source
    assert source is not None
    digest = subprocess.run(["sha256sum", path], capture_output=True, text=True).stdout.split()[0]
    assert (source.path, source.sha256, source.format) == (str(path), digest, "PNG")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(tmp_path: Path, format: str, orientation: int) -> None:
    upright = smooth(32, 16).astype(np.uint8)
    rows, columns = np.arange(16)[:, None], np.arange(32)[None]
    # EXIF 2.3, tag 274: where the stored row 0 and column 0 are seen.
    row, column = {
        1: (rows, columns), 2: (rows, 31 - columns), 3: (15 - rows, 31 - columns), 4: (15 - rows, columns),
        5: (columns, rows), 6: (columns, 15 - rows), 7: (31 - columns, 15 - rows), 8: (31 - columns, rows),
    }[orientation]  # fmt: skip
    stored = np.zeros((32, 16, 3) if orientation > 4 else (16, 32, 3), dtype=np.uint8)
    stored[np.broadcast_to(row, (16, 32)), np.broadcast_to(column, (16, 32))] = upright
    if orientation in (6, 8):  # the two of these whose stored place is not its own inverse
        stored = np.rot90(upright, 1 if orientation == 6 else -1)
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / "a"
    Image.fromarray(np.ascontiguousarray(stored)).save(
        path, format, exif=exif, quality=100, **{"subsampling": 0}
    )
    picture = load(path)
    assert picture.size == (32, 16)
    assert np.abs(picture.pixels - upright).mean() < 4


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
@pytest.mark.parametrize("exif", [b"II*\0\x08\0\0\0\xff\xff\x12\x01", b"MM\0*"])
def test_damaged_exif_does_not_cost_the_picture(
    tmp_path: Path, suffix: str, exif: bytes, recwarn: pytest.WarningsRecorder
) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(smooth().astype(np.uint8)).save(path, exif=b"Exif\0\0" + exif)
    picture = load(path)
    assert picture.size == (64, 48)
    if (suffix, exif) == ("png", b"MM\0*"):
        assert picture.notes == ("a.png: unreadable EXIF, orientation unknown",)
    with pytest.raises(DeepDreamError, match="carries no recipe"):
        read_recipe(path)
    assert not recwarn.list


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_colour_profile_is_converted_to_srgb(tmp_path: Path, format: str) -> None:
    path = tmp_path / "a"
    red = Image.new("RGB", (16, 16), (250, 90, 140))
    red.save(path, format, icc_profile=icc_profiles.swapped_primaries(), quality=100)
    picture = load(path)
    np.testing.assert_allclose(picture.pixels[8, 8], (90, 250, 140), atol=6)
    assert picture.notes == ()


def test_palette_with_a_profile_is_converted(tmp_path: Path) -> None:
    image = Image.new("RGB", (4, 4), (250, 90, 140)).quantize(4)
    image.save(tmp_path / "a.png", icc_profile=icc_profiles.swapped_primaries())
    np.testing.assert_allclose(levels(tmp_path / "a.png")[0, 0], (90, 250, 140), atol=6)


def test_srgb_profile_leaves_every_level_alone(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png", icc_profile=icc_profiles.srgb_of_a_camera())
    np.testing.assert_array_equal(levels(tmp_path / "a.png"), pixels)


def test_grey_profile_is_a_curve_and_keeps_fractions(tmp_path: Path) -> None:
    profile = icc_profiles.grey(gamma=1.0)
    Image.new("L", (3, 3), 55).save(tmp_path / "8.png", icc_profile=profile)
    ramp = np.arange(55 * 257, 55 * 257 + 200, 50, dtype=np.uint16)[None]
    Image.fromarray(ramp).save(tmp_path / "16.png", icc_profile=profile)
    # IEC 61966-2-1, the sRGB curve, of linear light 55/255.
    expected = 255 * (1.055 * (55 / 255) ** (1 / 2.4) - 0.055)
    np.testing.assert_allclose(levels(tmp_path / "8.png")[0, 0], expected, atol=1)
    found = levels(tmp_path / "16.png")[0, :, 0]
    assert found[0] == pytest.approx(expected, abs=1)
    assert np.all(np.diff(found) > 0.1)


def test_grey_picture_with_the_profile_of_a_colour_one(tmp_path: Path) -> None:
    Image.new("L", (3, 3), 55).save(tmp_path / "a.png", icc_profile=icc_profiles.linear_light())
    picture = load(tmp_path / "a.png")
    np.testing.assert_allclose(picture.pixels[0, 0], 127.5, atol=2)
    assert picture.notes == ()


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_broken_profile_is_noted_and_skipped(tmp_path: Path, mode: str) -> None:
    image = Image.new(mode, (8, 8))
    image.save(tmp_path / "a.tif", icc_profile=b"no profile at all" * 20)
    picture = load(tmp_path / "a.tif")
    np.testing.assert_array_equal(picture.pixels, np.asarray(image.convert("RGB")))
    assert any("a.tif: unusable colour profile" in note for note in picture.notes)


def test_cmyk_without_profile(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 16), (255, 0, 255, 0)).save(tmp_path / "a.jpg", quality=100)
    picture = load(tmp_path / "a.jpg")
    red, green, blue = picture.pixels[8, 8]
    assert green > 200 and red < 60 and blue < 60
    assert picture.notes == ("a.jpg: CMYK without a usable colour profile, colours are approximate",)


def test_cmyk_with_profile(tmp_path: Path) -> None:
    # An absurd press whose cyan ink prints red, L*a*b* (53, 80, 67): only the profile can know.
    profile = icc_profiles.cmyk(lambda c, m, y, k: (53, 80, 67) if c else (100 - 100 * k, 0, 0))
    image = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    image.save(tmp_path / "a.tif", icc_profile=profile)
    picture = load(tmp_path / "a.tif")
    np.testing.assert_allclose(picture.pixels[8, 8], (255, 0, 0), atol=8)
    assert picture.notes == ()


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_sixteen_bit_grey_keeps_fractions(tmp_path: Path, suffix: str, order: str) -> None:
    values = np.array([[0, 1, 257, 300], [32768, 65000, 65534, 65535]], dtype=order)
    Image.fromarray(values).save(tmp_path / f"a.{suffix}")
    expected = np.repeat(values[..., None].astype(np.float64) / 257, 3, axis=2)
    np.testing.assert_allclose(levels(tmp_path / f"a.{suffix}"), expected, atol=1e-4)


def png(width: int, height: int, bits: int, colour: int, rows: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_sixteen_bit_colour_is_read_and_said(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(1, 1, 16, 2, b"\0" + struct.pack(">3H", 0x1234, 0x8000, 0xFFFF)))
    picture = load(tmp_path / "a.png")
    np.testing.assert_allclose(picture.pixels[0, 0], (0x12, 0x80, 0xFF), atol=1)
    assert picture.notes == ("a.png: 16 bits per colour, read as 8",)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0, 0.25, 1], [0, 63.75, 255]), ([-1, 0.5, 1.5], [0, 127.5, 255]), ([0, 0.5, 255], [0, 0.5, 255]),
     ([0, 257, 65535], [0, 1, 255]), ([0, 1e6, 2e6], [0, 127.5, 255]), ([np.nan, np.inf, 1], [0, 0, 255])],
)  # fmt: skip
def test_float_tiff(tmp_path: Path, values: list[float], expected: list[float]) -> None:
    Image.fromarray(np.array([values], dtype=np.float32)).save(tmp_path / "a.tif")
    picture = load(tmp_path / "a.tif")
    np.testing.assert_allclose(picture.pixels[0, :, 1], expected, atol=1e-4)
    assert "taken as white" in picture.notes[-1]


def test_integer_tiff_of_small_numbers_is_levels(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 7, 200]], dtype=np.int32)).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(levels(tmp_path / "a.tif")[0, :, 0], [0, 7, 200])


def test_black_and_white(tmp_path: Path) -> None:
    Image.fromarray(np.array([[True, False, True]])).save(tmp_path / "a.png")
    np.testing.assert_array_equal(levels(tmp_path / "a.png")[0, :, 2], [255, 0, 255])


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_apart_and_hides_no_colour(tmp_path: Path, format: str) -> None:
    rgba = np.random.default_rng(1).integers(0, 256, (6, 5, 4), dtype=np.uint8)
    rgba[0, :, 3] = 0
    options = {"lossless": True, "exact": True} if format == "WEBP" else {}
    Image.fromarray(rgba).save(tmp_path / "a", format, **options)
    picture = load(tmp_path / "a")
    np.testing.assert_array_equal(picture.pixels, rgba[..., :3])
    np.testing.assert_array_equal(picture.alpha, rgba[..., 3])


def test_opaque_alpha_is_no_alpha(tmp_path: Path) -> None:
    Image.new("RGBA", (3, 3), (1, 2, 3, 255)).save(tmp_path / "a.png")
    assert load(tmp_path / "a.png").alpha is None


def test_grey_with_alpha(tmp_path: Path) -> None:
    Image.new("LA", (2, 2), (90, 40)).save(tmp_path / "a.png")
    picture = load(tmp_path / "a.png")
    assert picture.alpha is not None
    assert picture.pixels[0, 0].tolist() == [90, 90, 90] and picture.alpha[0, 0] == 40


@pytest.mark.parametrize("transparency", [1, bytes([255, 77])])
def test_palette_with_transparency(tmp_path: Path, transparency: int | bytes) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1])
    image.save(tmp_path / "a.png", transparency=transparency)
    picture = load(tmp_path / "a.png")
    assert picture.pixels[0].tolist() == [[10, 20, 30], [200, 100, 50]]
    assert picture.alpha is not None
    assert picture.alpha[0].tolist() == [255, 0 if isinstance(transparency, int) else 77]


@pytest.mark.parametrize(("mode", "key"), [("L", 9), ("I;16", 9), ("RGB", (9, 9, 9))])
def test_transparent_colour_of_a_png(tmp_path: Path, mode: str, key: object) -> None:
    values = np.array([[9, 200]], dtype=np.uint16 if mode == "I;16" else np.uint8)
    image = Image.fromarray(np.repeat(values[..., None], 3, axis=2) if mode == "RGB" else values)
    image.save(tmp_path / "a.png", transparency=key)
    alpha = load(tmp_path / "a.png").alpha
    assert alpha is not None and alpha[0].tolist() == [0, 255]


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_first_frame_of_an_animation(tmp_path: Path, format: str) -> None:
    first, second = Image.new("RGB", (8, 8), (255, 0, 0)), Image.new("RGB", (8, 8), (0, 0, 255))
    options = {"lossless": True} if format == "WEBP" else {}
    first.save(tmp_path / "a.gif", format, save_all=True, append_images=[second], **options)
    picture = load(tmp_path / "a.gif")
    np.testing.assert_array_equal(picture.pixels[4, 4], (255, 0, 0))
    said = "several pages, the first is used" if format == "TIFF" else "animated, first frame used"
    assert picture.notes == (f"a.gif: {said}",)


def test_photograph_with_previews_is_a_jpeg(tmp_path: Path) -> None:
    first, preview = Image.new("RGB", (8, 8), (255, 0, 0)), Image.new("RGB", (8, 8), (0, 0, 255))
    first.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[preview])
    picture = load(tmp_path / "a.jpg")
    assert picture.source is not None and picture.source.format == "JPEG" and picture.notes == ()
    assert picture.pixels[4, 4, 0] > 250


def test_loading_is_silent(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    image = Image.new("P", (2, 2))
    image.save(tmp_path / "a.png", transparency=bytes([3]))
    load(tmp_path / "a.png")
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8\xff\xe1\0\x20Exif")
    with pytest.raises(DeepDreamError):
        load(tmp_path / "b.jpg")
    assert not recwarn.list


# Files that are no pictures


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


# Writing


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


# Names and places that cannot be written


def unwritable(path: Path, photo: Picture, *, overwrite: bool = False) -> DeepDreamError:
    """The same refusal before the work (check) and after it (save), and nothing left behind."""
    before = left_in(path.parent) if path.parent.is_dir() else set()
    with pytest.raises(DeepDreamError) as checked:
        check_writable(path, overwrite)
    with pytest.raises(DeepDreamError) as saved:
        photo.save(path, overwrite=overwrite)
    assert (checked.value.message, checked.value.hint) == (saved.value.message, saved.value.hint)
    assert "\n" not in checked.value.message
    assert before == (left_in(path.parent) if path.parent.is_dir() else set())
    return checked.value


def test_unknown_suffix_lists_the_known_ones(tmp_path: Path, photo: Picture) -> None:
    error = unwritable(tmp_path / "a.jpgg", photo)
    assert error.exit_code == 2 and "'.jpgg'" in error.message
    assert "did you mean '.jpg'" in str(error.hint) and ".webp" in str(error.hint)
    error = unwritable(tmp_path / "dream", photo)
    assert error.exit_code == 2 and "no suffix" in error.message and ".png, .jpg" in str(error.hint)


def test_places_that_cannot_be_written(tmp_path: Path, photo: Picture) -> None:
    assert "no folder" in unwritable(tmp_path / "gone" / "a.png", photo).message
    (tmp_path / "file").write_text("x")
    assert "is a file, not a folder" in unwritable(tmp_path / "file" / "a.png", photo).message
    (tmp_path / "folder.png").mkdir()
    assert unwritable(tmp_path / "folder.png", photo).message.endswith("is a folder")
    assert "name too long" in unwritable(tmp_path / ("a" * 300 + ".png"), photo).message
    (tmp_path / "full.png").symlink_to("/dev/full")
    assert "not a regular file" in unwritable(tmp_path / "full.png", photo, overwrite=True).message
    assert Path("/dev/full").is_char_device()


def test_folder_without_permission(open_folder: Path, photo: Picture) -> None:
    folder = open_folder / "theirs"
    folder.mkdir(mode=0o555)
    photo.save(open_folder / "mine.png")  # whatever is imported late is imported now
    with as_stranger():
        error = unwritable(folder / "a.png", photo)
    assert error.message == f"cannot write {folder / 'a.png'}: permission denied"
    assert left_in(folder) == set()


def test_existing_file_is_kept_unless_told_otherwise(tmp_path: Path, photo: Picture) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"precious")
    assert "exists already" in unwritable(path, photo).message
    assert path.read_bytes() == b"precious"
    path.chmod(0o600)
    photo.save(path, overwrite=True)
    np.testing.assert_array_equal(levels(path), photo.pixels)
    assert path.stat().st_mode & 0o777 == 0o600, "a private picture stays private"
    assert left_in(tmp_path) == {"a.png"}


def test_protected_file_is_not_overwritten(
    tmp_path: Path, photo: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = photo.save(tmp_path / "a.png")
    path.chmod(0o444)
    # What the system answers anybody but root.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).stat().st_mode & 0o222 != 0)
    assert "read-only" in unwritable(path, photo, overwrite=True).message


def test_new_file_has_ordinary_permissions(tmp_path: Path, photo: Picture) -> None:
    (tmp_path / "other").touch()
    assert photo.save(tmp_path / "a.png").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_link_stays_a_link(tmp_path: Path, photo: Picture) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "a.png").symlink_to(tmp_path / "there" / "real.png")
    photo.save(tmp_path / "a.png")
    assert (tmp_path / "a.png").is_symlink() and (tmp_path / "there" / "real.png").is_file()
    assert "exists already" in unwritable(tmp_path / "a.png", photo).message
    photo.save(tmp_path / "a.png", overwrite=True)
    assert (tmp_path / "a.png").is_symlink() and left_in(tmp_path / "there") == {"real.png"}


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])
def test_file_that_appears_meanwhile_is_kept(
    tmp_path: Path, photo: Picture, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    photo.save(tmp_path / "first.png")
    path = tmp_path / "a.png"
    fsync = os.fsync

    def meanwhile(descriptor: int) -> None:
        fsync(descriptor)
        path.write_bytes(b"somebody else's")

    monkeypatch.setattr(os, "fsync", meanwhile)
    with pytest.raises(DeepDreamError, match="exists already"):
        photo.save(path)
    assert path.read_bytes() == b"somebody else's"
    assert left_in(tmp_path) == {"first.png", "a.png"}


def no_links(*_: object) -> None:
    raise PermissionError(errno.EPERM, "Operation not permitted")


@pytest.mark.parametrize("overwrite", [False, True])
def test_full_disk_loses_nothing(tmp_path: Path, overwrite: bool) -> None:
    """A limit on the size of files stands in for the disk: the system really refuses to write on."""
    picture = Picture.from_array(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    path = tmp_path / "a.png"
    if overwrite:
        path.write_bytes(b"precious")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(DeepDreamError, match=r"cannot write .*a\.png: file too large"):
            picture.save(path, overwrite=overwrite)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert left_in(tmp_path) == ({"a.png"} if overwrite else set())
    assert not overwrite or path.read_bytes() == b"precious"


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_failure_at_the_last_moment_loses_nothing(
    tmp_path: Path, photo: Picture, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"precious")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((os, "fsync", full) if where == "fsync" else (Path, "replace", full)))
    with pytest.raises(DeepDreamError) as caught:
        photo.save(path, overwrite=True)
    assert caught.value.message == f"cannot write {path}: no space left on device"
    assert "free some space" in str(caught.value.hint)
    assert path.read_bytes() == b"precious" and left_in(tmp_path) == {"a.png"}


def test_interrupted_write_leaves_nothing(
    tmp_path: Path, photo: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        photo.save(tmp_path / "a.png")
    assert left_in(tmp_path) == set()


def test_output_path_is_the_first_free_name(tmp_path: Path) -> None:
    assert output_path("cat.dream", folder=tmp_path) == tmp_path / "cat.dream.png"
    (tmp_path / "cat.dream.png").touch()
    (tmp_path / "cat.dream-2.png").symlink_to("nowhere")
    assert output_path("cat.dream", folder=tmp_path) == tmp_path / "cat.dream-3.png"
    assert output_path("cat.dream", ".jpg", tmp_path) == tmp_path / "cat.dream.jpg"
    assert output_path("cat.style") == Path("cat.style.png")


def test_check_leaves_no_trace(tmp_path: Path) -> None:
    check_writable(tmp_path / "a.png")
    assert left_in(tmp_path) == set()


# The picture itself


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
