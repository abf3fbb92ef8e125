"""How octaves are cut: as memory allows, and with a halo smaller than the reach only where that pays."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from deepdream import backbones
from deepdream import objectives as obj
from deepdream.climb import memory, tiling
from deepdream.climb.cutting import Cut, cut
from deepdream.climb.updates import Ascent
from deepdream.desk.telling import details_of

POSTER = (4320, 7680)


def planned(model: str, name: str, size: tuple[int, int] = POSTER, **asked: Any) -> Cut:
    """The cut of one picture, without weights, which have no say in it."""
    backbone = backbones.get(model)
    choice = cast(backbones.Choice, SimpleNamespace(backbone=backbone, used={name: name}))
    wanted: dict[str, Any] = {"tile": "auto", "exact": False, "budget": 5.0, **asked}
    need = memory.need(backbone, [name], "float32", Ascent())
    return cut(choice, obj.layer(name), [size], need, **wanted)


def test_a_halo_that_costs_too_much_is_made_smaller_unless_exact_asks_for_all_of_it() -> None:
    usual, exact = (planned("inception_v3", "mixed5", exact=choice) for choice in (False, True))
    assert exact.facts(POSTER)["halo"] == 288 and exact.facts(POSTER)["exact"]
    assert usual.facts(POSTER)["halo"] == 240 and not usual.facts(POSTER)["exact"]
    dear, cheap = (tiling.cost(it.tiles(POSTER), POSTER) for it in (exact, usual))
    assert dear > 1.3 and cheap < 0.9 * dear
    for found in (usual, exact):
        assert found.memory <= 5e9


def test_a_halo_that_costs_little_is_whole() -> None:
    plenty = planned("inception_v3", "mixed0", (2160, 3840), budget=3.0)
    assert plenty.tiles((2160, 3840)) and plenty.facts((2160, 3840))["exact"]


def test_networks_whose_estimate_was_not_good_enough_are_always_exact() -> None:
    assert planned("vgg16", "block5_conv3", tile="256", budget=None).facts(POSTER)["halo"] == 96
    assert planned("resnet50", "conv3_block4_out", tile="256", budget=None).facts(POSTER)["exact"]


def test_small_tiles_are_exact_as_an_estimate_would_be_too_coarse() -> None:
    for side, exact in (("256", True), ("768", False)):
        assert planned("inception_v3", "mixed5", tile=side, budget=None).facts(POSTER)["exact"] == exact


def test_halved_tiles_look_as_far_as_before() -> None:
    found = planned("inception_v3", "mixed5")
    grid, half = found.grid(POSTER), found.grid(POSTER, 1)
    assert grid is not None and half is not None
    assert half.seen == grid.seen and half.core <= grid.core / 2


def test_an_estimate_is_called_one_before_it_is_made() -> None:
    told: list[str] = []
    for exact in (False, True):
        found = planned("inception_v3", "mixed4", exact=exact, budget=4.0)
        told += details_of({"memory": found.memory, **found.facts(POSTER)})
    usual, whole = (line for line in told if line.startswith("memory"))
    assert "px with a halo of 160 px, less than the layers see (--exact takes it all)" in usual
    assert whole.endswith("px with a halo of 192 px")
