"""Files and packages with modes, for the tests of how they are found."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent

from deepdream.modes import registry
from deepdream.modes.registry import Registry

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs" / "examples" / "guide.py"


def write(path: Path, name: str = "extra", body: str = "", before: str = "", **changes: str) -> Path:
    """A plugin file with the mode `name`; `changes` replace parts of a sound one."""
    part = {
        "api": "1",
        "parameters": "image: Picture, engine: Engine",
        "doc": '"""Do something."""',
        "defaults": "None",
        "returns": "-> Picture",
    } | changes
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "from typing import Annotated, Literal\n"
        "from deepdream.api import Argument, Engine, Option, Picture, mode\n"
        f"{before}\n"
        f'@mode("{name}", api={part["api"]}, defaults={part["defaults"]})\n'
        f"def function({part['parameters']}) {part['returns']}:\n"
        f"    {part['doc']}\n"
        f"    return image\n{body}\n"
    )
    return path


def load(*paths: Path, **environ: str) -> Registry:
    return registry.load({"DEEPDREAM_PLUGINS": os.pathsep.join(map(str, paths)), **environ})


def said(found: Registry) -> list[str]:
    return [f"{item.source}: {item.message}; {item.hint}" for item in found.problems]


def installed(folder: Path, name: str, entries: str) -> None:
    info = folder / f"{name}-1.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text(f"[deepdream.modes]\n{dedent(entries)}")
