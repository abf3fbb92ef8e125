"""How a canvas is shared out among several devices: the tiles with which they have done it the soonest.

Pure geometry; tiles go to the devices in turn, and a device works as long as its crops have pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Final

from deepdream.backbones import Layer
from deepdream.climb import tiling
from deepdream.pictures.scales import Size

__all__ = ["longest_work", "share"]

_WORTH: Final = 1.2
"""How many times as soon several devices must have done a canvas that one could hold whole: tiles look at
their halos, too, and are gathered on the first device."""


def share(
    size: Size, layers: Sequence[Layer], seen: tiling.Reach, core: int | None, devices: int
) -> tuple[tiling.Tile, ...]:
    """Tiles for so many `devices`, with cores of `core` pixels at most where memory sets a limit.

    None where a single device has the whole done about as soon: the halos of small pictures are as large as
    they are. Of all grids whose loads are alike, the one with the fewest tiles.
    """
    least = [1 if core is None else -(-side // core) for side in size]
    grids = product(*(range(first, first + devices) for first in least))
    best: tuple[tiling.Tile, ...] = ()
    for rows, columns in grids:
        sides = tuple(
            -(-side // (count * seen.stride)) * seen.stride
            for side, count in zip(size, (rows, columns), strict=True)
        )
        tiles = tiling.cut(size, layers, seen, (sides[0], sides[1]))
        if not best or _rank(tiles, devices) < _rank(best, devices):
            best = tiles
    if core is None and longest_work(best, devices) * _WORTH > size[0] * size[1]:
        return ()
    return best


def longest_work(tiles: Sequence[tiling.Tile], devices: int) -> int:
    """The pixels that the device with the most of them looks at."""
    return max(sum(map(_pixels, tiles[first::devices])) for first in range(devices))


def _rank(tiles: Sequence[tiling.Tile], devices: int) -> tuple[int, int]:
    return longest_work(tiles, devices), len(tiles)


def _pixels(tile: tiling.Tile) -> int:
    (top, bottom), (left, right) = tile.crop
    return (bottom - top) * (right - left)
