"""The climb through the octaves: sizes from small to large, steps in chunks, what is carried on between them.

Importing this module loads TensorFlow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
import tensorflow as tf

from deepdream.climb.ascent import Climb
from deepdream.climb.canvases import Anchor, canvas_of, resized
from deepdream.climb.clouds import Clouds
from deepdream.climb.gradient import Stopped
from deepdream.climb.network import to_canvas
from deepdream.climb.tiling import Tile
from deepdream.jobs.checkpoints import State
from deepdream.pictures.picture import Picture
from deepdream.pictures.scales import Size

__all__ = ["Moment", "Progress", "Route", "climb"]

LIVELY = 0.5
"""Seconds that a chunk of steps should take: progress, snapshots and Ctrl-C wait for its end."""


@dataclass(frozen=True)
class Route:
    """The octaves of a climb, and what happens between them."""

    sizes: Sequence[Size]
    steps: Sequence[int]
    """How many at each size."""
    reinject: bool | Literal["after"] = True
    """What an octave added to the photograph is scaled up and added to the sharper photograph of the next
    (google/deepdream), so that no octave blurs it; without, the canvas itself is scaled up. "after" scales
    it up, too, and adds what is sharper about the photograph once the octave is climbed (Keras's example)."""
    direct: bool = False
    """The photograph at each size is made of the original, not of the next larger one."""
    anchor: Anchor = "centres"
    """What keeps its place between the sizes."""
    warm: bool = False
    """The optimiser keeps what it knows from octave to octave."""
    mask: Picture | None = None
    """What part of its way each pixel goes: black none, white all of it."""
    deadline: float | None = None
    """Moment of `time.monotonic` until which the climb should have ended; steps are left out evenly."""
    every: int | None = None
    """Numbers of steps that end a chunk, so that there can be a snapshot."""
    first: int = 0
    """Steps taken before this climb, for the random draws."""
    resume: State | None = None


@dataclass(frozen=True)
class Progress:
    """Where in the climb a chunk of steps ended."""

    octave: int
    """Counted from 0."""
    index: int
    """Number of the last step, counted from 1."""
    total: int
    """Steps there will have been at the end."""
    done: float
    """Part of the work that is done, a step's work being the number of its canvas's pixels."""
    taken: tuple[int, ...]
    """Steps taken so far in each octave."""
    left_out: int
    """Steps that time did not allow, of those there should have been."""


@dataclass(frozen=True)
class Moment:
    """The state after a chunk of steps."""

    progress: Progress
    values: np.ndarray
    """`[steps, terms]`: the weighted value of every term, before each step."""
    finite: bool
    seconds: float
    """For each step."""
    pixels: Callable[[], np.ndarray] = field(repr=False)
    """The picture at full size as float32 `[H, W, 3]`, whatever the octave."""
    state: Callable[[], State] = field(repr=False)
    """To be called before the next chunk."""


def climb(
    step: Climb,
    start: Picture,
    route: Route,
    *,
    tiles: Callable[[Size, int], tuple[Tile, ...]] = lambda size, halvings: (),
    looks: Callable[[Size, int], tuple[Tile, ...]] = lambda size, halvings: (),
    pulse: Callable[[float], bool] = lambda done: True,
) -> Iterator[Moment]:
    """Climb through the octaves of `route`.

    `tiles(size, halvings)` cuts an octave into tiles, or leaves it whole, and `looks` a picture that targets
    are measured on; whenever the device runs out of memory, they are asked for tiles halved once more, and
    the steps are taken again. `pulse` is told after every tile what part of the work is done, and ends the
    climb by returning false.
    """
    full: Size = (start.height, start.width)
    clouds = Clouds(start, step.way.clouds, step.seed) if step.way.clouds else None
    step.clouds = clouds if clouds is not None and clouds.anywhere else None
    fitted = partial(resized, anchor=route.anchor)
    bases = _bases(start.pixels, route)
    clock = _Clock(route)
    halvings = 0
    canvas, below = bases[0], bases[0]  # `below` is the photograph in the octave below
    state = route.resume
    # A huge canvas is kept no longer than it is needed: `climb.memory` counts them.
    for octave, size in enumerate(route.sizes):
        base = bases.pop(0)
        if state is not None and octave < state.octave:
            below = base
            continue
        sharper = base - fitted(below, size) if octave and route.reinject == "after" else None
        if octave and state is None:
            again = route.reinject is True
            canvas = fitted(canvas - below, size, base) if again else fitted(canvas, size)
        if state is not None:
            canvas = state.arrays[0][0]  # what the targets of the octave are measured on
        below = base if bases else np.zeros((0, 0, 3), np.float32)
        shown_on = base if route.reinject and size != full else None
        warm = route.warm and octave > 0 and state is None
        step.cutter = lambda other, halved=halvings: looks(other, halved)  # type: ignore[misc]
        step.enter(canvas_of(canvas), tiles(size, halvings), mask=_mask(route, size), warm=warm)
        if state is not None:
            step.restore(state.arrays[1:])
            clock.resume(state)
        begin, state = canvas if step.aimed else None, None
        del base, canvas
        clock.enter(octave)
        while count := clock.chunk(tiled=bool(step.tiles)):
            began = time.perf_counter()
            step.pulse = lambda part: pulse(clock.done(part))
            while True:
                try:
                    taken = step.run(route.first + clock.index + 1, count)
                    break
                except Stopped:
                    return
                except tf.errors.ResourceExhaustedError:
                    halvings += 1
                    step.tiles, count = tiles(size, halvings), 1
                    if not step.tiles:
                        raise
            steps = len(taken.values)
            seconds = (time.perf_counter() - began) / steps
            clock.took(steps, seconds, stop=taken.stopped)
            shown = _shown(_with(_pixels(step.canvas), sharper), start, shown_on, route)
            kept = _state(step, clock, begin)
            yield Moment(clock.progress(), taken.values, taken.finite, seconds, shown, kept)
        canvas = _with(_pixels(step.canvas), sharper)
    if not clock.index and step.way.parametrisation is not None:
        # Without a step, too, the picture is what the parameters at the start stand for.
        none = np.zeros((0, len(step.objective.terms)), np.float32)
        shown = _shown(_pixels(step.canvas), start, None, route)
        yield Moment(clock.progress(), none, True, 0.0, shown, _state(step, clock, canvas))


class _Clock:
    """Counts steps, and leaves some out where time is short."""

    def __init__(self, route: Route) -> None:
        self.octave = self._ended = 0
        self.taken = [0] * len(route.steps)
        self._route = route
        self._left = list(route.steps)
        self._pixels = [h * w for h, w in route.sizes]
        self._pace: float | None = None  # seconds for each pixel of a step
        self._fresh = True

    @property
    def index(self) -> int:
        return sum(self.taken)

    def resume(self, state: State) -> None:
        self.octave, self.taken = state.octave, list(state.taken)
        self._left[: state.octave] = [0] * state.octave
        self._left[state.octave] -= state.taken[state.octave]

    def enter(self, octave: int) -> None:
        self.octave, self._fresh = octave, True

    def chunk(self, *, tiled: bool) -> int:
        """How many steps to take at once: few enough to stay lively; none where the octave is done."""
        if self._fresh:
            self._save_time()  # to make an octave ready has taken some
        left = self._left[self.octave]
        if tiled or self._fresh or self._pace is None:
            return min(1, left)  # the first step of an octave is the one that memory may not suffice for
        count = max(1, min(left, int(LIVELY / (self._pace * self._pixels[self.octave]))))
        if every := self._route.every:
            count = min(count, every - self.index % every)
        return min(count, left)

    def took(self, steps: int, seconds: float, *, stop: bool) -> None:
        self.taken[self.octave] += steps
        self._left[self.octave] -= steps
        if stop:
            self._ended += self._left[self.octave]
            self._left[self.octave] = 0
        pace = seconds / self._pixels[self.octave]
        # The first step of all, and of a size, also pays for what is made ready once.
        self._pace = pace if not self._fresh or self._pace is None else min(pace, self._pace)
        self._fresh = False
        self._save_time()

    def done(self, part: float = 0.0) -> float:
        """The part of all the work that is done, and `part` of the step that is going on."""
        work, ahead = self._pixels_of(self.taken), self._pixels_of(self._left)
        now = work + part * self._pixels[self.octave]
        return now / (work + ahead) if work + ahead else 1.0

    def progress(self) -> Progress:
        total = self.index + sum(self._left)
        left_out = sum(self._route.steps) - total - self._ended
        return Progress(self.octave, self.index, total, self.done(), tuple(self.taken), left_out)

    def _pixels_of(self, steps: Sequence[int]) -> int:
        return sum(n * p for n, p in zip(steps, self._pixels, strict=True))

    def _save_time(self) -> None:
        """Leave out the same part of the steps in every octave to come, so that the rest ends in time."""
        if self._route.deadline is None or self._pace is None or self.index < 2:
            return  # the first step of all tells little: it waits for the trace
        ahead = self._pixels_of(self._left) * self._pace
        time_left = max(0.0, self._route.deadline - time.monotonic())
        if ahead <= time_left:
            return
        part = time_left / ahead
        self._left = [int(n * part) for n in self._left]
        # Rounded down, no step may be left for the largest sizes, which count most: one, if there is time.
        for octave in reversed(range(self.octave, len(self._left))):
            spent = self._pixels_of(self._left) * self._pace
            if not self._left[octave] and spent + self._pixels[octave] * self._pace <= time_left:
                self._left[octave] = 1


def _bases(original: np.ndarray, route: Route) -> list[np.ndarray]:
    """The photograph at every size, `[H, W, 3]`."""
    fitted = partial(resized, anchor=route.anchor)
    if route.direct:
        return [fitted(original, size) for size in route.sizes]
    bases = [fitted(original, route.sizes[-1])]
    for size in reversed(route.sizes[:-1]):
        bases.insert(0, fitted(bases[0], size))
    return bases


def _pixels(canvas: tf.Tensor) -> np.ndarray:
    """The pixels `[H, W, 3]` of a canvas, in its own memory where that is main memory."""
    pixels: np.ndarray = np.asarray(canvas)[0]
    return pixels


def _with(canvas: np.ndarray, sharper: np.ndarray | None) -> np.ndarray:
    return canvas if sharper is None else canvas + sharper


def _mask(route: Route, size: Size) -> tf.Tensor | None:
    """The mask `[1, H, W, 1]` from 0 to 1 at a size."""
    if route.mask is None:
        return None
    canvas = to_canvas(route.mask.resized(size[1], size[0]))
    return tf.reduce_mean(canvas, axis=-1, keepdims=True) / 255.0


def _shown(
    canvas: np.ndarray, start: Picture, base: np.ndarray | None, route: Route
) -> Callable[[], np.ndarray]:
    """The function that makes the picture at full size of a canvas: that of `start` where a mask is black."""
    fitted, mask = partial(resized, anchor=route.anchor), route.mask

    def pixels() -> np.ndarray:
        full, whole = (start.height, start.width), canvas
        if canvas.shape[:2] != full:
            whole = fitted(canvas, full) if base is None else fitted(canvas - base, full, start.pixels)
        found: np.ndarray = np.clip(whole, 0.0, 255.0, out=None if whole is canvas else whole)
        if mask is not None:
            black = mask.resized(*start.size).pixels.max(axis=2, keepdims=True) <= 0
            found = np.where(black, start.pixels, found)
        return found

    return pixels


def _state(step: Climb, clock: _Clock, begin: np.ndarray | None) -> Callable[[], State]:
    def state() -> State:
        arrays = step.state()
        first = arrays[0] if begin is None else begin[np.newaxis]
        return State(clock.octave, clock.progress().taken, (first, *arrays))

    return state
