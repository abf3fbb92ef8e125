"""Style files: the statistics of a style picture at several sizes, kept for sharing and for many pictures.

A file is a NumPy archive (npz) without pickles, so that reading one runs nothing: `header` (JSON), `preview`
(a small picture, uint8), and for every layer and size the mean and the upper triangle of the second moment of
the features, in float32. Importing this module loads no NumPy.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from deepdream.errors import DeepDreamError, UsageError
from deepdream.pictures.picture import Picture, Source

if TYPE_CHECKING:
    import numpy as np

__all__ = ["SUFFIX", "Origin", "Statistics", "StyleFile", "pack", "read_style"]

SUFFIX: Final = ".style"
FORMAT: Final = 1
"""The number that a file carries; a reader refuses a higher one."""
_LARGEST: Final = 1 << 30
"""Bytes that the arrays of a file may have together."""


@dataclass(frozen=True)
class Origin:
    """The network that statistics were measured with: those of another are of other features."""

    model: str
    weights: str | None = None
    """SHA-256 of the file of weights; None where that is not known, as in files of earlier versions."""
    pooling: str = "max"

    def check(self, other: Origin) -> None:
        """Raise a UsageError if the network at hand, `other`, is another one.

        A note would not do: channels of other weights have other meanings, so that the picture would be
        painted to the end, and in another style.
        """
        if self.model != other.model:
            raise UsageError(
                f"the style file was made with {self.model}, and this is {other.model}",
                f"take --model {self.model}, or make another with 'deepdream style-file'",
            )
        if self.weights and other.weights and self.weights != other.weights:
            raise UsageError(
                f"the style file was made with other weights of {self.model} ({self.weights[:8]}) than "
                f"these ({other.weights[:8]})",
                "make another with 'deepdream style-file', and the same --weights if any",
            )
        if self.pooling != other.pooling:
            raise UsageError(
                f"the style file was made with --pooling {self.pooling}, and this is {other.pooling}",
                f"take --pooling {self.pooling}, or make another with 'deepdream style-file'",
            )


@dataclass(frozen=True, eq=False)
class Statistics:
    """Second moments `[C, C]` and means `[C]` of the features of one picture."""

    origin: Origin
    moments: Mapping[tuple[str, int], tuple[np.ndarray, np.ndarray]]
    """By layer, and by the longer side of the picture in pixels."""

    def at(self, layer: str, longest: int) -> tuple[np.ndarray, np.ndarray]:
        """Those of a layer at the size nearest to `longest` pixels; a UsageError if there are none."""
        sizes = [size for name, size in self.moments if name == layer]
        if not sizes:
            known = dict.fromkeys(name for name, _ in self.moments)
            raise UsageError(
                f"the style file has no statistics of {layer}",
                f"it has those of {', '.join(known)}; make another with --layer {layer}",
            )
        return self.moments[layer, min(sizes, key=lambda size: abs(math.log(size / longest)))]


@dataclass(frozen=True, eq=False, repr=False)
class StyleFile(Picture):
    """A style whose picture is not here: the pixels are a preview, `statistics` what counts."""

    statistics: Statistics | None = None


def pack(statistics: Statistics, preview: Picture) -> bytes:
    """The bytes of a style file."""
    import numpy as np

    keys = list(statistics.moments)
    header = {"format": FORMAT, **asdict(statistics.origin), "moments": [list(key) for key in keys]}
    arrays: dict[str, Any] = {
        "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
        "preview": np.clip(preview.pixels + 0.5, 0, 255).astype(np.uint8),
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
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        what = "no such file" if isinstance(error, FileNotFoundError) else "cannot read"
        raise DeepDreamError(f"{what}: {path}") from None
    try:
        arrays = _arrays(data)
        header = json.loads(bytes(arrays["header"]))
        written = header["format"]
    except Exception as error:
        raise _damaged(path) from error
    if written != FORMAT:
        raise DeepDreamError(
            f"{path} has format {written}, and this deepdream reads {FORMAT}", "upgrade deepdream"
        )
    try:
        moments = {
            (str(layer), int(size)): _unpacked(arrays[f"second{number}"], arrays[f"mean{number}"])
            for number, (layer, size) in enumerate(header["moments"])
        }
        if not moments or min(size for _, size in moments) < 1:
            raise ValueError("no sizes")
        preview = Picture.from_array(arrays["preview"])
        weights, pooling = header.get("weights"), header.get("pooling", "max")
        origin = Origin(str(header["model"]), weights and str(weights), str(pooling))
        statistics = Statistics(origin, moments)
    except Exception as error:
        raise _damaged(path) from error
    source = Source(os.fspath(path), hashlib.sha256(data).hexdigest(), "style")
    return StyleFile(preview.pixels, source=source, statistics=statistics)


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


def _damaged(path: str | os.PathLike[str]) -> DeepDreamError:
    return DeepDreamError(f"{path} is damaged or no style file", "make it again with 'deepdream style-file'")
