"""Sweeps and reports: every combination on one sheet, every step in one file."""

from __future__ import annotations

import json
import math
import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deepdream import cli
from deepdream.desk.curves import Curves
from deepdream.desk.sweeping import joined, parse_sweep, variants
from deepdream.errors import UsageError
from deepdream.jobs.recipe import Recipe
from deepdream.modes.registry import load as load_registry
from deepdream.pictures.picture import load, read_recipe
from deepdream.runs.results import Result
from deepdream.runs.session import Session
from deepdream.testing import picture

MODE = load_registry({"DEEPDREAM_NO_PLUGINS": "1"}).modes["dream"]
QUICK = ["--layer", "block1_conv2", "--octaves", "1", "--steps", "2", "--jitter", "0", "--quiet"]


@pytest.fixture(autouse=True)
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    picture(32, 24, seed=1).save("a.png")
    picture(24, 24, seed=2).save("b.png")


def test_every_combination_is_made_with_one_seed() -> None:
    axes = parse_sweep(["step-size=1,2.5", "size=30,40,50"], MODE)
    made = list(variants(Recipe("dream", options={"steps": 3}), axes))
    assert [labels for labels, _ in made][:2] == [
        ("step-size 1", "size 30"),
        ("step-size 1", "size 40"),
    ]
    assert [(it.options["step_size"], it.common.size) for _, it in made] == [
        (step, size) for step in (1.0, 2.5) for size in (30, 40, 50)
    ]
    assert all(it.options["steps"] == 3 for _, it in made)
    assert len({it.seed for _, it in made}) == 1 and made[0][1].seed is not None


WRONG = {
    "nothing": (["strength"], "is no sweep"),
    "no values": (["steps="], "is no sweep"),
    "an empty value": (["steps=1,,2"], "is no sweep"),
    "an unknown option": (["stepps=1,2"], "no option 'stepps'"),
    "a value of another kind": (["steps=1,x"], "--steps must be a whole number"),
    "three": (["steps=1", "jitter=0", "octaves=1"], "3 options to sweep"),
    "the same twice": (["steps=1", "--steps=2"], "twice"),
}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a[1,2],b", ["a[1,2]", "b"]),
        ("a[3]@0.25,0.5,b@0.5, 0.5:2,c", ["a[3]@0.25,0.5", "b@0.5, 0.5:2", "c"]),
        ("a,b; c", ["a,b", "c"]),
    ],
)
def test_values_may_have_commas_of_their_own(text: str, values: list[str]) -> None:
    (axis,) = parse_sweep([f"layer={text}"], MODE)
    assert axis.values == tuple([value] for value in values)
    assert parse_sweep([f"layer={joined(values)}"], MODE) == (axis,)


@pytest.mark.parametrize("case", WRONG)
def test_a_sweep_that_cannot_be_meant_is_refused(case: str) -> None:
    texts, message = WRONG[case]
    with pytest.raises(UsageError, match=message):
        parse_sweep(texts, MODE)


