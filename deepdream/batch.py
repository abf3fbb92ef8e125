"""Pictures in, pictures out: the part of a mode's command that runs once its options are known."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepdream.answers import Answers
from deepdream.errors import DeepDreamError, UsageError
from deepdream.failures import Failure, details, explain
from deepdream.interrupts import Interrupts, in_background
from deepdream.picture import Picture, load, read_recipe
from deepdream.progress import duration, progress
from deepdream.recipe import Common, Input, Recipe, mode_missing
from deepdream.run import Result, Session, versions
from deepdream.streams import Voice, put
from deepdream.targets import Target

if TYPE_CHECKING:
    from deepdream.engine import Step
    from deepdream.registry import Registry

__all__ = ["Job", "replay", "run_job"]

INTERRUPTED = 130
SOME_FAILED = 3
_DECISIVE = ("model", "layers", "weights", "precision")
"""What `used` tells of a run that a machine may decide otherwise at another time."""


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


def run_job(job: Job, registry: Registry) -> int:
    """Do the job and return the exit code; results go to standard output, words to standard error."""
    voice = Voice(quiet=job.quiet, verbose=job.verbose)
    codes: list[int] = []
    try:
        with Answers(job.images, as_json=job.json, modes=registry.modes.values()) as answers:
            if not _make_all(job, registry, voice, answers, codes):
                answers.all_failed(Failure("interrupted", None, INTERRUPTED))
                return INTERRUPTED
    except KeyboardInterrupt:
        return _given_up(voice)
    finally:
        voice.close()
    if not any(codes):
        return 0
    return codes[0] if len(set(codes)) == 1 else (SOME_FAILED if 0 in codes else 1)


def _make_all(job: Job, registry: Registry, voice: Voice, answers: Answers, codes: list[int]) -> bool:
    """Make every picture, adding an exit code for each to `codes`; whether the batch was not stopped."""
    session = Session(registry, show_notices=job.debug)
    target = Target(job.mode, job.output, images=len(job.images), overwrite=job.overwrite)
    images: tuple[str | None, ...] = job.images or (None,)
    target.path(images[0])  # what stands in the way of all is said before any is made
    pictures = {name: load(path) for name, path in job.pictures.items()}
    subject = registry.get(job.mode).subject
    with Interrupts(voice) as interrupts:
        for image in images:
            worked_on = {} if subject is None or image is None else {subject.name: Input(image)}
            recipe = Recipe(
                job.mode,
                inputs={**worked_on, **{name: Input(path) for name, path in job.pictures.items()}},
                options=job.options,
                common=job.common,
                seed=job.seed,
            )
            try:
                if job.dry_run:
                    with contextlib.redirect_stdout(sys.stderr):
                        plan = session.plan(recipe, pictures=pictures)
                    _show_plan(plan, target.path(image), image, answers)
                else:
                    _make(session, recipe, target, job, voice, interrupts, answers, image, pictures)
                codes.append(0)
            except Exception as error:
                if isinstance(error, UsageError) and not codes:
                    raise  # it would be the same for all
                failure = explain(error, registry.modes.values())
                if job.debug:
                    voice.line(details(error))
                named = image is None or len(images) == 1 or image in failure.message
                voice.error(failure.message if named else f"{image}: {failure.message}", failure.hint)
                answers.failed(image, failure)
                codes.append(failure.code)
            if interrupts.cancel.is_set():
                return False
    return True


def replay(job: Job, inputs: Sequence[str], registry: Registry) -> int:
    """Make the picture `job` names again from its own recipe; `inputs` are where its inputs may be now."""
    voice = Voice(quiet=job.quiet, verbose=job.verbose)
    try:
        with Answers(job.images, as_json=job.json, modes=registry.modes.values()) as answers:
            return _replay(job, inputs, registry, voice, answers)
    except KeyboardInterrupt:
        return _given_up(voice)
    finally:
        voice.close()


def _replay(job: Job, inputs: Sequence[str], registry: Registry, voice: Voice, answers: Answers) -> int:
    made = Path(job.images[0])
    recipe = Recipe.from_json(read_recipe(made), source=str(made))
    if recipe.mode not in registry.modes:
        raise mode_missing(str(made), recipe.mode)
    pictures = _find_inputs(recipe, made, inputs)
    for name, version in versions().items():
        if (then := recipe.versions.get(name)) not in (None, version):
            voice.note(f"made with {name} {then}, this is {version}: the bytes may differ")
    if recipe.used.get("interrupted"):
        voice.note(f"{made} was stopped early; this makes all of it")
    target = Target(job.mode, job.output, overwrite=job.overwrite)
    with Interrupts(voice) as interrupts:
        session = Session(registry, show_notices=job.debug)
        result = _make(
            session, recipe, target, job, voice, interrupts, answers, str(made), pictures, made.suffix
        )
        now = result.recipe.used
        if others := [name for name in _DECISIVE if recipe.used.get(name) not in (None, now.get(name))]:
            voice.note(f"{made} was made with other {' and '.join(others)}: the bytes differ")
        return INTERRUPTED if interrupts.cancel.is_set() else 0


def _find_inputs(recipe: Recipe, made: Path, places: Sequence[str]) -> dict[str, Picture]:
    """The pictures of a recipe, known by content: at `places`, where they were, or beside the result."""
    given = [load(place) for place in places]
    found = {}
    for name, item in recipe.inputs.items():
        if item.sha256 is None:
            raise DeepDreamError(f"{made} was made of a picture that was in no file", "it cannot be replayed")
        usual = [Path(item.path), made.parent / Path(item.path).name]
        there = [load(path) for path in usual if os.path.isfile(path)]  # noqa: PTH113 (Path's may raise)
        match = [it for it in (*given, *there) if it.source is not None and it.source.sha256 == item.sha256]
        if not match:
            wrong = "is not the file it was" if there else "is not there any more"
            raise DeepDreamError(
                f"input {name} of {made}: {item.path} {wrong}",
                f"say where it is: 'deepdream replay {made} PATH'",
            )
        found[name] = match[0]
    return found


def _make(
    session: Session,
    recipe: Recipe,
    target: Target,
    job: Job,
    voice: Voice,
    interrupts: Interrupts,
    answers: Answers,
    image: str | None,
    pictures: Mapping[str, Picture],
    suffix: str = ".png",
) -> Result:
    """Run one recipe, save its picture, and say where it is."""
    path = target.path(image, suffix)
    told: set[str] = set()

    def note(notes: list[str]) -> None:
        for text in notes:
            if text not in told:
                told.add(text)
                voice.note(text)

    def started(report: Mapping[str, Any]) -> None:
        interrupts.loading = False
        note(report["notes"])
        _details(report, voice)

    def snapshot(step: Step) -> None:
        if job.save_every and step.index % job.save_every == 0 and step.index < step.total:
            with interrupts.writing:
                try:
                    target.save_snapshot(step.snapshot(), path, step.index)
                except DeepDreamError as error:  # the work is worth more than a look at it
                    if "snapshots" not in told:
                        voice.note(f"snapshots are missing: {error.message}")
                    told.add("snapshots")

    interrupts.loading = True
    # A plugin that prints must not write among the results on standard output.
    with contextlib.redirect_stdout(sys.stderr), progress(voice, image or recipe.mode) as shown:
        result = in_background(
            lambda: session.run(
                recipe,
                pictures=pictures,
                listeners=(shown, snapshot),
                cancel=interrupts.cancel,
                started=started,
                pulse=shown.pulse,
                every=job.save_every,
            )
        )
    interrupts.loading = False
    note([*result.report["notes"], *result.picture.saving_notes(path)])
    saved = target.save(result.picture, path, image)
    voice.say(_summary(result))
    answers.made(image, saved, result)
    return result


def _given_up(voice: Voice) -> int:
    voice.line("interrupted: what was in work is not saved")
    return INTERRUPTED


def _details(report: Mapping[str, Any], voice: Voice) -> None:
    """What `--verbose` tells before the first step."""
    layers = ", ".join(report.get("layers") or [])
    voice.detail(f"network: {report.get('model')} ({_origin(report)} weights), layers {layers}")
    voice.detail(f"precision: {report.get('precision')} ({report.get('precision_reason')})")
    voice.detail(f"objective: {report.get('formula')}")
    voice.detail(f"octaves: {_sizes(report.get('octaves'))}, {report.get('steps')} steps in all")
    voice.detail(f"memory: about {_gigabytes(report.get('memory'))}{_tiles(report)}")


def _summary(result: Result) -> str:
    report = result.report
    count = report["steps"] or 0
    words = [f"{count} step{'' if count == 1 else 's'} in {duration(report['seconds'])}"]
    if report["objective"]:
        start, end = report["objective"]["start"]["total"], report["objective"]["end"]["total"]
        words.append(f"objective {start:.4g} to {end:.4g}")
    if report["layers"]:
        words.append(f"{report['model']} {', '.join(report['layers'])}, seed {report['seed']}")
    return ("stopped early: " if result.interrupted else "") + "; ".join(words)


def _show_plan(result: Result, path: Path, image: str | None, answers: Answers) -> None:
    """The plan of a job on standard output: JSON, or a recipe in TOML under a head of comments."""
    report = dict(result.report)
    if answers.as_json:
        return answers.made(image, path, result)
    head = {
        "output": path,
        "size": _sizes([report["size"]]),
        "octaves": _sizes(report["octaves"]),
        "steps": report["steps"],
        "objective": report["formula"],
        "network": f"{report['model']} ({_origin(report)} weights): {', '.join(report['layers'] or [])}",
        "precision": f"{report['precision']} ({report['precision_reason']})",
        "memory": f"about {_gigabytes(report['memory'])}{_tiles(report)}",
        "note": "; ".join(report["notes"]),
    }
    for name, value in head.items():
        if value:
            put(f"# {name + ':':<10} {value}")
    put("\n" + result.recipe.to_toml().rstrip())
    return None


def _origin(report: Mapping[str, Any]) -> str:
    return str((report.get("weights") or {}).get("origin", "no"))


def _sizes(sizes: Any) -> str:
    return ", ".join(f"{width}x{height}" for width, height in sizes or [])


def _tiles(report: Mapping[str, Any]) -> str:
    return f", in {report['tiles']} tiles of {report['tile']} px" if report.get("tile") else ""


def _gigabytes(number: int | None) -> str:
    return f"{number / 1e9:.1f} GB" if number else "an unknown amount"
