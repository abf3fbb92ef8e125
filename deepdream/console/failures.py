"""Whatever goes wrong, as two lines and an exit code."""

from __future__ import annotations

import errno
import re
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any, Final

import typer

from deepdream.console.blame import meant, spot_of
from deepdream.errors import DeepDreamError, said, unwrapped

if TYPE_CHECKING:
    from deepdream.modes.mode import Mode

__all__ = ["Failure", "details", "explain"]

_ABOUT_NODES = ("[[{{node", "Original stack trace")


_COLOUR: Final = ("--keep-colors", "--chroma")
_OTHER_WORDS: Final = {
    "preview": ("--size", "--time"),
    **dict.fromkeys(("color", "colour", "colors", "colours", "saturation"), _COLOUR),
    **dict.fromkeys(("width", "height", "resolution"), ("--size",)),
    **dict.fromkeys(("iterations", "iters", "epochs"), ("--steps",)),
    **dict.fromkeys(("blend", "intensity", "opacity"), ("--strength",)),
    **dict.fromkeys(("gpu", "cuda", "cpu"), ("--device",)),
}
"""Options as other programs call them."""


@dataclass(frozen=True)
class Failure:
    """What to tell the user, and what to tell the shell."""

    message: str
    hint: str | None
    code: int
    column: int | None = None
    """Where in the message a caret belongs."""


def explain(error: BaseException, modes: Iterable[Mode] = ()) -> Failure:
    """The failure that an exception stands for: 1 failed, 2 usage, 130 interrupted.

    What nobody expected is laid at the door of the one of `modes` it was raised in.
    """
    error = unwrapped(error)
    if isinstance(error, DeepDreamError):
        hint = error.hint
        # A plugin that says itself what is wrong, and the way out, has said enough.
        mode = _raised_in(error, modes) if hint is None or _is_ours(error) else None
        if mode and not _is_built_in(mode):
            where = f"it came up in {_place(error, mode)}"
            hint = f"{hint}{' ' if hint.endswith('?') else '; '}{where}" if hint else where
        return Failure(error.message, hint, error.exit_code, getattr(error, "column", None))
    if isinstance(error, typer.TyperException):
        return _of_the_parser(error)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return Failure("interrupted", None, 130)
    if isinstance(error, MemoryError) or _is_exhausted(error):
        return Failure("out of memory", "make a smaller picture with --size, or look at a shallower layer", 1)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return Failure("cannot write: no space left on device", "free some space", 1)
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return Failure("too many open files", "allow more: ulimit -n 1024", 1)
    name, text = type(error).__name__, _in_one_line(error)
    hint = "the same command with --debug shows where; please report it"
    if mode := _raised_in(error, modes):
        name += f" in {_place(error, mode)}"
        if not _is_built_in(mode):
            hint = "the author of the mode must mend it; --debug shows the traceback"
    message = f"unexpected {name}: {text}" if text else f"unexpected {name}"
    return Failure(message, " ".join(filter(None, [meant(error), hint])), 1)


def _is_ours(error: BaseException) -> bool:
    """Whether `error` was raised by code of this package."""
    *_, module = ["", *(str(f.f_globals.get("__name__")) for f, _ in traceback.walk_tb(error.__traceback__))]
    return module.partition(".")[0] == "deepdream"


def _place(error: BaseException, mode: Mode) -> str:
    """The mode, where it is from, and the file and line of it that the error came up at."""
    where = mode.source
    if spot := spot_of(error, Path(mode.function.__code__.co_filename)):
        name, line = spot
        source = Path(where)
        if source.is_file():
            where = f"{where if source.absolute() == Path(name) else name}, line {line}"
        else:  # a package, by its name
            where += f", line {line}{'' if _is_built_in(mode) else f' of {Path(name).name}'}"
    return f"the mode '{mode.name}' ({where})"


def _is_built_in(mode: Mode) -> bool:
    return mode.source.startswith("built-in ")


def _in_one_line(error: BaseException) -> str:
    """The first line of what an exception says; of a quoted traceback the last, which says why."""
    lines = said(error).strip().splitlines() or [""]
    if lines[0] == "Graph execution error:":
        told = (line.strip() for line in reversed(lines))
        return next((line for line in told if line and not line.startswith(_ABOUT_NODES)), lines[0])
    if lines[0] != "in user code:":
        return re.sub(r"^\{\{function_node \S+\}\} | \[Op:\w+\].*$", "", lines[0])
    return lines[-1].strip().removeprefix(f"{type(error).__name__}: ")


