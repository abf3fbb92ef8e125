"""Fields that scenes are composed from: value noise, ramps of colour, flow fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Field = NDArray[np.floating[Any]]  # [H, W]


def fbm(
    rng: np.random.Generator,
    shape: tuple[int, int],
    cell: float | tuple[float, float],
    octaves: int = 4,
    gain: float = 0.5,
) -> Field:
    """Sum of `octaves` of value noise, [H, W], mean 0 and standard deviation 1.

    `cell` is the size in pixels of the coarsest feature, or (height, width) of it for stretched noise.
    """
    rows, columns = (cell, cell) if isinstance(cell, int | float) else cell
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        knots = (max(1.0, rows / 2**octave), max(1.0, columns / 2**octave))
        grid = rng.standard_normal(
            [int(np.ceil(side / knot)) + 3 for side, knot in zip(shape, knots, strict=True)]
        )
        # Sampling at side / knot (not stretching the grid to fit) keeps the features square for every shape.
        y = np.arange(shape[0]) / knots[0] + rng.random()
        x = np.arange(shape[1]) / knots[1] + rng.random()
        total += gain**octave * _sample_separable(grid.astype(np.float32), y, x)
    total -= total.mean()
    return total / max(float(total.std()), 1e-6)


def _sample_separable(grid: Field, y: NDArray, x: NDArray) -> Field:
    """Cubic interpolation of `grid` at the outer product of the rows `y` and the columns `x`."""
    return _cubic_matrix(grid.shape[0], y) @ grid @ _cubic_matrix(grid.shape[1], x).T


def _cubic_matrix(size: int, at: NDArray) -> Field:
    """Uniform cubic B-spline weights [len(at), size]: smooth noise without the grid showing through."""
    base = np.floor(at).astype(int)
    t = at - base
    weights = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    matrix = np.zeros((len(at), size), np.float32)
    for offset, weight in enumerate(weights):
        np.add.at(matrix, (np.arange(len(at)), np.clip(base + offset - 1, 0, size - 1)), weight / 6)
    return matrix


def smoothstep(low: NDArray | float, high: NDArray | float, value: NDArray) -> NDArray:
    """0 below `low`, 1 above `high`, an S curve between (also downwards, when low > high)."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def mix(a: NDArray, b: NDArray, t: NDArray | float) -> NDArray:
    """Blend of two colour fields [..., 3] (or one colour each) by a field `t` [...]."""
    share = np.asarray(t, np.float32)[..., None]
    return np.asarray(a, np.float32) * (1 - share) + np.asarray(b, np.float32) * share


def colour(code: str) -> NDArray[np.float32]:
    """'#e0b030' as three floats 0..1."""
    return np.array([int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)], np.float32)


def ramp(t: NDArray, codes: Sequence[str], stops: Sequence[float] | None = None) -> NDArray[np.float32]:
    """Colours [..., 3] along a palette: `t` 0..1 runs through `codes`, evenly or at the given stops."""
    at = np.linspace(0, 1, len(codes)) if stops is None else np.asarray(stops)
    table = np.stack([colour(code) for code in codes])
    return np.stack([np.interp(t, at, table[:, k]) for k in range(3)], axis=-1).astype(np.float32)


def mesh(shape: tuple[int, int]) -> tuple[Field, Field]:
    """Coordinates x, y [H, W] in units of the picture's width, origin top left."""
    height, width = shape
    y, x = np.mgrid[:height, :width].astype(np.float32) / width
    return x, y


def angle_along(stream: Field) -> Field:
    """Direction [H, W] in radians that follows the level lines of `stream`: no sources, no sinks."""
    dy, dx = np.gradient(stream)
    return np.arctan2(-dx, dy)


def blur(field: NDArray, sigma: float) -> NDArray:
    """Gaussian blur over the two leading axes."""
    return ndimage.gaussian_filter(field, [sigma, sigma] + [0] * (field.ndim - 2))
