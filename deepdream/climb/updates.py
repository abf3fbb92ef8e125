"""How a climb goes, as data: the rule that moves the pixels, and all that shapes a step beside the objective.

Nothing here computes; `optim` and `ascent` do what these settings say. Importing this module loads no
TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, get_args

from deepdream.errors import misfit
from deepdream.pictures.scales import Size

__all__ = ["LBFGS", "Adam", "Ascent", "Parametrisation", "Update", "Way", "named"]

Normalise = Literal["mean", "std", "rms", "none"]
Tensor = Any
"""A TensorFlow tensor; spelt `Any` so that this module imports no TensorFlow."""


@dataclass(frozen=True)
class Ascent:
    """Normalised gradient ascent: `x += step_size · g / max(N(g) + epsilon, floor)`, in grey levels per step.

    N is the mean of |g| (google/deepdream), its standard deviation (TensorFlow's tutorial), its root mean
    square, or 1. With neither epsilon nor floor the step is the same for g and c·g, and zero for a zero
    gradient.
    """

    step_size: float = 1.5
    normalise: Normalise = "mean"
    epsilon: float = 0.0
    floor: float = 0.0

    def __post_init__(self) -> None:
        if self.normalise not in get_args(Normalise):
            known = ", ".join(map(repr, get_args(Normalise)))
            raise misfit(f"Ascent has no normalise={self.normalise!r}", f"write one of {known}")


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2015), uphill; `step_size` is its learning rate in grey levels."""

    step_size: float = 10.0
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8


@dataclass(frozen=True)
class LBFGS:
    """L-BFGS without a line search; remembers `history` pairs.

    `bounded` holds it inside the grey levels and every step at 10 of them (root mean square) at most;
    without, it runs free as in the published style recipes.
    """

    history: int = 20
    bounded: bool = True


Update = Ascent | Adam | LBFGS


def named(name: str, step_size: float, history: int) -> Update:
    """The update rule of that name (`ascent`, `adam` or `lbfgs`) with these numbers."""
    if name == "ascent":
        return Ascent(step_size)
    if name == "adam":
        return Adam(step_size)
    if name == "lbfgs":
        return LBFGS(history)
    raise ValueError(f"no optimiser {name!r}; there are ascent, adam and lbfgs")


class Parametrisation(Protocol):
    """Another description of a canvas, which is climbed instead of its pixels: a spectrum, for instance.

    Both functions are TensorFlow code; `decode` is traced and differentiated. One that can be compared and
    hashed (a frozen dataclass) lets climbs share a trace.
    """

    def start(self, canvas: Tensor, seed: Tensor) -> Tensor:
        """The parameters to begin with, any float32 shape, for a canvas `[1, H, W, 3]`.

        `seed` is int32 `[2]`, of the run and the steps taken before this climb.
        """

    def decode(self, parameters: Tensor, size: Size) -> Tensor:
        """The canvas `[1, H, W, 3]` in grey levels 0-255 that the parameters stand for; `size` is (H, W)."""


@dataclass(frozen=True)
class Way:
    """All that decides how a step goes, beside the objective; climbs alike in both share one trace.

    `shape` turns the gradient `[1, H, W, 3]` into the one that the update rule gets; `transform(canvas,
    seed)` is what the network sees of the canvas, the seed being int32 `[2]`, of the run and the step;
    `average` is the decay of the running mean of the canvases that counts as the result.
    """

    update: Update = field(default_factory=Ascent)
    jitter: int = 0
    shape: Callable[[Tensor], Tensor] | None = None
    transform: Callable[[Tensor, Tensor], Tensor] | None = None
    parametrisation: Parametrisation | None = None
    average: float | None = None
    stop_above: float | None = None
    masked: bool = False
