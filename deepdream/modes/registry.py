"""The registry: loads every mode that `discovery` finds, and survives the broken ones."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from deepdream.console.blame import line_of, meant, spot_of
from deepdream.console.streams import Voice
from deepdream.errors import DeepDreamError, UsageError, did_you_mean, said
from deepdream.jobs.options import REQUIRED, Parameter
from deepdream.modes.discovery import Found, Place, places
from deepdream.modes.guard import PREFIX, HeavyImportError, TooSlow, Watch, guarded
from deepdream.modes.mode import API_VERSION, COMMON_NAMES, TOOLS, Mode, declare, mode
from deepdream.modes.quarantine import Quarantine

__all__ = [
    "API_VERSION",
    "COMMON_NAMES",
    "REQUIRED",
    "TOOLS",
    "Mode",
    "Parameter",
    "Problem",
    "Registry",
    "declare",
    "load",
    "load_from",
    "mode",
]

SECONDS: Final = 3.0
"""How long a plugin may take to load; DEEPDREAM_PLUGIN_SECONDS sets another limit."""

SLOW: Final = 0.3
"""Seconds from which a plugin is worth a remark: every command waits for it."""


@dataclass(frozen=True)
class Problem:
    """A plugin, or a mode of it, that could not be loaded, or that was and did what it should not.

    `details` is a traceback, or empty.
    """

    source: str
    message: str
    hint: str | None = None
    details: str = ""
    kind: Literal["refused", "warning", "remark"] = "refused"
    """A warning is told with every command, a remark to those who ask."""
    file: Path | None = None
    """The file that was to be loaded, if it is known."""

    def concerns(self, mode: str) -> bool:
        """Whether it seems to be why there is no such `mode`: its name is in the file, or in what is said."""
        if self.kind != "refused":
            return False
        try:
            text = self.file.read_text("utf-8", "replace") if self.file is not None else ""
        except OSError:
            text = ""
        plain = re.sub(r"[\W_]+", "-", f" {self.file.stem if self.file is not None else self.source} ")
        return bool(re.search(f"['\"]{re.escape(mode)}['\"]", self.message + text)) or f"-{mode}-" in plain


@dataclass(frozen=True)
class Registry:
    """The modes by name, and what went wrong on the way to them."""

    modes: Mapping[str, Mode]
    problems: tuple[Problem, ...] = ()
    skipped: bool = False
    """Whether plugins were left out because they had been too slow before."""

    def lost(self, name: str) -> str | None:
        """The hint for a mode that lacks, its plugin not being loadable; None if that is not known."""
        if any(problem.concerns(name) for problem in self.problems):
            return "its plugin could not be loaded: see 'deepdream plugins'"
        return None

    def get(self, name: str) -> Mode:
        """The mode of that name; a UsageError with the nearest names if there is none."""
        if name in self.modes:
            return self.modes[name]
        known = ", ".join(self.modes)
        raise UsageError(f"no mode '{name}'", did_you_mean(name, self.modes, otherwise=f"modes: {known}"))


def load(environ: Mapping[str, str] = os.environ, *, retry: bool = True) -> Registry:
    """Find and load every mode: built-ins, `$DEEPDREAM_PLUGINS`, the user's folder, installed packages.

    A place that cannot be loaded, or not in time, becomes a Problem, and the others go on. Without `retry`,
    plugins that were too slow the last time, and have not changed, are left out at once.
    `DEEPDREAM_NO_PLUGINS=1` keeps the built-ins only. The current folder is never searched.
    """
    return load_from(places(environ), limit=_limit(environ), retry=retry)


def load_from(sources: Iterable[Place], *, limit: float = SECONDS, retry: bool = True) -> Registry:
    """The modes of the places in `sources`, none of which may take longer than `limit` seconds."""
    modes: dict[str, Mode] = {}
    homes: dict[str, Place] = {}
    problems: list[Problem] = []
    quarantine, skipped = Quarantine(), False
    for place in sources:
        if not retry and quarantine.holds(place.label, place.file):
            skipped = True
            problems.append(_too_slow(place.label, limit, "was not loaded"))
            continue
        watch = Watch()
        try:
            found = place.functions() if place.builtin else _guarded(place, watch, limit, quarantine)
        except BaseException as error:  # SystemExit too: a plugin must not end the program
            if isinstance(error, KeyboardInterrupt) and (place.builtin or watch.interrupted):
                raise
            problems.append(_problem(place, error, limit))
            found = []
        problems += _misbehaviour(place.label, watch, loaded=bool(found))
        for function, plugin in found:
            try:
                declared = declare(function, place.label, plugin)
                first = modes.setdefault(declared.name, declared)
                if homes.setdefault(declared.name, place) is not place:
                    problems.append(_second(declared, place, first, homes[declared.name]))
                elif first is not declared:
                    raise DeepDreamError(f"the mode '{declared.name}' is in it twice", "rename one of them")
            except Exception as error:
                problems.append(_problem(place, error, limit))
    # Of a plugin that is there twice one line is enough, however many modes it has.
    return Registry(MappingProxyType(modes), tuple(dict.fromkeys(problems)), skipped)


def _second(mode: Mode, place: Place, first: Mode, home: Place) -> Problem:
    """The problem that a mode of that name is there: its plugin once more, or another one."""
    if mode.plugin is not None and first.plugin is not None and mode.plugin.is_copy_of(first.plugin):
        ways = " or ".join(filter(None, (home.undo, place.undo)))
        return Problem(place.label, f"is there twice: {home.label} is used", ways or None, kind="warning")
    return Problem(
        place.label,
        f"the mode '{mode.name}' exists already, from {first.source}",
        f"rename the mode in {place.label}",
    )


def _limit(environ: Mapping[str, str]) -> float:
    text = environ.get("DEEPDREAM_PLUGIN_SECONDS", "")
    try:
        return max(float(text), 0.01) if text else SECONDS
    except ValueError:
        raise UsageError(
            f"DEEPDREAM_PLUGIN_SECONDS must be a number, not {text!r}",
            f"it is the seconds that plugins may take; {SECONDS:g} without it",
        ) from None


def _guarded(place: Place, watch: Watch, limit: float, quarantine: Quarantine) -> Found:
    """The functions of a place that is not ours; one that is too slow is remembered."""

    def hopeless() -> None:
        problem = _too_slow(place.label, limit, "cannot be stopped")
        quarantine.add(place.label, place.file)
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__  # which the guard keeps back
        Voice().error(f"plugin {problem.source}: {problem.message}", "the next command leaves it out")
        os._exit(1)

    try:
        found = guarded(place.functions, watch, limit, hopeless)
    except TooSlow:
        quarantine.add(place.label, place.file)
        raise
    quarantine.remove(place.label)
    return found


def _problem(place: Place, error: BaseException, limit: float) -> Problem:
    details = "".join(traceback.format_exception(error))
    if isinstance(error, DeepDreamError):
        return Problem(place.label, error.message, error.hint, file=place.file)
    if isinstance(error, TooSlow):
        return _too_slow(place.label, limit, "was not loaded", details)
    line = line_of(error, place.file)
    if isinstance(error, HeavyImportError):
        return Problem(
            place.label,
            f"imports {error.name} at the top of a module{f' ({line})' if line else ''}, "
            "which every command would wait for",
            "its author must move the import into the function that needs it",
            details,
            file=place.file,
        )
    text = said(error).strip().partition("\n")[0]  # one line; the details have them all
    if isinstance(error, SyntaxError):
        text, line = error.msg, f"line {error.lineno}" if error.lineno else ""
        if error.filename and place.file and Path(error.filename) != place.file.absolute():
            line += f" of {Path(error.filename).name}"
    text = re.sub(rf"{PREFIX}(\w+)_[0-9a-f]{{8}}\b", r"\1", text)
    message = f"cannot be loaded: {type(error).__name__}{f': {text}' if text else ''}"
    hints = [
        _relative(error, place.file) or meant(error),
        "its author must mend it; DEEPDREAM_NO_PLUGINS=1 leaves every plugin out",
    ]
    return Problem(
        place.label,
        ", ".join(filter(None, [message, line])),
        " ".join(filter(None, hints)),
        details,
        file=place.file,
    )


def _relative(error: BaseException, file: Path | None) -> str | None:
    """The hint for the import of a module that lies beside the one that imports it."""
    if "no known parent package" in said(error):
        return "make a package of the files: a folder with an __init__.py."
    spot = spot_of(error, file)
    if not (isinstance(error, ModuleNotFoundError) and error.name and spot):
        return None
    top, folder = error.name.partition(".")[0], Path(spot[0]).parent
    if top == folder.name:
        return f"inside the package, 'from {top}.' is written 'from .'."
    if not ((folder / f"{top}.py").is_file() or (folder / top / "__init__.py").is_file()):
        return None
    packaged = (folder / "__init__.py").is_file()
    return f"{'' if packaged else 'make a package of the two, and '}write 'from .{top} import ...'."


def _too_slow(label: str, limit: float, how: str, details: str = "") -> Problem:
    return Problem(
        label,
        f"{how} within {limit:g} s",
        "its author must move what takes long into the mode; 'deepdream plugins' tries it again, "
        "DEEPDREAM_PLUGIN_SECONDS gives it longer",
        details,
    )


def _misbehaviour(label: str, watch: Watch, *, loaded: bool) -> list[Problem]:
    """What a plugin did while it was loaded that it should not have done."""
    found = []
    # Of what is left out anyway one line is enough.
    kind: Literal["warning", "remark"] = "warning" if loaded else "remark"
    author = "its author must change that: a module only declares its modes"
    if text := " ".join(watch.printed.split()):
        shown = text if len(text) <= 60 else text[:57] + "..."
        found.append(Problem(label, f"prints while it is loaded: {shown!r}", author, kind=kind))
    if watch.changed:
        what = " and ".join(watch.changed[:3])
        found.append(Problem(label, f"changed {what}, which was undone", author, kind=kind))
    if loaded and watch.heavy:
        what = " and ".join(dict.fromkeys(watch.heavy))
        found.append(
            Problem(label, f"was refused to import {what} while it was loaded", author, kind="remark")
        )
    if loaded and watch.seconds > SLOW:
        says = f"takes {watch.seconds:.1f} s to load, for which every command waits"
        found.append(Problem(label, says, author, kind="remark"))
    return found
