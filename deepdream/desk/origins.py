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
    """Name the environment variable that set the option, or the value, that an error is about.

    `context` is Typer's, which knows where each option's value came from.
    """
    try:
        yield
    except DeepDreamError as error:
        about = (f"{name}={value}: " for name, flag, value in _set(context) if _about(error, flag, value))
        said = next(about, "")
        error.message = said + error.message
        if isinstance(error, UsageError) and error.column is not None:
            error.column += len(said)
        if said and error.hint is None:
            error.hint = f"correct {said.partition('=')[0]}, or unset it"
        raise


def _set(context: Any) -> Iterator[tuple[str, str, str]]:
    """The variables that set options of a command: name, flag, value."""
    for item in context.command.get_params(context):
        source = context.get_parameter_source(item.name)
        if source is not None and source.name == "ENVIRONMENT":
            yield item.envvar, item.opts[0], os.environ.get(item.envvar, "")


def _about(error: DeepDreamError, flag: str, value: str) -> bool:
    if re.search(rf"{re.escape(flag)}(?![\w-])", error.message):
        return True
    words = re.split(r"[\s:;,']+", error.message)
    return any(
        f"'{word}'" in error.message or word in words for word in (value, *value.split()) if len(word) > 2
    )
