"""What stays open between runs: networks, and the latest traces."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from deepdream import backbones
from deepdream.climb.sameness import Own, alike
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
        self._climbs: dict[Hashable, Climb] = {}
        self._used: set[Hashable] = set()

    def network(
        self, choice: backbones.Choice, dtype: backbones.Precision, place: str | None = None
    ) -> Network:
        """The network for a choice of model and layers, opened on first use in the scope of a device."""
        from deepdream.climb.network import Network

        layers = tuple(dict.fromkeys(choice.used.values()))
        backbone = choice.backbone
        used = tuple(choice.used.items())
        weights = choice.weights, choice.weights.sha256()  # a file may be another by now
        key = (backbone.name, backbone.preprocess, weights, choice.variant, dtype, used, place)
        if key not in self._open:
            self._open[key] = Network(backbones.open_extractor(choice, layers, dtype), choice.used, choice)
        return self._open[key]

    @contextmanager
    def climb(
        self, network: Network, objective: Objective, way: Way, size: Size, devices: tuple[str, ...] = ()
    ) -> Iterator[Climb]:
        """The climb for an objective; one that differs in weights and targets alone shares its trace.

        Meanwhile it is nobody else's: another thread with the same objective gets another one.
        """
        from deepdream.climb.ascent import Climb

        parts = [alike(getattr(way, setting.name)) for setting in fields(way)]
        for term in objective.terms:  # what of it is in the graph: weight and target reach that as numbers
            parts += [alike(function) for function in (term.value, term.summary, term.of)]
            parts += [term.layers, term.parts, term.target is not None]
        key = (network, *parts, way.parametrisation and size, devices)
        climb = self._climbs.pop(key, None) or Climb(network, objective, way, devices)
        climb.objective = objective
        try:
            yield climb
        finally:
            climb.leave()
            if not any(isinstance(part, Own) for part in parts):  # the next run may not go on in it
                self._used.add(key)
            self._climbs[key] = climb
            if len(self._climbs) > _TRACES_KEPT:
                oldest, *_ = self._climbs
                self._climbs.pop(oldest, None)

    def turn(self) -> None:
        """Begin another run, and let go of the traces that the last one made no use of."""
        used, self._used = self._used, set()
        for key in [*self._climbs]:  # in one go: another thread may add one meanwhile
            if key not in used:
                self._climbs.pop(key, None)
