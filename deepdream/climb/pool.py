"""What stays open between runs: networks, and the latest traces."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from deepdream import backbones
from deepdream.climb.updates import Way
from deepdream.objectives.algebra import Objective
from deepdream.pictures.scales import Size

if TYPE_CHECKING:
    from deepdream.climb.ascent import Climb
    from deepdream.climb.network import Network

__all__ = ["Pool"]

_TRACES_KEPT: Final = 4


class Pool:
    """Networks that stay open between runs, so that a batch loads each of them once; and some traces."""

    def __init__(self) -> None:
        self._open: dict[tuple[Any, ...], Network] = {}
        self._climbs: dict[tuple[Any, ...], Climb] = {}

    def network(
        self, choice: backbones.Choice, dtype: backbones.Precision, place: str | None = None
    ) -> Network:
        """The network for a choice of model and layers, opened on first use in the scope of a device."""
        from deepdream.climb.network import Network

        layers = tuple(dict.fromkeys(choice.used.values()))
        backbone = choice.backbone
        used = tuple(choice.used.items())
        key = (backbone.name, backbone.preprocess, choice.weights, choice.variant, dtype, used, place)
        if key not in self._open:
            self._open[key] = Network(backbones.open_extractor(choice, layers, dtype), choice.used, choice)
        return self._open[key]

    def climb(
        self, network: Network, objective: Objective, way: Way, size: Size, devices: tuple[str, ...] = ()
    ) -> Climb:
        """The climb for an objective; one that differs in its weights alone goes on in the same trace."""
        from deepdream.climb.ascent import Climb

        terms = tuple(replace(term, weight=1.0) for term in objective.terms)
        key = (network, terms, way, way.parametrisation and size, devices)
        climb = self._climbs.pop(key, None) or Climb(network, objective, way, devices)
        climb.objective = objective
        self._climbs[key] = climb
        if len(self._climbs) > _TRACES_KEPT:
            del self._climbs[next(iter(self._climbs))]
        return climb
