"""Jobs become pictures: what every front end runs recipes with."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from deepdream.climb.engine import Engine, Listener, Pool, Step
from deepdream.errors import DeepDreamError
from deepdream.jobs.checkpoints import Checkpoint
from deepdream.jobs.options import Parameter, parameter
from deepdream.jobs.recipe import Common, Input, Recipe
from deepdream.modes.guard import staying
from deepdream.modes.registry import Mode, Registry
from deepdream.modes.registry import load as load_registry
from deepdream.pictures.animation import Animation, Ended
from deepdream.pictures.picture import Picture, load
from deepdream.runs.filming import planned, watched
from deepdream.runs.results import Frames, Result, result_of
from deepdream.silence import check_process, silence_tensorflow

__all__ = ["Result", "Session", "seed_parameter", "silence_tensorflow"]


class Session:
    """Runs recipes one after another and keeps the networks they share open.

    With `show_notices`, what TensorFlow says while it is loaded is passed on.
    """

    def __init__(self, registry: Registry | None = None, *, show_notices: bool = False) -> None:
        self.registry = load_registry() if registry is None else registry
        self.pool = Pool()
        self._show_notices = show_notices

    def run(
        self,
        recipe: Recipe,
        *,
        pictures: Mapping[str, Picture] | None = None,
        listeners: Sequence[Listener] = (),
        cancel: threading.Event | None = None,
        started: Callable[[Mapping[str, Any]], None] | None = None,
        pulse: Callable[[float], None] | None = None,
        every: int | None = None,
        frames: Frames | None = None,
        keep: Path | None = None,
    ) -> Result:
        """Make the picture, pictures or animation that `recipe` describes.

        `pictures` are inputs that are loaded already, by parameter name; the others are read from
        the paths in the recipe. A `sha256` in the recipe must be that of the picture. `started` gets
        the engine's report before the listeners get the first step of a climb, those of later frames left
        out; `pulse` the part of the work that is done whenever a tile is. Every `every` steps a snapshot is
        exact. Once `cancel` is set the run ends, with the picture as it is, or the frames that are whole. The
        frames of an animation are made here if there is a place for them, `frames`; else each is made when
        the animation is asked for it. A long climb keeps a checkpoint beside `keep`, where its result
        will be, and goes on from one that the same job left there; whoever saves the result removes it.
        """
        began = time.monotonic()
        check_process()
        mode, recipe, loaded = self._prepare(recipe, pictures or {})
        plugin = {} if mode.plugin is None else mode.plugin.facts()
        still = keep is not None and mode.makes != "animation"
        checkpoint = Checkpoint(keep, recipe, plugin) if keep is not None and still else None
        kept = checkpoint.read() if checkpoint is not None else None
        if recipe.seed is None:
            recipe = replace(recipe, seed=secrets.randbelow(2**31) if kept is None else kept.seed)
        common = _cut_as_before(recipe)
        steps = 0

        def watch(step: Step) -> None:
            nonlocal steps
            back()  # before the other listeners write to paths that are relative
            if started is not None and (steps == 0 or (step.index == 1 and step.frame < 2)):
                started(engine.report)
            steps += 1

        if self._show_notices:
            silence_tensorflow(show=True)
        self.pool.turn()
        engine = Engine(
            common if kept is None else kept.common(common),
            seed=recipe.seed or 0,
            listeners=(watch, *listeners),
            pulse=pulse,
            cancel=cancel,
            pool=self.pool,
            every=every,
            began=began,
            checkpoint=checkpoint,
            kept=kept,
            repeats=recipe.used.get("octave_steps", {}),
            elsewhere=bool(recipe.used),
        )
        if plugin:
            engine.report["plugin"] = plugin
        if kept is not None and kept.first:
            engine.say("climbs before the one that was stopped are made again")
        if checkpoint is not None and checkpoint.changed:
            engine.say(f"begun anew: {mode.source} was changed since the run that was stopped")
        with staying(engine.say, mode.name) as back:
            made = mode.call(engine, loaded, recipe.options)
        if isinstance(made, Animation):
            made = watched(made, mode, engine, recipe)
            if frames is not None:
                frames.begin(made)
                if (last := frames.last()) is not None and last.recipe is not None:
                    engine.go_on_from(last.recipe["used"])
                with suppress(Ended):  # which the place for the frames may say, too
                    for frame in made.frames(len(frames), frames.last()):
                        frames.add(frame)
                        if pulse is not None and not steps:
                            pulse(len(frames) / made.count)
        if checkpoint is not None and checkpoint.trouble is not None:
            engine.say(f"no checkpoint was kept: {checkpoint.trouble}")
        done = {"steps": steps} if isinstance(made, Animation) else {}
        facts = {**engine.report, **done, "seconds": round(time.monotonic() - began, 3)}
        return replace(result_of(recipe, made, loaded, facts, frames), checkpoint=checkpoint)

    def plan(self, recipe: Recipe, *, pictures: Mapping[str, Picture] | None = None) -> Result:
        """What `run` would do, found out without computing anything; the picture is the input."""
        mode, recipe, loaded = self._prepare(recipe, pictures or {})
        repeats = recipe.used.get("octave_steps", {})
        common = _cut_as_before(recipe)
        engine = Engine(common, seed=recipe.seed or 0, pool=self.pool, dry=True, repeats=repeats)
        try:
            with staying(engine.say, mode.name):
                made = mode.call(engine, loaded, recipe.options)
            facts = planned(made, mode, engine) if isinstance(made, Animation) else {}
        except DeepDreamError:
            raise
        except Exception as error:
            raise DeepDreamError(
                f"the mode '{mode.name}' cannot be planned: it computes before it climbs ({error})",
                "run it without --dry-run",
            ) from error
        return result_of(recipe, made, loaded, {**engine.report, **facts})

    def _prepare(
        self, recipe: Recipe, pictures: Mapping[str, Picture]
    ) -> tuple[Mode, Recipe, dict[str, Picture]]:
        """Check a recipe, cheap things first, and load its pictures; its subject at the wanted size."""
        mode = self.registry.get(recipe.mode)
        options = mode.check(recipe.options)
        mode.check_pictures({*recipe.inputs, *pictures})
        seed = seed_parameter().check(recipe.seed)
        loaded: dict[str, Picture] = {}
        inputs: dict[str, Input] = {}
        for name in _in_order(mode, {*recipe.inputs, *pictures}):
            wanted = recipe.inputs.get(name)
            if name in pictures:
                loaded[name] = pictures[name]
            elif wanted is not None:
                loaded[name] = load(wanted.path)
            else:
                continue
            inputs[name] = _input(wanted, loaded[name])
        subject = mode.subject
        if subject is not None and recipe.common.size is not None:
            loaded[subject.name] = loaded[subject.name].fitted(recipe.common.size)
        return mode, replace(recipe, options=options, inputs=inputs, seed=seed), loaded


def _cut_as_before(recipe: Recipe) -> Common:
    """The common options; for a recipe that has been run, those that cut the picture as it was cut then.

    Tiles change the last bits of a result, and how many there are depends on the memory that is free.
    """
    if not recipe.used:
        return recipe.common
    tile = "off" if recipe.common.tile == "auto" and recipe.used.get("tile") is None else recipe.common.tile
    return replace(recipe.common, tile=tile, memory=recipe.used.get("budget") or recipe.common.memory)


def seed_parameter() -> Parameter:
    """The check that every seed passes."""
    import typer

    text = "Seed of all random draws; recorded. (default: drawn)"
    return parameter("seed", int | None, None, info=typer.Option(min=0, max=2**31 - 1, help=text))


def _in_order(mode: Mode, names: Iterable[str]) -> list[str]:
    """The names of pictures as the mode's signature has them, those of a list by their number."""
    order = [item.name for item in mode.pictures]
    return sorted(names, key=lambda name: (order.index(name.partition(".")[0]), len(name), name))


def _input(wanted: Input | None, picture: Picture) -> Input:
    """What to record of an input; a DeepDreamError if it is not the picture the recipe was made with."""
    source = picture.source
    if wanted is None:
        return Input(source.path, source.sha256) if source is not None else Input("(from memory)")
    if wanted.sha256 is not None and source is not None and wanted.sha256 != source.sha256:
        raise DeepDreamError(
            f"{source.path} is not the picture it was when the recipe was recorded",
            "find the old one: only the same file gives the same result",
        )
    return Input(wanted.path, source.sha256 if source is not None else wanted.sha256)
