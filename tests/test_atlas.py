"""The atlas of layers: what is on it, and what is said when it cannot be made."""

from __future__ import annotations

import json
import re
import shlex
import threading
from pathlib import Path

import numpy as np
import pytest

from deepdream import cli
from deepdream.climb.engine import Engine
from deepdream.console.progress import describe
from deepdream.jobs.recipe import Common
from deepdream.objectives.layerspec import parse
from deepdream.pictures.picture import Picture, load, read_recipe
from deepdream.testing import picture
from deepdream.tools import atlas

SMALL = atlas.Settings(size=32, octaves=1, steps=2, jitter=0)
PHOTO = picture(32, 24, seed=2)


@pytest.fixture(autouse=True)
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    PHOTO.save("photo.png")


def test_every_layer_is_dreamt_and_labelled() -> None:
    engine = Engine(Common(model="vgg16"))
    specs = atlas.specs_for(engine, PHOTO, [], ["block1_conv1", "block2_conv1"])
    cells = atlas.dream_cells(engine, PHOTO, specs, SMALL)
    assert [cell.spec.layer for cell in cells] == ["block1_conv1", "block2_conv1"]
    assert all(abs(cell.picture.pixels - PHOTO.pixels).max() > 1 and cell.seconds for cell in cells)
    page = atlas.page(engine, cells, 3, "vgg16 on photo.png")
    assert page.width > 2 * 32 and page.height > 24
    lines = atlas.labels(engine, cells[1])
    assert lines[:2] == ["block2_conv1", "128 channels"] and lines[2].startswith("sees 10 px · ")


def test_the_title_names_the_layer_of_channels_and_the_size() -> None:
    cells = [atlas.Dreamt(parse(f"block1_conv1[{c}]"), PHOTO, None) for c in (1, 2)]
    assert atlas.title("vgg16", cells, "photo.png") == "vgg16 block1_conv1 on photo.png at 32x24 px"
    cells.append(atlas.Dreamt(parse("block2_conv1"), PHOTO, None))
    assert atlas.title("vgg16", cells, "photo.png") == "vgg16 on photo.png at 32x24 px"


def test_cells_are_shaped_as_dreams_are() -> None:
    from deepdream.modes.registry import load as modes

    dream = {option.name: option.default for option in modes().modes["dream"].options}
    shown = atlas.Settings()
    assert (shown.step_size, shown.chroma, shown.blur) == (dream["step_size"], dream["chroma"], dream["blur"])


def test_a_layer_stands_for_its_strongest_channels_on_the_photograph() -> None:
    engine = Engine(Common(model="vgg16"))
    specs = atlas.specs_for(engine, PHOTO, ["block1_conv2"], [])
    found = engine.features(PHOTO, ["block1_conv2"])["block1_conv2"].numpy().mean(axis=(0, 1, 2))
    assert [spec.channels for spec in specs] == [(int(c),) for c in np.argsort(-found, kind="stable")[:24]]
    named = atlas.specs_for(engine, PHOTO, ["block1_conv2[7-9]", "block1_conv1"], [])
    assert [str(spec) for spec in named] == [
        *(f"block1_conv2[{c}]" for c in (7, 8, 9)),
        "block1_conv1",
    ]


def test_what_is_there_when_it_is_cancelled_is_kept() -> None:
    cancel = threading.Event()
    engine = Engine(Common(model="vgg16"), cancel=cancel, listeners=[lambda step: cancel.set()])
    specs = atlas.specs_for(engine, PHOTO, [], ["block1_conv1", "block1_conv2", "block2_conv1"])
    cells = atlas.dream_cells(engine, PHOTO, specs, SMALL)
    assert [cell.spec.layer for cell in cells] == ["block1_conv1"]
    assert isinstance(atlas.page(engine, cells, 3, "early"), Picture)


