"""Where a wrong value was set: errors say so if it was not on the command line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from deepdream.errors import DeepDreamError, UsageError

__all__ = ["found_in", "naming_variables"]


@contextmanager
def found_in(place: str) -> Iterator[None]:
    """Begin a UsageError about what was read at `place`, a file for instance, with its name."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{place}: {error.message}", error.hint) from error


@contextmanager
def naming_variables(context: Any) -> Iterator[None]:
    """Name the environment variable, or the recipe, that set what an error is about.

    `context` is Typer's, which knows where each option's value came from.
    """
    try:
        yield
    except DeepDreamError as error:
        said = next((place for place, flag, value in _set(context) if _about(error, flag, value)), "")
        said = said and f"{said}: "
        error.message = said + error.message
        if isinstance(error, UsageError) and error.column is not None:
            error.column += len(said)
        if "=" in said and error.hint is None:
            error.hint = f"correct {said.partition('=')[0]}, or unset it"
        raise


def _set(context: Any) -> Iterator[tuple[str, str, str]]:
    """What set options of a command, and is no flag: NAME=VALUE or the recipe; the flag, and each value."""
    for item in context.command.get_params(context):
        source = context.get_parameter_source(item.name)
        if source is None or item.param_type_name != "option":
            continue
        if source.name == "ENVIRONMENT":
            text = os.environ.get(item.envvar, "")
            yield f"{item.envvar}={text}", item.opts[0], text
        elif source.name == "DEFAULT_MAP":
            given = context.params.get(item.name)
            for value in given if isinstance(given, list | tuple) else [given]:
                yield str(context.params.get("recipe")), item.opts[0], str(value)


def _about(error: DeepDreamError, flag: str, value: str) -> bool:
    """Whether the error names this option first; if it names none, quotes, begins or ends with the value."""
    if (named := re.search(r"--[a-z][\w-]*", error.message)) is not None:
        return named[0] == flag
    outer = error.message.split(" ")[0], error.message.split(" ")[-1]
    return any(f"'{it}'" in error.message or (it in outer and len(it) > 2) for it in (value, *value.split()))
