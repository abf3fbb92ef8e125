"""The algebra of objectives: immutable sums of named, weighted terms; the terms are in `objectives`.

Shapes: an activation is float32 `[1, h, w, C]`, the canvas float32 `[1, H, W, 3]` in grey levels 0-255; the
value of a term is a float32 scalar.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from deepdream.errors import UsageError
from deepdream.pictures.scales import Size

if TYPE_CHECKING:
    from deepdream.objectives.layerspec import Ranked
    from deepdream.pictures.picture import Picture
    from deepdream.pictures.styles import Origin

__all__ = [
    "Aligned",
    "Objective",
    "Parts",
    "Probe",
    "Target",
    "Tensor",
    "Term",
    "Value",
    "summarised",
    "total",
]

Tensor = Any
"""A TensorFlow tensor; spelt `Any` so that this module imports no TensorFlow."""


class Probe(Protocol):
    """What a target is measured with: the network at the octave about to be climbed."""

    size: Size
    """Height and width of the canvas in this octave."""

    canvas: Tensor
    """The canvas this octave starts from."""

    @property
    def origin(self) -> Origin:
        """Which network it is."""

    def features(self, picture: Picture | Tensor, size: Size) -> Mapping[str, Tensor]:
        """The activations of every layer of the objective for `picture` at `size`."""

    def sums(self, picture: Picture, size: Size) -> Mapping[str, Any]:
        """The `feature_sums` of every layer for `picture` at `size`, which may be too large for memory."""

    def grid(self, layer: str) -> Size:
        """How many cells a layer has on the canvas, down and across."""

    def channels(self, layer: str) -> int:
        """How many channels a layer has."""


@dataclass(frozen=True)
class Aligned:
    """A part of a target that lies on the cells of a layer: in a tile, only what the tile covers is seen."""

    tensor: Tensor
    """`[1, h, w, K]`."""
    layer: str | None
    """None for one that lies on the pixels of the canvas."""


Parts = Literal["mean", "sum", "summary"] | None
Value = Callable[[Mapping[str, Tensor], Tensor, Tensor], Tensor]
Target = Callable[[Probe], Tensor]


@dataclass(frozen=True)
class Term:
    """One named, weighted number that depends on the pixels.

    `value(activations, canvas, target)` is traced into the gradient step. `target(probe)`, if
    there is one, runs once per octave; what it returns (a tensor or a nest of tensors) reaches
    `value` as a constant; an `Aligned` in it reaches it as its tensor. `parts` says how the value follows
    from the values of the parts of a picture: their mean, weighted by their cells, their sum, or None if not
    at all. With "summary" it is `of(summary, target)`, where the `summary(activations, canvas, target)` of
    parts, a nest of tensors, add up to that of the whole. `channels` are those that the term is about, if it
    is about some, and `ranked` asks for so many of the strongest or weakest; `guides` are pictures that the
    target measures at their own size. The engine sees to it that the layer has as many, and sees these.
    """

    name: str
    layers: tuple[str, ...]
    value: Value
    target: Target | None = None
    weight: float = 1.0
    parts: Parts = None
    channels: tuple[int, ...] = ()
    ranked: tuple[Ranked, ...] = ()
    border: int = 0
    """Cells on each side of its layer that do not count."""
    guides: tuple[Picture, ...] = ()
    aligned: tuple[str, ...] = ()
    """The layers whose activations its target keeps for the whole canvas; the memory for them is planned."""
    summary: Value | None = None
    of: Callable[[Tensor, Tensor], Tensor] | None = None
    means: str = ""
    """What the name stands for: "layer = mean(a²)"."""

    def __post_init__(self) -> None:
        for name in self.layers:
            if not isinstance(name, str):
                raise TypeError(f"a layer is named by a text, not by {name!r}")


@dataclass(frozen=True)
class Objective:
    """A sum of terms. Multiplication distributes over it; nothing mutates."""

    terms: tuple[Term, ...]

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that the terms look at, each once, in order of appearance."""
        return tuple(dict.fromkeys(name for term in self.terms for name in term.layers))

    def __add__(self, other: Objective) -> Objective:
        if not isinstance(other, Objective):
            return NotImplemented
        return Objective(self.terms + other.terms)

    def __radd__(self, other: object) -> Objective:
        return self if isinstance(other, int) and other == 0 else NotImplemented  # what `sum` begins with

    def __mul__(self, factor: float) -> Objective:
        if isinstance(factor, bool) or not isinstance(factor, (int, float)):
            return NotImplemented
        if not math.isfinite(factor):
            raise UsageError(f"the weight of an objective must be a finite number, not {factor}")
        return Objective(tuple(replace(term, weight=term.weight * factor) for term in self.terms))

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return self * -1.0

    def __sub__(self, other: Objective) -> Objective:
        return self + -other

    def __str__(self) -> str:
        """The formula, for instance `layer(mixed4) - 0.001·total_variation`, without terms of weight 0."""
        words = []
        for term in (term for term in self.terms if term.weight):
            size = abs(term.weight)
            factor = "" if size == 1 else f"{size:g}·"
            words.append(f"{'-' if term.weight < 0 else '+'} {factor}{term.name}")
        return " ".join(words).removeprefix("+ ") or "0"

    __repr__ = __str__

    @property
    def meanings(self) -> tuple[str, ...]:
        """What the words of the formula stand for, each once: "layer = mean(a²)", as far as terms say."""
        return tuple(dict.fromkeys(term.means for term in self.terms if term.weight and term.means))

    def renamed(self, used: Mapping[str, str]) -> Objective:
        """The same sum as it reads when other layers stand in: `used` maps requested to real names.

        For printing only; the values still look up the requested names.
        """

        def real(term: Term) -> str:
            head, bracket, inside = term.name.partition("(")
            return head + bracket + re.sub(r"[^(), ]+", lambda m: used.get(m[0], m[0]), inside)

        return Objective(tuple(replace(term, name=real(term)) for term in self.terms))

    def labels(self) -> tuple[str, ...]:
        """One distinct label per term: its name, numbered where two terms share it."""
        seen: dict[str, int] = {}
        out = []
        for term in self.terms:
            seen[term.name] = seen.get(term.name, 0) + 1
            out.append(term.name if seen[term.name] == 1 else f"{term.name}#{seen[term.name]}")
        return tuple(out)


def summarised(
    name: str,
    layers: tuple[str, ...],
    summary: Value,
    of: Callable[[Tensor, Tensor], Tensor],
    target: Target | None = None,
    means: str = "",
) -> Objective:
    """An objective of one term whose value is a function of sums over cells: a Gram matrix's, for instance.

    `summary(activations, canvas, target)` gives the sums over the cells that it is given, and `of(summary,
    target)` the value; whatever is no sum belongs into `of`. `of` must make no use of what is `Aligned`.
    """

    def value(activations: Mapping[str, Tensor], canvas: Tensor, aim: Tensor) -> Tensor:
        return of(summary(activations, canvas, aim), aim)

    term = Term(name, layers, value, target, parts="summary", summary=summary, of=of, means=means)
    return Objective((term,))


def total(objectives: Iterable[Objective]) -> Objective:
    """The sum of `objectives`."""
    if not isinstance(objectives, Iterable):
        raise TypeError(f"total takes a list of objectives, not {type(objectives).__name__}")
    several = tuple(objectives)
    if wrong := [type(it).__name__ for it in several if not isinstance(it, Objective)]:
        raise TypeError(f"total takes a list of objectives, not of {wrong[0]}")
    return Objective(tuple(term for objective in several for term in objective.terms))
