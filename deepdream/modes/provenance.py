"""Where a mode comes from: its plugin's name, version and digest, and whether a recipe was made by it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from deepdream.errors import DeepDreamError

__all__ = ["Plugin", "check_same", "named"]


@dataclass(frozen=True)
class Plugin:
    """What brings modes: a file or folder, and for an installed package its name and version."""

    name: str
    version: str | None
    file: Path | None
    """The module that defines the mode; None if it is in no file."""
    kind: Literal["built-in", "file", "package"] = "file"

    @property
    def place(self) -> Path | None:
        """Its file, or the folder of the package: all that the digest is of."""
        return None if self.file is None else _root(self.file)

    def sha256(self) -> str | None:
        """The digest of the module, or of all modules of the package it is in, by name and content."""
        if self.file is None or not self.file.is_file():
            return None
        digest = hashlib.sha256()
        root = _root(self.file)
        for path in _modules(root):
            digest.update(path.relative_to(root.parent).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def is_copy_of(self, other: Plugin) -> bool:
        """Whether it is the same plugin in another place: a package by its name, a file by its content."""
        if self.file is None or other.file is None:
            return False
        one, two = _root(self.file), _root(other.file)
        packaged = "package" in (self.kind, other.kind) and "built-in" not in (self.kind, other.kind)
        return (packaged and one.name == two.name) or self.sha256() == other.sha256()

    def facts(self) -> dict[str, str]:
        """What is recorded of it in a recipe: name, version and digest, those that are known."""
        found = {"name": self.name, "version": self.version, "sha256": self.sha256()}
        return {name: value for name, value in found.items() if value is not None}


def _root(file: Path) -> Path:
    """The outermost package that `file` is a module of, or the file itself."""
    root = file
    while (root.parent / "__init__.py").is_file():
        root = root.parent
    return root


def _modules(root: Path) -> Iterator[Path]:
    yield from sorted(root.rglob("*.py")) if root.is_dir() else [root]


def check_same(mode: str, recorded: Mapping[str, Any], plugin: Plugin | None) -> None:
    """A DeepDreamError if the plugin that has the mode now is not the one that was `recorded`.

    A recipe without a record is not judged. A package is the same as a folder and
    installed. Of the modes that deepdream brings along the version is
    recorded beside those of the other packages, so only another plugin in their place is refused.
    """
    if not recorded or plugin is None:
        return
    then, now = str(recorded.get("name")), plugin.name
    version = recorded.get("version")
    if then != now and not (_plain(then) == _plain(now) and recorded.get("sha256") == plugin.sha256()):
        why = f"by the plugin {named(recorded)}, and here it comes from {named(plugin.facts())}"
    elif plugin.kind == "built-in":
        return
    elif then == now and version != plugin.version:
        why = f"by {named(recorded)}, and here is {named(plugin.facts())}"
    elif recorded.get("sha256") not in (None, plugin.sha256()):
        why = f"by {named(recorded)} as it was before {plugin.place} was changed"
    else:
        return
    raise DeepDreamError(
        f"the mode '{mode}' was run {why}",
        "get that one back, or make another picture with this one: --any-plugin",
    )


def _plain(name: str) -> str:
    """The name as pip compares it: a package is `deepdream_duet` as a folder, `deepdream-duet` installed."""
    return re.sub("[-_.]+", "-", name).lower()


def named(recorded: Mapping[str, Any]) -> str:
    """Name and version of a plugin, as `facts` and recipes have them; empty where neither is known."""
    return " ".join(str(recorded[key]) for key in ("name", "version") if recorded.get(key))
