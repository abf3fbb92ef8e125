"""A step of plain gradient ascent in place, a band of rows at a time: a huge canvas has no copies beside it.

Importing this module loads TensorFlow.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from deepdream.climb.shaping import Local
from deepdream.climb.updates import ROUNDING, Ascent

__all__ = ["ascend"]

_ROWS = 256


def ascend(
    settings: Ascent,
    gradient: np.ndarray,
    canvas: tf.Tensor,
    mask: tf.Tensor | None = None,
    shape: Local | None = None,
) -> bool:
    """Put the canvas after a step where the gradient `[1, H, W, 3]` was; whether all of it is finite.

    The same step as `optim.Ascent.step` on the gradient as `shape` makes it, to rounding.
    """
    if shape is not None:
        _reshape(gradient, shape)
    factor, finite = settings.step_size * _factor(settings, gradient), True
    for band in _bands(gradient):
        start = canvas[:, band].numpy()
        moved = start + factor * gradient[:, band].astype(np.float64)
        if settings.bounded:
            np.clip(moved, 0.0, 255.0, out=moved)
        if mask is not None:
            moved = start + mask[:, band].numpy() * (moved - start)
        gradient[:, band] = moved
        finite = finite and bool(np.isfinite(moved).all())
    return finite


def _reshape(gradient: np.ndarray, shape: Local) -> None:
    above = gradient[:, :0]
    for band in _bands(gradient):
        below = gradient[:, band.stop : band.stop + shape.reach]
        seen = np.concatenate([above, gradient[:, band], below], axis=1)
        begin, end = above.shape[1], seen.shape[1] - below.shape[1]
        gradient[:, band] = shape(tf.constant(seen)).numpy()[:, begin:end]
        above = seen[:, max(0, end - shape.reach) : end]  # as it was before


def _factor(settings: Ascent, gradient: np.ndarray) -> float:
    """What normalises the gradient; 0 for one of zeros."""
    if settings.normalise == "none":
        return 1.0
    sums, seen = np.zeros(3), 0
    least = ROUNDING * max(gradient.max(), -gradient.min())
    for band in _bands(gradient):
        part = gradient[:, band].astype(np.float64)
        sums += np.abs(part).sum(), part.sum(), np.square(part).sum()
        seen += int(np.count_nonzero(np.abs(part) > least))
    size, mean, square = sums / gradient.size
    spread = size * gradient.size / max(seen, 1)
    measures = {"mean": size, "seen": spread, "rms": square**0.5, "std": max(0.0, square - mean**2) ** 0.5}
    measure = max(measures[settings.normalise] + settings.epsilon, settings.floor)
    return float(1.0 / measure) if measure else 0.0


def _bands(canvas: np.ndarray) -> Iterator[slice]:
    return (slice(top, top + _ROWS) for top in range(0, canvas.shape[1], _ROWS))
