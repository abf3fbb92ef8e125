"""The command `show`: how a picture was made, first as the command that one would type."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from deepdream.console.streams import put, table
from deepdream.desk.sweeping import joined
from deepdream.desk.telling import climbs_said
from deepdream.jobs.options import Parameter
from deepdream.jobs.recipe import Common, Recipe
from deepdream.modes.mode import Mode
from deepdream.modes.provenance import named
from deepdream.modes.registry import Registry
from deepdream.pictures.picture import load, read_recipe
from deepdream.pictures.styles import SUFFIX, StyleFile
from deepdream.tools import atlas
from deepdream.tools.style_files import facts

__all__ = ["command_of", "show_command"]

_ALWAYS = (
    *("model", "layers", "formula", "size", "octaves", "steps", "climbs", "octave_steps", "precision"),
    *("sweep", "stopped"),
)
"""What `used` tells that most people want to know; the rest is for `--all`."""


def show_command(registry: Registry) -> Callable[..., None]:
    """The command, which needs the modes to tell defaults from what was asked for."""

    def show(
        picture: Annotated[
            Path, typer.Argument(metavar="PICTURE", help="A picture made by deepdream, or a style file.")
        ],
        every: Annotated[
            bool, typer.Option("--all", help="Every option, the defaults too, hashes and versions.")
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
        as_toml: Annotated[
            bool, typer.Option("--toml", help="Print TOML, to edit and to give to --recipe.")
        ] = False,
    ) -> None:
        """Show how a picture was made: the command to type, and what was used.

        The command leaves out the options that have their defaults.
        """
        if picture.suffix.lower() == SUFFIX:
            return _show_style(picture, as_json=as_json)
        recipe = Recipe.from_json(read_recipe(picture), source=f"the recipe in {picture}")
        if as_json:
            return put(json.dumps(recipe.to_json()))
        if as_toml:
            return put(recipe.to_toml().rstrip())
        mode = registry.modes.get(recipe.mode)
        if mode is not None:
            put(shlex.join(command_of(recipe, mode)) + "\n")
        elif recipe.mode == "layers":
            put(atlas.command(recipe, picture.name) + "\n")
        every = every or (mode is None and recipe.mode != "layers")
        rows: list[list[Any]] = [["mode", "", recipe.mode]]
        if not every and mode is not None and mode.plugin is not None and mode.plugin.kind != "built-in":
            rows += [["used", "plugin", named(recipe.used.get("plugin") or {})]]
        if every:
            rows += [["input", name, item.path] for name, item in recipe.inputs.items()]
            rows += [["option", name, value] for name, value in recipe.options.items()]
            rows += [["common", name, value] for name, value in asdict(recipe.common).items()]
            rows += [["seed", "", recipe.seed]]
        rows += [["used", name, value] for name, value in _used(recipe) if every or name in _ALWAYS]
        if every:
            rows += [["version", name, value] for name, value in recipe.versions.items()]
        shown = ([topic, name, _said(value)] for topic, name, value in rows if value not in (None, [], {}))
        table([], shown if every else list(shown)[1:])
        return None

    return show


def command_of(recipe: Recipe, mode: Mode) -> list[str]:
    """The words of the command that asks for `recipe`: pictures, and what differs from the defaults."""
    words = ["deepdream", recipe.mode]
    subject = mode.subject
    ordered = sorted(mode.pictures, key=lambda item: item is not subject)
    for item in ordered:
        paths = [it.path for name, it in recipe.inputs.items() if name.partition(".")[0] == item.name]
        for path in paths:
            words += [path] if item.required else [item.flag, path]
    for item in mode.options:
        value = recipe.options.get(item.name, item.default)
        if item.required or value != item.check(item.default):
            words += _flags(item, value)
    default = asdict(Common.of(mode.defaults))
    for item in Common.parameters():
        value = getattr(recipe.common, item.name)
        if value != default[item.name] and value is not None:
            words += _flags(item, value)
    for name, values in recipe.used.get("sweep", {}).items():
        words += ["--sweep", f"{name.replace('_', '-')}={joined([*map(_typed, values)])}"]
    return [*words, *([] if recipe.seed is None else ["--seed", str(recipe.seed)])]


def _flags(item: Parameter, value: Any) -> Iterator[str]:
    if isinstance(value, bool):
        yield item.flag if value else item.flag.replace("--", "--no-", 1)
        return
    for one in value if isinstance(value, list) else [value]:
        if one is not None:
            yield from (item.flag, _typed(one))


def _typed(value: Any) -> str:
    """A value as people type it."""
    if isinstance(value, list):
        return ",".join(map(_typed, value))
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _used(recipe: Recipe) -> Iterator[tuple[str, Any]]:
    """What the run used, in words that need no other line to be understood."""
    for name, value in recipe.used.items():
        if name == "layers" and value != (asked := recipe.used.get("requested_layers", value)):
            yield name, f"{_said(value)}, in place of {_said(asked)}"
        elif name == "octave_steps" and isinstance(value, dict):
            yield name, "; ".join(_said(list(steps)) for steps in value.values())
        elif name == "formula" and isinstance(value, list):
            # Of several climbs each has a line: formulas have commas of their own.
            yield from ((name, formula) for formula in value)
        elif name == "climbs":
            yield name, climbs_said(value)
        elif name == "interrupted" and value:
            yield "stopped", "early: the command makes all of it"
        elif name == "octaves" and "climbs" in recipe.used:
            pass  # which has them
        else:
            yield name, [value] if name == "size" else value


def _show_style(path: Path, *, as_json: bool) -> None:
    file = load(path)
    assert isinstance(file, StyleFile)
    found = facts(file)
    if as_json:
        return put(json.dumps(found))
    rows = [[name, _said([value] if name == "picture" else value)] for name, value in found.items() if value]
    return table([], rows)


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(item)}" for name, item in value.items() if item is not None)
    if isinstance(value, list):
        return ", ".join("x".join(map(str, item)) if isinstance(item, list) else str(item) for item in value)
    return str(value)
