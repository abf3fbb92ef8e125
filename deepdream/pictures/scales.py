"""Sizes as data: octave schedules and fitting, pure functions of numbers.

Sizes are `(height, width)` in pixels throughout this module, as arrays have them.
"""

from __future__ import annotations

__all__ = ["Size", "fit", "ladder", "octave_powers", "octave_sizes", "rungs"]

Size = tuple[int, int]


def fit(size: Size, longest: int) -> Size:
    """`size` scaled so that its longer side is `longest` pixels; no side falls below one pixel."""
    factor = longest / max(size)
    height, width = (max(1, round(side * factor)) for side in size)
    return height, width


def ladder(size: Size, ratio: float, smallest: int, octaves: int | None = None) -> list[Size]:
    """`size` and those whose longer sides are its own divided by powers of `ratio`, small to large.

    It ends above `smallest` pixels, and after so many `octaves` if they are given; `size` itself is always
    there. Unlike in `octave_sizes`, every side is rounded from the largest one
    (crowsonkb/style-transfer-pytorch). The order of width and height does not matter.
    """
    longest, sizes = max(size), [size]
    while octaves is None or len(sizes) < octaves:
        side = round(longest / ratio ** len(sizes))
        if side < smallest or side >= max(sizes[-1]):
            break
        sizes.append(fit(size, side))
    return sizes[::-1]


def rungs(size: Size, scale: float, smallest: int) -> list[Size]:
    """Sizes whose longer sides are `smallest` pixels times powers of `scale`, and `size` itself at the end.

    All but the last are the same for every picture of one aspect: what a small picture is dreamt at, a
    large one is dreamt at first. A rung that is more than 1 / √scale of `size` is left out.
    """
    found: list[Size] = []
    while (side := round(smallest * scale ** len(found))) * scale**0.5 < max(size):
        found.append(fit(size, side))
    return [*found, size]


def octave_powers(size: Size, octaves: int, scale: float, *, top: int = 0) -> list[Size]:
    """`size` times `scale` to the powers up to `top`, each rounded down, small to large.

    So TensorFlow's tutorial (top 2) and Keras's example (top 0) have it. The order of width and height does
    not matter.
    """
    powers = range(top - octaves + 1, top + 1)
    return [(max(1, int(size[0] * scale**n)), max(1, int(size[1] * scale**n))) for n in powers]


def octave_sizes(
    size: Size, octaves: int, scale: float, *, smallest: int = 1, truncate: bool = False
) -> tuple[Size, ...]:
    """The sizes of an octave pyramid from the smallest to `size` itself.

    Each octave is the next larger one divided by `scale` and rounded, one after the other, as
    google/deepdream's notebook shrinks its bases; `truncate` rounds down, as Mordvintsev's notebook for
    TensorFlow does. Octaves with a side under `smallest` pixels are left out, so fewer than `octaves`
    sizes may come back; none if `size` itself is too small.
    """
    whole = int if truncate else round
    sizes: list[Size] = []
    current = size
    for _ in range(octaves):
        if min(current) < smallest or current in sizes:
            break
        sizes.append(current)
        current = (max(1, whole(current[0] / scale)), max(1, whole(current[1] / scale)))
    return tuple(reversed(sizes))