def test_a_sweep_makes_one_sheet_for_each_picture(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--sweep", "strength=0,1", "--sweep", "steps=1,2,3"]
    assert cli.run(["dream", "a.png", "b.png", *QUICK, *flags]) == 0
    assert capsys.readouterr().out == "a.dream.sweep.png\nb.dream.sweep.png\n"
    wide, square = load("a.dream.sweep.png"), load("b.dream.sweep.png")
    assert wide.width > 3 * 384 and wide.height > 2 * 288, "three columns, two rows, labels"
    assert square.height > wide.height


def test_a_later_value_that_is_wrong_is_said_before_any_picture_is_made(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["dream", "a.png", *QUICK[2:-1], "--sweep", "layer=block1_conv1,nope"]) == 2
    said = capsys.readouterr().err
    assert "no layer 'nope'" in said
    assert "picture 1/2" not in said


def test_ctrl_c_while_a_later_picture_loads_keeps_those_before(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, calls = Session.run, []

    def interrupted(self: Session, recipe: Recipe, *, cancel: threading.Event, **more: Any) -> Result:
        calls.append(recipe)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGINT)
            cancel.wait(5)
        return run(self, recipe, cancel=cancel, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "run", interrupted)
        assert cli.run(["dream", "a.png", *QUICK, "--sweep", "step-size=1,2,3", "--seed", "3"]) == 130
    assert capsys.readouterr().out == "a.dream.sweep.png\n" and len(calls) == 2
    assert read_recipe("a.dream.sweep.png")["used"]["interrupted"] is True
    page = load("a.dream.sweep.png").pixels
    assert cli.run(["replay", "a.dream.sweep.png", "-o", "again.png"]) == 0
    assert "a.dream.sweep.png was stopped early; this makes all of it" in capsys.readouterr().err
    third, cut = page.shape[1] // 3, slice(page.shape[0] // 4, page.shape[0] // 2)
    whole = load("again.png").pixels
    assert (whole[cut, :third] == page[cut, :third]).all() and page[cut, third:].std() < whole[
        cut, third:
    ].std()


def test_a_sheet_with_a_limit_of_time_is_made_again(capsys: pytest.CaptureFixture[str]) -> None:
    line = ["dream", "a.png", *QUICK[:4], "--steps", "100000", "--time", "2s", "--quiet", "--seed", "3"]
    assert cli.run([*line, "--sweep", "jitter=0,4", "-o", "timed.png"]) == 0
    cells = read_recipe("timed.png")["used"]["cells"]
    assert all(0 < cell["octave_steps"]["0"][0] < 100000 for cell in cells) and len(cells) == 2
    assert cli.run(["replay", "timed.png", "-o", "again.png", "-q"]) == 0
    assert Path("again.png").read_bytes() == Path("timed.png").read_bytes()


def test_a_sheet_remembers_how_each_picture_was_cut() -> None:
    axes = parse_sweep(["size=30,40"], MODE)
    sheet = Recipe("dream", used={"cells": [{"tile": 64, "budget": 2.0}, {"size": [40, 30]}]})
    assert [made.used for _, made in variants(sheet, axes)] == sheet.used["cells"]
    assert [made.used for _, made in variants(replace(sheet, used={}), axes)] == [{}, {}]


@pytest.mark.parametrize("flags", [["--report", "r.json"], ["--save-every", "1"]])
def test_what_a_sheet_does_not_have_is_refused(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["dream", "a.png", *QUICK, "--sweep", "step-size=1,2", *flags]) == 2
    assert f"{flags[0]} is for one picture, and --sweep makes many" in capsys.readouterr().err


def test_a_sheet_says_how_it_was_made_and_can_be_made_again(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--sweep", "step-size=1,4", "--sweep", "size=16"]
    assert cli.run(["dream", "a.png", *QUICK[:-1], *flags]) == 0
    assert "picture 2/2  step-size 4, size 16" in capsys.readouterr().err
    recipe = read_recipe("a.dream.sweep.png")
    assert recipe["used"]["sweep"] == {"step_size": [1.0, 4.0], "size": [16]}
    assert recipe["inputs"]["image"]["path"] == "a.png" and recipe["seed"] is not None
    assert cli.run(["show", "a.dream.sweep.png"]) == 0
    shown = capsys.readouterr().out
    assert "--sweep step-size=1,4 --sweep size=16 --seed" in shown
    assert cli.run(["replay", "a.dream.sweep.png", "-n"]) == 0
    assert "sheet:     2 pictures" in capsys.readouterr().out
    assert cli.run(["replay", "a.dream.sweep.png", "-o", "again.png", "-q"]) == 0
    assert Path("again.png").read_bytes() == Path("a.dream.sweep.png").read_bytes()


def test_each_value_of_an_option_that_may_be_repeated_is_a_list_of_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sweep = "layer=block1_conv2[3,7],block2_conv1"
    assert cli.run(["dream", "a.png", *QUICK[2:-1], "--sweep", sweep]) == 0
    said = capsys.readouterr().err
    assert "picture 1/2  layer block1_conv2[3,7]" in said and "picture 2/2  layer block2_conv1" in said
    assert read_recipe("a.dream.sweep.png")["used"]["sweep"] == {
        "layer": [["block1_conv2[3,7]"], ["block2_conv1"]]
    }
    assert cli.run(["show", "a.dream.sweep.png"]) == 0
    assert f"--sweep '{sweep}' --seed" in capsys.readouterr().out
    assert cli.run(["replay", "a.dream.sweep.png", "-n"]) == 0
    assert "#   layer block1_conv2[3,7]: " in capsys.readouterr().out
    assert cli.run(["replay", "a.dream.sweep.png", "-o", "again.png", "-q"]) == 0
    assert Path("again.png").read_bytes() == Path("a.dream.sweep.png").read_bytes()
    assert cli.run(["dream", "a.png", "--recipe", "a.dream.sweep.png", "-n"]) == 0


def report(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(name).read_text())
    return found


def test_a_report_has_every_step_and_a_plot_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    assert cli.run(["dream", "a.png", *QUICK, "--report", "curves.json"]) == 0
    found = report("curves.json")
    assert [row["step"] for row in found["steps"]] == [1, 2]
    assert found["steps"][0]["terms"]["layer(block1_conv2)"] == found["objective"]["start"]["total"]
    assert found["recipe"]["mode"] == "dream"
    assert load("curves.plot.png").width > 400
    assert cli.run(["dream", "a.png", "b.png", *QUICK, "--report", "curves.json"]) == 0
    assert report("curves.a.json")["input"] == "a.png"
    assert report("curves.b.json")["input"] == "b.png"
    assert cli.run(["dream", "a.png", *QUICK, "--report", "curves.txt"]) == 2


@pytest.mark.parametrize(
    "values", [(21.0, 25.0, 33.0), (-6e5, -5.5e5, -5e5), (1.0, 40.0, 9e3), (-2.0, 0.0, 3.0)]
)
def test_the_axis_of_a_plot_has_several_ticks(
    values: Sequence[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    shown: list[int] = []

    def drawn(figure: Any, stream: Any, **how: Any) -> None:
        figure.canvas.draw()
        (axes,) = figure.axes
        low, high = sorted(axes.get_ylim())
        shown.append(sum(low <= tick <= high for tick in axes.get_yticks()))

    monkeypatch.setattr(Figure, "savefig", drawn)
    rows = [
        {"step": n, "octave": 1, "objective": value, "terms": {"term": value}}
        for n, value in enumerate(values, start=1)
    ]
    Curves(rows)._plot()
    assert shown[0] >= 3


def test_without_matplotlib_a_report_is_a_file_and_a_note(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    assert cli.run(["dream", "a.png", *QUICK[:-1], "--report", "curves.json"]) == 0
    assert len(report("curves.json")["steps"]) == 2 and not Path("curves.plot.png").exists()
    assert "matplotlib is missing" in capsys.readouterr().err


def test_a_report_is_json_even_of_an_objective_that_ran_away(tmp_path: Path) -> None:
    curves = Curves(rows=[{"step": 1, "octave": 1, "objective": -math.inf, "terms": {"layer": math.nan}}])
    curves.save(tmp_path / "curves.json", {"recipe": {"seed": 1}})
    row = json.loads((tmp_path / "curves.json").read_text(), parse_constant=pytest.fail)["steps"][0]
    assert (row["objective"], row["terms"]["layer"]) == (None, None)
