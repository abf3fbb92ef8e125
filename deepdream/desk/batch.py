"""Pictures in, pictures out: the part of a mode's command that runs once its options are known."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from deepdream.console.failures import Failure, details, explain
from deepdream.console.interrupts import Interrupts
from deepdream.console.streams import Voice
from deepdream.desk.answers import Answers
from deepdream.desk.curves import check_report, curves_path
from deepdream.desk.desk import Desk, Job
from deepdream.desk.leaks import Growth
from deepdream.desk.targets import Target
from deepdream.errors import DeepDreamError, UsageError
from deepdream.jobs.recipe import Input, Recipe
from deepdream.pictures.picture import Picture, check_readable, load
from deepdream.runs.session import Session

if TYPE_CHECKING:
    from deepdream.modes.mode import Mode
    from deepdream.modes.registry import Registry

__all__ = ["INTERRUPTED", "given_up", "run_job"]

INTERRUPTED = 130
SOME_FAILED = 3


def run_job(
    job: Job, registry: Registry, *, naming: Callable[[], AbstractContextManager[None]] = nullcontext
) -> int:
    """Do the job and return the exit code; results go to standard output, words to standard error.

    `naming` is entered around the work: it says in errors where the wrong setting was found.
    """
    voice = Voice(quiet=job.quiet, verbose=job.verbose)
    codes: list[int] = []
    try:
        with Answers(job.images, as_json=job.json, modes=registry.modes.values()) as answers, naming():
            if not _make_all(job, registry, voice, answers, codes):
                answers.all_failed(Failure("interrupted", None, INTERRUPTED))
                return INTERRUPTED
    except KeyboardInterrupt:
        return given_up(voice)
    finally:
        voice.close()
    if not any(codes):
        return 0
    return codes[0] if len(set(codes)) == 1 else (SOME_FAILED if 0 in codes else 1)


def _make_all(job: Job, registry: Registry, voice: Voice, answers: Answers, codes: list[int]) -> bool:
    """Make every picture, adding an exit code for each to `codes`; whether the batch was not stopped."""
    mode = registry.get(job.mode)
    if job.save_every is not None and mode.makes == "animation":
        raise UsageError(
            "--save-every is for pictures, and an animation saves its frames anyway",
            "leave it out; for frames as files of their own, name a folder with -o",
        )
    if (job.film is not None or job.film_every is not None) and mode.makes == "animation":
        raise UsageError(
            f"--film is for pictures, and {job.mode} makes a film itself", "say where that goes: -o film.gif"
        )
    if mode.makes != "picture" and job.sweep:
        raise UsageError(
            f"--sweep is for modes that make one picture, and {job.mode} makes {mode.makes}",
            "leave it out, and call the command once for each value",
        )
    if job.report is not None:
        for image in job.images or (None,):
            check_report(curves_path(job.report, image, job.images), overwrite=job.overwrite)
    if job.film is not None and job.output is not None and _same_place(job.film, job.output):
        raise UsageError(f"{job.film} is the result and its film at once", "give each a name of its own")
    if job.film_every is not None and job.film is None:
        raise UsageError("--film-every without --film", "say where the film goes: --film making.gif")
    if job.film is not None and job.sweep:
        raise UsageError("--film is for one climb, and --sweep makes many", "leave one of them out")
    if job.sweep and (alone := [name for name in ("report", "save_every") if getattr(job, name)]):
        flag = alone[0].replace("_", "-")
        raise UsageError(f"--{flag} is for one picture, and --sweep makes many", "leave one of them out")
    name = f"{job.mode}.sweep" if job.sweep else job.mode
    target = Target(
        name,
        job.output,
        images=len(job.images),
        overwrite=job.overwrite,
        makes=mode.makes,
        plugin=mode.plugin,
    )
    images: tuple[str | None, ...] = job.images or (None,)
    with Interrupts(voice) as interrupts:
        session = Session(registry, show_notices=job.debug)
        desk = Desk(session, target, job, voice, interrupts, answers, given=job.images)
        if job.film is not None:
            desk.film = Target(
                f"{job.mode}.film",
                job.film,
                images=len(job.images),
                overwrite=job.overwrite,
                makes="animation",
                flag="--film",
                plugin=mode.plugin,
            )
        # What stands in the way of all is said before any is made.
        desk.place(_recipe(job, mode, images[0]), images[0])
        desk.making(_recipe(job, mode, images[0]), images[0], None)
        for text in job.remarks:
            voice.note(text)
        pictures = {name: _loaded(name, path, mode) for name, path in job.pictures.items()}
        unreadable = {} if len(images) == 1 else _unreadable(images)
        tried = False
        if unreadable and (sound := [image for image in images if image not in unreadable]):
            # What is wrong for all is said alone.
            try:
                desk.session.plan(_recipe(job, mode, sound[0]), pictures=pictures)
            except UsageError:
                raise
            except DeepDreamError:
                pass
        growth = Growth()
        for number, image in enumerate(sorted(images, key=lambda it: it not in unreadable), start=1):
            recipe = _recipe(job, mode, image)
            try:
                if image in unreadable:
                    raise unreadable[image]
                heading = f"{number}/{len(images)}  {image}" if len(images) > 1 else ""
                if job.dry_run and job.sweep:
                    desk.plan_sweep(recipe, image, pictures)
                elif job.dry_run:
                    desk.plan(recipe, image, pictures)
                elif job.sweep:
                    if heading:
                        voice.say(f"sheet {heading}")
                    desk.sweep(recipe, image, pictures)
                else:
                    desk.heading = f"picture {heading}" if heading else ""
                    desk.make(recipe, image, pictures)
                codes.append(0)
            except Exception as error:
                if isinstance(error, UsageError) and not tried and image not in unreadable:
                    raise  # it would be the same for all
                failure = explain(error, registry.modes.values())
                if job.debug:
                    voice.line(details(error))
                named = image is None or len(images) == 1 or image in failure.message
                voice.error(failure.message if named else f"{image}: {failure.message}", failure.hint)
                answers.failed(image, failure)
                codes.append(failure.code)
            tried |= image not in unreadable
            if interrupts.cancel.is_set():
                return False
            if left := growth.after_picture():
                voice.note(
                    f"memory grows by {left / 1e6:.0f} MB with every picture: the mode '{mode.name}' "
                    f"({mode.source}) seems to keep what it made"
                )
    if 0 in codes and any(codes):
        voice.say(f"{len(codes) - codes.count(0)} of {len(codes)} pictures failed")
    return True


def _loaded(name: str, path: str, mode: Mode) -> Picture:
    """The picture at `path`; an error names the option that it came by, if it was one."""
    try:
        return load(path)
    except DeepDreamError as error:
        item = next(it for it in mode.pictures if it.name == name.partition(".")[0])
        if item.required:
            raise
        raise type(error)(f"{item.flag}: {error.message}", error.hint) from error


def _same_place(one: str, other: str) -> bool:
    """Whether both paths are of one file, which need not be there."""
    return not Path(one).is_dir() and os.path.realpath(one) == os.path.realpath(other)


def _unreadable(images: Sequence[str | None]) -> dict[str | None, DeepDreamError]:
    """Those of several pictures that cannot be read, found out before any is made."""
    wrong: dict[str | None, DeepDreamError] = {}
    for image in images:
        try:
            if image is not None:
                check_readable(image)
        except DeepDreamError as error:
            wrong[image] = error
    return wrong


def _recipe(job: Job, mode: Mode, image: str | None) -> Recipe:
    """What the job asks for of one of its pictures."""
    subject = mode.subject
    worked_on = {} if subject is None or image is None else {subject.name: Input(image)}
    return Recipe(
        job.mode,
        inputs={**worked_on, **{name: Input(path) for name, path in job.pictures.items()}},
        options=job.options,
        common=job.common,
        seed=job.seed,
    )


def given_up(voice: Voice) -> int:
    """Say that the work is lost; the exit code."""
    voice.line("interrupted: what was in work is not saved")
    return INTERRUPTED
