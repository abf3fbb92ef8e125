"""Loading a mode in a fresh Python, as `deepdream --help` does, and what it should not have done there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from deepdream.modes.guard import HEAVY, PREFIX

__all__ = ["complaint_of_loading"]

_PROGRAM: Final = """
import importlib, json, sys
sys.path[:] = json.loads(sys.argv[1])
from deepdream.modes import registry
from deepdream.modes.discovery import Place, from_file, from_module
from deepdream.modes.provenance import Plugin
from pathlib import Path
module, file = sys.argv[2:4]
def functions():
    if module.startswith(sys.argv[4]):
        return from_file(Path(file))
    return from_module(importlib.import_module(module), Plugin(module, None, Path(file)))
found = registry.load_from([Place(module, functions)])
problems = [f"{it.message}" for it in found.problems if it.kind != "remark" or "import" in it.message]
heavy = [name for name in sys.argv[5:] if name in sys.modules]
print(json.dumps({"modes": list(found.modes), "problems": problems, "heavy": heavy}))
"""


def complaint_of_loading(function: Callable[..., Any]) -> str | None:
    """What is wrong with loading the module that `function` is defined in; None for nothing.

    A module that is a test itself, or was typed in, is not loaded again.
    """
    file = function.__code__.co_filename
    name = Path(file).name
    if function.__module__ == "__main__" or name.startswith("test_") or not Path(file).is_file():
        return None
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, json.dumps(sys.path), function.__module__, file, PREFIX, *HEAVY],
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        return f"it cannot be loaded: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}"
    found = json.loads(done.stdout)
    complaints = [*found["problems"], *(f"it imports {name}" for name in found["heavy"])]
    return "; ".join(complaints) or None
