"""Canvases between the octaves: in main memory, outside TensorFlow's pool, which gives nothing back.

Importing this module loads TensorFlow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import tensorflow as tf

from deepdream.pictures.scales import Size

__all__ = ["Anchor", "blank", "canvas_of", "resized"]

Anchor = Literal["centres", "corners", "origin"]
"""What keeps its place when pixels are resized: the picture's borders, pixels being squares (TensorFlow 2);
the middles of the outermost pixels (scipy.ndimage.zoom); that of the first pixel (TensorFlow 1)."""

_ALIGNMENT = 64
"""Bytes; tensors begin at multiples of it."""

_ROWS = 256
"""Rows that are resized at a time."""


def blank(shape: Sequence[int]) -> tuple[np.ndarray, tf.Tensor]:
    """An array of float32 zeros and a tensor in the same memory, to be written to before a graph has seen it.

    A variable would be copied as a whole whenever one tile is read or written.
    """
    array = _room(shape)
    return array, tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def canvas_of(pixels: np.ndarray) -> tf.Tensor:
    """The canvas `[1, H, W, 3]` of pixels `[H, W, 3]`, in their memory if they came from `resized`."""
    if not pixels.flags.writeable or pixels.ctypes.data % _ALIGNMENT:
        room = _room(pixels.shape)
        room[:] = pixels
        pixels = room
    return tf.experimental.dlpack.from_dlpack(pixels[np.newaxis].__dlpack__())


def resized(
    pixels: np.ndarray, size: Size, onto: np.ndarray | None = None, *, anchor: Anchor = "centres"
) -> np.ndarray:
    """Float32 `[h, w, C]` by linear interpolation, as google/deepdream's octaves have it; added to `onto`.

    By pixel centres it is number by number what `tf.image.resize(..., "bilinear")` gives. At the same size
    it is `pixels` itself, unless there is something to add.
    """
    if pixels.shape[:2] == size:
        return pixels if onto is None else onto + pixels
    (above, below, down), (left, right, across) = (
        _between(old, new, anchor) for old, new in zip(pixels.shape[:2], size, strict=True)
    )
    found = _room((*size, pixels.shape[2]))
    for top in range(0, size[0], _ROWS):
        band = slice(top, min(top + _ROWS, size[0]))
        first, last = above[band][0], below[band][-1] + 1
        rows = pixels[first:last]
        rows = rows[:, left] + (rows[:, right] - rows[:, left]) * across[:, None]
        upper, lower = rows[above[band] - first], rows[below[band] - first]
        part = upper + (lower - upper) * down[band, None, None]
        found[band] = part if onto is None else onto[band] + part
    return found


def _room(shape: Sequence[int]) -> np.ndarray:
    """Float32 zeros that a tensor can begin at; memory is taken when they are written over."""
    count = math.prod(shape)
    room = np.zeros(count + _ALIGNMENT // 4, np.float32)
    begin = -room.ctypes.data % _ALIGNMENT // 4
    return room[begin : begin + count].reshape(tuple(shape))


def _between(old: int, new: int, anchor: Anchor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each of `new` places along a side, the two of `old` it lies between, and how far past the first."""
    half = np.float32(0.5 if anchor == "centres" else 0.0)
    gaps = (old - 1, max(1, new - 1)) if anchor == "corners" else (old, new)
    place = (np.arange(new, dtype=np.float32) + half) * (np.float32(gaps[0]) / np.float32(gaps[1])) - half
    floor = np.floor(place)
    low = np.maximum(floor.astype(np.int64), 0)
    high = np.minimum(np.ceil(place).astype(np.int64), old - 1)
    return low, np.maximum(high, 0), place - floor