def _raised_in(error: BaseException, modes: Iterable[Mode]) -> Mode | None:
    """The mode whose function, or one inside it such as a frame's, was running when `error` was raised.

    Else the first one of the file, or the package, that a function on the way belongs to.
    """
    modes = [*modes]
    by_code = {code: mode for mode in modes for code in _with_inner(mode.function.__code__)}
    codes = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
    if found := next((by_code[code] for code in codes if code in by_code), None):
        return found
    by_file = {mode.function.__code__.co_filename: mode for mode in reversed(modes)}
    return next((mode for file, mode in by_file.items() if spot_of(error, Path(file))), None)


def _with_inner(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _with_inner(constant)


def details(error: BaseException) -> str:
    """The traceback without hints: the last one is told with the message, and the others are no help."""
    told = traceback.TracebackException.from_exception(error)
    link: traceback.TracebackException | None = told
    while link is not None:
        link.__notes__ = [note for note in link.__notes__ or () if not note.startswith("hint: ")]
        link = link.__cause__ or link.__context__
    return "".join(told.format()).rstrip()


def _is_exhausted(error: BaseException) -> bool:
    # By name, so that nothing has to import TensorFlow to fail.
    return any(kind.__name__ == "ResourceExhaustedError" for kind in type(error).__mro__)


def _of_the_parser(error: typer.TyperException) -> Failure:
    """Typer's own complaint in our words; it puts its suggestions into the message."""
    message = " ".join(error.format_message().split()).removesuffix(".")
    message = _of_a_value(error) or message[:1].lower() + message[1:]
    guesses = re.search(r"\s*\(Possible options: ([^)]*)\)|\.? Did you mean (.*)\?$", message)
    context: Any = getattr(error, "ctx", None)
    hint = f"see '{_command_path(context)} --help'" if context is not None else None
    if guesses:
        message = message[: guesses.start()]
        names = re.split(r",\s*", (guesses[1] or guesses[2]).replace("'", ""))
        # Typer compares dashes, too, and so finds every short option alike.
        typed = message.rpartition(" ")[2].strip("'-")
        near = get_close_matches(typed, [name.lstrip("-") for name in names], n=3, cutoff=0.6)
        names = [name for bare in near for name in names if name.lstrip("-") == bare] or names
        hint = "did you mean " + " or ".join(f"'{name}'" for name in names) + "?"
    elif message.startswith("missing argument") and context is not None:
        hint = " ".join(context.get_usage().split()).replace("Usage:", "usage:")
    elif lacking := re.fullmatch(r"option '(.*)' requires an argument", message):
        hint = f"its value comes after it: {lacking[1]} VALUE"
    message = re.sub(r"^no such (option|command):? '?([^']*)'?$", r"no \1 '\2'", message)
    if (named := re.fullmatch(r"no option '--([\w-]+)'", message)) and context is not None:
        known = {flag for item in context.command.get_params(context) for flag in item.opts}
        if meant_here := [flag for flag in _OTHER_WORDS.get(named[1], ()) if flag in known]:
            hint = "did you mean " + " or ".join(f"'{flag}'" for flag in meant_here) + "?"
    return Failure(message, hint, error.exit_code)


def _of_a_value(error: typer.TyperException) -> str | None:
    """What is wrong with the value of an option, which Typer has pydantic find out and say."""
    found: list[Any] = getattr(error.__cause__, "errors", list)()
    option: Any = getattr(error, "param", None)
    if not found or option is None:
        return None
    kind, given, bounds = found[0]["type"], found[0]["input"], found[0].get("ctx", {})
    said = str(found[0]["msg"]).removeprefix("Value error, ").removesuffix(".")
    flag = (
        option.opts[0] if option.param_type_name == "option" else option.metavar or str(option.name).upper()
    )
    source = error.ctx.get_parameter_source(option.name)  # type: ignore[attr-defined]
    set_by = f"{option.envvar}={given}: " if source is not None and source.name == "ENVIRONMENT" else ""
    if choices := re.fullmatch(r".* is not one of (.*)", said):
        wanted = " or ".join(choices[1].replace("'", "").rsplit(", ", 1))
    elif bounds.keys() & {"ge", "le"}:
        wanted = f"at least {bounds['ge']}" if "ge" in bounds else f"at most {bounds['le']}"
        return f"{set_by}{flag} must be {wanted}, not {given}"
    else:
        words = {"int": "a whole number", "float": "a number", "bool": "true or false"}
        wanted = words.get(kind.partition("_")[0], "")
    if not wanted:
        return f"{flag}: {said}"
    return f"{set_by}{flag} must be {wanted}, not {given!r}"


def _command_path(context: Any) -> str:
    return re.sub(r"\s*\[[^]]*\]| ?COMMAND", "", context.command_path)
