"""How a climb goes, as data: the rule that moves the pixels, and all that shapes a step beside the objective.

Nothing here computes; `optim` and `ascent` do what these settings say. Importing this module loads no
TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, get_args

from deepdream.climb.shaping import words_for
from deepdream.errors import misfit
from deepdream.pictures.scales import Size

__all__ = ["LBFGS", "Adam", "Ascent", "Parametrisation", "Update", "Way", "named"]

Normalise = Literal["mean", "seen", "std", "rms", "none"]
Tensor = Any
"""A TensorFlow tensor; spelt `Any` so that this module imports no TensorFlow."""


ROUNDING: Final = 1e-6
"""The part of the largest gradient up to which one counts as 0, being what rounding leaves of it."""


@dataclass(frozen=True)
class Ascent:
    """Normalised gradient ascent: `x += step_size · g / max(N(g) + epsilon, floor)`, in grey levels per step.

    N is the mean of |g| (google/deepdream), that mean where g is not 0 ("seen"), the standard deviation of g
    (TensorFlow's tutorial), its root mean square, or 1. With neither epsilon nor floor the step is the same
    for g and c·g, and zero for a zero gradient. `bounded` holds the canvas inside the
    grey levels; without, it is clipped only where it becomes a picture, as some published recipes do.
    """

    step_size: float = 1.5
    normalise: Normalise = "mean"
    epsilon: float = 0.0
    floor: float = 0.0
    bounded: bool = True

    def __str__(self) -> str:
        measure = {
            "mean": "mean|g|",
            "seen": "mean|g| where g ≠ 0",
            "std": "σ(g)",
            "rms": "√mean(g²)",
            "none": "",
        }[self.normalise]
        if self.epsilon and measure:
            measure = f"({measure} + {self.epsilon:.3g})"
        if self.floor and measure:
            measure = f"max({measure}, {self.floor:.3g})"
        return f"x += {self.step_size:g} · g" + (f" / {measure}" if measure else "")

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

    def __str__(self) -> str:
        return (
            f"Adam, x += {self.step_size:g} · m / (√v + {self.epsilon:g}), running means m of g and v of g² "
            f"with β {self.beta_1:g} and {self.beta_2:g}"
        )


@dataclass(frozen=True)
class LBFGS:
    """L-BFGS without a line search; remembers `history` pairs.

    `bounded` holds it inside the grey levels and every step at 10 of them (root mean square) at most;
    without, it runs free as in the published style recipes.
    """

    history: int = 20
    bounded: bool = True

    def __str__(self) -> str:
        most = ", 10 levels RMS a step at most" if self.bounded else ""
        return f"L-BFGS with {self.history} pairs{most}"


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
    `average` is the decay of the running mean of the canvases that counts as the result; `clouds` is how
    strong the `clouds` are that the network sees where the photograph is flat, in grey levels.
    """

    update: Update = field(default_factory=Ascent)
    jitter: int = 0
    shape: Callable[[Tensor], Tensor] | None = None
    transform: Callable[[Tensor, Tensor], Tensor] | None = None
    parametrisation: Parametrisation | None = None
    average: float | None = None
    stop_above: float | None = None
    masked: bool = False
    clouds: float = 0.0

    def __str__(self) -> str:
        """The formula of a step: x is the canvas, or what it is made of, and g the gradient."""
        bounded = getattr(self.update, "bounded", True) and not self.parametrisation
        said = [str(self.update) + (", kept in 0–255" if bounded else "")]
        if self.masked:
            said.append("of which a pixel goes the part that the mask says")
        if self.parametrisation:
            said.append(f"x: parameters of the canvas, as {type(self.parametrisation).__name__} has them")
        if self.shape is not None:
            said.append(f"g: {words_for(self.shape)}")
        if self.jitter:
            said.append(f"rolled before by up to {self.jitter} px per axis, and back")
        if self.transform is not None:
            said.append("seen by the network after a random transform")
        if self.clouds:
            said.append(f"over flat areas seen with clouds of {self.clouds:g} levels")
        if self.average is not None:
            said.append(f"result: the running mean of x, decay {self.average:g}")
        if self.stop_above is not None:
            said.append(f"until above {self.stop_above:g} in each octave")
        return "; ".join(said)
