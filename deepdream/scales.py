"""Sizes as data: octave schedules and fitting, pure functions of numbers.

Sizes are `(height, width)` in pixels throughout this module, as arrays have them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

__all__ = ["Size", "fit", "octave_sizes", "work_done"]

Size = tuple[int, int]


def fit(size: Size, longest: int) -> Size:
    """`size` scaled so that its longer side is `longest` pixels; no side falls below one pixel."""
    factor = longest / max(size)
    height, width = (max(1, round(side * factor)) for side in size)
    return height, width


def octave_sizes(size: Size, octaves: int, scale: float, *, smallest: int = 1) -> tuple[Size, ...]:
    """The sizes of an octave pyramid from the smallest to `size` itself.

    Each octave is the next larger one divided by `scale` and rounded, one after the other, as
    google/deepdream's notebook shrinks its bases. Octaves with a side under `smallest` pixels are
    left out, so fewer than `octaves` sizes may come back; none if `size` itself is too small.
    """
    sizes: list[Size] = []
    current = size
    for _ in range(octaves):
        if min(current) < smallest or current in sizes:
            break
        sizes.append(current)
        current = (max(1, round(current[0] / scale)), max(1, round(current[1] / scale)))
    return tuple(reversed(sizes))


def work_done(sizes: Sequence[Size], steps: Sequence[int]) -> tuple[float, ...]:
    """The part of all the work that is done before the first step, after it, after the second, and so on.

    A step's work is the number of its canvas's pixels; `steps[i]` steps are taken at `sizes[i]`.
    """
    each = [h * w for (h, w), count in zip(sizes, steps, strict=True) for _ in range(count)]
    total = sum(each)
    return (0.0, *(done / total for done in accumulate(each)))
