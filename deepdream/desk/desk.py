"""Where one recipe is run: its progress shown, its results saved, and the user told where they are."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepdream.climb.events import Listener
from deepdream.console.interrupts import Interrupts, in_background
from deepdream.console.progress import progress
from deepdream.console.streams import Voice, aside
from deepdream.desk.answers import Answers
from deepdream.desk.curves import Curves, curves_path
from deepdream.desk.estimate import check_time
from deepdream.desk.making import Making, every_for
from deepdream.desk.sweeping import Axis, drawn, sheet_of, swept_recipe, variants
from deepdream.desk.targets import Target, numbered
from deepdream.desk.telling import details_of, long_run, show_plan, show_sweep, summary
from deepdream.errors import DeepDreamError, UsageError
from deepdream.jobs.recipe import Common, Recipe
from deepdream.jobs.takes import Take, Until
from deepdream.pictures.animation import Animation
from deepdream.pictures.picture import Picture
from deepdream.pictures.saving import same_file
from deepdream.pictures.sheets import Cell
from deepdream.runs.results import Frames, Result
from deepdream.runs.session import Session

if TYPE_CHECKING:
    from deepdream.climb.engine import Step

__all__ = ["Desk", "Job"]


@dataclass(frozen=True)
class Job:
    """One call of a mode's command: what to make of which pictures, where to put it, what to say."""

    mode: str
    images: tuple[str, ...]
    """The pictures to work on, one after another; none for a mode that works on none."""
    options: Mapping[str, Any] = field(default_factory=dict)
    common: Common = field(default_factory=Common)
    pictures: Mapping[str, str] = field(default_factory=dict)
    """The other pictures of the mode, by parameter name."""
    seed: int | None = None
    output: str | None = None
    overwrite: bool = False
    json: bool = False
    dry_run: bool = False
    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    save_every: int | None = None
    report: str | None = None
    """File for the curves of the run."""
    sweep: tuple[Axis, ...] = ()
    """Options to try at several values, on one sheet."""
    film: str | None = None
    """Where the film of the making goes."""
    film_every: int | None = None
    any_plugin: bool = False
    remarks: tuple[str, ...] = ()
    """What to say before anything is made."""


