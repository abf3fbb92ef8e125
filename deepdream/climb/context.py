"""What a mode may know and say about its run, whatever it climbs: seed, progress, cancelling, notes."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeVar

from deepdream.climb.events import Listener
from deepdream.climb.updates import Way
from deepdream.errors import DeepDreamError, misfit
from deepdream.jobs.recipe import Common
from deepdream.objectives import Objective
from deepdream.pictures.picture import Picture

if TYPE_CHECKING:
    import numpy as np

    from deepdream.jobs.checkpoints import Kept, State

__all__ = ["Context"]

Item = TypeVar("Item")
_STEPS_OF_A_FRAME = 1 << 14
"""Draws that a frame may take before the next one's begin: more steps than one has."""
_CLIMBS = 200
"""How many climbs a plan may have, a loop over `each` counting as its last item; and how many are told."""
_ITEMS = 100_000
"""How many items `each` may have."""
_DEAF = 1000
"""How many climbs a mode may ask for once the user has ended the run."""
_FORMULAS = 3
"""How many different formulas of a run are recorded."""
_WORDS = 8
"""How many meanings of their words, and rules of steps."""


@dataclass
class Context:
    """One run: what it was asked for, who watches it, how far it is. `report` tells what happened."""

    common: Common = field(default_factory=Common)
    seed: int = 0
    listeners: Sequence[Listener] = ()
    pulse: Callable[[float], None] | None = None
    """Told what part of the work is done while a long step goes on tile by tile."""
    cancel: threading.Event | None = None
    dry: bool = False
    """Everything is planned and nothing computed."""
    began: float = field(default_factory=time.monotonic)
    """What time budgets count from, by `time.monotonic`."""
    kept: Kept | None = None
    """What an earlier run of the same job left."""
    steps: int = 0
    """Steps taken so far, in all climbs."""
    report: dict[str, Any] = field(default_factory=lambda: {"notes": [], "interrupted": False})
    _part: tuple[int, int, str] = (0, 1, "climb")
    """Number of the part that is climbed, of how many, and what a part is."""
    _frame: tuple[int, int] = (0, 0)
    """Number of the frame that is made, of how many."""
    _called: str = ""
    """What that part is called."""
    _before: int = 0
    """The number of steps that the draws of this frame count from."""
    _earlier: int = 0
    """Steps that the frames before this one took."""
    _counts: dict[int, int] = field(default_factory=dict)
    """Steps of every frame made in this run; those before the first frame by 0."""
    _made: tuple[int, int] = (0, 0)
    """How many frames were there already, and their steps."""
    _weights: str | None = None
    """The digest of the weights that they were made with."""
    _climbs: int = 0
    """How many climbs were planned."""
    _climbed: tuple[tuple[str, float], ...] = ()
    """The terms of the last climb, with their weights."""
    _span: tuple[float, float] = (0.0, 1.0)
    """The part of all the work that the next climb is: where it begins and how much it is."""

    def say(self, note: str) -> None:
        """Tell the user something they should know, in one line."""
        note = str(note)
        if note not in self.report["notes"]:
            self.report["notes"].append(note)

    @property
    def cancelled(self) -> bool:
        """Whether the user wants the run to end: a loop of one's own should stop, and return what it has."""
        return self.cancel is not None and self.cancel.is_set()

    def rng(self, *key: int | str) -> np.random.Generator:
        """A source of random numbers for the run's seed and `key`: the same key gives the same numbers."""
        import numpy as np

        if wrong := [item for item in key if isinstance(item, bool) or not isinstance(item, Integral | str)]:
            raise misfit(
                f"the key of rng is made of texts and whole numbers, not of {wrong[0]!r}",
                "engine.rng() has none; the run's seed counts anyway",
            )
        words = [zlib.crc32(item.encode()) if isinstance(item, str) else item for item in key]
        return np.random.default_rng([self.seed, *words])

    def each(self, items: Iterable[Item], called: Callable[[Item], str] | None = None) -> Iterator[Item]:
        """`items` one by one, each an equal part of the progress bar; no more of them once cancelled.

        The progress shows the number of the item, and what it is `called`. All items are read before the
        first is given: the work belongs into the loop, not into a generator of them.
        """
        everything = list(islice(items, _ITEMS + 1))
        if len(everything) > _ITEMS:
            raise DeepDreamError(
                f"engine.each was given more than {_ITEMS} items, or endlessly many",
                "the progress needs an end; without one, write 'while not engine.cancelled:'",
            )
        (begin, width), outer = self._span, (self._part, self._called)
        climbs = self._climbs
        try:
            for number, item in enumerate(everything):
                if self.cancelled:
                    self.report["interrupted"] = True
                    return
                self._span = (begin + width * number / len(everything), width / len(everything))
                self._part = (number + 1, len(everything), "part")
                self._called = "" if called is None else called(item)
                self._climbs = climbs  # of a plan: a loop with an end may be long
                if number and not self.steps and self.pulse is not None and not self.dry:
                    self.pulse(self._span[0])  # the items before made something, without a step that tells
                yield item
        finally:
            self._span, (self._part, self._called) = (begin, width), outer

    def noise(
        self, like: Picture, *, mean: float | Sequence[float] = 127.5, deviation: float = 40.0
    ) -> Picture:
        """White noise as large as `like`: normal, `mean` (per channel) and `deviation` in grey levels."""
        import numpy as np

        if not isinstance(like, Picture):
            raise misfit(
                f"noise is as large as a Picture, not as {like!r}",
                "of a size, write Picture.from_array(numpy.zeros((height, width, 3)))",
            )
        normal = np.random.default_rng(self.seed).standard_normal(like.pixels.shape, np.float32)
        pixels = np.asarray(mean, np.float32) + np.float32(deviation) * normal
        return like.with_pixels(np.clip(pixels, 0.0, 255.0).astype(np.float32))

    def part(self, number: int, parts: int) -> None:
        """Begin frame `number`, counted from 0, of the `parts` of an animation.

        The bar goes on from there, and so do the draws, the same whether the frames before were made in
        this run or in an earlier one.
        """
        frame = self._frame[0]
        self._counts[frame] = max(self._counts.get(frame, 0), self.steps - self._before)
        made, earlier = self._made
        # A frame that is there already may be climbed once more, for its sake as a start.
        here = sum(n for frame, n in self._counts.items() if frame <= number and (frame > made or not made))
        self._earlier = earlier + here
        self._frame, self._part = (number + 1, parts), (0, 1, "climb")
        self._span = (number / parts, 1 / parts)
        self.steps = self._before = number * _STEPS_OF_A_FRAME

    def go_on_from(self, used: Mapping[str, Any]) -> None:
        """Take over what the recipe of the last frame says of the frames before."""
        self._made = (used.get("frame", (0, 0))[0], used.get("steps", 0))
        known = ("formula", "layers", "requested_layers")
        self.report.update({name: used[name] for name in known if name in used})
        self._weights = used.get("weights", {}).get("sha256")

    def _resumed(self) -> State | None:
        """Where a run that was stopped was in the climb that begins now; other weights make it begin anew.

        A DeepDreamError if frames that are there already were made with others.
        """
        weights = self.report["weights"].get("sha256")
        if self._weights not in (None, weights):
            raise DeepDreamError(
                "the frames that are here were made with other weights than these",
                "give the result another name: -o PATH",
            )
        if self.kept is None or self.kept.first != self.steps:
            return None
        kept, self.kept = self.kept, None
        if kept.weights != weights:
            self.say("begun anew: the run that was stopped had other weights")
            return None
        if kept.start:
            self._note_figures(kept.start, kept.start)
        self.say(f"went on from step {kept.state.index} of a run that was stopped")
        return kept.state

    @property
    def repeating(self) -> bool:
        """Whether a climb comes before the one that a run was stopped in: that one's checkpoint is kept."""
        return self.kept is not None and self.kept.first > self.steps

    @property
    def taken(self) -> int:
        """Steps taken so far, in all climbs and frames."""
        return self._earlier + self.steps - self._before

    def _unheard(self) -> None:
        """Count a climb that was asked for after the run was stopped: a mode must not go on for ever."""
        self._climbs += 1
        if self._climbs > _DEAF:
            raise DeepDreamError(
                f"the mode was stopped, and has asked for {_DEAF} climbs since",
                "its author must leave such a loop: with engine.each, or where engine.cancelled is true",
            )

    def _planned(self) -> None:
        """Count a climb of a plan: a loop until something is so would never end, as nothing changes."""
        self._climbs += 1
        if self._climbs > _CLIMBS:
            raise DeepDreamError(
                f"the mode cannot be planned: it climbs more than {_CLIMBS} times, or endlessly",
                "run it without --dry-run",
            )

    def _note_climb(self, objective: Objective, sizes: list[list[int]], steps: int, way: Way) -> None:
        """Record what is climbed next and which `way`, `steps` in all at `sizes` [width, height].

        In the report are the first formulas, and "..." if there are more, what their words mean, and the
        rules of the steps. "climb" is the one that goes on; "climbs" has all of them, but for frames'.
        """
        terms = tuple((term.name, term.weight) for term in objective.terms)
        if self._climbed not in ((), terms):
            self.report.pop("objective", None)  # figures of different objectives say nothing together
        self._climbed, shown = terms, str(objective)
        known = self.report.get("formula", [])
        formulas = [known] if isinstance(known, str) else list(known)
        if shown not in formulas and len(formulas) <= _FORMULAS:
            formulas.append(shown if len(formulas) < _FORMULAS else "...")
        self.report["formula"] = formulas[0] if len(formulas) == 1 else formulas
        for name, words in (("meanings", objective.meanings), ("rules", (str(way),))):
            known = dict.fromkeys([*self.report.get(name, ()), *words])
            self.report[name] = list(known)[:_WORDS]
        climb = {"formula": shown, "octaves": sizes, "steps": steps}
        self.report.update(climb=climb, octaves=sizes, steps=self.taken + steps)
        if not self._frame[1] and len(climbs := self.report.setdefault("climbs", [])) < _CLIMBS:
            climbs.append(climb)

    def _note_figures(self, start: Mapping[str, float], end: Mapping[str, float]) -> None:
        """Record the terms of the objective and their "total", at the first step and now."""
        for facts in (self.report["climb"], self.report):
            facts.setdefault("objective", {"start": start})["end"] = end

    def _stopped(self, steps: int = 0) -> None:
        """Note that the user ended the run after so many steps of a climb."""
        self.report.update(interrupted=True, steps=self.taken)
        self.report["climb"]["steps"] = steps
