"""What `Engine.ascend` is asked for, looked at before anything else: of its arguments the kinds and ranges.

What is of the wrong kind is a TypeError, which is told with the line of the plugin; a number out of its range
may have come from the user, and is a UsageError.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, Final

from deepdream.climb.events import Finish
from deepdream.climb.updates import Update
from deepdream.errors import UsageError, misfit
from deepdream.objectives import Objective
from deepdream.objectives.foreign import answerable, takes
from deepdream.objectives.terms import several
from deepdream.pictures.picture import Picture
from deepdream.pictures.scales import Size

__all__ = ["check", "finisher", "flipped"]

_NUMBERS: Final[Mapping[str, tuple[Any, str, Callable[[Any], bool]]]] = {
    "octaves": (Integral, "a whole number from 1", lambda n: n >= 1),
    "octave_scale": (Real, "a number above 1", lambda n: n > 1),
    "step_size": (Real, "a number from 0", lambda n: n >= 0),
    "jitter": (Integral, "a whole number from 0", lambda n: n >= 0),
    "history": (Integral, "a whole number from 1", lambda n: n >= 1),
    "clouds": (Real, "a number from 0", lambda n: n >= 0),
    "average": (Real, "a number from 0 to below 1, or None", lambda n: 0 <= n < 1),
    "stop_above": (Real, "a number, or None", lambda n: True),
    "seconds": (Real, "a number above 0, or None", lambda n: n > 0),
}
"""Of each number its kind, what it may be in words, and whether a finite one is in its range."""


_FUNCTIONS: Final[Mapping[str, str]] = {"finish": "picture", "shape": "gradient", "transform": "canvas, seed"}
"""Of each function its arguments."""

_WORKSHOPS: Final = ("deepdream.climb.shaping", "deepdream.climb.transforms")
_FINISHED: Final = ("quarter_turns",)
"""Modules whose functions make such functions, but for these."""


def check(given: Mapping[str, Any]) -> None:
    """Refuse arguments of `ascend`, by name, that are of the wrong kind or out of range."""
    image, objective, mask = given["image"], given["objective"], given["mask"]
    if not isinstance(mask, Picture | None):
        raise TypeError(f"the mask of a climb is a Picture, not {type(mask).__name__}")
    if not (isinstance(image, Picture) and isinstance(objective, Objective)):
        kinds = f"{type(image).__name__} and {type(objective).__name__}"
        raise TypeError(f"ascend climbs from a Picture, with an Objective, in this order, not {kinds}")
    for name in _NUMBERS:
        _check_number(name, given[name])
    optimiser, kind = given["optimiser"], given["parametrisation"]
    if isinstance(optimiser, Update):
        for name in ("step_size", "history"):
            _check_number(name, getattr(optimiser, name, given[name]))
    elif not isinstance(optimiser, str):
        raise misfit(f"the optimiser of a climb is a name or settings, not {optimiser!r}", "write Adam(10)")
    if given["reinject"] not in (True, False, "after"):
        raise TypeError(f"the reinject of a climb is True, False or 'after', not {given['reinject']!r}")
    if given["anchor"] not in ("centres", "corners", "origin"):
        raise misfit(
            f"the anchor of a climb is none of 'centres', 'corners' and 'origin': {given['anchor']!r}",
            "leave it out: centres are kept",
        )
    for name, arguments in _FUNCTIONS.items():
        if given[name] is not None:
            _check_function(name, given[name], arguments)
    if kind is not None and (
        isinstance(kind, type) or not (hasattr(kind, "start") and hasattr(kind, "decode"))
    ):
        shown = "the class " + kind.__name__ if isinstance(kind, type) else type(kind).__name__
        raise misfit(
            f"the parametrisation of a climb is an object with start and decode, not {shown}",
            "write parametrisations.Fourier(), for instance",
        )


def finisher(finish: Finish | None) -> Finish:
    """`finish`, whose result must be a Picture; without one, a picture is left as it is."""

    def finished(made: Picture) -> Picture:
        if finish is None:
            return made
        with answerable(finish):
            found = finish(made)
            if not isinstance(found, Picture):
                raise misfit(
                    f"the finish of a climb returned {type(found).__name__}, not a Picture",
                    "of an array, picture.with_pixels(array) makes one",
                )
            return found

    return finished


def flipped(sizes: Any) -> list[Size] | None:
    """The `sizes` (width, height) that `ascend` is given as (height, width)."""
    if sizes is None:
        return None
    found: list[Size] = []
    for size in several("the argument sizes", sizes, "sizes"):
        pair = tuple(size) if hasattr(size, "__len__") else ()
        if len(pair) != 2 or not all(isinstance(side, Integral) and int(side) > 0 for side in pair):
            raise misfit(
                f"sizes of ascend are pairs (width, height) of whole numbers from 1, and {size!r} is none",
                "write sizes=[(32, 24), (64, 48)], from small to large",
            )
        found.append((int(pair[1]), int(pair[0])))
    if any(one[0] * one[1] > other[0] * other[1] for one, other in pairwise(found)):
        raise misfit(
            "sizes of ascend go from small to large", "turn them round: the last is the picture's own size"
        )
    return found


def _check_function(name: str, function: Any, arguments: str) -> None:
    called = str(getattr(function, "__name__", type(function).__name__))
    made_here = getattr(function, "__module__", "") in _WORKSHOPS
    if made_here and called not in _FINISHED and called == getattr(function, "__qualname__", ""):
        raise misfit(
            f"the {name} of a climb is what {called} makes, not {called} itself", f"write {called}(...)"
        )
    if not (callable(function) and takes(function, arguments.count(",") + 1)):
        shown = called if callable(function) else repr(function)
        raise TypeError(f"the {name} of a climb is a function of ({arguments}), and {shown} is none")


def _check_number(name: str, value: Any) -> None:
    kind, words, within = _NUMBERS[name]
    if value is None and words.endswith("None"):
        return
    if isinstance(value, bool) or not isinstance(value, kind):
        raise TypeError(f"{name} of ascend must be {words}, not {value!r}")
    if not (math.isfinite(value) and within(value)):
        raise UsageError(f"{name} of ascend must be {words}, not {value}")
