"""The picture as everything here passes it round: float sRGB pixels, alpha, and where they came from.

Importing this module loads neither NumPy nor Pillow; decoding, encoding and writing live in
`decoding`, `encoding` and `saving`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepdream.errors import DeepDreamError, UsageError
from deepdream.pictures.saving import check_writable, format_of, output_path, write_bytes

if TYPE_CHECKING:
    import numpy as np
    import PIL.Image

__all__ = ["Picture", "Source", "check_readable", "check_writable", "load", "output_path", "read_recipe"]

_BAND = 256
"""Rows that are rounded at once."""


def load(path: str | os.PathLike[str]) -> Picture:
    """Read a JPEG, PNG, WebP, TIFF, BMP or GIF file, or a style file (see `styles`).

    EXIF orientation and colour profile are applied; of an animation the first frame is taken. What
    the user should know of that is in the picture's `notes`. A recipe inside the file is not read
    (see `read_recipe`). Raises `DeepDreamError` for a file that is missing, damaged or no picture.
    """
    if str(path).lower().endswith(".style"):
        from deepdream.pictures.styles import read_style

        return read_style(path)
    from deepdream.pictures.decoding import decode

    return decode(path)


def check_readable(path: str | os.PathLike[str]) -> None:
    """Find out quickly, by its head, whether `load` could read a file; `DeepDreamError` if not."""
    if str(path).lower().endswith(".style"):
        load(path)
        return
    from deepdream.pictures.decoding import check_head

    check_head(path)


def read_recipe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The recipe that `Picture.save` wrote into a file; `DeepDreamError` if there is none."""
    from deepdream.pictures.decoding import recipe_of

    return recipe_of(path)


@dataclass(frozen=True)
class Source:
    """Where a picture came from: the path as it was given, the digest of the file, its format."""

    path: str
    sha256: str
    format: str


