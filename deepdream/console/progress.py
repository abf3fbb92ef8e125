"""Listeners that show a person how the work goes: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from deepdream.console.streams import Voice

if TYPE_CHECKING:
    from deepdream.climb.engine import Step

__all__ = ["Bar", "Lines", "Pace", "Progress", "describe", "duration", "progress"]


def progress(voice: Voice, title: str) -> Progress:
    """The display that suits where standard error goes."""
    if voice.quiet or voice.stream is None:
        return Progress(voice)
    return Bar(voice, title) if voice.on_terminal else Lines(voice)


class Pace:
    """Seconds left, from the fraction done and the clock.

    The first step, which traces, is left out; and of a film the first frame, which often takes more steps
    than those that go on from it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first: tuple[float, float] | None = None
        self._last = 0.0
        self._frames: set[int] = set()

    def left(self, done: float, frame: int | None = None) -> float | None:
        """Seconds until `done` is 1; None until there is something to judge by.

        `frame` is the number of the frame that is made; None for what it was, 0 where there are none.
        """
        now = self._clock()
        if frame and frame not in self._frames:
            self._frames.add(frame)
            self._first = self._first if len(self._frames) > 2 else None
        if len(self._frames) == 1:
            return None
        if self._first is None or done < self._last:  # a further climb begins anew
            self._first, self._last = (now, done), done
            return None
        self._last = done
        began, already = self._first
        return (now - began) * (1 - done) / (done - already) if done > already else None


def duration(seconds: float) -> str:
    """A length of time as a person says it: `0.31 s`, `12 s`, `3 min 05 s`, `1 h 12 min`."""
    if seconds < 9.95:
        return f"{seconds:.2g} s" if seconds < 0.995 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def describe(step: Step, left: float | None) -> str:
    """One step in words: octave, step, objective, pace, time left."""
    words = [f"frame {step.frame}/{step.frames}"] if step.frames else []
    if step.parts > 1:
        words.append(f"{step.unit} {step.part}/{step.parts}")
    elif step.part > 1:
        words.append(f"{step.unit} {step.part}")
    if step.called:
        words.append(step.called)
    words += [
        f"octave {step.octave}/{step.octaves}",
        f"step {step.index}/{step.total}",
        f"objective {step.objective:.4g}",
        f"{duration(step.seconds)}/step",
    ]
    more = step.index < step.total or step.part < step.parts or step.frame < step.frames
    if left is not None and more:
        words.append(f"{duration(left)} left")
    return "  ".join(words)


class Progress:
    """A display of steps, used as a context manager and called with every step; this one shows nothing."""

    def __init__(self, voice: Voice) -> None:
        self.voice = voice

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, step: Step) -> None:
        return None

    def pulse(self, done: float) -> None:
        """Show what part of the work is done in the middle of a long step."""


class Lines(Progress):
    """A plain line every few seconds, for files, pipes and terminals that cannot do more."""

    def __init__(self, voice: Voice, every: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(voice)
        self._every, self._clock, self._pace = every, clock, Pace(clock)
        self._next = clock() + every

    def __call__(self, step: Step) -> None:
        left = self._pace.left(step.done, step.frame if step.frames > 1 else 0)
        if self._clock() >= self._next:
            self._next = self._clock() + self._every
            self.voice.say(describe(step, left))

    def pulse(self, done: float) -> None:
        left = self._pace.left(done)
        if left is not None and self._clock() >= self._next:
            self._next = self._clock() + self._every
            self.voice.say(f"{done:.0%} done  {duration(left)} left")


class Bar(Progress):
    """A bar on a terminal; rich draws it, and honours NO_COLOR."""

    def __init__(self, voice: Voice, title: str) -> None:
        super().__init__(voice)
        self._title, self._pace = title, Pace()
        self._live: Any = None
        self._task: Any = None

    def __enter__(self) -> Bar:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn

        console = Console(file=self.voice.stream, highlight=False, markup=False, emoji=False)
        words = TextColumn("{task.fields[words]}", markup=False)
        columns: list[ProgressColumn] = [BarColumn(bar_width=10), TaskProgressColumn(), words]
        if console.width >= 100:
            columns.insert(0, TextColumn("{task.description}", markup=False))
        self._live = Progress(
            *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._task = self._live.add_task(self._title, total=None, words="loading the network")
        self._live.start()
        self.voice.printer = console.print
        return self

    def __exit__(self, *_: object) -> None:
        self.voice.printer = None
        self._live.stop()

    def __call__(self, step: Step) -> None:
        left = self._pace.left(step.done, step.frame if step.frames > 1 else 0)
        words = describe(step, left).replace("  ", " ")
        self._live.update(self._task, total=1.0, completed=step.done, words=words)

    def pulse(self, done: float) -> None:
        left = self._pace.left(done)
        words = "" if left is None else f"{duration(left)} left"
        self._live.update(self._task, total=1.0, completed=done, words=words)
