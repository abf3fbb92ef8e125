"""Style files: a style picture with its statistics at several sizes, kept for sharing and for many pictures.

The statistics save measuring; what they leave out, other sizes, layers or networks, is measured on the
picture, so that a file gives the result that its picture gives.

A file is a NumPy archive (npz) without pickles, so that reading one runs nothing: `header` (JSON), `picture`
(uint8 where that loses nothing, else float32), and for every layer and size the mean and the upper triangle
of the second moment of the features, in float32. Importing this module loads no NumPy.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from deepdream.errors import DeepDreamError
from deepdream.pictures.picture import Picture, Source

if TYPE_CHECKING:
    import numpy as np

__all__ = ["SUFFIX", "Origin", "Statistics", "StyleFile", "pack", "read_style"]

SUFFIX: Final = ".style"
FORMAT: Final = 2
"""The number that a file carries; a reader refuses others. Files of format 1 had no picture."""
_LARGEST: Final = 1 << 30
"""Bytes that the arrays of a file may have together."""


@dataclass(frozen=True)
class Origin:
    """The network that statistics were measured with: those of another are of other features."""

    model: str
    weights: str | None = None
    """SHA-256 of the file of weights; None where that is not known, as in files of earlier versions."""
    pooling: str = "max"
    preprocess: str | None = None
    """What the network was given of grey levels; None where that is not known, too."""
    replicate: bool = False
    """Whether the first convolution was padded with the picture's rim."""

    def fits(self, other: Origin) -> bool:
        """Whether statistics of the one are statistics of the other; what is not known may be anything."""
        same = all(getattr(self, key) == getattr(other, key) for key in ("model", "pooling", "replicate"))
        pairs = ((self.weights, other.weights), (self.preprocess, other.preprocess))
        return same and all(None in pair or pair[0] == pair[1] for pair in pairs)


@dataclass(frozen=True, eq=False)
class Statistics:
    """Second moments `[C, C]` and means `[C]` of the features of one picture."""

    origin: Origin
    moments: Mapping[tuple[str, int], tuple[np.ndarray, np.ndarray]]
    """By layer, and by the longer side of the picture in pixels."""

    def at(self, layer: str, longest: int, origin: Origin) -> tuple[np.ndarray, np.ndarray] | None:
        """Those of a layer at exactly `longest` pixels, for the network `origin`; None if there are none.

        Those of another size would not do: textures change with it, and so would the result.
        """
        return self.moments.get((layer, longest)) if self.origin.fits(origin) else None


@dataclass(frozen=True, eq=False, repr=False)
class StyleFile(Picture):
    """A style picture, and the `statistics` that need not be measured once more."""

    statistics: Statistics | None = None


def pack(statistics: Statistics, picture: Picture) -> bytes:
    """The bytes of a style file."""
    import numpy as np

    keys = list(statistics.moments)
    header = {"format": FORMAT, **asdict(statistics.origin), "moments": [list(key) for key in keys]}
    arrays: dict[str, Any] = {
        "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
        "picture": _levels(picture.pixels),
    }
    for number, key in enumerate(keys):
        second, mean = statistics.moments[key]
        arrays[f"second{number}"] = second[np.triu_indices(len(mean))].astype(np.float32)
        arrays[f"mean{number}"] = mean.astype(np.float32)
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def read_style(path: str | os.PathLike[str]) -> StyleFile:
    """Read what `pack` made; a DeepDreamError says what is wrong with the file."""
    from deepdream.pictures.decoding import reading

    with reading(path) as file:
        data = file.read()
    try:
        arrays = _arrays(data)
        header = json.loads(bytes(arrays["header"]))
        written = header["format"]
    except Exception as error:
        raise _damaged(path) from error
    if written != FORMAT:
        raise DeepDreamError(
            f"{path} has format {written}, and this deepdream reads {FORMAT}",
            "make it again with 'deepdream style-file'" if written == 1 else "upgrade deepdream",
        )
    try:
        moments = {
            (str(layer), int(size)): _unpacked(arrays[f"second{number}"], arrays[f"mean{number}"])
            for number, (layer, size) in enumerate(header["moments"])
        }
        if not moments or min(size for _, size in moments) < 1:
            raise ValueError("no sizes")
        picture = Picture.from_array(arrays["picture"])
        weights, fitted = (header.get(key) and str(header[key]) for key in ("weights", "preprocess"))
        pooling, replicate = str(header.get("pooling", "max")), bool(header.get("replicate", False))
        origin = Origin(str(header["model"]), weights, pooling, fitted, replicate)
        statistics = Statistics(origin, moments)
    except Exception as error:
        raise _damaged(path) from error
    source = Source(os.fspath(path), hashlib.sha256(data).hexdigest(), "style")
    return StyleFile(picture.pixels, source=source, statistics=statistics)


def _arrays(data: bytes) -> dict[str, np.ndarray]:
    import numpy as np

    stream = io.BytesIO(data)
    with zipfile.ZipFile(stream) as archive:
        # Asked before anything is unpacked: a small file can claim to hold a large one.
        if sum(item.file_size for item in archive.infolist()) > _LARGEST:
            raise ValueError("too large")
    stream.seek(0)
    with np.load(stream, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _unpacked(triangle: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    channels = len(mean)
    if triangle.shape != (channels * (channels + 1) // 2,) or mean.ndim != 1:
        raise ValueError("wrong shapes")
    if not (np.isfinite(triangle).all() and np.isfinite(mean).all()):
        raise ValueError("not finite")
    second = np.zeros((channels, channels), np.float32)
    second[np.triu_indices(channels)] = triangle
    return second + np.triu(second, 1).T, mean.astype(np.float32)


def _levels(pixels: np.ndarray) -> np.ndarray:
    """The pixels without loss: in bytes, unless there are fractions, as 16-bit files have them."""
    import numpy as np

    whole = np.clip(np.round(pixels), 0, 255).astype(np.uint8)
    return whole if np.array_equal(whole, pixels) else pixels.astype(np.float32)


def _damaged(path: str | os.PathLike[str]) -> DeepDreamError:
    return DeepDreamError(f"{path} is damaged or no style file", "make it again with 'deepdream style-file'")