@dataclass(frozen=True, eq=False, repr=False)
class Picture:
    """Pixels and what belongs to them; immutable, so every change gives a new picture.

    `pixels` is float32 [H, W, 3]: sRGB-encoded grey levels 0..255, fractions allowed. `alpha` is
    float32 [H, W], 0..255, or None for an opaque picture; colour is not multiplied by it. `notes`
    are one-line things the user should know. `recipe`, JSON-able, says what made the picture, and
    `save` writes it into the file.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    source: Source | None = None
    notes: tuple[str, ...] = ()
    recipe: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        import numpy as np

        pixels = np.ascontiguousarray(self.pixels, dtype=np.float32)
        if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
            raise UsageError(f"pixels must be [height, width, 3], not {list(pixels.shape)}")
        object.__setattr__(self, "pixels", _frozen(pixels))
        if self.alpha is not None:
            alpha = np.ascontiguousarray(self.alpha, dtype=np.float32)
            if alpha.shape != pixels.shape[:2]:
                raise UsageError(f"alpha must be {list(pixels.shape[:2])}, not {list(alpha.shape)}")
            object.__setattr__(self, "alpha", _frozen(alpha))

    @classmethod
    def plain(cls, width: int, height: int, level: float = 127.5) -> Picture:
        """A picture of one grey."""
        import numpy as np

        if width < 1 or height < 1:
            raise UsageError(f"no picture is {width}x{height} pixels")
        _check_area(width, height)
        return cls(np.full((height, width, 3), level, np.float32))

    @classmethod
    def from_array(cls, array: Any) -> Picture:
        """A picture of an array [H, W], [H, W, 1], [H, W, 3] or [H, W, 4] (the fourth is alpha).

        Of uint16 65535 is white, of booleans True; all other numbers are grey levels 0..255 and
        clipped to that. Raises `UsageError` for other shapes and for NaN or infinity.
        """
        import numpy as np

        array = np.asarray(array)
        if array.ndim == 2:
            array = array[:, :, None]
        if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
            raise UsageError(f"no picture in an array of shape {list(array.shape)}", "use [height, width, 3]")
        if array.dtype.kind not in "buif":
            raise UsageError(f"no picture in an array of {array.dtype}", "use uint8, uint16 or float32")
        if not np.isfinite(array).all():
            raise UsageError("the array holds NaN or infinity")
        notes: tuple[str, ...] = ()
        if array.dtype.kind == "f" and 0 < array.max() <= 1:
            notes = ("all values lie in 0..1: nearly black, unless multiplied by 255",)
        white = {"bool": 1, "uint16": 65535}.get(array.dtype.name, 255)
        levels = np.clip(array.astype(np.float32) * np.float32(255 / white), 0, 255)
        colour = np.repeat(levels, 3, axis=2) if levels.shape[2] == 1 else levels[:, :, :3]
        alpha = levels[:, :, 3] if levels.shape[2] == 4 and levels[:, :, 3].min() < 255 else None
        return cls(colour, alpha, notes=notes)

    @classmethod
    def from_pil(cls, image: PIL.Image.Image) -> Picture:
        """A picture of a Pillow image of any mode, treated as `load` treats the image in a file."""
        from deepdream.pictures.decoding import picture_of

        return picture_of(image)

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.width, self.height

    def with_pixels(self, pixels: np.ndarray) -> Picture:
        """The same picture with other `pixels` [H, W, 3]; alpha follows to their size.

        The recipe goes: it made the old pixels.
        """
        fresh = Picture(pixels, source=self.source, notes=self.notes)
        if self.alpha is None:
            return fresh
        return replace(fresh, alpha=_resize(self.alpha, fresh.width, fresh.height))

    def resized(self, width: int, height: int) -> Picture:
        """The picture at another size, by Lanczos resampling (antialiased when shrinking)."""
        if width < 1 or height < 1:
            raise UsageError(f"no picture is {width}x{height} pixels")
        if (width, height) == self.size:
            return self
        _check_area(width, height)
        alpha = self.alpha if self.alpha is None else _resize(self.alpha, width, height)
        return replace(self, pixels=_resize(self.pixels, width, height), alpha=alpha)

    def fitted(self, longest: int) -> Picture:
        """The picture with its longest side at `longest` pixels, smaller or larger; same aspect."""
        if longest < 1:
            raise UsageError(f"no picture has a longest side of {longest} pixels")
        scale = longest / max(self.size)
        return self.resized(max(1, round(self.width * scale)), max(1, round(self.height * scale)))

    def to_pil(self) -> PIL.Image.Image:
        """An 8-bit RGB or RGBA image of it, rounded to the nearest level."""
        import numpy as np
        from PIL import Image

        levels = self.pixels if self.alpha is None else np.dstack([self.pixels, self.alpha])
        rounded = np.empty(levels.shape, np.uint8)
        for top in range(0, self.height, _BAND):  # a band at a time, which takes no memory to speak of
            band = slice(top, top + _BAND)
            rounded[band] = np.clip(levels[band], 0, 255) + 0.5
        return Image.fromarray(rounded)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False, quality: int = 95) -> Path:
        """Write a PNG, JPEG, WebP or TIFF file, as the suffix says, with the recipe in its metadata.

        `quality` (1..100) is for JPEG and WebP. All or nothing: on any failure the folder is as it
        was. An existing file is replaced only with `overwrite`. Returns the path. Raises
        `UsageError` for an unknown suffix, `DeepDreamError` for all else (see `check_writable`).
        """
        from deepdream.pictures.encoding import encode

        if not 1 <= quality <= 100:
            raise UsageError(f"quality must be 1 to 100, not {quality}")
        check_writable(path, overwrite, size=self.size)
        format = format_of(path)
        shown = self._on_white() if format == "JPEG" else self
        write_bytes(path, encode(shown.to_pil(), format, self.recipe, quality), overwrite=overwrite)
        return Path(path)

    def saving_notes(self, path: str | os.PathLike[str]) -> tuple[str, ...]:
        """What a file of this name cannot hold of this picture, one line each."""
        from deepdream.pictures.encoding import carries

        name = Path(path).name
        notes = []
        if format_of(path) == "JPEG":
            if self.alpha is not None:
                notes.append(f"{name}: JPEG has no transparency, white shows through; PNG would keep it")
            if self.recipe is not None and not carries("JPEG", self.recipe):
                notes.append(f"{name}: the recipe is too long for a JPEG and left out; PNG would keep it")
        return tuple(notes)

    def _on_white(self) -> Picture:
        if self.alpha is None:
            return self
        opacity = self.alpha[:, :, None] / 255
        return replace(self, pixels=self.pixels * opacity + 255 * (1 - opacity), alpha=None)

    def _repr_png_(self) -> bytes:
        from deepdream.pictures.encoding import encode

        return encode(self.to_pil(), "PNG", self.recipe, 95)

    def __repr__(self) -> str:
        parts = [f"{self.width}x{self.height}"]
        parts += ["alpha"] if self.alpha is not None else []
        parts += [self.source.path] if self.source is not None else []
        return f"<Picture {', '.join(parts)}>"


def _frozen(levels: np.ndarray) -> np.ndarray:
    """The same numbers, not to be written to: a picture that changed would change for all who have it."""
    if not levels.flags.writeable:
        return levels
    view = levels.view()
    view.flags.writeable = False
    return view


def _resize(levels: np.ndarray, width: int, height: int) -> np.ndarray:
    """`levels` [H, W] or [H, W, C], 0..255, at another size; the same array if it has that size.

    Each channel on its own as floats, so that no fraction is lost; the lobes of the Lanczos kernel
    overshoot at edges, hence the clip.
    """
    if levels.shape[:2] == (height, width):
        return levels
    import numpy as np
    from PIL import Image

    planes = np.moveaxis(np.atleast_3d(levels), 2, 0)
    resized = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(plane)).resize((width, height), Image.Resampling.LANCZOS)
        )
        for plane in planes
    ]
    clipped: np.ndarray = np.clip(np.stack(resized, axis=2), 0, 255)
    return clipped.reshape(height, width, *levels.shape[2:])


def _check_area(width: int, height: int) -> None:
    """Refuse what would only exhaust the memory: beyond the size at which Pillow refuses to read."""
    from PIL import Image

    limit = 2 * Image.MAX_IMAGE_PIXELS if Image.MAX_IMAGE_PIXELS else None
    if limit is not None and width * height > limit:
        raise DeepDreamError(f"{width}x{height} pixels are too many", f"at most {limit / 1e6:.4g} megapixels")
