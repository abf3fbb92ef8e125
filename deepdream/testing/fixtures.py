"""Pytest fixtures for the tests of modes; a conftest.py takes them by `pytest_plugins`.

pytest_plugins = ["deepdream.testing.fixtures"]
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deepdream.testing.benches import Bench
from deepdream.testing.benches import tiny_network as _tiny_network
from deepdream.testing.benches import vgg16 as _vgg16

__all__ = ["Answer", "deepdream_command", "tiny_network", "vgg16"]


@dataclass(frozen=True)
class Answer:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What `--json` printed."""
        return json.loads(self.out)


@pytest.fixture(scope="session")
def tiny_network() -> Bench:
    """A network with the layers of VGG16 and a few seeded channels: `run_mode(..., bench=tiny_network)`."""
    return _tiny_network()


@pytest.fixture(scope="session")
def vgg16() -> Bench:
    """The embedded VGG16, opened once for all tests: `run_mode(..., bench=vgg16)`."""
    return _vgg16()


@pytest.fixture
def deepdream_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """Run a command line in this process: `deepdream_command("guide", "a.png", plugins=["guide.py"])`.

    The current folder is `tmp_path`. None of the settings and plugins of whoever runs the tests are seen,
    but installed packages with modes are; `plugins` are files and folders to take modes from.
    """
    from deepdream import cli

    for name in [name for name in os.environ if name.startswith("DEEPDREAM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DEEPDREAM_OFFLINE", "1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.setenv("COLUMNS", "100")
    before = Path.cwd()
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, plugins: Any = ()) -> Answer:
        places = [str(before / Path(place)) for place in plugins]
        monkeypatch.setenv("DEEPDREAM_PLUGINS", os.pathsep.join(places))
        capsys.readouterr()
        code = cli.run([str(item) for item in arguments])
        return Answer(code, *capsys.readouterr())

    return run
