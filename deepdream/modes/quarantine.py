"""The list of plugins that were too slow to load, kept in a file, so that only one command waits for each."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import typer

__all__ = ["Quarantine"]


class Quarantine:
    """Labels of plugins that were too slow, each with the state of its file then.

    A file that changed since is not held. Whatever is wrong with the list itself, it counts as empty.
    """

    def __init__(self) -> None:
        self._path = Path(typer.get_app_dir("deepdream")) / "slow-plugins.json"
        self._known: dict[str, Any] | None = None

    def holds(self, label: str, file: Path | None) -> bool:
        """Whether that plugin was too slow the last time, and is what it was then."""
        known = self._read()
        return label in known and known[label] == _stamp(file)

    def add(self, label: str, file: Path | None) -> None:
        """Hold a plugin from now on."""
        self._write({**self._read(), label: _stamp(file)})

    def remove(self, label: str) -> None:
        """Hold a plugin no longer."""
        if label in self._read():
            self._write({name: stamp for name, stamp in self._read().items() if name != label})

    def _read(self) -> dict[str, Any]:
        if self._known is None:
            try:
                found = json.loads(self._path.read_text("utf-8"))
            except (OSError, ValueError):
                found = {}
            self._known = found if isinstance(found, dict) else {}
        return self._known

    def _write(self, known: dict[str, Any]) -> None:
        self._known = known
        with contextlib.suppress(OSError):  # a home that cannot be written to: every command waits then
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}")
            fresh.write_text(json.dumps(known, indent=1), "utf-8")
            fresh.replace(self._path)


def _stamp(file: Path | None) -> list[int] | None:
    try:
        facts = file.stat() if file is not None else None
    except OSError:
        return None
    return [facts.st_mtime_ns, facts.st_size] if facts is not None else None
