"""The film of a climb: a listener that takes a frame every few steps, for `--film`."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deepdream.errors import DeepDreamError
from deepdream.jobs.takes import Take
from deepdream.pictures.animation import Animation, as_saved
from deepdream.pictures.picture import Picture

if TYPE_CHECKING:
    from deepdream.climb.engine import Step
    from deepdream.runs.results import Result

__all__ = ["FPS", "FRAMES", "Making", "every_for"]

FPS: Final = 12.0
FRAMES: Final = 100
"""Frames that a film has at most, if nobody says how often to take one."""
_REST: Final = 1.5
"""Seconds that the last frame stays."""


def every_for(steps: int) -> int:
    """After how many steps to take a frame, so that a climb of so many gives `FRAMES` at most."""
    return max(1, math.ceil(steps / FRAMES))


class Making:
    """Takes a frame of the climb after every `every` steps; `first` is what the climb begins with.

    Frames of another size than the first are brought to it. What prevents the film is left in `trouble`: the
    climb is worth more than it.
    """

    def __init__(self, take: Take, every: int, first: Picture | None = None) -> None:
        self.take, self.every = take, every
        self.trouble: DeepDreamError | None = None
        take.begin(Animation(lambda index, _: _nothing(), 1, FPS, loop=True))
        self._size: tuple[int, int] | None = None
        self._first = first
        self._begin: int | None = None

    def __call__(self, step: Step) -> None:
        if self._begin is None:
            self._begin = step.index
        if self._first is not None:
            self._add(self._first)
            self._first = None
        if step.index % self.every == 0 and step.index < step.total:  # the last one is the result
            self._add(step.snapshot())

    def finish(self, result: Result) -> list[Path]:
        """Make the film, which ends with the picture that was made and rests there."""
        if isinstance(result.made, Picture):
            self._add(result.made)
        if self.trouble is not None or not len(self.take):
            return []
        recipe = replace(result.recipe, used={**result.recipe.used, "film": self.every})
        try:
            return self.take.finish(recipe, whole=True, rest=_REST)
        except DeepDreamError as error:
            self._fail(error)
            return []

    def close(self) -> None:
        """Delete the frames of a film that was not made; those that are the result themselves stay."""
        if self.take.path is not None:
            self.take.discard()

    def notes(self) -> list[str]:
        """What the user should know of the film."""
        if self.trouble is not None:
            return []
        notes = self.take.notes()
        if self._begin is not None and self._begin > 1:
            shown = self.take.shown.name
            notes.append(f"{shown} begins at step {self._begin}: the run that was stopped kept no frames")
        return notes

    def _add(self, picture: Picture) -> None:
        if self.trouble is not None:
            return
        self._size = self._size or picture.size
        try:
            self.take.add(as_saved(picture.resized(*self._size)))
        except DeepDreamError as error:
            self._fail(error)

    def _fail(self, error: DeepDreamError) -> None:
        self.trouble = DeepDreamError(f"no film: {error.message}", error.hint)
        self.take.discard()  # whatever room is left is the picture's


def _nothing() -> Picture:
    raise AssertionError("the frames come from the climb")
