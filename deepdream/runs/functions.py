"""The Python door: every mode as a function that says what it takes."""

from __future__ import annotations

import inspect
import types
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from deepdream.errors import UsageError, did_you_mean
from deepdream.jobs.options import Parameter
from deepdream.jobs.recipe import Common, Preset, Recipe, preset
from deepdream.modes.mode import slots
from deepdream.modes.registry import Mode
from deepdream.pictures.animation import Animation, Made
from deepdream.pictures.picture import Picture, load
from deepdream.runs.session import Session, seed_parameter

__all__ = ["function", "shared_session"]

_MADE: Mapping[str, Any] = MappingProxyType(
    {"picture": Picture, "pictures": Picture | tuple[Picture, ...], "animation": Animation}
)


@cache
def shared_session() -> Session:
    """The session behind `deepdream.dream` and its like: made once, so that networks stay open."""
    return Session()


def function(session: Session, mode: Mode) -> Callable[..., Made]:
    """The mode as a Python function: pictures first, everything else by keyword; returns what it makes.

    A picture may be a path, a Picture, a Pillow image or an array. The common options, `seed` and
    `recipe` (a preset's name or path) are accepted like the mode's own.
    """
    positional = [item.name for item in mode.pictures if item.required]
    own, common = {item.name for item in mode.options}, {item.name for item in Common.parameters()}
    known = [*(item.name for item in mode.parameters), *sorted(common), "seed", "recipe"]

    def call(
        *images: Any, seed: int | None = None, recipe: str | Path | Preset | None = None, **given: Any
    ) -> Made:
        if len(images) > len(positional):
            raise UsageError(f"{mode.name}() takes {len(positional)} pictures, not {len(images)}")
        for name, image in zip(positional, images, strict=False):
            if name in given:
                raise UsageError(f"{mode.name}() got the picture '{name}' twice")
            given[name] = image
        for name in given:
            if name not in known:
                raise UsageError(f"no option '{name}' in {mode.name}()", did_you_mean(name, known))
        chosen = _preset(recipe, session, mode)
        base_options, base_common = (chosen.options, chosen.common) if chosen else ({}, {})
        loaded = slots(
            {
                item.name: _pictures(given[item.name]) if item.multiple else _picture(given[item.name])
                for item in mode.pictures
                if given.get(item.name) is not None
            }
        )
        if chosen is not None and isinstance(recipe, str | Path):
            along = mode.settings(chosen, {name for name, it in given.items() if it is not None}, str(recipe))
            loaded |= {name: load(path) for name, path in along.items()}
        job = Recipe(
            mode.name,
            options={**base_options, **{name: value for name, value in given.items() if name in own}},
            common=Common.of(
                mode.defaults, base_common, {name: value for name, value in given.items() if name in common}
            ),
            seed=seed,
        )
        result = session.run(job, pictures=loaded)
        for note in result.report["notes"]:
            warnings.warn(note, stacklevel=2)
        return result.made

    call.__name__ = call.__qualname__ = mode.name.replace("-", "_")
    call.__module__ = "deepdream"
    call.__doc__ = _documentation(mode)
    call.__signature__ = _signature(mode)  # type: ignore[attr-defined]
    return call


def _signature(mode: Mode) -> inspect.Signature:
    keyword, either = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    first = [item for item in mode.pictures if item.required]
    shown = [inspect.Parameter(item.name, either, annotation=_accepted(item)) for item in first]
    for item in (*mode.parameters, *Common.parameters()):
        if item not in first:
            default = mode.defaults.get(item.name, item.default)
            shown.append(inspect.Parameter(item.name, keyword, default=default, annotation=_accepted(item)))
    shown.append(inspect.Parameter("seed", keyword, default=None, annotation=int | None))
    shown.append(inspect.Parameter("recipe", keyword, default=None, annotation=str | Path | Preset | None))
    return inspect.Signature(shown, return_annotation=_MADE[mode.makes])


def _accepted(item: Parameter) -> Any:
    """The type of what may be given: more than the mode's function gets to see."""
    if item.picture:
        import numpy as np
        from PIL.Image import Image

        kinds: Any = str | Path | Picture | Image | np.ndarray
        if item.multiple:
            kinds = kinds | types.GenericAlias(list, (kinds,))
    elif item.multiple:
        kinds = item.item | types.GenericAlias(list, (item.item,))
    else:
        return item.type
    return kinds | None if item.optional else kinds


def _documentation(mode: Mode) -> str:
    """The mode's help and a line for every parameter, from the texts that `--help` shows."""
    lines = [
        mode.help,
        "",
        "A picture is a path, a Picture, a Pillow image or an array [height, width, 3].",
        "",
    ]
    lines.append("Parameters:")
    for item in sorted(mode.parameters, key=lambda item: not (item.picture and item.required)):
        lines.append(f"  {item.name}: {item.help or ('A picture.' if item.picture else '')}".rstrip(": "))
    lines += [f"  {item.name}: {item.help}" for item in (*Common.parameters(), seed_parameter())]
    lines.append("  recipe: Preset by name, or a recipe: a TOML file, or a picture made by deepdream.")
    return "\n".join(lines)


def _preset(recipe: str | Path | Preset | None, session: Session, mode: Mode) -> Preset | None:
    if isinstance(recipe, str | Path):
        return preset(recipe, mode.name, modes=session.registry.modes)
    if recipe is not None and not isinstance(recipe, Preset):
        raise UsageError(
            f"recipe must be a name, a path or a preset, not {type(recipe).__name__}",
            "a whole Recipe is run by Session().run(recipe)",
        )
    if recipe is not None and recipe.mode != mode.name:
        raise UsageError(
            f"preset '{recipe.name}' is for the mode '{recipe.mode}', not '{mode.name}'",
            f"try deepdream.{recipe.mode.replace('-', '_')}()",
        )
    return recipe


def _pictures(things: Any) -> list[Picture]:
    """One picture stands for a list of one."""
    return [_picture(thing) for thing in (things if isinstance(things, list | tuple) else [things])]


def _picture(thing: Any) -> Picture:
    if isinstance(thing, Picture):
        return thing
    if isinstance(thing, str | Path):
        return load(thing)
    if type(thing).__module__.partition(".")[0] == "PIL":
        return Picture.from_pil(thing)
    if not (hasattr(thing, "__array__") or isinstance(thing, list | tuple)):
        raise UsageError(
            f"no picture in {type(thing).__name__}", "give a path, a Picture, a Pillow image or an array"
        )
    return Picture.from_array(thing)
