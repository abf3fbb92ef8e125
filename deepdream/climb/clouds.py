"""Clouds: smooth noise that the network sees where a photograph is flat, and that is never drawn.

Over a flat area all cells of a layer see the same, so all of them climb the same: what they draw has the
period of the layer's stride, as has what they see of it in the next step, whatever the shift, for ever. Where
clouds are seen each cell has something of its own to begin with. No TensorFlow here.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from deepdream.pictures.masks import shrink
from deepdream.pictures.picture import Picture
from deepdream.pictures.scales import Size

__all__ = ["Clouds", "flatness"]

_COARSEST, _FINEST = 3, 24
"""Cycles along the longer side: of the smallest octave, of 187 px, the finest has a period of about 8 px."""

_LOOK, _CELL = 187, 8
"""Pixels of the longest side that a photograph is looked at with, and of the squares that are flat or not."""

_DRAW: Final = 991
"""Not the draw of the jitter, nor of noise."""


class Clouds:
    """The clouds over a photograph, `strength` grey levels (root mean square) where it is flat."""

    def __init__(self, photo: Picture, strength: float, seed: int) -> None:
        self._flat = strength * flatness(photo)
        self.anywhere = bool(self._flat.any())
        """Whether any of the photograph is flat; else nobody need look at them."""
        waves = np.arange(2 * _FINEST + 1)
        cycles = np.hypot(waves[:, None], waves) / 2
        share = np.where((cycles >= _COARSEST) & (cycles <= _FINEST), 1 / np.maximum(cycles, 0.5), 0.0)
        mean_square = np.where(waves == 0, 1.0, 0.5)  # of a cosine
        share /= np.sqrt(mean_square @ share**2 @ mean_square)
        draw = np.random.default_rng([seed, _DRAW]).standard_normal(share.shape)
        self._waves, self._heights = waves, (share * draw).astype(np.float32)

    def over(self, rows: np.ndarray, columns: np.ndarray, size: Size) -> np.ndarray:
        """Some rows and columns, in any order, of a canvas of `size` (H, W): float32 `[1, h, w, 1]`.

        Σ z_jk / f · cos(πj(y + ½)/L) · cos(πk(x + ½)/L), L being the longer side, f = √(j² + k²)/2 the cycles
        along it and z normal: every octave of frequencies is as strong, as in photographs. The clouds are in
        the same place at every size of a picture.
        """

        def along(places: np.ndarray) -> np.ndarray:
            return np.cos(math.pi * self._waves * (places[:, None] + 0.5) / max(size)).astype(np.float32)

        down, across = (_between(*it) for it in zip((rows, columns), size, self._flat.shape, strict=True))
        field: np.ndarray = along(rows) @ self._heights @ along(columns).T
        field *= down @ self._flat @ across.T
        return field[np.newaxis, :, :, np.newaxis]


def flatness(photo: Picture) -> np.ndarray:
    """How flat the squares of a photograph are, 0 to 1, float32 `[rows, columns]`: 1 − 2r², at least 0.

    r is the root mean square of its Laplacian (4·grey less the four neighbours) in grey levels, which is none
    on an even slope; a photographed sky has 1 and more, from its grain.
    """
    grey = photo.fitted(min(_LOOK, max(photo.size))).pixels.mean(axis=2)
    near = np.pad(grey, 1, mode="edge")
    bend = 4 * grey - near[2:, 1:-1] - near[:-2, 1:-1] - near[1:-1, 2:] - near[1:-1, :-2]
    height, width = (max(1, side // _CELL) for side in grey.shape)
    flat: np.ndarray = np.clip(1 - 2 * shrink(bend**2, (height, width)), 0, 1)
    return flat


def _between(places: np.ndarray, side: int, squares: int) -> np.ndarray:
    """How much of each square, at places along a side, linear interpolation takes: `[places, squares]`."""
    at = np.clip((places + 0.5) * squares / side - 0.5, 0, squares - 1)
    weights: np.ndarray = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(squares))).astype(np.float32)
    return weights
