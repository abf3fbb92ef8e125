"""How the octaves of a climb are cut into tiles: as memory allows, with a halo as wide as pays.

Functions of sizes, the layer table and the objective; what cannot be done is refused here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from deepdream import backbones
from deepdream.climb import memory, sharing, tiling
from deepdream.errors import DeepDreamError, UsageError
from deepdream.objectives import Objective
from deepdream.pictures.scales import Size

__all__ = ["Cut", "Grid", "cut"]

_ENOUGH: Final[Mapping[str, float]] = {"inception_v3": 0.8}
"""The part of the reach at which the gradient is off by about a hundredth, for networks where that was
measured and is much less work (docs/performance.md); the tiles of all others are exact."""

_DEAR: Final = 1.3
"""Pixels looked at for every pixel of the picture, from which a smaller halo is taken."""

_LEAST: Final = 512
"""Side of the smallest cores with a smaller halo: the error grows with the borders."""


class Grid(NamedTuple):
    """Tiles with cores of so many pixels that look so far around them."""

    core: int
    seen: tiling.Reach


@dataclass(frozen=True)
class Cut:
    """How the octaves of a climb are cut into tiles, and what the largest needs."""

    layers: tuple[backbones.Layer, ...]
    reach: tiling.Reach | None
    """How far the layers see; None where no tile can be exact."""
    grids: Mapping[Size, Grid | None]
    """For every octave; None for one that stays whole."""
    memory: int
    """Predicted peak in bytes."""
    budget: float | None
    """What it had to fit into, in GB."""
    other: Callable[[Size], Grid | None] = lambda size: None
    """The same for pictures of other sizes, which are only looked at."""
    devices: int = 1
    """How many share an octave, where that is sooner done."""

    def tiles(self, size: Size, halvings: int = 0) -> tuple[tiling.Tile, ...]:
        """The tiles of an octave, their cores halved so many times; none if it stays whole."""
        grid = self.grid(size, halvings)
        if self.devices == 1 or self.reach is None or (grid is None and halvings):
            return self.looks(size, halvings)
        core, seen = grid or (None, self.reach)
        return sharing.share(size, self.layers, seen, core, self.devices)

    def looks(self, size: Size, halvings: int = 0) -> tuple[tiling.Tile, ...]:
        """The tiles in which a picture is only looked at, by one device; none if it does that at once."""
        grid = self.grid(size, halvings)
        return () if grid is None else tiling.cut(size, self.layers, grid.seen, grid.core)

    def grid(self, size: Size, halvings: int = 0) -> Grid | None:
        """How an octave is cut; None for whole, or where the cores cannot be halved any more."""
        grid = self.grids[size] if size in self.grids else self.other(size)
        if self.reach is None or (grid is None and not halvings):
            return None
        core, seen = grid or Grid(max(size), self.reach)
        halved = int(core / 2**halvings) // seen.stride * seen.stride
        return Grid(halved, seen) if halved else None

    def facts(self, size: Size) -> dict[str, int | bool]:
        """What a report says of the tiles of an octave: nothing, if it stays whole."""
        tiles = self.tiles(size)
        if not tiles or self.reach is None:
            return {}
        grid = self.grid(size)
        seen = self.reach if grid is None else grid.seen
        core = tiling.longest(tiles) if grid is None else grid.core
        halo = max(seen.before, seen.after)
        return {"tile": core, "tiles": len(tiles), "halo": halo, "exact": seen == self.reach}


def cut(
    choice: backbones.Choice,
    objective: Objective,
    sizes: Sequence[Size],
    need: memory.Need,
    *,
    tile: str,
    exact: bool,
    budget: float | None,
    devices: int = 1,
) -> Cut:
    """Cut each octave so that it fits into `budget` GB, or as `tile` says: auto, off, or a side in pixels.

    Where the whole reach would make the tiles much more work than the picture is, and `exact` does not ask
    for it, they look only as far as the network needs for a gradient that is right to a hundredth.
    Several devices share what they have done sooner together, unless `tile` is off.
    Raises DeepDreamError for what does not fit even so.
    """
    layers = tuple(choice.backbone.layer(name) for name in dict.fromkeys(choice.used.values()))
    adds_up = all(term.parts is not None for term in objective.terms)
    seen = tiling.reach(layers) if adds_up else None
    if seen is None and tile not in ("auto", "off"):
        whole = [term.name for term in objective.terms if term.parts is None] or [layers[-1].name]
        raise UsageError(
            f"{whole[0]} does not add up from parts of a picture: it cannot be tiled", "leave out --tile"
        )
    there = need.beside(sizes[-1])
    part = 1.0 if exact else _ENOUGH.get(choice.backbone.name, 1.0)
    short = None if seen is None else tiling.shortened(seen, layers, part)

    def grid(size: Size, refuse: bool = True) -> Grid | None:
        whole = _grid(size, there, seen, tile, budget)
        if short is not None and short != seen:
            if whole and tiling.cost(tiling.cut(size, layers, whole.seen, whole.core), size) <= _DEAR:
                return whole
            found = _grid(size, there, short, tile, budget)
            if found and found.core >= _LEAST:
                return found
        if refuse and not whole and tile in ("auto", "off") and budget and there.bytes(size) > budget * 1e9:
            raise _too_large(sizes[-1], need, budget)
        return whole

    grids = {size: grid(size) for size in sizes}
    share = 1 if tile == "off" else devices
    found = Cut(layers, seen, grids, 0, budget, lambda size: grid(size, refuse=False), share)
    cuts = [(size, found.tiles(size)) for size in sizes]
    most = max(there.bytes(size, tiling.largest(tiles) if tiles else None) for size, tiles in cuts)
    return replace(found, memory=most)


def _grid(
    size: Size, need: memory.Need, seen: tiling.Reach | None, tile: str, budget: float | None
) -> Grid | None:
    """The largest tiles that fit; None where the whole does, or not even small ones."""
    if tile not in ("auto", "off"):
        assert seen is not None
        fixed = -(-int(tile) // seen.stride) * seen.stride
        return Grid(fixed, seen) if fixed < max(size) else None
    if budget is None or need.bytes(size) <= budget * 1e9 or seen is None or tile == "off":
        return None
    side = need.core(size, seen, budget * 1e9)
    return None if side is None else Grid(side, seen)


def _too_large(size: Size, need: memory.Need, budget: float) -> DeepDreamError:
    fits = int(0.95 * need.largest_side(size, budget * 1e9))
    return DeepDreamError(
        f"a picture of {size[1]}x{size[0]} px needs about {need.bytes(size) / 1e9:.1f} GB of "
        f"memory, and may take {budget:.1f}",
        f"--size {fits} fits" if fits else "allow more with --memory; without it, what is free counts",
    )
