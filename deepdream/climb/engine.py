"""The engine: what a mode is given to climb with. The loop itself is in `octaves` and `ascent`.

Importing this module loads no TensorFlow; the first `features` or `ascend` does.
"""

from __future__ import annotations

import math
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from deepdream import backbones
from deepdream.climb import memory, plan, precision
from deepdream.climb.events import Listener, Step
from deepdream.climb.pool import Pool
from deepdream.climb.updates import LBFGS, Parametrisation, Update, Way, named
from deepdream.errors import DeepDreamError, UsageError
from deepdream.jobs.recipe import Common
from deepdream.objectives import Objective
from deepdream.pictures.picture import Picture
from deepdream.pictures.scales import Size
from deepdream.silence import silence_tensorflow

if TYPE_CHECKING:
    import numpy as np

    from deepdream.climb.octaves import Moment
    from deepdream.climb.tiling import Tile
    from deepdream.jobs.checkpoints import Checkpoint, Kept

__all__ = ["Engine", "Listener", "Pool", "Step"]


Item = TypeVar("Item")
_STEPS_OF_A_PART = 1 << 14
"""Draws that a part may take before the next one's begin: more steps than one has."""


@dataclass
class Engine:
    """Climbs objectives for a mode; made by the host, one for each run.

    A mode calls `ascend`, and before it perhaps `features`, `noise` and `default_layers`. What
    happened is in `report` afterwards. With `dry`, everything is planned and nothing computed.
    """

    common: Common = field(default_factory=Common)
    seed: int = 0
    listeners: Sequence[Listener] = ()
    pulse: Callable[[float], None] | None = None
    """Told what part of the work is done while a long step goes on tile by tile."""
    cancel: threading.Event | None = None
    pool: Pool = field(default_factory=Pool)
    dry: bool = False
    every: int | None = None
    """Number of steps after which a listener wants an exact snapshot, again and again."""
    began: float = field(default_factory=time.monotonic)
    """What time budgets count from, by `time.monotonic`."""
    steps: int = 0
    """Steps taken so far, in all climbs."""
    checkpoint: Checkpoint | None = None
    """Where a long climb is kept."""
    kept: Kept | None = None
    """What an earlier run of the same job left."""
    variant: backbones.Variant = field(default_factory=backbones.Variant)
    """How the network differs from what it was trained as."""
    _part: tuple[int, int, str] = (0, 1, "climb")
    """Number of the part that is climbed, of how many, and what a part is."""
    _before: int = 0
    _span: tuple[float, float] = (0.0, 1.0)
    """The part of all the work that the next climb is: where it begins and how much it is."""
    report: dict[str, Any] = field(default_factory=lambda: {"notes": [], "interrupted": False})

    # --- for modes -----------------------------------------------------------------------------

    def say(self, note: str) -> None:
        """Tell the user something they should know, in one line."""
        if note not in self.report["notes"]:
            self.report["notes"].append(note)

    @property
    def cancelled(self) -> bool:
        """Whether the user wants the run to end: a loop of one's own should stop, and return what it has."""
        return self.cancel is not None and self.cancel.is_set()

    def rng(self, *key: int | str) -> np.random.Generator:
        """A source of random numbers for the run's seed and `key`: the same key gives the same numbers."""
        import numpy as np

        words = [zlib.crc32(item.encode()) if isinstance(item, str) else item for item in key]
        return np.random.default_rng([self.seed, *words])

    def each(self, items: Iterable[Item]) -> Iterator[Item]:
        """`items` one by one, each an equal part of the progress bar; no more of them once cancelled."""
        everything = list(items)
        (begin, width), outer = self._span, self._part
        try:
            for number, item in enumerate(everything):
                if self.cancelled:
                    self.report["interrupted"] = True
                    return
                self._span = (begin + width * number / len(everything), width / len(everything))
                self._part = (number + 1, len(everything), "part")
                yield item
        finally:
            self._span, self._part = (begin, width), outer

    def alter(self, *, pooling: backbones.Pooling = "max", replicate: bool = False) -> None:
        """From now on, let the network pool in another way, or pad its first convolution with the rim."""
        self.variant = backbones.Variant(pooling, replicate)

    def part(self, number: int, parts: int) -> None:
        """Begin part `number`, counted from 0, of `parts` equal ones that the run consists of.

        The bar goes on from there, and so do the draws, the same whether the parts before were climbed in
        this run or in an earlier one.
        """
        self._part = (number + 1, parts, "frame")
        self._span = (number / parts, 1 / parts)
        self.steps = self._before = number * _STEPS_OF_A_PART

    def default_layers(self, role: Literal["dream", "content", "style"]) -> list[str]:
        """The layers that suit the model in use: to dream at, or to take content or style from."""
        backbone = backbones.get("vgg16" if self.common.model == "auto" else self.common.model)
        if role == "content":
            return [backbone.content_layer]
        return list(backbone.dream_layers if role == "dream" else backbone.style_layers)

    def noise(
        self, like: Picture, *, mean: float | Sequence[float] = 127.5, deviation: float = 40.0
    ) -> Picture:
        """White noise as large as `like`: normal, `mean` (per channel) and `deviation` in grey levels."""
        import numpy as np

        normal = np.random.default_rng(self.seed).standard_normal(like.pixels.shape, np.float32)
        pixels = np.asarray(mean, np.float32) + np.float32(deviation) * normal
        return like.with_pixels(np.clip(pixels, 0.0, 255.0).astype(np.float32))

    def features(self, picture: Picture, layers: Sequence[str]) -> dict[str, Any]:
        """Activations of `picture` at its own size: layer name -> float32 tensor `[1, h, w, C]`."""
        choice = self._choose(tuple(layers))
        if self.dry:
            return dict.fromkeys(layers)
        network = self.pool.network(choice, self._dtype())
        return network.features(picture, (picture.height, picture.width))

    def ascend(
        self,
        image: Picture,
        objective: Objective,
        *,
        octaves: int = 1,
        octave_scale: float = 1.4,
        sizes: Sequence[tuple[int, int]] | None = None,
        steps: int | Sequence[int] = 10,
        step_size: float = 1.5,
        jitter: int = 0,
        optimiser: Literal["ascent", "adam", "lbfgs"] | Update = "ascent",
        history: int = 20,
        reinject: bool | Literal["after"] = True,
        successive: bool = False,
        warm: bool = False,
        average: float | None = None,
        shape: Callable[[Any], Any] | None = None,
        transform: Callable[[Any, Any], Any] | None = None,
        parametrisation: Parametrisation | None = None,
        mask: Picture | None = None,
        stop_above: float | None = None,
        seconds: float | None = None,
    ) -> Picture:
        """Climb `objective` from `image` and return the picture at the top.

        `octaves` sizes, each `octave_scale` times smaller than the next, are climbed from the
        smallest to the picture's own with `steps` steps each (one number, or one per octave from
        the smallest up). `sizes` names them instead, as (width, height); the result has the size of
        `image` all the same; the photograph at each of them is made of the original, or with `successive`
        of the next larger one. `reinject` carries the detail that an octave added to the sharper
        photograph of the next; without it the canvas itself is scaled up, and "after" adds what is
        sharper about the photograph once the octave is climbed. With `warm` the optimiser keeps its
        moments meanwhile.

        `step_size` is in grey levels per step (L-BFGS finds its own), `jitter` in pixels per axis.
        `optimiser` is a name, or settings from `deepdream.climb.updates` that hold the step size themselves;
        `history` is the number of pairs that L-BFGS remembers. With `average`, the result is the running
        mean of the canvases with that decay. `shape` changes the gradient `[1, H, W, 3]` before the
        optimiser sees it; `transform(canvas, seed)` is what the network sees of the canvas;
        `parametrisation` is climbed in place of the pixels, in one octave.

        `mask` says what part of its way each pixel goes, from black to white. An octave ends once the
        objective exceeds `stop_above`; steps are left out, so many of a hundred in every octave, if the
        run would take longer than `seconds` otherwise.

        Draws go on from climb to climb; an objective and settings used again are traced only once.
        """
        update = named(optimiser, step_size, history) if isinstance(optimiser, str) else optimiser
        choice = self._choose(objective.layers)
        plan.check_channels(objective, choice)
        full = (image.height, image.width)
        wanted = None if sizes is None else [(height, width) for width, height in sizes]
        levels, note = plan.octaves(full, choice, octaves, octave_scale, wanted)
        if note:
            self.say(note)
        octaves = octaves if wanted is None else len(wanted)
        counts = [steps] * octaves if isinstance(steps, int) else list(steps)
        if len(counts) != octaves:
            raise UsageError(f"{len(counts)} numbers of steps for {octaves} octaves", "give one for each")
        counts = counts[-len(levels) :]
        budget = self.common.memory or memory.available()
        # A run that stays whole with no limit of its own remembers what it was told to, then as now.
        limited = self.common.tile != "off" or self.common.memory is not None
        if isinstance(update, LBFGS) and budget is not None and limited:
            asked, update = update, memory.affordable(update, levels[-1], budget)
            if update != asked:
                self.say(f"L-BFGS remembers {update.history} pairs here: memory allows no more")
                self.report["budget"] = budget
        way = Way(update, jitter, shape, transform, parametrisation, average, stop_above, mask is not None)
        aligned = [choice.used[name] for term in objective.terms for name in term.aligned]
        shown = objective.renamed(choice.used)
        if stop_above is not None and any(name != used for name, used in choice.used.items()):
            self.say(f"no octave ends early: {stop_above:g} says nothing about {choice.backbone.name}")
            way = replace(way, stop_above=None)
        cut = plan.cut(
            choice,
            objective,
            levels,
            memory.need(choice.backbone, choice.used.values(), self._dtype(), update, aligned),
            tile="off" if transform or parametrisation else self.common.tile,
            budget=budget,
            refuse=not self.dry,
        )
        if self.report.get("formula", str(shown)) != str(shown):
            self.report.pop("objective", None)  # figures of different objectives say nothing together
        self.report.update(
            octaves=[[w, h] for h, w in levels],
            steps=self.steps - self._before + sum(counts),
            formula=str(shown),
            memory=cut.memory,
        )
        if side := cut.side(levels[-1]):
            self.report.update(tile=side, tiles=len(cut.tiles(levels[-1])), budget=cut.budget)
        if self.dry:
            self.steps += sum(counts)
            return image
        if self.cancelled:
            self.report["interrupted"] = True
            return image
        from deepdream.climb.octaves import Route, climb

        def tiles(size: Size, halvings: int) -> tuple[Tile, ...]:
            if halvings and (side := cut.side(size, halvings)):
                self.say(f"the device ran out of memory: went on in tiles of {side} px")
            return cut.tiles(size, halvings)

        def pulse(done: float) -> bool:
            if self.pulse is not None:
                self.pulse(self._span[0] + done * self._span[1])
            return not self.cancelled

        resume = None
        if self.kept is not None and self.kept.first == self.steps:
            resume = self.kept.state
            if self.kept.start:
                self.report["objective"] = {"start": self.kept.start, "end": self.kept.start}
            self.kept = None
            self.say(f"went on from step {resume.index} of a run that was stopped")
        number, parts, unit = self._part
        if unit == "climb":
            self._part = (number + 1, parts, unit)
        route = Route(
            levels,
            counts,
            reinject=reinject,
            direct=wanted is not None and not successive,
            warm=warm,
            mask=mask,
            deadline=None if seconds is None else self.began + seconds,
            every=self.every,
            first=self.steps,
            resume=resume,
        )
        step = self.pool.climb(self.pool.network(choice, self._dtype()), objective, way, full)
        step.seed, step.first = self.seed, self.steps
        if seconds is not None and time.monotonic() - self.began > seconds:
            raise UsageError(
                f"{seconds:g} seconds were over before the first step", "give more time, or leave out --time"
            )
        moment, pixels, rescues = None, None, step.rescues
        for moment in climb(step, image, route, tiles=tiles, pulse=pulse):
            pixels = moment.pixels
            self._tell(moment, image, levels, shown.labels())
            if step.rescues > rescues:
                self.say("the objective ran away: went on from the best picture so far, in half the steps")
            if self.cancelled:
                break
            if self.checkpoint is not None and self.checkpoint.due():
                self.checkpoint.save(self.seed, self.steps, moment.state(), self.report)
        unfinished = sum(counts) if moment is None else moment.progress.total - moment.progress.index
        self.report["interrupted"] |= unfinished > 0
        step.leave()
        if pixels is None:
            return image
        self.steps += moment.progress.index if moment else 0
        import numpy as np

        result = pixels()
        if mask is not None:
            black = mask.resized(*image.size).pixels.max(axis=2, keepdims=True) <= 0
            result = np.where(black, image.pixels, result)
        return image.with_pixels(result)

    # --- inside --------------------------------------------------------------------------------

    def _dtype(self) -> backbones.Precision:
        if not self.dry:
            silence_tensorflow()  # which GPUs there are is known only then
        chosen = precision.choose(self.common.precision)
        self.report.update(precision=chosen.dtype, precision_reason=chosen.reason)
        return chosen.dtype

    def _choose(self, layers: tuple[str, ...]) -> backbones.Choice:
        """The model and the real layers for the requested ones; noted in the report."""
        if not layers:
            raise UsageError("the objective looks at no layer", "add a term that names a layer")
        common = self.common
        choice = backbones.resolve(
            common.model,
            layers,
            weights=None if common.weights is None else Path(common.weights),
            preprocess=common.preprocess,
            download=not self.dry,
        )
        choice = replace(choice, variant=self.variant)
        if choice.note:
            self.say(choice.note)
        known = self.report.get("layers", [])
        self.report.update(
            model=choice.backbone.name,
            weights=choice.weights.facts(),
            requested_layers=list(dict.fromkeys([*self.report.get("requested_layers", []), *layers])),
            layers=list(dict.fromkeys([*known, *choice.used.values()])),
        )
        return choice

    def _tell(self, moment: Moment, image: Picture, sizes: Sequence[Size], labels: Sequence[str]) -> None:
        """Record a chunk of steps in the report and pass each of them on to the listeners."""
        progress, count = moment.progress, len(moment.values)
        for number, values in enumerate(moment.values, start=progress.index - count + 1):
            terms = {label: float(value) for label, value in zip(labels, values, strict=True)}
            figures = {"total": sum(terms.values()), **terms}
            if math.isfinite(figures["total"]):
                self.report.setdefault("objective", {"start": figures})["end"] = figures
            elif moment.finite:
                self.say(f"the objective was lost at step {number}: went on from the best picture so far")
            if not moment.finite and (number == progress.index or not math.isfinite(figures["total"])):
                raise DeepDreamError(
                    f"the objective became {figures['total']} at step {number}",
                    "take a smaller --step-size, smaller weights, or --precision float32",
                )
            height, width = sizes[progress.octave]
            step = Step(
                octave=progress.octave + 1,
                octaves=len(sizes),
                index=number,
                total=progress.total,
                objective=figures["total"],
                terms=terms,
                seconds=moment.seconds,
                done=self._span[0] + progress.done * self._span[1],
                size=(width, height),
                snapshot=lambda: image.with_pixels(moment.pixels()),
                part=self._part[0],
                parts=self._part[1],
                unit=self._part[2],
            )
            for listener in self.listeners:
                listener(step)
