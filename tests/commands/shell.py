"""A command line, run in this process or in one of its own, and how it ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
QUICK = ["--layer", "block1_conv2", "--octaves", "1", "--steps", "1", "--jitter", "0"]


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> list[str]:
        return self.err.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Done]


def program(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    settings: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **settings.pop("env", {})}
    return subprocess.Popen([sys.executable, "-m", "deepdream", *arguments], env=environment, **settings)


def finish(process: subprocess.Popen[str]) -> Done:
    out, err = process.communicate(timeout=60)
    return Done(process.returncode, out, err)


def planned(run: Run, *arguments: str) -> dict[str, Any]:
    done = run("dream", "a.png", "--dry-run", "--json", *arguments)
    assert done.code == 0, done.err
    recipe: dict[str, Any] = done.json["recipe"]
    return {**recipe["options"], **recipe["common"]}
