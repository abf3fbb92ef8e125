"""Files to pixels: whatever a picture file holds, as sRGB grey levels and alpha.

Orientation and colour profile are applied here, so that nobody after this module needs to know of them.
"""

from __future__ import annotations

import hashlib
import os
import stat
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import BufferedReader, BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

# Registering exactly these six decoders is faster than letting Pillow look for all it has,
# and keeps those away that run other programs.
from PIL import (
    BmpImagePlugin,  # noqa: F401
    ExifTags,
    GifImagePlugin,  # noqa: F401
    Image,
    ImageCms,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

from deepdream.errors import DeepDreamError, file_meant
from deepdream.pictures.encoding import DamagedRecipeError, recipe_in
from deepdream.pictures.picture import Picture, Source
from deepdream.pictures.saving import reason

__all__ = ["check_head", "decode", "picture_of", "reading", "recipe_of"]

_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
_READABLE = "JPEG, PNG, WebP, TIFF, BMP and GIF can be read"
_BEGINNINGS: Mapping[bytes, str] = MappingProxyType(
    {b"\xff\xd8\xff": "JPEG", b"\x89PNG": "PNG", b"RIFF": "WebP", b"II*\0": "TIFF", b"MM\0*": "TIFF"}
    | {b"GIF8": "GIF", b"BM": "BMP"}
)
_STILLS = frozenset({b"avif", b"heic", b"heix", b"mif1", b"msf1"})
"""Kinds of pictures in the container that MP4 uses."""
_GREY = frozenset({"1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
# EXIF 2.3, tag 274: how to turn the stored pixels to get the picture upright.
_UPRIGHT: Mapping[int, Image.Transpose] = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)


def decode(path: str | os.PathLike[str]) -> Picture:
    """Read a whole picture file; `DeepDreamError` in one line for everything that is not one."""
    path = _named(path)
    notes = []
    with _opened(path) as (file, image):
        format = "JPEG" if image.format == "MPO" else str(image.format)
        if getattr(image, "is_animated", False) and image.format != "MPO":  # MPO: the rest are previews
            notes.append(
                "several pages, the first is used" if format == "TIFF" else "animated, first frame used"
            )
        if _sixteen_bit_colour(image):
            notes.append("16 bits per colour, read as 8")
        image.load()
        file.seek(0)
        source = Source(os.fspath(path), hashlib.file_digest(file, "sha256").hexdigest(), format)
    try:
        picture = picture_of(image)
    except MemoryError:
        raise _no_memory(path) from None
    except DeepDreamError as error:
        raise DeepDreamError(f"cannot read {path}: {error.message}", error.hint) from None
    notes.extend(picture.notes)
    return replace(picture, source=source, notes=tuple(f"{path.name}: {note}" for note in notes))


def check_head(path: str | os.PathLike[str]) -> None:
    """Read no more of a file than tells that it is a picture; `DeepDreamError` if it is none."""
    with _opened(_named(path)):
        pass


def recipe_of(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The recipe that a saved picture carries; `DeepDreamError` if it carries none."""
    path = _named(path)
    try:
        if _is_mp4(path):
            from deepdream.pictures.films import recipe_of_mp4

            recipe: dict[str, Any] | None = recipe_of_mp4(path)
        else:
            with _opened(path) as (_, image):
                recipe = recipe_in(image)
    except DamagedRecipeError as error:
        raise DeepDreamError(
            f"the recipe in {path} is damaged: {error}",
            "the picture can be used all the same; for its recipe, look for a copy that nothing has edited",
        ) from None
    if recipe is None:
        raise DeepDreamError(
            f"{path} carries no recipe",
            "pictures that deepdream saved have one; editors and messengers remove it",
        )
    return recipe


def _is_mp4(path: Path) -> bool:
    with reading(path) as file:
        head = file.read(12)
    return head[4:8] == b"ftyp" and head[8:12] not in _STILLS


def picture_of(image: Image.Image) -> Picture:
    """The picture in an `image` of any mode, upright and in sRGB; no alpha if all is opaque."""
    image.load()
    notes: list[str] = []
    profile = image.info.get("icc_profile")
    transparency = image.info.get("transparency")
    turn = _turn(image, notes)
    if turn is not None:
        image = image.transpose(turn)
    if image.mode in _GREY:
        pixels, alpha = _grey(image, transparency, profile, notes)
    else:
        pixels, alpha = _colour(image, profile, notes)
    if alpha is not None and alpha.min() == 255:
        alpha = None
    return Picture(pixels, alpha, notes=tuple(notes))


def _turn(image: Image.Image, notes: list[str]) -> Image.Transpose | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
        except Exception:  # any malformed byte may end here, and a photograph is worth more than its EXIF
            notes.append("unreadable EXIF, orientation unknown")
            return None


def _grey(
    image: Image.Image, transparency: object, profile: bytes | None, notes: list[str]
) -> tuple[np.ndarray, np.ndarray | None]:
    alpha = None
    if image.mode == "LA":
        alpha = np.asarray(image.getchannel("A"), dtype=np.float32)
        image = image.getchannel("L")
    values = np.asarray(image)
    if image.mode == "1":
        values = values * np.uint8(255)
    if isinstance(transparency, int):  # PNG: one grey value stands for "nothing here"
        alpha = np.where(values == transparency, np.float32(0), np.float32(255))
    grey = values.astype(np.float32)
    if image.mode.startswith("I;16"):
        grey /= 257
    elif image.mode in ("I", "F"):
        grey = _scaled(grey, image.mode, notes)
    pixels = np.repeat(grey[:, :, None], 3, axis=2)
    if profile:
        # A grey profile is a curve: 256 points of it, interpolated, keep the fractions of 16-bit sources.
        ramp = np.arange(256)
        curve = _in_srgb(Image.fromarray(ramp.astype(np.uint8)[None]), profile, notes)
        if curve is not None and np.abs(curve[0] - ramp[:, None]).max() > 1:
            for channel in range(3):
                pixels[:, :, channel] = np.interp(grey, ramp, curve[0, :, channel])
    return pixels, alpha


def _scaled(grey: np.ndarray, mode: str, notes: list[str]) -> np.ndarray:
    """Grey levels from numbers that carry no unit: 32-bit integers (`I`) and floats (`F`).

    By convention 1 is white in float files, where highlights may go beyond; others just store the
    8-bit or 16-bit levels of where they came from. The greatest value tells which.
    """
    if not np.isfinite(grey).all():
        notes.append("some pixels are not numbers, shown black")
        grey = np.nan_to_num(grey, nan=0, posinf=0, neginf=0)
    top = float(grey.max())
    whites = [(16.0, 1.0)] if mode == "F" else []
    whites += [(255.0, 255.0), (65535.0, 65535.0), (float("inf"), top)]
    white = next(white for most, white in whites if top <= most)
    notes.append(f"values up to {top:g}, {white:g} taken as white")
    return np.clip(grey * np.float32(255 / white), 0, 255)


def _colour(
    image: Image.Image, profile: bytes | None, notes: list[str]
) -> tuple[np.ndarray, np.ndarray | None]:
    if image.mode == "CMYK":
        pixels = _in_srgb(image, profile, notes) if profile else None
        if pixels is None:
            notes.append("CMYK without a usable colour profile, colours are approximate")
            pixels = np.asarray(image.convert("RGB"), dtype=np.float32)
        return pixels, None
    alpha = None
    try:
        if image.has_transparency_data:
            image = image.convert("RGBA")
            alpha = np.asarray(image.getchannel("A"), dtype=np.float32)
        image = image.convert("RGB")
    except ValueError:
        raise DeepDreamError(f"colours of the kind {image.mode}", "convert it to RGB first") from None
    pixels = np.asarray(image, dtype=np.float32)
    if profile:
        converted = _in_srgb(image, profile, notes)
        pixels = pixels if converted is None else converted
    return pixels, alpha


def _in_srgb(image: Image.Image, profile: bytes, notes: list[str]) -> np.ndarray | None:
    """`image` (L, RGB or CMYK) taken from `profile` to sRGB, or None and a note if that is impossible.

    Relative colorimetric with black point compensation, as photo editors do it.
    """
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if image.mode == "L" and source.profile.xcolor_space.strip() == "RGB":
            image = image.convert("RGB")  # a grey picture that kept the profile of the colour one
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            image.mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        converted = ImageCms.applyTransform(image, transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        notes.append("unusable colour profile, colours taken as sRGB")
        return None
    return np.asarray(converted, dtype=np.float32)


def _sixteen_bit_colour(image: Image.Image) -> bool:
    """Whether Pillow is about to drop the lower half of every colour (it has no such mode)."""
    if image.mode not in ("RGB", "RGBA", "RGBX", "CMYK", "LA") or not getattr(image, "tile", None):
        return False
    arguments = image.tile[0][3]  # type: ignore[attr-defined]
    raw_mode = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return ";16" in str(raw_mode)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BufferedReader, Image.Image]]:
    """The file and its identified, not yet decoded image; one line for whatever goes wrong inside.

    The header alone gives the size, so that a decompression bomb is refused before it goes off.
    """
    with warnings.catch_warnings(), reading(path) as file:
        # Pillow warns of odd metadata and of large (not yet too large) pictures; neither helps here.
        warnings.simplefilter("ignore")
        try:
            yield file, Image.open(file, formats=_FORMATS)
        except (DeepDreamError, DamagedRecipeError):
            raise
        except UnidentifiedImageError:
            raise _unknown(path, file) from None
        except Image.DecompressionBombError:
            megapixels = 2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6
            raise DeepDreamError(
                f"{path} is too large: more than {megapixels:.4g} megapixels", "shrink it first"
            ) from None
        except MemoryError:
            raise _no_memory(path) from None
        except Exception as error:  # decoders of damaged files raise nearly anything
            if isinstance(error, OSError) and error.errno:
                raise DeepDreamError(f"cannot read {path}: {reason(error)}") from error
            if "MAX_TEXT_" in str(error):  # Pillow's guard against text and profiles that unpack to gigabytes
                raise DeepDreamError(
                    f"{path} holds a text or a colour profile of more than a megabyte",
                    "save it anew without metadata",
                ) from error
            raise DeepDreamError(
                f"{path} is damaged or cut short", "fetch it again from where it came from"
            ) from error


def _named(path: str | os.PathLike[str]) -> Path:
    if not os.fspath(path):  # which a Path would take for the current folder
        raise DeepDreamError("no file can have an empty name", "name a picture")
    return Path(path)


def reading(path: str | os.PathLike[str]) -> BufferedReader:
    """The file, opened; a DeepDreamError for what is no file, is empty or cannot be read."""
    path = _named(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            hint = f"name a file in it, or all: {path / '*.jpg'}"
            raise DeepDreamError(f"{path} is a folder, not a picture", hint)
        if not stat.S_ISREG(status.st_mode):
            raise DeepDreamError(f"{path} is not a regular file", "save it to a file first")
        if status.st_size == 0:
            raise DeepDreamError(f"{path} is empty", "fetch it again from where it came from")
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            raise DeepDreamError(f"{path} is a link to {path.readlink()}, which is not there") from None
        raise DeepDreamError(f"no such file: {path}", _alternative(path)) from None
    except OSError as error:
        raise DeepDreamError(f"cannot read {path}: {reason(error)}") from error
    except ValueError:  # a NUL inside
        raise DeepDreamError(f"no file can have the name {str(path)!r}") from None


def _alternative(path: Path) -> str | None:
    """What may have been meant by a path that does not exist."""
    if str(path) == "-":
        return "standard input is not read: save the picture to a file first"
    with suppress(OSError):
        if not path.parent.is_dir():
            return f"there is no folder {path.parent}"
        return file_meant(path)
    return None


def _unknown(path: Path, file: BufferedReader) -> DeepDreamError:
    file.seek(0)
    head = file.read(4)
    for beginning, name in _BEGINNINGS.items():
        if head.startswith(beginning):
            return DeepDreamError(
                f"{path} is a damaged {name}, or of a kind that cannot be read", "save it anew as PNG or JPEG"
            )
    return DeepDreamError(f"{path} is not a picture of a known format", _READABLE)


def _no_memory(path: Path) -> DeepDreamError:
    return DeepDreamError(f"not enough memory for {path}", "shrink it first")
