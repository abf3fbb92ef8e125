"""Running a mode on tiny pictures, as deepdream itself would.

`run_mode(guide, picture(64, 48), hint=picture(64, 64, seed=1), strength=2)` is a Picture; the plugin guide
has a whole test.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from deepdream.climb.engine import Engine, Listener
from deepdream.errors import UsageError
from deepdream.jobs.recipe import Common
from deepdream.modes.mode import Mode, declare, declares, slots
from deepdream.pictures.animation import Animation
from deepdream.pictures.picture import Picture
from deepdream.testing.benches import Bench, check_bench

__all__ = ["check_pictures", "picture", "run_mode"]


def picture(width: int = 64, height: int = 64, *, seed: int = 0) -> Picture:
    """A small picture with something in it: soft patches of colour, others for every `seed`."""
    import numpy as np

    coarse = np.random.default_rng(seed).uniform(0, 255, (4, 4, 3))
    return Picture.from_array(coarse).resized(width, height)


def run_mode(
    function: Callable[..., Any],
    /,
    *pictures: Picture,
    seed: int = 0,
    listeners: Sequence[Listener] = (),
    bench: Bench | None = None,
    **arguments: Any,
) -> Any:
    """What the mode makes of `pictures` and `arguments`, which are checked as for the command line.

    A Picture, a tuple of them, or an Animation, as the mode declares. Frames of an animation are made when
    they are asked for, in any order, each with the draws that it has in a film.

    Pictures are given in the order of the signature or by name. The network is that of `bench`, or the
    embedded VGG16 in float32. Nothing is downloaded: a layer of InceptionV3 is stood in for, unless its
    weights are cached. The mode's defaults for common options are left aside, so that a picture stays as
    tiny as it is. What the mode says to the user is a UserWarning. Raises the errors that a user would see,
    and those that loading the mode would report.
    """
    if not declares(function):
        raise UsageError(f"{function!r} is not a mode", 'decorate it: @mode("name", api=1)')
    mode = declare(function, function.__code__.co_filename)
    names = [item.name for item in mode.pictures]
    if len(pictures) > len(names):
        raise UsageError(f"the mode '{mode.name}' takes {len(names)} pictures, not {len(pictures)}")
    given: dict[str, Any] = dict(zip(names, pictures, strict=False))
    given |= {name: arguments.pop(name) for name in names if arguments.get(name) is not None}
    given = slots(given)
    check_pictures(given)
    options = {name: value for name, value in arguments.items() if name not in names}
    bench = Bench(Common(precision="float32")) if bench is None else bench
    check_bench(bench)
    engine = Engine(bench.common, seed=seed, listeners=listeners, pool=bench.pool)
    with patch.dict(os.environ, DEEPDREAM_OFFLINE="1"):
        made = mode.call(engine, given, options)
    for note in engine.report["notes"]:
        warnings.warn(note, stacklevel=2)
    return _film(made, mode, engine) if isinstance(made, Animation) else made


def _film(made: Animation, mode: Mode, engine: Engine) -> Animation:
    """The animation with its frames checked, what they say told, and the draws that are theirs in a film."""

    def frame(index: int, previous: Picture | None) -> Picture:
        told = len(engine.report["notes"])
        engine.part(index, made.count)
        with patch.dict(os.environ, DEEPDREAM_OFFLINE="1"):
            shown = mode.check_picture(made.frame(index, previous), f"an animation whose frame({index})")
        for note in engine.report["notes"][told:]:
            warnings.warn(note, stacklevel=2)
        return shown

    return replace(made, frame=frame)


def check_pictures(given: Mapping[str, object]) -> None:
    """A UsageError for what is no Picture, such as the path of one."""
    for name, shown in given.items():
        if not isinstance(shown, Picture):
            what = repr(shown) if isinstance(shown, str | Path) else type(shown).__name__
            raise UsageError(
                f"the picture '{name}' is {what}, not a Picture",
                "picture() makes one to test with, and deepdream.load(path) reads one",
            )
