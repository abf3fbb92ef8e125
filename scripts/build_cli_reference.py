"""Program that writes `docs/cli.md`: every command with its arguments and options, read off the app itself.

    python scripts/build_cli_reference.py

Only the built-in modes are in it; what all modes share stands in it once. Run it again when a command, an
option, a default or a help text has changed; a test compares.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import typer

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "docs" / "cli.md"
HEAD = """\
# Command line

Made by `scripts/build_cli_reference.py` from what `--help` shows.

Modes make pictures; they all take [the same options](#options-of-every-mode) besides their own. An option
with … may be repeated; defaults stand in brackets. Every option of a mode can be set in the environment too:
`DEEPDREAM_SIZE`, or with the mode's name for its own, `DEEPDREAM_DREAM_STEP_SIZE`. A flag wins over the
environment, the environment over a preset, a preset over the default.

Standard output has the paths of the results and nothing else. With `--json` it has one object for each
picture, on a line of its own; that of a picture that failed has `input`, `error`, `hint` and `exit_code`. (A
command line that cannot be parsed, as with an unknown option or preset, has no pictures yet.) Exit
codes: 0 done, 1 failed, 2 wrong usage, 3 some of several pictures failed, 130 interrupted.

`deepdream --version` prints the version; `deepdream --install-completion` teaches your shell to complete
commands, options, layers and networks."""


def reference() -> str:
    """The whole page."""
    return "\n\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    from deepdream.cli import build
    from deepdream.jobs.recipe import preset_names
    from deepdream.modes.mode import COMMON_NAMES
    from deepdream.modes.registry import load

    registry = load({"DEEPDREAM_NO_PLUGINS": "1"})
    app: Any = typer.main.get_command(build(registry))
    yield HEAD
    index = ((f"[`{name}`](#deepdream-{name})", _summary(command)) for name, command in app.commands.items())
    yield from _table("command", index)

    common: dict[str, Any] = {}
    for name in registry.modes:
        command = app.commands.pop(name)
        yield from _section(f"deepdream {name}", command)
        yield from _options(item for item in command.params if item.name not in COMMON_NAMES)
        for item in command.params:
            if item.name in COMMON_NAMES:
                item.help = item.help.replace(f".{name}.", ".MODE.")
                if item.default != common.setdefault(item.name, item).default:
                    yield f"`{item.opts[0]}` is {item.default} by default."
        if preset_names(name):
            yield f"Presets for `--recipe`: {', '.join(preset_names(name))}."
    yield "## Options of every mode"
    yield from _options(common.values())

    for name, command in app.commands.items():
        yield from _tool(f"deepdream {name}", command)


def _tool(name: str, command: Any) -> Iterator[str]:
    yield from _section(name, command)
    yield from _options(command.params)
    for child, inner in getattr(command, "commands", {}).items():
        yield from _tool(f"{name} {child}", inner)


def _section(name: str, command: Any) -> Iterator[str]:
    """Heading, help and arguments of a command. What the help indents are examples: one block of them."""
    yield f"## {name}"
    for examples, paragraphs in groupby(command.help.split("\n\n"), lambda text: text.startswith("  ")):
        if examples:
            yield "\n".join(["```console", *(text.strip() for text in paragraphs), "```"])
        else:
            yield from paragraphs
    arguments = (item for item in command.params if item.param_type_name == "argument")
    rows = ((f"`{item.metavar or item.name.upper()}`" + _repeated(item), item.help) for item in arguments)
    yield from _table("argument", rows)


def _options(params: Iterable[Any]) -> Iterator[str]:
    rows = []
    for item in params:
        if item.param_type_name == "option" and not item.hidden:
            flags = ", ".join(f"`{flag}`" for flag in [*item.opts, *item.secondary_opts])
            value = f" `{item.metavar.removesuffix(' ...')}`" if item.metavar else ""
            rows.append((flags + value + _repeated(item), item.help))
    yield from _table("option", rows)


def _repeated(item: Any) -> str:
    return " …" if item.nargs == -1 or getattr(item, "multiple", False) else ""


def _summary(command: Any) -> str:
    return " ".join(command.help.partition("\n\n")[0].split())


def _table(head: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    lines = [
        " | ".join(["", *(cell.replace("\\[", "[").replace("|", "\\|") for cell in row), ""]).strip()
        for row in rows
    ]
    if lines:
        yield "\n".join([f"| {head} | |", "| --- | --- |", *lines])


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    OUTPUT.write_text(reference(), encoding="utf-8")
