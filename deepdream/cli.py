"""The command line: an app built from the registry, and what becomes of everything that is raised in it."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from deepdream import __version__
from deepdream.console.failures import details, explain
from deepdream.console.interrupts import WORKER
from deepdream.console.streams import Voice, be_lenient, put, reopen_closed
from deepdream.desk.commands import add_mode
from deepdream.modes.registry import TOOLS, Registry, load
from deepdream.tools.index import add_tools

__all__ = ["build", "main", "run"]

_COMPLETION = "_DEEPDREAM_COMPLETE"
"""The variable in which the shell asks for completions; its name is Typer's, made of the program's."""


def main() -> None:
    """What the command `deepdream` runs."""
    reopen_closed()
    be_lenient()
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # warnings speak to programmers
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if _left_running():
        os._exit(code)
    sys.exit(code)


def _left_running() -> bool:
    """Whether a thread is alive that would keep the program from ending.

    One that Ctrl-C gave up, as TensorFlow cannot be asked to stop; or one that a plugin started, after a
    second's grace.
    """
    others = [thread for thread in threading.enumerate() if thread is not threading.current_thread()]
    if any(thread.name == WORKER for thread in others):
        return True
    held = [thread for thread in others if not thread.daemon]
    for thread in held:
        thread.join(1 / len(held))
    return any(thread.is_alive() for thread in held)


def run(arguments: Sequence[str]) -> int:
    """Run a command line, without the program's name, and return the exit code."""
    registry = Registry({})
    try:
        registry = _load(arguments)
        if not os.environ.get(_COMPLETION) and (not arguments or arguments[0] not in TOOLS):
            _mention_problems(registry, quiet=bool({"-q", "--quiet"}.intersection(arguments)))
        result = build(registry, *arguments[:1])(
            list(arguments), prog_name="deepdream", standalone_mode=False
        )
        return result if isinstance(result, int) else 0
    except (Exception, KeyboardInterrupt) as error:
        failure = explain(error, registry.modes.values())
        missing = re.fullmatch(r"no command '(.*)'", failure.message)
        if missing and (hint := registry.lost(missing[1])):
            failure = replace(failure, hint=hint)
        voice = Voice()
        if "--debug" in arguments:
            voice.line(details(error))
        voice.error(failure.message, failure.hint, failure.column)
        voice.close()
        if "--json" in arguments and arguments[0] in TOOLS and arguments[0] != "replay":
            put(json.dumps({"error": failure.message, "hint": failure.hint, "exit_code": failure.code}))
        return failure.code


def build(registry: Registry, command: str = "") -> typer.Typer:
    """The app: a command for every mode of the registry, and the tools.

    Of the modes and tools only `command` if that is a mode, for which the others need not be set up.
    """
    app = typer.Typer(
        rich_markup_mode="rich", pretty_exceptions_enable=False, suggest_commands=True, no_args_is_help=False
    )
    app.callback(invoke_without_command=True)(_top)
    if command in registry.modes:
        add_mode(app, registry.modes[command], registry)
        return app
    for mode in registry.modes.values():
        add_mode(app, mode, registry)
    add_tools(app, registry)
    return app


def _show_version(value: bool) -> None:
    if value:
        put(f"deepdream {__version__}")
        raise typer.Exit


def _top(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and stop.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Deep Dream and neural style for your own pictures.

    Examples:

      deepdream dream photo.jpg --layer mixed4

      deepdream style photo.jpg painting.jpg

    Every command explains itself: deepdream dream --help
    """
    if context.invoked_subcommand is None:
        put(context.get_help())


def _load(arguments: Sequence[str]) -> Registry:
    """The modes; plugins that were too slow the last time only if they are asked about, or may be meant."""
    command = arguments[0] if arguments else ""
    registry = load(retry=command in ("plugins", "doctor"))
    unknown = command and not command.startswith("-") and command not in (*registry.modes, *TOOLS)
    return load() if registry.skipped and (unknown or command == "replay") else registry


def _mention_problems(registry: Registry, *, quiet: bool) -> None:
    voice = Voice(quiet=quiet)
    for problem in registry.problems:
        if problem.kind == "remark":
            continue
        more = "doctor --quick --traces" if problem.details else "plugins"
        voice.say(f"warning: plugin {problem.source}: {problem.message}; see 'deepdream {more}'")
    voice.close()
