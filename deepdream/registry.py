"""The registry: finds and loads every mode, and survives the broken ones."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, Final, NamedTuple

import typer

from deepdream.errors import DeepDreamError, UsageError, did_you_mean
from deepdream.modes import API_VERSION, COMMON_NAMES, TOOLS, Mode, declare, declares, mode
from deepdream.options import REQUIRED, Parameter

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
    "mode",
]

GROUP: Final = "deepdream.modes"
"""The entry-point group through which an installed package offers modes."""


@dataclass(frozen=True)
class Problem:
    """A plugin, or a mode of it, that could not be loaded; `details` is a traceback, or empty."""

    source: str
    message: str
    hint: str | None = None
    details: str = ""


@dataclass(frozen=True)
class Registry:
    """The modes by name, and what went wrong on the way to them."""

    modes: Mapping[str, Mode]
    problems: tuple[Problem, ...] = ()

    def get(self, name: str) -> Mode:
        """The mode of that name; a UsageError with the nearest names if there is none."""
        if name in self.modes:
            return self.modes[name]
        known = ", ".join(self.modes)
        raise UsageError(f"no mode '{name}'", did_you_mean(name, self.modes, otherwise=f"modes: {known}"))


Functions = list[Callable[..., Any]]


class _Source(NamedTuple):
    """One place modes come from: what to call it, and how to get its decorated functions."""

    label: str
    functions: Callable[[], Functions]


def load(environ: Mapping[str, str] = os.environ) -> Registry:
    """Find and load every mode: built-ins, `$DEEPDREAM_PLUGINS`, the user's folder, installed packages.

    A source that cannot be loaded becomes a Problem, and the others go on. `DEEPDREAM_NO_PLUGINS=1` keeps
    the built-ins only. The current folder is never searched.
    """
    modes: dict[str, Mode] = {}
    problems: list[Problem] = []
    for source in _sources(environ):
        try:
            # A plugin that prints while it is loaded must not write into the output path on stdout.
            with contextlib.redirect_stdout(sys.stderr):
                functions = source.functions()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit too: a plugin must not end the program
            problems.append(_problem(source.label, error))
            continue
        for function in functions:
            try:
                found = declare(function, source.label)
                first = modes.setdefault(found.name, found)
                if first is not found:
                    raise DeepDreamError(
                        f"the mode '{found.name}' exists already, from {first.source}",
                        f"rename the mode in {source.label}",
                    )
            except Exception as error:
                problems.append(_problem(source.label, error))
    return Registry(MappingProxyType(modes), tuple(problems))


def _problem(label: str, error: BaseException) -> Problem:
    if isinstance(error, DeepDreamError):
        return Problem(label, error.message, error.hint)
    said = str(error).strip().partition("\n")[0]  # one line; the details have them all
    if isinstance(error, SyntaxError):
        said = f"{error.msg}, line {error.lineno}"
    message = f"cannot be loaded: {type(error).__name__}" + (f": {said}" if said else "")
    return Problem(
        label,
        message,
        "its author must mend it; DEEPDREAM_NO_PLUGINS=1 leaves every plugin out",
        "".join(traceback.format_exception(error)),
    )


def _sources(environ: Mapping[str, str]) -> Iterator[_Source]:
    """Every source in the order they are asked; the first mode of a name wins."""
    here = Path(__file__).resolve().parent
    packaged = here / "_plugins"
    for path in _plugins_in(packaged if packaged.is_dir() else here.parent / "plugins"):
        yield _Source(f"built-in {path.name}", partial(_from_file, path))
    if environ.get("DEEPDREAM_NO_PLUGINS", "0") not in ("", "0"):
        return
    # An empty item would mean the current folder, which is never searched.
    items = [item for item in environ.get("DEEPDREAM_PLUGINS", "").split(os.pathsep) if item.strip()]
    users = Path(typer.get_app_dir("deepdream")) / "plugins"
    seen: set[Path] = set()
    for place in [*(Path(item).expanduser() for item in items), *([users] if users.exists() else [])]:
        try:
            paths = _plugins_in(place)
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            said = (
                "does not exist" if missing else f"cannot be read: {(error.strerror or str(error)).lower()}"
            )
            hint = "correct $DEEPDREAM_PLUGINS" if missing else None
            yield _Source(str(place), partial(_raise, DeepDreamError(said, hint)))
            continue
        for path in paths:
            if path.resolve() not in seen:
                seen.add(path.resolve())
                yield _Source(str(path), partial(_from_file, path))
    try:
        entries = sorted(importlib.metadata.entry_points(group=GROUP), key=lambda entry: entry.name)
    except Exception as error:  # one package with damaged metadata
        yield _Source("installed packages", partial(_raise, error))
        return
    for entry in entries:
        maker = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an installed package"
        yield _Source(f"{maker} ({entry.value})", partial(_from_entry, entry))


def _plugins_in(place: Path) -> list[Path]:
    """The plugins of a file or folder: its modules and packages.

    Names with an underscore or dot before are helpers, and pytest's files are the plugins' tests.
    """
    if not place.is_dir():
        place.stat()  # so that a missing path raises
        return [place]
    if (place / "__init__.py").exists():
        return [place / "__init__.py"]
    found = []
    for child in sorted(place.iterdir()):
        if child.name.startswith(("_", ".")) or _is_test(child):
            continue
        if child.suffix == ".py":
            found.append(child)
        elif (child / "__init__.py").exists():
            found.append(child / "__init__.py")
    return found


def _is_test(path: Path) -> bool:
    return path.suffix == ".py" and (path.stem == "conftest" or path.stem.startswith("test_"))


def _raise(error: Exception) -> Functions:
    raise error


def _from_file(path: Path) -> Functions:
    package = path.name == "__init__.py"
    stem = path.parent.name if package else path.stem
    # Two files of one name in two folders are two modules.
    name = f"_deepdream_plugin_{stem}_{hashlib.sha256(bytes(path.resolve())).hexdigest()[:8]}"
    folders = [str(path.parent)] if package else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=folders)
    if spec is None or spec.loader is None:
        raise DeepDreamError("is not a Python file", "a plugin is a .py file or a folder of them")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs: dataclasses and typing look there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        for loaded in [loaded for loaded in sys.modules if loaded == name or loaded.startswith(name + ".")]:
            del sys.modules[loaded]
        raise
    return _from_module(module)


def _from_entry(entry: importlib.metadata.EntryPoint) -> Functions:
    value = entry.load()
    if declares(value):
        return [value]
    if isinstance(value, ModuleType):
        return _from_module(value)
    raise DeepDreamError(
        f"its entry point '{entry.name}' is neither a module nor a mode",
        "point it at a module or a @mode function",
    )


def _from_module(module: ModuleType) -> Functions:
    # By identity: one function under two names is one mode.
    found = list({id(value): value for value in vars(module).values() if declares(value)}.values())
    if not found:
        raise DeepDreamError(
            "defines no mode", "decorate a function with @mode, or start the file's name with '_'"
        )
    return found
