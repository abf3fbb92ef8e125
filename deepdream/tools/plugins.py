"""The commands about plugins: which modes there are, where they come from, and a first file for a new one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from deepdream.console.streams import Voice, put, table
from deepdream.errors import UsageError, did_you_mean
from deepdream.jobs.options import REQUIRED, Parameter
from deepdream.modes.registry import Mode, Registry
from deepdream.tools.scaffold import how_to_try, new_file, new_package

__all__ = ["plugin_tools"]

_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def plugin_tools(registry: Registry) -> typer.Typer:
    """The command `plugins` with what is under it."""
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.callback(invoke_without_command=True)
    def plugins(context: typer.Context) -> None:
        """Show where the modes come from, and what could not be loaded."""
        if context.invoked_subcommand is None:
            _list(registry, as_json=False)

    @app.command("list")
    def every(as_json: _AsJson = False) -> None:
        """List the modes, where they come from, and what could not be loaded."""
        _list(registry, as_json=as_json)

    @app.command()
    def info(
        name: Annotated[str, typer.Argument(help="A mode, or a plugin for all of its modes.")],
        as_json: _AsJson = False,
    ) -> None:
        """Show all about a mode: its plugin, file, version, SHA-256, options and help."""
        modes = [mode for mode in registry.modes.values() if _called(mode, name)]
        if not modes:
            known = [*registry.modes, *(mode.plugin.name for mode in registry.modes.values() if mode.plugin)]
            hint = registry.lost(name) or did_you_mean(name, known, otherwise="see 'deepdream plugins'")
            raise UsageError(f"no mode or plugin '{name}'", hint)
        if as_json:
            return put(json.dumps([_facts(mode) for mode in modes]))
        for number, mode in enumerate(modes):
            if number:
                put("")
            _show(mode)
        return None

    @app.command()
    def new(
        name: Annotated[str, typer.Argument(help="The mode's name: lower-case words joined by hyphens.")],
        place: Annotated[
            Path | None, typer.Argument(metavar="PATH", help="File or folder to write. (default: here)")
        ] = None,
        package: Annotated[
            bool, typer.Option("--package", help="Write a project for pip, with README and tests.")
        ] = False,
        animation: Annotated[
            bool, typer.Option("--animation", help="Write a mode that makes an animation.")
        ] = False,
        test: Annotated[
            bool, typer.Option("--test", help="Write a test beside the file, too; a project has its own.")
        ] = False,
    ) -> None:
        """Write a new mode to begin with: a file, or a project that can be installed.

        Examples:

          deepdream plugins new ripples --test

          deepdream plugins new ripples --package
        """
        taken = {it.name: it.source for it in registry.modes.values()}
        if package:
            paths = new_package(name, place, taken, animation=animation)
        else:
            paths = new_file(name, place, taken, animation=animation, test=test)
        for path in paths:
            put(str(path))
        voice = Voice()
        voice.say(how_to_try(name, *paths, package=package))
        voice.close()

    return app


def _called(mode: Mode, name: str) -> bool:
    if mode.name == name:
        return True
    # A mode of that name is meant before the whole plugin.
    return mode.plugin is not None and mode.plugin.kind != "built-in" and mode.plugin.name == name


def _list(registry: Registry, *, as_json: bool) -> None:
    if as_json:
        modes = [
            {
                "mode": it.name,
                "plugin": it.plugin.name if it.plugin else None,
                "version": it.plugin.version if it.plugin else None,
                "source": it.source,
                "summary": it.summary,
            }
            for it in registry.modes.values()
        ]
        problems = [
            {"source": it.source, "kind": it.kind, "message": it.message, "hint": it.hint}
            for it in registry.problems
        ]
        return put(json.dumps({"modes": modes, "problems": problems}))
    table(["mode", "source", "summary"], ([m.name, m.source, m.summary] for m in registry.modes.values()))
    for it in registry.problems:
        kind = "problem" if it.kind == "refused" else it.kind
        put(f"{kind}: {it.source}: {it.message}" + (f" ({it.hint})" if it.hint else ""))
    return None


def _facts(mode: Mode) -> dict[str, Any]:
    plugin = mode.plugin
    return {
        "mode": mode.name,
        "summary": mode.summary,
        "plugin": plugin.name if plugin else None,
        "version": plugin.version if plugin else None,
        "kind": plugin.kind if plugin else None,
        "file": str(plugin.file) if plugin and plugin.file else None,
        "sha256": plugin.sha256() if plugin else None,
        "api": mode.api,
        "source": mode.source,
        "pictures": [_option(item) for item in mode.pictures],
        "options": [_option(item) for item in mode.options],
        "defaults": dict(mode.defaults),
        "help": mode.help,
    }


def _option(item: Parameter) -> dict[str, Any]:
    return {
        "name": item.name,
        "flag": item.flag,
        "type": item.type.__name__ if type(item.type) is type else str(item.type),
        "choices": list(item.choices),
        "multiple": item.multiple,
        "required": item.required,
        "default": None if item.required else item.check(item.default) if not item.picture else None,
        "help": item.help,
    }


def _show(mode: Mode) -> None:
    facts = _facts(mode)
    defaults = ", ".join(f"--{name.replace('_', '-')} {value}" for name, value in mode.defaults.items())
    rows: list[list[Any]] = [
        ["mode", mode.name],
        ["plugin", " ".join(filter(None, (facts["plugin"], facts["version"])))],
        ["file", facts["file"] or mode.source],
        ["sha256", facts["sha256"] or "unknown"],
        ["api", mode.api],
        *([["its own defaults", defaults]] if defaults else []),
    ]
    table([], rows)
    put(f"\n{mode.help}\n")
    table([], ([item.flag, _kind(item), _value(item), item.help] for item in mode.parameters))


def _kind(item: Parameter) -> str:
    """What a parameter takes, in a word; three dots say that it may be repeated."""
    if item.choices:
        kind = "|".join(item.choices)
    elif item.picture:
        kind = "picture"
    else:
        kind = {int: "whole number", float: "number", str: "text", bool: "switch"}[item.item]
    return f"{kind} ..." if item.multiple else kind


def _value(item: Parameter) -> str:
    if item.required:
        return "required"
    if item.picture:
        return ""
    if item.item is bool and not item.multiple and item.default is not None:
        return "[on]" if item.check(item.default) else "[off]"
    default = item.check(item.default)
    if default in (None, REQUIRED, []):
        return ""
    return f"[{', '.join(map(str, default)) if isinstance(default, list) else default}]"
