"""Modes that work on no picture: the whole way from the command line, Python and `run_mode`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from deepdream import cli
from deepdream.modes.registry import load as load_registry
from deepdream.pictures.picture import load, read_recipe
from deepdream.runs.functions import function
from deepdream.runs.session import Session
from deepdream.testing import picture, run_mode

PLUGIN = '''\
"""A mode for tests."""

import numpy as np

from deepdream.api import Engine, Picture, mode


@mode("plain", api=1, defaults={"size": 8})
def plain(engine: Engine, *, level: int = 7, hint: Picture | None = None) -> Picture:
    """Make a plain picture."""
    side = engine.common.size or 4
    extra = 0 if hint is None else hint.width
    return Picture.from_array(np.full((side, side, 3), level + extra + engine.seed % 64, np.uint8))
'''


@pytest.fixture(autouse=True)
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plain.py").write_text(PLUGIN)
    monkeypatch.setenv("DEEPDREAM_PLUGINS", str(tmp_path / "plain.py"))
    monkeypatch.chdir(tmp_path)


def test_its_result_is_named_after_it_and_numbered(capsys: pytest.CaptureFixture[str]) -> None:
    for expected in ("plain.png", "plain-2.png"):
        assert cli.run(["plain", "--seed", "1"]) == 0
        assert capsys.readouterr().out == f"{expected}\n"
    assert load("plain-2.png").size == (8, 8)
    np.testing.assert_array_equal(load("plain.png").pixels, 8)
    assert cli.run(["plain", "--size", "5", "-o", "made/", "--level", "9"]) == 0
    assert load("made/plain.png").size == (5, 5)


def test_its_answer_and_its_recipe_have_no_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["plain", "--json", "--seed", "3"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["input"] is None and answer["recipe"]["inputs"] == {}
    assert cli.run(["plain", "--json", "--level", "x"]) == 2
    failed = json.loads(capsys.readouterr().out)
    assert failed["input"] is None and "--level" in failed["error"]
    assert cli.run(["plain", "--dry-run"]) == 0
    assert "# output:    plain-2.png" in capsys.readouterr().out


def test_it_is_replayed_from_its_own_metadata(capsys: pytest.CaptureFixture[str]) -> None:
    picture(6, 6).save("hint.png")
    assert cli.run(["plain", "--hint", "hint.png", "--seed", "2"]) == 0
    assert read_recipe("plain.png")["inputs"]["hint"]["path"] == "hint.png"
    assert cli.run(["replay", "plain.png", "-o", "again.png"]) == 0
    np.testing.assert_array_equal(load("again.png").pixels, 7 + 6 + 2)


def test_a_picture_it_does_not_take_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["plain", "photo.jpg"]) == 2
    assert "photo.jpg" in capsys.readouterr().err
    assert cli.run(["plain", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "makes one of its own" in shown and "Several pictures" not in shown


def test_in_python_everything_is_given_by_name() -> None:
    registry = load_registry()
    made = function(Session(registry), registry.get("plain"))(level=3, hint=picture(4, 4), seed=0)
    np.testing.assert_array_equal(made.pixels, 7)
    assert run_mode(registry.get("plain").function, level=1).size == (4, 4)