@dataclass
class Desk:
    """What the recipes of one command share: networks, names of files, and whom to tell."""

    session: Session
    target: Target
    job: Job
    voice: Voice
    interrupts: Interrupts
    answers: Answers
    film: Target | None = None
    """Where films of the making go."""
    given: Sequence[str] = ()
    """The pictures that the command works on, which no result may replace."""
    heading: str = ""
    """What to say once the next picture is begun."""
    _told: set[str] = field(default_factory=set)

    def place(self, recipe: Recipe, image: str | None, suffix: str | None = None) -> Take | Path:
        """Where the result for `image` goes; DeepDreamError if it cannot go there."""
        if self.target.makes == "animation":
            take = self.target.take(image, recipe, suffix or ".webp")
            self._keep(take.path, recipe, "the result another name: -o PATH")
            return take
        path = self.target.path(image, suffix or ".png")
        self._keep(path, recipe, "the result another name: -o PATH")
        return path

    def _keep(self, path: Path | None, recipe: Recipe, other: str) -> None:
        """Refuse to write over a picture that is worked on, now or later in this command."""
        given = [(f"the {name}", item.path) for name, item in recipe.inputs.items()]
        for name, source in [*given, *(("one of the pictures", image) for image in self.given)]:
            if path is not None and same_file(path, source):
                raise UsageError(f"{path} is {name} itself", f"give {other}")

    def plan(self, recipe: Recipe, image: str | None, pictures: Mapping[str, Picture]) -> None:
        """Say what `make` would do."""
        with aside():
            plan = self.session.plan(recipe, pictures=pictures)
        notes = [*plan.report["notes"], *check_time(plan.report)]
        plan = replace(plan, report={**plan.report, "notes": notes})
        place = self.place(recipe, image)
        if isinstance(place, Take) and isinstance(plan.made, Animation):
            place.begin(plan.made)
        making = self.making(recipe, image, plan)
        film = "" if making is None else f"{making.take.shown}, a frame every {making.every} steps"
        if isinstance(place, Path):
            self.target.promise(place)
        count = len(plan.made) if isinstance(plan.made, tuple) else 1
        paths = [place.shown] if isinstance(place, Take) else numbered(place, count)
        show_plan(plan, paths, image, self.answers, film)

    def plan_sweep(self, recipe: Recipe, image: str | None, pictures: Mapping[str, Picture]) -> None:
        """Say what `sweep` would do."""
        place = self.target.path(image, ".png")
        with aside():
            cells = [
                (labels, self.session.plan(variant, pictures=pictures))
                for labels, variant in variants(recipe, self.job.sweep)
            ]
        for _, cell in cells:
            check_time(cell.report)
        self.target.promise(place)
        show_sweep(cells, place, image, self.answers)

    def making(self, recipe: Recipe, image: str | None, plan: Result | None) -> Making | None:
        """The film of the making, if there is to be one; `plan`, if known, says how it begins."""
        if self.film is None:
            return None
        steps = plan.report["steps"] or 0 if plan is not None else 0
        first = plan.made if plan is not None and isinstance(plan.made, Picture) else None
        take = self.film.take(image, recipe, anew=True)
        self._keep(take.path, recipe, "the film another name: --film PATH")
        take.lock = self.interrupts.writing
        return Making(take, self.job.film_every or every_for(steps), first)

    def make(
        self,
        recipe: Recipe,
        image: str | None,
        pictures: Mapping[str, Picture],
        *,
        suffix: str | None = None,
        only: int | None = None,
    ) -> Result:
        """Run a recipe, save what it makes, and say where that is.

        Of several pictures, or the frames of an animation, `only` the one of that number, counted from 1.
        """
        place = self.place(recipe, image, suffix)
        frames = place if isinstance(place, Take) else Until(only or 1)
        keep = None if isinstance(place, Take) else self.target.unnumbered(place, image)
        if isinstance(place, Take):
            place.lock = self.interrupts.writing
            recipe = place.recipe
            if begins := place.begins():
                self.voice.say(begins)
        self._told = set()
        curves = Curves()
        making = self.making(recipe, image, None if self.film is None else self._planned(recipe, pictures))
        watching = [] if making is None else [making]
        with contextlib.ExitStack() as holds:
            for take in [*([place] if isinstance(place, Take) else []), *(it.take for it in watching)]:
                take.hold()
                holds.callback(take.release)
            if making is not None:
                holds.callback(making.close)
            result = self._run(
                recipe,
                image,
                pictures,
                listeners=(curves, lambda step: self._snapshot(step, place), *watching),
                every=math.gcd(self.job.save_every or 0, *(it.every for it in watching)) or None,
                frames=frames,
                keep=keep,
            )
            saved = self._save(result, place, image, frames.last(), only)
            if result.checkpoint is not None:
                result.checkpoint.remove()
                for path in result.checkpoint.others():
                    self._note([f"{path} is of another run that was stopped: its command goes on from there"])
            film = []
            if making is not None and self.film is not None:
                film = making.finish(result)
                self.film.finished(making.take)
                self._note(making.notes())
        self.voice.say(summary(result))
        self.answers.made(image, saved, result, film)
        self._report(curves, result, image)
        if making is not None and making.trouble is not None:
            raise making.trouble
        return result

    def sweep(self, recipe: Recipe, image: str | None, pictures: Mapping[str, Picture]) -> Result:
        """Run a recipe at every combination of the job's sweep, and save a sheet of the results."""
        place = self.target.path(image, ".png")
        self._told = set()
        results: list[Result] = []
        recipe = replace(recipe, seed=drawn(recipe.seed))
        count = math.prod(len(axis.values) for axis in self.job.sweep)
        first, *others = (variant for _, variant in variants(recipe, self.job.sweep))
        if self._planned(first, pictures) is not None:  # what is wrong with a later one is said before any
            with aside():
                for variant in others:
                    self.session.plan(variant, pictures=pictures)

        def make(labels: tuple[str, ...], variant: Recipe) -> Cell:
            self.voice.say(f"picture {len(results) + 1}/{count}  {', '.join(labels)}")
            result = self._run(variant, image, pictures, first=not results)
            results.append(result)
            if not result.interrupted:
                return Cell(result.picture, labels)
            begun = result.report["steps"]
            return Cell(result.picture if begun else None, (*labels, *(["stopped early"] if begun else [])))

        subject = next(iter(recipe.inputs.values()), None)
        named = [] if subject is None else [Path(subject.path).name]
        page = sheet_of(
            recipe,
            self.job.sweep,
            make,
            title=" · ".join([*named, recipe.mode, f"seed {recipe.seed}"]),
            stopped=self.interrupts.cancel.is_set,
        )
        stopped = len(results) < count or results[-1].interrupted
        swept = swept_recipe(recipe, self.job.sweep, results, page, stopped=stopped)
        page = replace(page, recipe=swept.to_json())
        result = replace(results[-1], made=page, recipe=swept, interrupted=stopped)
        self.answers.made(image, [self.target.save(page, place, image)], result)
        return result

    def _run(
        self,
        recipe: Recipe,
        image: str | None,
        pictures: Mapping[str, Picture],
        *,
        listeners: Sequence[Listener] = (),
        every: int | None = None,
        frames: Frames | None = None,
        keep: Path | None = None,
        first: bool = True,
    ) -> Result:
        self.interrupts.loading = first  # else there is something to keep
        with aside(), progress(self.voice, image or recipe.mode) as shown:

            def pulse(done: float) -> None:
                self.interrupts.loading = False
                shown.pulse(done)

            result = in_background(
                lambda: self.session.run(
                    recipe,
                    pictures=pictures,
                    listeners=(shown, *listeners),
                    cancel=self.interrupts.cancel,
                    started=self._started,
                    pulse=pulse,
                    every=every,
                    frames=frames,
                    keep=keep,
                )
            )
        self.interrupts.loading = False
        self._note(result.report["notes"])
        return result

    def _report(self, curves: Curves, result: Result, image: str | None) -> None:
        if self.job.report is None:
            return
        path = curves_path(self.job.report, image, self.job.images)
        facts = {"input": image, **result.report, "recipe": result.recipe.to_json()}
        if len(curves.save(path, facts)) == 1:
            self._note([f"{path} has no plot beside it: matplotlib is missing, which deepdream[plot] brings"])

    def _planned(self, recipe: Recipe, pictures: Mapping[str, Picture]) -> Result | None:
        """The plan of a run, if there can be one."""
        with aside():
            try:
                return self.session.plan(recipe, pictures=pictures)
            except DeepDreamError:  # a mode that cannot be planned, or what the run itself will tell
                return None

    def _save(
        self, result: Result, place: Take | Path, image: str | None, frame: Picture | None, only: int | None
    ) -> list[Path]:
        if isinstance(place, Take):
            saved = place.finish(result.recipe, whole=not result.interrupted)
            self.target.finished(place)
            self._note(place.notes())
            return saved
        made = result.made
        if isinstance(made, Animation):
            if frame is None:
                raise DeepDreamError("the animation has no such frame")
            made = frame
        elif isinstance(made, tuple) and only is not None:
            made = made[min(only, len(made)) - 1]
        if isinstance(made, tuple):
            self._note([note for picture in made for note in picture.saving_notes(place)])
            return self.target.save_all(made, place, image, stopped=result.interrupted)
        self._note(made.saving_notes(place))
        path = self.target.save(made, place, image)
        if self.target.file is not None and path != place:
            self._note([f"another run made {place} meanwhile: this is {path}"])
        return [path]

    def _note(self, notes: Iterable[str]) -> None:
        for text in notes:
            if text not in self._told:
                self._told.add(text)
                self.voice.note(text)

    def _started(self, report: Mapping[str, Any]) -> None:
        first, self.interrupts.loading = self.interrupts.loading, False
        if self.heading:
            self.voice.say(self.heading)
            self.heading = ""
        self._note(report["notes"])
        if first:
            self._note(long_run(report))
        for text in details_of(report):
            if text not in self._told:
                self._told.add(text)
                self.voice.detail(text)

    def _snapshot(self, step: Step, path: Take | Path) -> None:
        every = self.job.save_every
        if not every or step.index % every or step.index >= step.total or isinstance(path, Take):
            return
        with self.interrupts.writing:
            try:
                self.target.save_snapshot(step.snapshot(), path, step.index)
            except DeepDreamError as error:  # the work is worth more than a look at it
                if "snapshots" not in self._told:
                    self.voice.note(f"snapshots are missing: {error.message}")
                self._told.add("snapshots")
