"""The contract that every mode has to keep, as checks of one mode; each check's docstring says the rule."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from unittest.mock import patch

from deepdream.climb.engine import Step
from deepdream.console.blame import meant
from deepdream.console.failures import explain
from deepdream.errors import DeepDreamError, UsageError, unwrapped
from deepdream.jobs.recipe import Input, Recipe
from deepdream.modes.mode import Mode, declare, declares, slots
from deepdream.modes.registry import Registry
from deepdream.pictures.animation import Animation, Ended
from deepdream.pictures.picture import Picture, load, read_recipe
from deepdream.runs.session import Session
from deepdream.testing.benches import Bench, check_bench, tiny_network
from deepdream.testing.loading import complaint_of_loading
from deepdream.testing.running import check_pictures, picture

__all__ = ["CHECKS", "assert_mode_conforms"]

_SIZE: Final = (80, 64)


class _Shots(list[Picture]):
    """The first two frames of a film, those that are there already not made again."""

    def begin(self, _animation: Animation) -> None:
        """Any film will do."""

    def last(self) -> Picture | None:
        return self[-1] if self else None

    def add(self, frame: Picture) -> None:
        self.append(frame)
        if len(self) == 2:
            raise Ended


@dataclass(frozen=True)
class _Outcome:
    """What came of a run."""

    pictures: Sequence[Picture]
    recipe: Recipe
    interrupted: bool


@dataclass
class _Case:
    """A mode to check, its pictures in files, and a first run of it that several checks look at."""

    mode: Mode
    recipe: Recipe
    session: Session
    folder: Path
    steps: list[Step] = field(default_factory=list)
    printed: str = ""
    first: _Outcome | None = None

    def run(self, recipe: Recipe | None = None, shot: Sequence[Picture] = (), **more: Any) -> _Outcome:
        """Run it; of a film, after the frames that were `shot` before."""
        frames = _Shots(shot)
        result = self.session.run(recipe or self.recipe, frames=frames, **more)
        made = result.made
        pictures = (made,) if isinstance(made, Picture) else made if isinstance(made, tuple) else frames
        return _Outcome(pictures, result.recipe, result.interrupted)

    def base(self) -> _Outcome:
        if self.first is None:
            words = io.StringIO()
            with contextlib.redirect_stdout(words):
                self.first = self.run(listeners=[self.steps.append])
            self.printed = words.getvalue()
        return self.first


def assert_mode_conforms(
    function: Callable[..., Any],
    *,
    options: Mapping[str, Any] = MappingProxyType({}),
    pictures: Mapping[str, Picture] = MappingProxyType({}),
    skip: Mapping[str, str] = MappingProxyType({}),
    bench: Bench | None = None,
) -> None:
    """Hold a mode to the contract; an AssertionError has a line for everything that breaks a rule.

    `options` are given to it in every run (few steps make it quick), `pictures` by parameter name (a list
    where the mode takes one) in place of soft patches of 80 by 64 pixels. `skip` names checks, those in
    CHECKS, that cannot hold for this mode, each with the reason. `bench` is the network, `tiny_network()`
    unless it is given. Raises UsageError for options, pictures and checks that there are not.
    """
    __tracebackhide__ = True  # pytest shows where it was called, and where the mode failed
    if not isinstance(skip, Mapping):
        raise UsageError("checks are skipped by name, with a reason", 'skip={"tiles": "it has no picture"}')
    for name, reason in skip.items():
        if name not in CHECKS:
            raise UsageError(f"no check '{name}'", f"checks: {', '.join(CHECKS)}")
        if not reason.strip():
            raise UsageError(f"the check '{name}' is skipped without a reason", "give one")
    if not declares(function):
        raise UsageError(f"{function!r} is not a mode", 'decorate it: @mode("name", api=1)')
    mode = declare(function, function.__code__.co_filename)
    if not isinstance(pictures, Mapping):
        named = ", ".join(f"'{item.name}': ..." for item in mode.pictures)
        raise UsageError("pictures are given by name", f"pictures={{{named}}}")
    mode.check(options, partial=True)
    bench = tiny_network() if bench is None else bench
    check_bench(bench)
    broken: dict[str, list[str]] = {}
    cause: Exception | None = None
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, DEEPDREAM_OFFLINE="1"):
        case = _case(mode, options, pictures, bench, Path(folder))
        for name, check in CHECKS.items():
            if name in skip:
                continue
            try:
                what = check(case)
            except Exception as error:
                what, cause = _said(error, mode), error
                what = what.replace(str(tiny_network().common.model), "the tiny network")
            if what is not None:
                broken.setdefault(what, []).append(name)
    if broken:
        lines = [f"{', '.join(names)}: {what}" for what, names in broken.items()]
        raise AssertionError("\n".join([f"the mode '{mode.name}' does not conform:", *lines])) from cause


def _said(error: Exception, mode: Mode) -> str:
    """An error as the user would be told of it: in one line, with the line of the mode that it came from."""
    failure = explain(error, [mode])
    hint = failure.hint if isinstance(unwrapped(error), DeepDreamError) else meant(error)
    return failure.message + (f" ({hint})" if hint else "")


def _case(
    mode: Mode, options: Mapping[str, Any], pictures: Mapping[str, Picture], bench: Bench, folder: Path
) -> _Case:
    given = slots(
        {item.name: picture(*_SIZE, seed=n) for n, item in enumerate(mode.pictures) if item.required}
        | dict(pictures)
    )
    mode.check_pictures(given)
    check_pictures(given)
    inputs = {name: Input(str(it.save(folder / f"{name}.png"))) for name, it in given.items()}
    recipe = Recipe(mode.name, inputs, dict(options), bench.common, seed=7)
    session = Session(Registry(MappingProxyType({mode.name: mode})))
    session.pool = bench.pool
    return _Case(mode, recipe, session, folder)


# --- the checks: each returns what is wrong, or None -----------------------------------------------


def loads_light(case: _Case) -> str | None:
    """A fresh Python loads the mode without TensorFlow, Keras or PyTorch, and it prints nothing."""
    return complaint_of_loading(case.mode.function)


def has_help(case: _Case) -> str | None:
    """Every option has a help text and a default, and every picture but the first has a help text."""
    subject = case.mode.subject
    bare = [it.flag for it in case.mode.parameters if it is not subject and not it.info.help]
    if bare:
        return f"no help for {', '.join(bare)}: write Annotated[..., Option(help=...)]"
    needed = [it.flag for it in case.mode.options if it.required]
    return f"no default for {', '.join(needed)}" if needed else None


def rises(case: _Case) -> str | None:
    """The objective rises: in most octaves it is higher in the second half of the steps than in the first."""
    case.base()
    spans: list[list[Step]] = []
    for step in case.steps:
        if spans and (spans[-1][-1].octave, spans[-1][-1].index + 1) == (step.octave, step.index):
            spans[-1].append(step)
        else:
            spans.append([step])
    told = [span for span in spans if len(span) > 1]
    if not told:
        return "no octave has two steps: give `options` that take some, or skip this check"
    up = sum(_mean(span[len(span) // 2 :]) > _mean(span[: len(span) // 2]) for span in told)
    return (
        None
        if 2 * up >= len(told)
        else f"it fell in {len(told) - up} of {len(told)} octaves; with jitter, give it more steps to show"
    )


def moves(case: _Case) -> str | None:
    """Its work counts: with climbs that give back what they were given, or without any, another comes out."""
    result = case.base().pictures
    subject = [load(it.path) for it in [*case.recipe.inputs.values()][:1]]
    if not case.steps:
        same = subject and all(_same(subject[0], shown) for shown in result)
        return "it gives back the picture that it was given" if same else None
    try:
        planned = case.session.plan(case.recipe).made
        still = [planned] if isinstance(planned, Picture) else [*islice(planned, len(result))]
    except DeepDreamError:  # it computes with activations
        still = subject * len(result)
    if len(still) == len(result) and all(map(_same, still, result)):
        return f"its {len(case.steps)} steps change nothing: use the picture that engine.ascend returns"
    return None


def keeps_shape(case: _Case) -> str | None:
    """The result has the size of the first picture, and grey levels from 0 to 255."""
    result = case.base()
    name = case.mode.subject.name if case.mode.subject else None
    for shown in result.pictures:
        low, high = float(shown.pixels.min()), float(shown.pixels.max())
        if low < 0 or high > 255:
            return f"grey levels from {low:.4g} to {high:.4g}"
        if high <= 1 and name is not None and load(case.recipe.inputs[name].path).pixels.max() > 1:
            return f"grey levels from {low:.4g} to {high:.4g}: white is 255"
        if name is not None and shown.size != (_size(case, name)):
            return f"{shown.width}x{shown.height} px, from {'x'.join(map(str, _size(case, name)))}"
    return None


def is_quiet(case: _Case) -> str | None:
    """It prints nothing: what the user should know goes through engine.say."""
    case.base()
    return f"it printed {case.printed[:60]!r}" if case.printed else None


def repeats(case: _Case) -> str | None:
    """The same seed gives the same pixels, from a recipe that went through a PNG file and through TOML."""
    result = case.base()
    shown = result.pictures[0]
    path = (shown if shown.recipe else replace(shown, recipe=result.recipe.to_json())).save(
        case.folder / "made.png"
    )
    read = Recipe.from_json(read_recipe(path))
    again = Recipe.from_toml(read.to_toml())
    if (again.options, again.inputs, again.seed) != (read.options, read.inputs, read.seed):
        lost = {name: value for name, value in read.options.items() if again.options.get(name) != value}
        if any(value is not None for value in lost.values()):
            return f"TOML changed the options {lost}"
    redone = case.run(replace(again, used={}))
    same = all(_same(one, two) for one, two in zip(result.pictures, redone.pictures, strict=True))
    return None if same else "the same seed gave other pixels"


def goes_on(case: _Case) -> str | None:
    """A film that was stopped after its first frame goes on from that with the frame it would have had."""
    frames = case.base().pictures
    if case.mode.makes != "animation" or len(frames) < 2:
        return None
    again = case.run(shot=frames[:1]).pictures
    if _same(frames[1], again[1]):
        return None
    return "frame 1 is another in a film that goes on: make it of `previous` and its number alone"


def cancels(case: _Case) -> str | None:
    """Called off at its second step, it ends soon and gives the picture as it is, which can be saved."""
    case.base()
    cancel, seen = threading.Event(), 0

    def stop(_step: Step) -> None:
        nonlocal seen
        seen += 1
        if seen == 2:
            cancel.set()

    if len(case.steps) < 3:
        return "it takes less than three steps: give `options` that take more, or skip this check"
    # Step by step, or a fast machine takes all that are left at once, and there is nothing to call off.
    result = case.run(listeners=[stop], cancel=cancel, every=1)
    if not result.interrupted:
        return f"it went on for {seen} of {len(case.steps)} steps"
    for number, shown in enumerate(result.pictures):
        shown.save(case.folder / f"stopped{number}.png")
    return None


def tiles(case: _Case) -> str | None:
    """Cut into tiles it makes the same picture, but for rounding; or it is refused with one line."""
    cut = replace(case.recipe, common=replace(case.recipe.common, tile="32", exact=True))
    try:
        result = case.run(cut)
    except UsageError as error:
        if "tile" in error.message:
            return None
        raise
    pairs = zip(case.base().pictures, result.pictures, strict=True)
    worst = max(float(abs(one.pixels - two.pixels).mean()) for one, two in pairs)
    return f"in tiles the picture differs by {worst:.2g} grey levels in the mean" if worst > 2 else None


def runs_in_bfloat16(case: _Case) -> str | None:
    """With the network in bfloat16 it makes a picture of the same size, from finite numbers."""
    low = replace(case.recipe, common=replace(case.recipe.common, precision="bfloat16"))
    sizes = [shown.size for shown in case.run(low).pictures]
    wanted = [shown.size for shown in case.base().pictures]
    return None if sizes == wanted else f"sizes {sizes}, and {wanted} in float32"


CHECKS: Final[Mapping[str, Callable[[_Case], str | None]]] = MappingProxyType(
    {
        "loads_light": loads_light,
        "has_help": has_help,
        "rises": rises,
        "moves": moves,
        "keeps_shape": keeps_shape,
        "is_quiet": is_quiet,
        "repeats": repeats,
        "goes_on": goes_on,
        "cancels": cancels,
        "tiles": tiles,
        "runs_in_bfloat16": runs_in_bfloat16,
    }
)
"""The checks by name, in the order they are made."""


def _same(one: Picture, two: Picture) -> bool:
    return one.size == two.size and bool((one.pixels == two.pixels).all())


def _mean(steps: Sequence[Step]) -> float:
    return sum(step.objective for step in steps) / len(steps)


def _size(case: _Case, name: str) -> tuple[int, int]:
    return load(case.recipe.inputs[name].path).size
