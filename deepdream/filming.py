"""An animation in the making: its frames watched one by one, on behalf of whoever asks for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from deepdream.animation import Animation, Ended
from deepdream.engine import Engine, Step
from deepdream.modes import Mode
from deepdream.picture import Picture
from deepdream.recipe import Recipe
from deepdream.results import used_of, versions

__all__ = ["Part", "planned", "watched"]


class Part:
    """Which part of the work a climb is: all of it, or that of one frame of an animation."""

    def __init__(self) -> None:
        self.frame, self.frames = 1, 1

    def done(self, done: float) -> float:
        return (self.frame - 1 + done) / self.frames

    def of(self, step: Step) -> Step:
        return step if self.frames == 1 else replace(step, done=self.done(step.done))


def watched(made: Animation, mode: Mode, engine: Engine, recipe: Recipe, part: Part) -> Animation:
    """The animation with its frames checked and given recipes; it ends when the engine is stopped."""

    def frame(index: int, previous: Picture | None) -> Picture:
        part.frame, part.frames = index + 1, made.count
        if engine.cancel is not None and engine.cancel.is_set():
            engine.report["interrupted"] = True
        if engine.report["interrupted"] and previous is not None:
            raise Ended
        picture = mode.check_picture(made.frame(index, previous))
        if previous is not None:
            if engine.report["interrupted"]:  # half a frame would not be what the recipe says
                raise Ended
            if picture.size != previous.size:
                raise mode.fault(f"returned a frame of {picture.size} pixels after one of {previous.size}")
        used = {**used_of(engine.report, picture), "frame": [index + 1, made.count]}
        if engine.report["interrupted"]:
            used["interrupted"] = True
        return replace(picture, recipe=replace(recipe, used=used, versions=versions()).to_json())

    return replace(made, frame=frame)


def planned(made: Animation, engine: Engine) -> dict[str, Any]:
    """What is known of an animation beforehand: its size, and its steps by those of its first two frames."""
    counts: list[int] = []
    previous = None
    for index in range(min(2, made.count)):
        previous = made.frame(index, previous)
        counts.append(engine.report.get("steps") or 0)
    size = {} if previous is None else {"size": list(previous.size)}
    return {"steps": counts[0] + counts[-1] * (made.count - 1), **size}
