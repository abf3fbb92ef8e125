"""Modes that make several pictures or an animation, and a folder to call them in."""

from __future__ import annotations

from pathlib import Path

import pytest
from frames import Run

from deepdream import cli
from deepdream.testing import picture

PLUGIN = '''\
"""Modes for tests."""

import os
import signal
import time

from deepdream.api import Animation, Engine, Picture, mode


@mode("several", api=1)
def several(image: Picture, engine: Engine, *, count: int = 3, nothing: bool = False) -> list[Picture]:
    """Make several pictures."""
    return [] if nothing else [image.with_pixels(image.pixels / (i + 1)) for i in range(count)]


@mode("halted", api=1)
def halted(image: Picture, engine: Engine) -> list[Picture]:
    """Be called off while the first of several pictures is made."""
    made = []
    for _ in engine.each(range(3)):
        made.append(image)
        engine.cancel.set()
    return made


@mode("fade", api=1)
def fade(
    image: Picture, engine: Engine, *, frames: int = 4, fps: float = 10.0, grow: bool = False
) -> Animation:
    """Fade from a level that the seed gives."""

    def frame(index: int, previous: Picture | None) -> Picture:
        if os.environ.get("STOP_AT") == str(index):
            raise RuntimeError("stopped")
        if os.environ.get("HALF_AT") == str(index):
            engine.cancel.set()
            engine.report["interrupted"] = True
            return image
        if previous is None:
            return image.with_pixels(image.pixels * 0 + 40 + engine.seed % 100)
        made = previous.with_pixels(previous.pixels * 1.13 + 0.4)
        return made.resized(9, 9) if grow else made

    return Animation(frame, frames, fps=fps)


@mode("slides", api=1)
def slides(image: Picture, engine: Engine) -> Animation:
    """Show pictures that are made already, or as many as there were when it was called off."""
    made = []
    for index in engine.each(range(5)):
        made.append(image.with_pixels(image.pixels * 0 + 40 * index))
        if os.environ.get("STOP_AT") == str(index):
            engine.cancel.set()
        if os.environ.get("CTRL_C_AT") == str(index):
            signal.raise_signal(signal.SIGINT)
            time.sleep(0.2)
    return Animation.of(made, fps=10)


@mode("liar", api=1)
def liar(image: Picture, engine: Engine) -> Picture:
    """Say nothing of the list."""
    return [image]


@mode("holey", api=1)
def holey(image: Picture, engine: Engine, *, nan: bool = False) -> list[Picture]:
    """Leave one out."""
    return [image, image.with_pixels(image.pixels * float("nan")) if nan else None]


@mode("torn", api=1)
def torn(image: Picture, engine: Engine) -> Animation:
    """Forget a frame."""
    return Animation(lambda index, previous: None if index == 2 else image, 4, fps=10)


@mode("gap", api=1)
def gap(image: Picture, engine: Engine) -> Animation:
    """Forget the first frame."""
    return Animation(lambda index, previous: None, 2)
'''


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "modes.py").write_text(PLUGIN)
    monkeypatch.setenv("DEEPDREAM_PLUGINS", str(tmp_path / "modes.py"))
    monkeypatch.chdir(tmp_path)
    picture(20, 16).save("a.png")
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line; the lines on standard output."""

    def call(line: str, code: int = 0) -> list[str]:
        capsys.readouterr()
        assert cli.run(line.split()) == code
        call.said = capsys.readouterr()  # type: ignore[attr-defined]
        return call.said.out.splitlines()  # type: ignore[attr-defined, no-any-return]

    return call
