"""The command `replay`: a result made again from the recipe inside it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from deepdream.console.interrupts import Interrupts
from deepdream.console.streams import Voice
from deepdream.desk.answers import Answers
from deepdream.desk.batch import INTERRUPTED, given_up
from deepdream.desk.desk import Desk, Job
from deepdream.desk.sweeping import axes_of
from deepdream.desk.targets import Target
from deepdream.errors import DeepDreamError, UsageError
from deepdream.jobs.inputs import digest_of
from deepdream.jobs.recipe import Recipe, mode_missing
from deepdream.jobs.versions import versions
from deepdream.modes.provenance import check_same, named
from deepdream.modes.registry import Registry
from deepdream.pictures.picture import Picture, load, read_recipe
from deepdream.runs.session import Session
from deepdream.tools import atlas

__all__ = ["ReplayCommand", "replay"]


class ReplayCommand(TyperCommand):
    """A command that says how to make a picture with other settings to whoever gives it some."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except typer.TyperException as error:
            option = str(getattr(error, "option_name", None) or "")
            name = option.lstrip("-").replace("-", "_")
            made = next((word for word in given if not word.startswith("-")), None)
            if not option.startswith("--") or made is None:
                raise
            try:
                recipe = Recipe.from_json(read_recipe(made), source=made)
            except DeepDreamError:
                raise error from None
            if name not in {*recipe.options, *asdict(recipe.common), "seed", "film", "sweep"}:
                raise
        inputs = [item.path for key, item in recipe.inputs.items() if key in ("image", "style")]
        typed = given[given.index(option) :][:2] if option in given else [option]
        words = ["deepdream", recipe.mode, *inputs, "--recipe", made, *typed]
        raise UsageError(
            f"replay makes the same picture again and takes no {option}",
            f"for another picture with its settings: {shlex.join(words)}",
        )


_DECISIVE = ("model", "layers", "weights", "precision", "device")
"""What `used` tells of a run that a machine may decide otherwise at another time."""


def replay(job: Job, inputs: Sequence[str], registry: Registry) -> int:
    """Make the picture `job` names again from its own recipe; `inputs` are where its inputs may be now."""
    voice = Voice(quiet=job.quiet, verbose=job.verbose)
    try:
        with Answers(job.images, as_json=job.json, modes=registry.modes.values()) as answers:
            return _replay(job, inputs, registry, voice, answers)
    except KeyboardInterrupt:
        return given_up(voice)
    finally:
        voice.close()


def _replay(job: Job, inputs: Sequence[str], registry: Registry, voice: Voice, answers: Answers) -> int:
    made = Path(job.images[0])
    recipe = Recipe.from_json(read_recipe(made), source=f"the recipe in {made}")
    if recipe.mode == "layers":
        raise UsageError(
            f"{made} is an atlas, which no mode makes", f"again: {atlas.command(recipe, 'again.png')}"
        )
    if recipe.mode not in registry.modes:
        error = mode_missing(str(made), recipe.mode, named(recipe.used.get("plugin") or {}))
        raise UsageError(error.message, registry.lost(recipe.mode) or error.hint)
    if not job.any_plugin:
        check_same(recipe.mode, recipe.used.get("plugin") or {}, registry.get(recipe.mode).plugin)
    pictures = _find_inputs(recipe, made, inputs)
    for name, version in versions().items():
        if (then := recipe.versions.get(name)) not in (None, version):
            voice.note(f"made with {name} {then}, this is {version}: the bytes may differ")
    if recipe.used.get("interrupted"):
        voice.note(f"{made} was stopped early; this makes all of it")
    suffix = made.suffix
    if recipe.used.get("film"):
        voice.note(f"{made} is the film of a picture; this makes the picture")
        suffix = ".png"
    if swept := recipe.used.get("sweep"):
        job = replace(job, sweep=axes_of(swept, registry.get(recipe.mode)))
    part = recipe.used.get("frame") or recipe.used.get("picture")
    if part and "picture" in recipe.used:
        voice.note(f"{made} is one of {part[1]} pictures: all are made, and this one is saved")
    elif part and part[0] > 1:
        voice.note(f"{made} is frame {part[0]} of {part[1]}: those before it are made, and this one is saved")
    mode = registry.get(recipe.mode)
    makes = "picture" if part else mode.makes
    target = Target(job.mode, job.output, overwrite=job.overwrite, makes=makes, plugin=mode.plugin)
    with Interrupts(voice) as interrupts:
        desk = Desk(Session(registry, show_notices=job.debug), target, job, voice, interrupts, answers)
        if swept:
            again = replace(recipe, used={"cells": recipe.used.get("cells", [])})
        if job.dry_run:
            desk.plan_sweep(again, str(made), pictures) if swept else desk.plan(recipe, str(made), pictures)
            return 0
        if swept:
            result = desk.sweep(again, str(made), pictures)
        else:
            only = part[0] if part else None
            result = desk.make(recipe, str(made), pictures, suffix=suffix, only=only)
        now = result.recipe.used
        if others := [name for name in _DECISIVE if recipe.used.get(name) not in (None, now.get(name))]:
            voice.note(f"{made} was made with other {' and '.join(others)}: the bytes differ")
        return INTERRUPTED if interrupts.cancel.is_set() else 0


def _find_inputs(recipe: Recipe, made: Path, places: Sequence[str]) -> dict[str, Picture]:
    """The pictures of a recipe, known by content: at `places`, where they were, or beside the result."""
    if any(item.sha256 is None for item in recipe.inputs.values()):
        raise DeepDreamError(f"{made} was made of a picture that was in no file", "it cannot be replayed")
    given = [load(place) for place in places]
    wanted = {item.sha256: f"{name} {item.path}" for name, item in recipe.inputs.items()}
    for picture in given:
        if picture.source is not None and picture.source.sha256 not in wanted:
            asked = "the file" if len(wanted) == 1 else "one of the files"
            raise DeepDreamError(
                f"{picture.source.path} is not {asked} that {made} was made of: {', '.join(wanted.values())}",
                "give that file, under whatever name; another picture with the same settings: "
                + shlex.join(["deepdream", recipe.mode, picture.source.path, "--recipe", str(made)]),
            )
    found = {}
    for name, item in recipe.inputs.items():
        usual = [Path(item.path), made.parent / Path(item.path).name]
        there = [path for path in usual if os.path.isfile(path)]  # noqa: PTH113 (Path's may raise)
        match = [it for it in given if it.source is not None and it.source.sha256 == item.sha256]
        same = [] if match else [path for path in there if digest_of(path) == item.sha256]
        if not match and not same:
            wrong = "is not the file it was" if there else "is not there any more"
            raise DeepDreamError(
                f"input {name} of {made}: {item.path} {wrong}",
                f"say where it is: {shlex.join(['deepdream', 'replay', str(made)])} PATH",
            )
        found[name] = match[0] if match else load(same[0])
    return found
