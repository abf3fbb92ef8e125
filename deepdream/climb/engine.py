"""The engine: what a mode is given to climb with. The loop itself is in `octaves` and `ascent`.

Importing this module loads no TensorFlow; the first `features` or `ascend` does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from deepdream import backbones
from deepdream.climb import asked, devices, plan, precision
from deepdream.climb.context import Context
from deepdream.climb.cutting import Cut
from deepdream.climb.events import Finish, Listener, Step
from deepdream.climb.pool import Pool
from deepdream.climb.updates import Parametrisation, Update, Way, named
from deepdream.errors import UsageError, did_you_mean, unwrapped
from deepdream.objectives import Objective
from deepdream.objectives.terms import Unmeasured
from deepdream.pictures.picture import Picture
from deepdream.pictures.scales import Size

if TYPE_CHECKING:
    from deepdream.climb.ascent import Climb
    from deepdream.climb.canvases import Anchor
    from deepdream.climb.octaves import Moment, Route
    from deepdream.climb.tiling import Tile
    from deepdream.jobs.checkpoints import Checkpoint

__all__ = ["Engine", "Listener", "Pool", "Step"]


@dataclass
class Engine(Context):
    """Climbs objectives for a mode; made by the host, one for each run.

    A mode calls `ascend`, and before it perhaps `features`, `noise` and `default_layers`. What
    happened is in `report` afterwards. With `dry`, everything is planned and nothing computed.
    """

    pool: Pool = field(default_factory=Pool)
    every: int | None = None
    """Number of steps after which a listener wants an exact snapshot, again and again."""
    checkpoint: Checkpoint | None = None
    """Where a long climb is kept."""
    repeats: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Steps that an earlier run took in each octave of its climbs, by the number of steps before: what
    `report` has as "octave_steps" of climbs with a limit of time. They are taken again, whatever the time."""
    elsewhere: bool = False
    """The recipe was made, perhaps on another machine: a device that is not here is replaced."""
    variant: backbones.Variant = field(default_factory=backbones.Variant)
    """How the network differs from what it was trained as."""

    # --- for modes -----------------------------------------------------------------------------

    def alter(self, *, pooling: backbones.Pooling = "max", replicate: bool = False) -> None:
        """From now on, let the network pool in another way, or pad its first convolution with the rim."""
        self.variant = backbones.Variant(pooling, replicate)

    def default_layers(self, role: Literal["dream", "content", "style"]) -> list[str]:
        """The layers that suit the model in use: to dream at, or to take content or style from."""
        backbone = backbones.get("vgg16" if self.common.model == "auto" else self.common.model)
        roles = {"dream": backbone.dream_layers, "content": [backbone.content_layer]}
        roles["style"] = backbone.style_layers
        if role not in roles:
            raise UsageError(f"no layers for {role!r}", did_you_mean(role, roles))
        return list(roles[role])

    def features(self, picture: Picture, layers: str | Sequence[str]) -> dict[str, Any]:
        """Activations of `picture` at its own size: layer name -> float32 tensor `[1, h, w, C]`."""
        layers = [layers] if isinstance(layers, str) else list(layers)
        if not isinstance(picture, Picture):
            raise TypeError(f"features are those of a Picture, not of {type(picture).__name__}")
        choice = self._choose(tuple(layers))
        plan.check_size((picture.height, picture.width), choice)
        if self.dry:
            return {name: Unmeasured() for name in layers}
        place = self._placement()
        with devices.working(place):
            network = self.pool.network(choice, self._dtype(place), place.first)
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
        anchor: Anchor = "centres",
        warm: bool = False,
        average: float | None = None,
        shape: Callable[[Any], Any] | None = None,
        transform: Callable[[Any, Any], Any] | None = None,
        clouds: float = 0.0,
        parametrisation: Parametrisation | None = None,
        mask: Picture | None = None,
        stop_above: float | None = None,
        seconds: float | None = None,
        finish: Finish | None = None,
    ) -> Picture:
        """Climb `objective` from `image` and return the picture at the top.

        `octaves` sizes, each `octave_scale` times smaller than the next, are climbed from the
        smallest to the picture's own with `steps` steps each (one number, or one per octave from
        the smallest up). `sizes` names them instead, as (width, height); the result has the size of
        `image` all the same; the photograph at each of them is made of the original, or with `successive`
        of the next larger one. `reinject` carries the detail that an octave added to the sharper
        photograph of the next; without it the canvas itself is scaled up, and "after" adds what is
        sharper about the photograph once the octave is climbed. `anchor` is what keeps its place between
        the sizes: pixels' centres, the "corners" or the "origin". With `warm` the optimiser keeps its
        moments meanwhile.

        `step_size` is in grey levels per step (L-BFGS finds its own), `jitter` in pixels per axis.
        `optimiser` is a name, or settings (`Ascent`, `Adam`, `LBFGS`) that hold the step size themselves;
        `history` is the number of pairs that L-BFGS remembers. With `average`, the result is the running
        mean of the canvases with that decay. `shape` changes the gradient `[1, H, W, 3]` before the
        optimiser sees it; `transform(canvas, seed)` is what the network sees of the canvas. Where the
        photograph is flat it sees `clouds`, too, smooth noise of so many grey levels, which is never drawn;
        `parametrisation` is climbed in place of the pixels, made anew for each octave.

        `mask` says what part of its way each pixel goes, from black to white. An octave ends once the
        objective exceeds `stop_above`; steps are left out, so many of a hundred in every octave, if the
        run would take longer than `seconds` otherwise. `finish` is what is done to the picture at the end,
        and to every snapshot of the way there.

        Draws go on from climb to climb; an objective and settings used again are traced only once.
        """
        asked.check(locals())
        finish = asked.finisher(finish)
        if mask is not None and 0 < mask.pixels.max() <= 1:
            self.say("the mask has levels from 0 to 1, so hardly anything changes: white is 255")
        wanted = asked.flipped(sizes)
        update = named(optimiser, step_size, history) if isinstance(optimiser, str) else optimiser
        choice = self._choose(objective.layers)
        plan.check(objective, choice)
        full = (image.height, image.width)
        levels, note = plan.octaves(full, choice, octaves, octave_scale, wanted)
        if note:
            self.say(note)
        counts = plan.counts(steps, octaves if wanted is None else len(wanted), len(levels))
        if (again := self.repeats.get(str(self.steps))) and len(again) == len(levels):
            counts, seconds = tuple(again), None
        seen = shape, transform, parametrisation
        way = Way(update, jitter, *seen, average, stop_above, mask is not None, clouds)
        place = self._placement()
        dtype = self._dtype(place)
        made = plan.make(choice, objective, levels, way, self.common, dtype, devices=place.named)
        for note in made.notes:
            self.say(note)
        cut, shown = made.cut, objective.renamed(choice.used)
        self._note_climb(shown, [[w, h] for h, w in levels], sum(counts), made.way)
        self.report.update(memory=cut.memory, **cut.facts(levels[-1]))
        if made.bound:
            self.report["budget"] = cut.budget
        if seconds is not None:
            self.report["time_limit"] = seconds
        if self.dry:
            self.steps += sum(counts)
            self._planned()
            return finish(image)
        if self.cancelled:
            self._stopped()
            self._unheard()
            return finish(image)
        from deepdream.climb.octaves import Route

        route = Route(
            levels,
            counts,
            reinject=reinject,
            direct=wanted is not None and not successive,
            anchor=anchor,
            warm=warm,
            mask=mask,
            deadline=None if seconds is None else self.began + seconds,
            every=self.every,
            first=self.steps,
            resume=self._resumed(),
        )
        timed = seconds is not None or again is not None
        plan.check_time(self.began, seconds)  # TensorFlow is loaded
        with devices.working(place):
            network = self.pool.network(choice, dtype, place.first)
            with self.pool.climb(network, objective, made.way, full, place.names) as step:
                plan.check_time(self.began, seconds)
                top = self._climb(step, image, route, cut, shown.labels(), finish, timed=timed)
            return finish(top)

    # --- inside --------------------------------------------------------------------------------

    def _climb(
        self,
        step: Climb,
        image: Picture,
        route: Route,
        cut: Cut,
        labels: Sequence[str],
        finish: Finish,
        *,
        timed: bool,
    ) -> Picture:
        """Climb, and tell the listeners of every step."""
        from deepdream.climb.octaves import climb

        def tiles(size: Size, halvings: int) -> tuple[Tile, ...]:
            if halvings and (grid := cut.grid(size, halvings)):
                self.say(f"the device ran out of memory: went on in tiles of {grid.core} px")
            return cut.tiles(size, halvings)

        def pulse(done: float) -> bool:
            if self.pulse is not None:
                self.pulse(self._span[0] + done * self._span[1])
            return not self.cancelled

        number, parts, unit = self._part
        if unit == "climb":
            self._part = (number + 1, parts, unit)
        step.seed, step.first = self.seed, self.steps
        moment, rescues = None, step.rescues
        try:
            for moment in climb(step, image, route, tiles=tiles, looks=cut.looks, pulse=pulse):
                self._tell(moment, image, finish, route, labels)
                if step.rescues > rescues:
                    self.say(
                        "the objective ran away: went on from the best picture so far, in half the steps"
                    )
                if self.cancelled:
                    break
                going = moment.progress.index < moment.progress.total
                if going and not self.repeating and self.checkpoint is not None and self.checkpoint.due():
                    self.checkpoint.save(self.seed, self.steps, moment.state(), self.report)
            if moment is None:
                if sum(route.steps):
                    self._stopped()
                return image
            result = moment.pixels()
        except Exception as error:
            if (raised := unwrapped(error)) is error:
                raise
            raise raised from None
        progress = moment.progress
        self.steps += progress.index
        self.report["steps"] = self.taken
        if self.cancelled and progress.total > progress.index:
            self._stopped(progress.index)
        elif timed:
            self.report.setdefault("octave_steps", {})[str(route.first)] = list(progress.taken)
            if progress.left_out:
                self.say(f"{progress.left_out} of {sum(route.steps)} steps were left out: time was short")
        figures = self.report["climb"].get("objective", {"start": 0, "end": 1})
        still = progress.index > 1 and figures["start"] == figures["end"]
        if still and any(it.weight > 0 for it in step.objective.terms) and (result == image.pixels).all():
            self.say(f"nothing changed: the objective stayed at {figures['end']['total']:g}")
        terms = {it: term.weight for it, term in zip(labels, step.objective.terms, strict=True)}
        if progress.index > 1 and (note := plan.silent(self.report["climb"].get("objective", {}), terms)):
            self.say(note)
        return image.with_pixels(result)

    def _placement(self) -> devices.Placement:
        """The devices that were asked for; noted in the report."""
        wanted = self.common.device
        if self.dry:
            place = devices.planned(wanted)
        else:
            place = devices.choose(wanted, devices.here(), instead=self.elsewhere)
        if place.note:
            self.say(place.note)
        self.report.update(device=place.used)
        return place

    def _dtype(self, place: devices.Placement) -> backbones.Precision:
        chosen = precision.choose(self.common.precision, place.named)
        self.report.update(precision=chosen.dtype, precision_reason=chosen.reason)
        return chosen.dtype

    def _choose(self, layers: tuple[str, ...]) -> backbones.Choice:
        """The model and the real layers for the requested ones; noted in the report."""
        if not layers:
            raise UsageError("the objective looks at no layer", "add a term that names a layer")
        if wrong := [layer for layer in layers if not isinstance(layer, str)]:
            raise TypeError(f"a layer is named by a text, not by {wrong[0]!r}")
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
            preprocess=choice.backbone.preprocess,
            weights=choice.weights.facts(),
            requested_layers=list(dict.fromkeys([*self.report.get("requested_layers", []), *layers])),
            layers=list(dict.fromkeys([*known, *choice.used.values()])),
        )
        return choice

    def _tell(
        self, moment: Moment, image: Picture, finish: Finish, route: Route, labels: Sequence[str]
    ) -> None:
        """Record a chunk of steps in the report and pass each of them on to the listeners."""
        progress, count = moment.progress, len(moment.values)
        for number, values in enumerate(moment.values, start=progress.index - count + 1):
            terms = {label: float(value) for label, value in zip(labels, values, strict=True)}
            figures = {"total": sum(terms.values()), **terms}
            if math.isfinite(figures["total"]):
                self._note_figures(figures, figures)
            elif number == 1:
                raise plan.no_number(terms)
            elif moment.finite:
                self.say(f"the objective was lost at step {number}: went on from the best picture so far")
            if not moment.finite and (number == progress.index or not math.isfinite(figures["total"])):
                raise plan.lost(figures["total"], number)
            height, width = route.sizes[progress.octave]
            step = Step(
                octave=progress.octave + 1,
                octaves=len(route.sizes),
                index=number,
                total=progress.total,
                objective=figures["total"],
                terms=terms,
                seconds=moment.seconds,
                done=self._span[0] + progress.done * self._span[1],
                size=(width, height),
                snapshot=lambda: finish(image.with_pixels(moment.pixels())),
                part=self._part[0],
                parts=self._part[1],
                unit=self._part[2],
                frame=self._frame[0],
                frames=self._frame[1],
                called=self._called,
            )
            for listener in self.listeners:
                listener(step)
