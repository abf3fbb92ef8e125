"""Pixels to bytes and back to the recipe: the encoders, and where each format keeps its metadata.

| format | where the recipe is |
| --- | --- |
| PNG | text chunk `deepdream` |
| JPEG, WebP | EXIF UserComment (0x9286), as `{"deepdream": ...}`; Software says `deepdream` |
| GIF | comment, as `{"deepdream": ...}` |
| TIFF | ImageDescription (270), as `{"deepdream": ...}`; Software says `deepdream` |

The JSON is ASCII with escapes, the one encoding that all of them carry unharmed. There is no date and
no version in it, so the same pixels and recipe give the same bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

from deepdream.errors import DeepDreamError

__all__ = [
    "DamagedRecipeError",
    "carries",
    "comment_of",
    "encode",
    "exif_of",
    "recipe_in",
    "recipe_of_comment",
]

_KEY = "deepdream"
_ASCII = b"ASCII\0\0\0"  # EXIF 2.3, section 4.6.5: the eight bytes that name a comment's encoding
_EXIF_ROOM = 65_533 - len(b"Exif\0\0")  # a JPEG segment has a length of two bytes, itself included


class DamagedRecipeError(ValueError):
    """A file has a recipe that cannot be read; of the picture this says nothing."""


def encode(image: Image.Image, format: str, recipe: Mapping[str, Any] | None, quality: int) -> bytes:
    """The whole file for an 8-bit RGB or RGBA `image` (RGB alone for JPEG).

    `quality` (1..100) is for JPEG and WebP. JPEG keeps colour at full resolution (4:4:4): a dream is
    made of fine colour contrasts, which the usual subsampling smears.
    """
    options: dict[str, Any] = {}
    if format == "PNG":
        options["pnginfo"] = information = PngInfo()
        if recipe is not None:
            information.add_text(_KEY, _json(recipe))
    elif recipe is not None and carries(format, recipe):
        exif = exif_of(format, recipe)
        options["exif"] = exif if format == "TIFF" else exif.tobytes()
    if format == "JPEG":
        options |= {"quality": quality, "subsampling": "4:4:4"}
    elif format == "WEBP":
        # `exact`: the colour of fully transparent pixels is part of the picture.
        options |= {"quality": quality, "exact": True}
    elif format == "TIFF":
        options["compression"] = "tiff_adobe_deflate"
    buffer = BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def carries(format: str, recipe: Mapping[str, Any]) -> bool:
    """Whether the recipe fits into the metadata of a file of this format: 64 KB in JPEG."""
    return format != "JPEG" or len(exif_of(format, recipe).tobytes()) <= _EXIF_ROOM


def recipe_in(image: Image.Image) -> dict[str, Any] | None:
    """The recipe in an opened file, or None; `DamagedRecipeError` if it is there but cannot be read."""
    if isinstance(image, PngImageFile):
        # Other programs may have moved it behind the pixels, which `text` decodes in passing.
        text = image.info.get(_KEY) or image.text.get(_KEY)
        found = None if text is None else _parsed(text)
    else:
        try:
            exif = image.getexif()
            comment = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment)
            description = exif.get(ExifTags.Base.ImageDescription)
        except (SyntaxError, struct.error):  # Pillow's words for EXIF that is none
            return None
        texts = (comment, description, image.info.get("comment"))
        found = next((found for found in map(recipe_of_comment, texts) if found is not None), None)
    if found is not None and not isinstance(found, dict):
        raise DamagedRecipeError("not a JSON object")
    return found


def _json(value: Mapping[str, Any]) -> str:
    try:
        return json.dumps(value, ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise DeepDreamError(f"the recipe cannot be written as JSON: {error}") from error


def comment_of(recipe: Mapping[str, Any]) -> str:
    """The recipe as an ASCII text that says whose it is."""
    return _json({_KEY: recipe})


def exif_of(format: str, recipe: Mapping[str, Any]) -> Image.Exif:
    """EXIF with the recipe in it, where a file of this format keeps it."""
    exif = Image.Exif()
    exif[ExifTags.Base.Software] = _KEY
    text = comment_of(recipe)
    if format == "TIFF":  # Pillow writes no EXIF directory into TIFF
        exif[ExifTags.Base.ImageDescription] = text
    else:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = _ASCII + text.encode("ascii")
    return exif


def recipe_of_comment(value: object) -> Any:
    """The recipe in a comment that is ours; None for anybody else's comment."""
    text = value.removeprefix(_ASCII).decode("ascii", "replace") if isinstance(value, bytes) else value
    if not isinstance(text, str) or not text.startswith('{"' + _KEY + '"'):
        return None
    return _parsed(text.rstrip("\0 "))[_KEY]


def _parsed(text: str) -> Any:
    """JSON as the standard has it: `DamagedRecipeError` for all else, NaN and endless nesting too."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON number")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise DamagedRecipeError("nested too deeply") from None
    except ValueError as error:
        why = str(error)
        raise DamagedRecipeError(why[:1].lower() + why[1:]) from None
