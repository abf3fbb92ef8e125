"""Errors in other people's code: the line that they came from, and what its author may have meant."""

from __future__ import annotations

import inspect
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any, Final

from deepdream.errors import did_you_mean, said

__all__ = ["line_of", "meant", "of_function", "spot_of"]


_DEFINED: Final = r'in a function of File "([^"]+)", line (\d+)'


def of_function(function: Any, error: BaseException) -> str | None:
    """A note for `error` that says where `function` is defined; None where the way to it leads through it."""
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None or any(frame.f_code is code for frame, _ in traceback.walk_tb(error.__traceback__)):
        return None
    return f'in a function of File "{code.co_filename}", line {code.co_firstlineno}'


def spot_of(error: BaseException, file: Path | None) -> tuple[str, int] | None:
    """The last file and line of `file`, or of the package that it is in, on the way to `error`.

    Without a `file`, that of the first module that was being imported. None if none of its lines is known.
    """
    frames = [*_frames(error)]
    known = str(file.absolute()) if file is not None else _first_imported([name for name, _ in frames])
    if known is None:
        return None
    folder = Path(known).parent
    packaged = _is_package(folder)
    own = [(name, at) for name, at in frames if name == known or (packaged and folder in Path(name).parents)]
    return own[-1] if own else None


def line_of(error: BaseException, file: Path | None) -> str:
    """The line of `spot_of` in words: "line 37" of `file`, "line 3 of parts.py" of another. Or empty."""
    spot = spot_of(error, file)
    if spot is None:
        return ""
    name, at = spot
    own = file is not None and name == str(file.absolute())
    return f"line {at}" if own else f"line {at} of {Path(name).name}"


def _frames(error: BaseException) -> Iterator[tuple[str, int]]:
    """File and line of every call on the way to `error`; AutoGraph knows which line its own code was."""
    for frame, line in traceback.walk_tb(error.__traceback__):
        yield frame.f_code.co_filename, line
    for file, at in re.findall(_DEFINED, "\n".join(getattr(error, "__notes__", ()))):
        yield file, int(at)
    for call in reversed(getattr(getattr(error, "ag_error_metadata", None), "translated_stack", ())):
        yield call.filename, call.lineno
    # What fails while a graph runs says where its operation was made.
    for file, at in re.findall(r'File "([^"]+)", line (\d+)', said(error)):
        yield file, int(at)


def _is_package(folder: Path) -> bool:
    return (folder / "__init__.py").is_file()


def _first_imported(names: list[str]) -> str | None:
    """The first file that Python's import system runs."""
    for before, name in pairwise(names):
        if before.startswith("<frozen importlib") and not name.startswith("<frozen"):
            return name
    return None


def meant(error: BaseException) -> str | None:
    """The hint that an error brings along, or for a misspelt keyword argument, attribute or imported name."""
    with suppress(Exception):  # of foreign objects, any question may raise
        if brought := [note for note in getattr(error, "__notes__", ()) if note.startswith("hint: ")]:
            return f"{brought[0].removeprefix('hint: ')};"
        if isinstance(error, AttributeError) and error.name and error.obj is not None:
            return did_you_mean(error.name, _offered(error.obj))
        text = said(error)
        if isinstance(error, ImportError) and (found := re.match(r"cannot import name '(\w+)' from", text)):
            return did_you_mean(found[1], [n for n in dir(sys.modules[error.name or ""]) if n[0] != "_"])
        found = re.match(r"([\w.<>]+)\(\) got an unexpected keyword argument '(\w+)'$", text)
        if isinstance(error, TypeError) and found:
            *_, (frame, _line) = traceback.walk_tb(error.__traceback__)
            for function in _called(found[1], frame):
                return did_you_mean(found[2], inspect.signature(function).parameters)
    return None


def _offered(holder: Any) -> list[str]:
    """The public names of an object, or what a module says it exports."""
    exported = getattr(holder, "__all__", None)
    return [*exported] if exported else [name for name in dir(holder) if not name.startswith("_")]


def _called(name: str, frame: FrameType) -> Iterator[Any]:
    """What `frame` knows by a qualified name: a function, or one of an object or module that it holds."""
    short = name.rpartition(".")[2]
    for holder in [*frame.f_locals.values(), *frame.f_globals.values()]:
        for found in (holder, inspect.getattr_static(holder, short, None)):
            function = getattr(found, "__func__", found)
            if inspect.isfunction(function) and function.__qualname__ == name:
                yield function