def test_the_command_saves_it_and_prints_where(capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--layer", "block1_conv1[0-1]", "--size", "32", "--steps", "1"]
    assert cli.run(["layers", "photo.png", "--atlas", "atlas.png", *small]) == 0
    out, err = capsys.readouterr()
    assert out == "atlas.png\n" and "2 pictures in" in err
    assert load("atlas.png").width > 64
    assert cli.run(["layers", "photo.png", "--atlas", "atlas.png", *small]) == 1
    assert "atlas.png exists already" in capsys.readouterr().err


def test_as_json_the_command_prints_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    atlas = ["layers", "photo.png", "--atlas", "atlas.png", "--size", "32", "--steps", "1", "--json"]
    atlas += ["--layer", "block1_conv1[0-1]"]
    assert cli.run([*atlas, "--dry-run"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert not Path("atlas.png").exists() and plan["estimate"] > 0
    assert cli.run(atlas) == 0
    made = json.loads(capsys.readouterr().out)
    for found in (plan, made):
        assert (found["input"], found["output"], found["model"]) == ("photo.png", "atlas.png", "vgg16")
        assert found["recipe"]["options"]["layer"] == ["block1_conv1[0-1]"]
    assert made["layers"] == ["block1_conv1[0]", "block1_conv1[1]"]
    assert made["recipe"] == read_recipe("atlas.png")
    assert cli.run(atlas) == 1
    failed = json.loads(capsys.readouterr().out)
    assert failed["exit_code"] == 1 and "exists already" in failed["error"]


def test_a_photograph_too_thin_for_a_layer_is_refused_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    picture(300, 4).save("thin.png")
    for flags in ([], ["--dry-run"]):
        assert cli.run(["layers", "thin.png", "--atlas", "atlas.png", *flags]) == 1
        assert "a picture of 192x3 px is too small for block3_conv1 of vgg16" in capsys.readouterr().err
    assert not Path("atlas.png").exists()


def test_a_dry_run_says_how_long_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    times = []
    for steps in ("100", "300"):
        assert cli.run(["layers", "photo.png", "--atlas", "atlas.png", "--dry-run", "--steps", steps]) == 0
        (line,) = [it for it in capsys.readouterr().out.splitlines() if it.startswith("# time:")]
        found = re.search(r"about (?:(\d+) min )?([\d.]+) s", line)
        assert found
        times.append(60 * int(found[1] or 0) + float(found[2]))
    assert times[0] < times[1] and not Path("atlas.png").exists()


def test_the_progress_names_the_cell_that_is_dreamt() -> None:
    said: list[str] = []
    engine = Engine(Common(model="vgg16"), listeners=[lambda step: said.append(describe(step, None))])
    specs = atlas.specs_for(engine, PHOTO, ["block1_conv1[0-1]"], [])
    atlas.dream_cells(engine, PHOTO, specs, SMALL)
    assert said[0].startswith("part 1/2  block1_conv1[0]  octave 1/1")
    assert said[-1].startswith("part 2/2  block1_conv1[1]  octave 1/1")


def test_an_atlas_shows_how_it_was_made(capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--layer", "block1_conv1[0-1]", "--size", "32", "--steps", "1", "--seed", "7"]
    assert cli.run(["layers", "photo.png", "--atlas", "atlas.png", *small]) == 0
    capsys.readouterr()
    assert cli.run(["show", "atlas.png", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["mode"], shown["seed"], shown["options"]["size"]) == ("layers", 7, 32)
    assert shown["used"]["layers"] == ["block1_conv1[0]", "block1_conv1[1]"]
    assert cli.run(["show", "atlas.png"]) == 0
    shown_plainly = capsys.readouterr().out
    assert shown_plainly.startswith("deepdream layers photo.png --atlas atlas.png")
    assert "step_size" not in shown_plainly and "block1_conv1[0]" in shown_plainly
    assert cli.run(["replay", "atlas.png"]) == 2
    again = shlex.split(capsys.readouterr().err.partition("again: deepdream ")[2])
    assert cli.run(again) == 0
    assert load("again.png").size == load("atlas.png").size


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--atlas", "a.png"], 2, "an atlas needs a photograph"),
        (["missing.png", "--atlas", "a.png"], 1, "missing.png"),
        (["torn.png", "--atlas", "a.png"], 1, "torn.png"),
        (["photo.png", "--atlas", "a.png", "--model", "inception_v3"], 1, "weights"),
        (["photo.png", "--atlas", "a.png", "--model", "vgg61"], 2, "vgg61"),
        (["photo.png", "--atlas", "a.png", "--layer", "block9"], 2, "block9"),
        (["photo.png", "--atlas", "a.png", "--layer", "block1_conv1[64]"], 2, "has no channel 64"),
        (["photo.png", "--atlas", "a.png", "--layer", "block1_conv1[0:3]"], 2, "',' or ']' is missing here"),
        (["photo.png", "--atlas", "a.doc"], 2, "unknown suffix '.doc'"),
        (
            ["large.png", "--atlas", "a.webp", "--layer", "block4_conv3[0-511]", "--size", "1000"],
            2,
            "a.webp: WEBP holds at most 16383 pixels on a side",
        ),
        (["photo.png", "--atlas"], 2, "its value comes after it: --atlas VALUE"),
        (["photo.png"], 2, "photo.png is no network"),
        (["--layer", "block1_conv1"], 2, "--layer is for an atlas"),
        (["photo.png", "--atlas", "a.png", "--steps", "0"], 2, "--steps"),
    ],
)
def test_what_cannot_be_made_is_one_line(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Picture.plain(1000, 800).save("large.png")
    Path("torn.png").write_bytes(Path("photo.png").read_bytes()[:200])
    assert cli.run(["layers", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == "" and said in err and "Traceback" not in err
    assert not Path("a.png").exists()
