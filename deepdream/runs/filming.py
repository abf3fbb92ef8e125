"""An animation in the making: its frames watched one by one, on behalf of whoever asks for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from deepdream.climb.engine import Engine
from deepdream.jobs.recipe import Recipe
from deepdream.jobs.versions import versions
from deepdream.modes.guard import staying
from deepdream.modes.mode import Mode
from deepdream.pictures.animation import Animation, Ended
from deepdream.pictures.picture import Picture
from deepdream.runs.results import used_of

__all__ = ["planned", "watched"]


def watched(made: Animation, mode: Mode, engine: Engine, recipe: Recipe) -> Animation:
    """The animation with its frames checked and given recipes; it ends when the engine is stopped.

    One whose frames are ready already shows them all.
    """

    def frame(index: int, previous: Picture | None) -> Picture:
        engine.part(index, made.count)
        if engine.cancelled and not made.ready:
            engine.report["interrupted"] = True
        if engine.report["interrupted"] and previous is not None and not made.ready:
            raise Ended
        picture = _checked(made, index, previous, mode, engine)
        mode.note_levels(engine, picture)
        if previous is not None and engine.report["interrupted"] and not made.ready:
            raise Ended  # half a frame would not be what the recipe says
        _check_size(picture, previous, mode)
        used = {**used_of(engine.report, picture), "frame": [index + 1, made.count]}
        if engine.report["interrupted"]:
            used["interrupted"] = True
        return replace(picture, recipe=replace(recipe, used=used, versions=versions()).to_json())

    return replace(made, frame=frame)


def _checked(made: Animation, index: int, previous: Picture | None, mode: Mode, engine: Engine) -> Picture:
    with staying(engine.say, mode.name):
        frame = made.frame(index, previous)
    return mode.check_picture(frame, f"an animation whose frame({index})")


def _check_size(frame: Picture, previous: Picture | None, mode: Mode) -> None:
    if previous is not None and frame.size != previous.size:
        raise mode.fault(f"returned a frame of {frame.size} pixels after one of {previous.size}")


def planned(made: Animation, mode: Mode, engine: Engine) -> dict[str, Any]:
    """What is known of an animation beforehand: its size, and its steps by those of its first two frames.

    They are checked as in a run.
    """
    counts: list[int] = []
    previous: Picture | None = None
    for index in range(min(2, made.count)):
        engine.part(index, made.count)
        frame = _checked(made, index, previous, mode, engine)
        _check_size(frame, previous, mode)
        previous = frame
        counts.append(engine.report.get("steps") or 0)
    size = {} if previous is None else {"size": list(previous.size)}
    return {"steps": counts[0] + (counts[-1] - counts[0]) * (made.count - 1), **size}
