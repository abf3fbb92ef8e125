"""Errors a user can act on: one line, one hint, one exit code."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

__all__ = ["DeepDreamError", "UsageError", "did_you_mean", "file_meant", "misfit", "said", "unwrapped"]


class DeepDreamError(Exception):
    """Something that went wrong and can be said in one line; exit code 1.

    `message` names the thing and what is wrong with it, `hint` says the way out; a traceback shows both.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if hint:
            self.add_note(f"hint: {hint}")


class UsageError(DeepDreamError):
    """The request itself cannot be meant: a wrong name, a value out of range; exit code 2.

    `column` is where in the message the wrong character is, counted from 0: a caret will point at it.
    """

    exit_code = 2

    def __init__(self, message: str, hint: str | None = None, *, column: int | None = None) -> None:
        super().__init__(message, hint)
        self.column = column


def misfit(message: str, hint: str) -> TypeError:
    """The error for a thing of the wrong kind, which an author's code handed over, and the way out."""
    error = TypeError(message)
    error.add_note(f"hint: {hint}")
    return error


def said(error: BaseException) -> str:
    """What an exception says; nothing where that fails, as it may for those of other people."""
    try:
        return str(error)
    except Exception:
        return ""


def unwrapped(error: BaseException) -> BaseException:
    """The exception that was raised, if `error` is what TensorFlow's AutoGraph made of it.

    What is raised inside a function that is being traced arrives as an exception of AutoGraph's own, or of
    the same type with another message, which begins "in user code:"; the original is its context.
    """
    while said(error).lstrip().startswith("in user code:") and error.__context__ is not None:
        error = error.__context__
    return error


def did_you_mean(word: str, known: Iterable[str], *, otherwise: str | None = None) -> str | None:
    """The hint for a misspelt `word`: the closest of `known`, else `otherwise`."""
    lowered = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), lowered, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(f"'{lowered[name]}'" for name in close) + "?"
    return otherwise


def file_meant(path: Path) -> str | None:
    """The hint for a misspelt `path`: what lies beside it and is alike without its suffix, too.

    An OSError if the folder cannot be read.
    """
    names = (entry.name for entry in islice(path.parent.iterdir(), 2000))  # enough to be quick
    alike = [name for name in names if get_close_matches(path.stem.lower(), [Path(name).stem.lower()])]
    return did_you_mean(path.name, alike)
