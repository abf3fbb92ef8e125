"""Files to pixels: every format, and all that is odd about a file."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import icc_profiles
import numpy as np
import pytest
from picture_files import levels, png, smooth
from PIL import Image

from deepdream.errors import DeepDreamError
from deepdream.pictures.picture import Picture, load, read_recipe


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
