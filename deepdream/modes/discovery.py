"""The places that modes come from (files, folders, packages), and how their decorated functions are got."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import typer

from deepdream import __version__
from deepdream.errors import DeepDreamError
from deepdream.modes.guard import PREFIX
from deepdream.modes.mode import declares
from deepdream.modes.provenance import Plugin

__all__ = ["GROUP", "Found", "Place", "from_file", "from_module", "places"]

GROUP: Final = "deepdream.modes"
"""The entry-point group through which an installed package offers modes."""

Found = list[tuple[Callable[..., Any], Plugin]]
"""Decorated functions, each with the plugin it is in."""


@dataclass(frozen=True)
class Place:
    """One place that modes come from: what to call it, and how to get its functions."""

    label: str
    functions: Callable[[], Found]
    builtin: bool = False
    file: Path | None = None
    """The file that is run, if that is known before."""
    undo: str | None = None
    """How to be rid of it."""


def places(environ: Mapping[str, str]) -> Iterator[Place]:
    """Every place in the order they are asked; the first mode of a name wins."""
    here = Path(__file__).resolve().parent.parent
    packaged = here / "_plugins"
    for path in _plugins_in(packaged if packaged.is_dir() else here.parent / "plugins"):
        plugin = Plugin("deepdream", __version__, path, "built-in")
        yield Place(f"built-in {path.name}", partial(from_file, path, plugin), builtin=True, file=path)
    if environ.get("DEEPDREAM_NO_PLUGINS", "0") not in ("", "0"):
        return
    # An empty item would mean the current folder, which is never searched.
    items = [item for item in environ.get("DEEPDREAM_PLUGINS", "").split(os.pathsep) if item.strip()]
    users = Path(typer.get_app_dir("deepdream")) / "plugins"
    seen: set[Path] = set()
    named = [Path(item).expanduser() for item in items]
    for number, folder in enumerate([*named, *([users] if users.exists() else [])]):
        try:
            paths = _plugins_in(folder)
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            said = (
                "does not exist" if missing else f"cannot be read: {(error.strerror or str(error)).lower()}"
            )
            hint = "correct $DEEPDREAM_PLUGINS" if missing else None
            yield Place(str(folder), partial(_raise, DeepDreamError(said, hint)))
            continue
        if not paths and number < len(named):
            hint = "one is a .py file, or a folder with an __init__.py"
            yield Place(str(folder), partial(_raise, DeepDreamError("holds no plugin", hint)))
        for path in paths:
            if path.resolve() not in seen:
                seen.add(path.resolve())
                way = f"take {folder} out of" if len(named) > 1 else "unset"
                way = f"{way} DEEPDREAM_PLUGINS" if number < len(named) else f"delete {path}"
                yield Place(str(path), partial(from_file, path), file=path, undo=way)
    entries: list[importlib.metadata.EntryPoint] = []
    try:
        entries += importlib.metadata.entry_points(group=GROUP)
    except Exception:  # of a package with damaged metadata: which one, and what of the others
        for package in importlib.metadata.distributions():
            try:
                entries += package.entry_points.select(group=GROUP)
            except Exception as error:
                name = package.metadata["Name"]
                yield Place(f"{name} {package.version}", partial(_raise, error), undo=f"pip uninstall {name}")
    for entry in sorted(entries, key=lambda entry: entry.name):
        maker = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an installed package"
        undo = f"pip uninstall {entry.dist.name}" if entry.dist else None
        yield Place(f"{maker} ({entry.value})", partial(_from_entry, entry), undo=undo)


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


def _raise(error: Exception) -> Found:
    raise error


def from_file(path: Path, plugin: Plugin | None = None) -> Found:
    """The decorated functions of the module or package at `path`, which is loaded anew."""
    package = path.name == "__init__.py"
    stem = path.parent.name if package else path.stem
    # Two files of one name in two folders are two modules.
    name = f"{PREFIX}{stem}_{hashlib.sha256(bytes(path.resolve())).hexdigest()[:8]}"
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
    return from_module(module, plugin or Plugin(stem, _version(module), path))


def _version(module: ModuleType) -> str | None:
    version = getattr(module, "__version__", None)
    return version if isinstance(version, str) else None


def _from_entry(entry: importlib.metadata.EntryPoint) -> Found:
    value = entry.load()
    file = getattr(sys.modules.get(entry.module), "__file__", None)
    name, version = (entry.dist.name, entry.dist.version) if entry.dist else (entry.module, None)
    plugin = Plugin(name, version, Path(file) if file else None, "package")
    if declares(value):
        return [(value, plugin)]
    if isinstance(value, ModuleType):
        return from_module(value, plugin)
    raise DeepDreamError(
        f"its entry point '{entry.name}' is neither a module nor a mode",
        "point it at a module or a @mode function",
    )


def from_module(module: ModuleType, plugin: Plugin) -> Found:
    """The decorated functions of a module; a DeepDreamError if it has none."""
    # By identity: one function under two names is one mode.
    found = list({id(value): value for value in vars(module).values() if declares(value)}.values())
    if not found:
        if Path(module.__file__ or "").name == "__init__.py":
            raise DeepDreamError("defines no mode", "import the function that @mode decorates in __init__.py")
        raise DeepDreamError(
            "defines no mode",
            "decorate a function outside any class with @mode, or start the file's name with '_'",
        )
    return [(value, plugin) for value in found]
