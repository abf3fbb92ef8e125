"""Tiles: rectangles of a canvas whose gradients, added up, are the gradient of the whole. Pure geometry.

A tile *answers* for its core: the objective's terms are taken over the core's cells only. It *looks* at
its crop, which is the core and as much around it as those cells see. The gradient of the tile's objective is
added up over the whole crop, core and halo; so the halo need only reach as far as a cell sees to one side,
and the sum over all tiles is the gradient of the untiled objective. Cores begin on multiples of the stride,
and no crop reaches past the picture's edge, where the network's own padding is the true one.

Lengths are pixels, in `(height, width)` order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deepdream.backbones import Layer
from deepdream.pictures.scales import Size

__all__ = ["Reach", "Span", "Tile", "cell_count", "cells", "cost", "cut", "largest", "reach", "shortened"]

Span = tuple[int, int]
"""First and one past the last."""


@dataclass(frozen=True)
class Reach:
    """How far the cells of some layers see `before` and `after` their own pixels, in whole strides."""

    stride: int
    before: int
    after: int


@dataclass(frozen=True)
class Tile:
    """A rectangle of the canvas: the rows and columns it answers for, and those it looks at."""

    core: tuple[Span, Span]
    crop: tuple[Span, Span]


def reach(layers: Sequence[Layer]) -> Reach | None:
    """The reach of the cells of `layers` together; None where no tile can be exact.

    That is where a cell sees the whole picture, or where the grid of cells depends on the picture's size.
    """
    stride = max(layer.stride for layer in layers)
    before = after = 0
    for layer in layers:
        if layer.receptive_field is None or layer.start is None or stride % layer.stride:
            return None
        before = max(before, -layer.start)
        after = max(after, layer.start + layer.receptive_field - layer.stride)
    return Reach(stride, _up(before, stride), _up(after, stride))


def shortened(seen: Reach, layers: Sequence[Layer], part: float) -> Reach:
    """A reach of only `part` of `seen`, in whole strides, and enough for every cell of the core to exist.

    Cells near the core's border then see zeros where a neighbour's pixels are: the gradient is an estimate.
    """
    least = max(layer.min_size - layer.stride for layer in layers)
    before, after = (_up(math.ceil(part * side), seen.stride) for side in (seen.before, seen.after))
    return Reach(seen.stride, min(seen.before, before), min(seen.after, max(after, _up(least, seen.stride))))


def cell_count(layer: Layer, side: int) -> int:
    """How many cells `layer` has along a side of that many pixels."""
    return max(0, (side - layer.min_size) // layer.stride + 1)


def cut(size: Size, layers: Sequence[Layer], seen: Reach, core: int | Size) -> tuple[Tile, ...]:
    """Tiles with cores of at most `core` pixels a side, a multiple of the stride, and about equal ones.

    The last of a row or column may differ, as it takes the pixels that no whole cell is left for.
    """
    coarse = [layer for layer in layers if layer.stride == seen.stride]
    axes = []
    for side, most in zip(size, (core, core) if isinstance(core, int) else core, strict=True):
        covered = min(cell_count(layer, side) for layer in coarse) * seen.stride
        equal = _up(-(-covered // -(-covered // most)), seen.stride)
        axes.append(list(_along(side, covered, equal, seen)))
    return tuple(
        Tile((rows[0], columns[0]), (rows[1], columns[1])) for rows in axes[0] for columns in axes[1]
    )


def cost(tiles: Sequence[Tile], size: Size) -> float:
    """How many pixels the tiles look at, for every pixel of the canvas."""
    return sum(map(_looked_at, tiles)) / (size[0] * size[1])


def largest(tiles: Sequence[Tile]) -> int:
    """How many pixels are looked at together."""
    return max(map(_looked_at, tiles))


def longest(tiles: Sequence[Tile]) -> int:
    """The longest side of a core."""
    return max(last - first for tile in tiles for first, last in tile.core)


def cells(tile: Tile, layer: Layer, size: Size) -> tuple[tuple[Span, Span], float]:
    """The core's cells of `layer`, counted inside the crop, and what part of all its cells they are."""
    spans, share = [], 1.0
    for (first, last), (begin, _), side in zip(tile.core, tile.crop, size, strict=True):
        count = cell_count(layer, side)
        low = first // layer.stride
        high = count if last == side else last // layer.stride
        spans.append((low - begin // layer.stride, high - begin // layer.stride))
        share *= (high - low) / count
    return (spans[0], spans[1]), share


def _along(side: int, covered: int, core: int, seen: Reach) -> Iterator[tuple[Span, Span]]:
    """Cores and crops along one axis; the last core takes the pixels that no whole cell is left for."""
    for first in range(0, covered, core):
        last = side if first + core >= covered else first + core
        yield (first, last), (max(0, first - seen.before), min(side, last + seen.after))


def _looked_at(tile: Tile) -> int:
    (top, bottom), (left, right) = tile.crop
    return (bottom - top) * (right - left)


def _up(length: int, step: int) -> int:
    return -(-length // step) * step
