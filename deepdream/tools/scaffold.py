"""First files of a new mode, from the texts in `templates`: one file, or a project for pip."""

from __future__ import annotations

import keyword
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Final

from deepdream import __version__
from deepdream.errors import DeepDreamError, UsageError
from deepdream.modes.mode import API_VERSION, TOOLS

__all__ = ["how_to_try", "new_file", "new_package"]

_TEMPLATES: Final = Path(__file__).parent / "templates"
_MODES: Final = ("mode.py.txt", "animation.py.txt")
_RESULTS: Final = ({"suffix": "png", "one": ""}, {"suffix": "webp", "one": ".frame(0, None)"})
"""How the tests and the README of a package speak of what its mode makes: a picture, or an animation."""


def new_file(
    name: str, place: Path | None, taken: Mapping[str, str], *, animation: bool = False, test: bool = False
) -> list[Path]:
    """Write a file with the mode `name`: at `place`, in it if it is a folder, or here. Returns its path.

    With `test` there is one beside it, whose path is the second. `UsageError` for a name that is none or is
    `taken` (name -> from where), `DeepDreamError` for a file that exists.
    """
    words = _words(name, taken)
    path = Path.cwd() if place is None else place
    path = path / f"{words['function'].rstrip('_')}.py" if path.is_dir() or not path.suffix else path
    if path.suffix != ".py":
        raise UsageError(f"{path} is no name for a plugin", "it ends in .py, or is a folder")
    texts = {path: _MODES[animation]}
    if test:
        if not path.stem.isidentifier() or keyword.iskeyword(path.stem):
            raise UsageError(f"{path} cannot be imported by a test", "give a path that ends in another name")
        words["stem"] = path.stem
        texts[path.with_name(f"test_{path.name}")] = "test.py.txt"
    if there := [it for it in texts if os.path.lexists(it)]:
        raise DeepDreamError(f"{there[0]} exists already", "give another path")
    for it, template in texts.items():
        _write(it, template, words)
    return [*texts]


def new_package(
    name: str, place: Path | None, taken: Mapping[str, str], *, animation: bool = False
) -> list[Path]:
    """Write a project that pip installs, with the mode `name`, README and tests. Returns its folder.

    It is at `place`, which does not exist or is empty, or in a new folder here. Raises as `new_file` does.
    """
    words = {**_words(name, taken), **_RESULTS[animation]}
    folder = Path.cwd() / words["distribution"] if place is None else place
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DeepDreamError(f"{folder} exists already", "give the path of a new folder")
    for source in sorted((_TEMPLATES / "package").rglob("*.txt")):
        inside = source.relative_to(_TEMPLATES / "package").with_suffix("")
        _write(folder / inside, f"package/{inside}.txt", words)
    _write(folder / words["module"] / "__init__.py", _MODES[animation], words)
    return [folder]


def _words(name: str, taken: Mapping[str, str]) -> dict[str, str]:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        near = "-".join(re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()))
        better = f"did you mean '{near}'?" if re.match(r"[a-z]", near) else None
        raise UsageError(
            f"{name!r} is no name for a mode", better or "use lower-case words joined by hyphens"
        )
    if name in taken or name in TOOLS:
        whose = f", from {taken[name]}" if name in taken else ""
        raise UsageError(
            f"there is a '{name}' already{whose}", "choose another name, or see 'deepdream plugins list'"
        )
    plain = name.replace("-", "_")
    return {
        "mode": name,
        "function": f"{plain}_" if keyword.iskeyword(plain) or plain in ("mode", "obj") else plain,
        "module": f"deepdream_{plain}",
        "distribution": f"deepdream-{name}",
        "api": str(API_VERSION),
        "version": __version__,
    }


def _write(path: Path, template: str, words: dict[str, str]) -> None:
    text = Template((_TEMPLATES / template).read_text("utf-8")).substitute(words)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise DeepDreamError(f"{path} exists already", "give another path") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DeepDreamError(f"{path} cannot be written: {reason}", "choose another folder") from error


def how_to_try(name: str, path: Path, *tests: Path, package: bool) -> str:
    """The next command, for a shell."""
    if package:
        installed = f'pip install -e "{path}[dev]"'
        return f"try it: {installed} && deepdream {name} photo.jpg; test it: cd {path} && pytest"
    testing = "".join(f"; test it: pytest {test}" for test in tests)
    if sys.platform == "win32":
        return f"try it: set DEEPDREAM_PLUGINS={path.absolute()}, then: deepdream {name} photo.jpg{testing}"
    return f"try it: DEEPDREAM_PLUGINS={path.absolute()} deepdream {name} photo.jpg{testing}"
