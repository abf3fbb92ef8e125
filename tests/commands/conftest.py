"""What every test of the command line shares."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from shell import Done, Run

from deepdream import cli
from deepdream.runs.session import Session


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in this process."""

    def call(*arguments: str) -> Done:
        capsys.readouterr()
        code = cli.run(arguments)
        return Done(code, *capsys.readouterr())

    return call


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two pictures in it; no settings from outside."""
    for name in [
        name for name in os.environ if name.startswith("DEEPDREAM_") and name != "DEEPDREAM_OFFLINE"
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "100")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    y, x = np.mgrid[:48, :64]
    pixels = np.stack([x * 4, y * 5, (x * y) % 256], axis=2).astype(np.uint8)
    Image.fromarray(pixels).save("a.png")
    Image.fromarray(pixels[::-1, :, ::-1]).save("b.jpg")
    return here


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if a run is begun."""

    def run(*_: Any, **__: Any) -> None:
        raise AssertionError("a run was begun")

    monkeypatch.setattr(Session, "run", run)
