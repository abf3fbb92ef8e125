"""Runs of several climbs: what their steps, their summary and their recipe say of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deepdream import cli
from deepdream.climb.engine import Engine, Step
from deepdream.console.progress import describe
from deepdream.desk.telling import climbs_said, details_of, summary
from deepdream.jobs.recipe import Input, Recipe
from deepdream.objectives import layer, mean
from deepdream.pictures.picture import read_recipe
from deepdream.runs.session import Session
from deepdream.testing import Bench, picture

pytest_plugins = ["deepdream.testing.fixtures"]

MODES = '''
from deepdream.api import Animation, Engine, Picture, mode
from deepdream.api import objectives as obj


@mode("drift", api=1)
def drift(image: Picture, engine: Engine, *, frames: int = 3) -> Animation:
    """Two climbs for each frame, with a layer that changes."""

    def frame(index: int, previous: Picture | None) -> Picture:
        shown = previous or image
        for number in engine.each([1, 2]):
            objective = (1 + index / 8) * obj.layer(f"block1_conv{number}")
            shown = engine.ascend(shown, objective, steps=2, step_size=3.0)
        return shown

    return Animation(frame, frames)


@mode("trio", api=1)
def trio(image: Picture, engine: Engine) -> list[Picture]:
    """Three pictures, a climb for each."""
    return [engine.ascend(image, obj.layer("block1_conv1"), steps=n) for n in engine.each([1, 2, 3])]


@mode("growing", api=1)
def growing(image: Picture, engine: Engine) -> Picture:
    """Two climbs, the first at half the size."""
    small = engine.ascend(image.resized(24, 20), obj.layer("block1_conv1"), steps=1)
    return engine.ascend(small.resized(48, 40), obj.layer("block1_conv1"), steps=2)
'''


@pytest.fixture
def common(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_network: Bench) -> list[str]:
    """The two modes and a picture in the current folder; the flags that choose the tiny network."""
    (tmp_path / "modes.py").write_text(MODES)
    monkeypatch.setenv("DEEPDREAM_PLUGINS", str(tmp_path / "modes.py"))
    monkeypatch.chdir(tmp_path)
    picture(48, 40).save("a.png")
    bench = tiny_network.common
    return ["--model", bench.model, "--preprocess", str(bench.preprocess), "--precision", "float32"]


def used(path: str) -> Any:
    return Recipe.from_json(read_recipe(path)).used


def test_a_step_names_its_frame_and_the_part_of_it(tiny_network: Bench) -> None:
    steps: list[Step] = []
    engine = Engine(tiny_network.common, pool=tiny_network.pool, listeners=[steps.append])
    for frame in range(2):
        engine.part(frame, 2)
        for _ in engine.each("ab"):
            engine.ascend(picture(), layer("block1_conv1"), steps=1)
        engine.ascend(picture(), layer("block1_conv1"), steps=1)
    said = [describe(step, None).partition("  octave")[0] for step in steps]
    assert said == [f"frame {n}/2{part}" for n in (1, 2) for part in ("  part 1/2", "  part 2/2", "")]
    assert [step.done for step in steps] == sorted(step.done for step in steps)


def test_figures_of_objectives_that_differ_are_not_joined(tiny_network: Bench) -> None:
    def ends(*objectives: Any) -> tuple[float, float]:
        steps: list[Step] = []
        engine = Engine(tiny_network.common, pool=tiny_network.pool, listeners=[steps.append])
        image = picture()
        for objective in objectives:
            image = engine.ascend(image, objective, steps=2)
        figures = engine.report["objective"]
        found = [figures["start"]["total"], figures["end"]["total"]]
        return tuple([step.objective for step in steps].index(it) for it in found)  # type: ignore[return-value]

    one = layer("block1_conv1")
    assert ends(one, one) == (0, 3)
    assert ends(one, mean("block1_conv1")) == (2, 3)
    assert ends(one, 1.0000001 * one) == (2, 3), "though both are printed alike"


def test_each_climb_is_told_with_its_size_its_steps_and_its_figures(
    common: list[str], tiny_network: Bench
) -> None:
    session = Session()
    session.pool = tiny_network.pool
    told: list[list[str]] = []
    steps: list[Step] = []
    recipe = Recipe("growing", {"image": Input("a.png")}, common=tiny_network.common)
    planned = session.plan(recipe)
    result = session.run(
        recipe, listeners=[steps.append], started=lambda report: told.append([*details_of(report)])
    )
    sizes = [[24, 20], [48, 40]]
    assert result.report["octaves"] == sizes == result.recipe.used["octaves"]
    counted = [{"octaves": [size], "steps": n} for n, size in zip((1, 2), sizes, strict=True)]
    assert result.recipe.used["climbs"] == planned.recipe.used["climbs"] == counted
    ends = [(steps[0], steps[0]), (steps[1], steps[2])]
    assert [
        (it["objective"]["start"]["total"], it["objective"]["end"]["total"]) for it in result.report["climbs"]
    ] == [(first.objective, last.objective) for first, last in ends]
    said = ", ".join(f"{first.objective:.4g} to {last.objective:.4g}" for first, last in ends)
    assert f"; objective {said}; " in summary(result)
    assert "octaves: 24x20, 1 step in all" in told[0] and "octaves: 48x40, 2 steps in all" in told[1]
    assert climbs_said(counted + counted[1:]) == "24x20: 1 step; 48x40: 2 steps, 2 times"


@pytest.mark.slow
def test_an_animation_counts_the_steps_of_all_frames_and_tells_its_formulas(
    common: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["drift", "a.png", "-o", "whole.webp", "--seed", "5", *common]) == 0
    said = capsys.readouterr().err
    assert "3 frames, 12 steps" in said and "last objective" in said
    expected = ["layer(block1_conv1)", "layer(block1_conv2)", "1.125·layer(block1_conv1)", "..."]
    assert (used("whole.webp")["steps"], used("whole.webp")["formula"]) == (12, expected)
    assert cli.run(["drift", "a.png", "-n", "--seed", "5", *common]) == 0
    assert "# steps:     12" in capsys.readouterr().out
    assert cli.run(["show", "whole.webp"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[2:] for line in lines if line[:2] == ["used", "formula"]] == [[it] for it in expected]


@pytest.mark.slow
def test_frames_that_went_on_say_the_same_as_those_made_in_one_go(common: list[str]) -> None:
    for folder in ("once", "twice"):
        Path(folder).mkdir()
        assert cli.run(["drift", "a.png", "-o", folder, "--seed", "5", "-q", *common]) == 0
    frames = sorted(Path("twice").iterdir())
    assert [used(str(path))["steps"] for path in frames] == [4, 8, 12], "up to each frame"
    for path in frames[1:]:
        path.unlink()
    assert cli.run(["drift", "a.png", "-o", "twice", "--seed", "5", "-q", *common]) == 0
    for path in sorted(Path("once").iterdir()):
        assert path.read_bytes() == (Path("twice") / path.name).read_bytes()


@pytest.mark.slow
def test_one_of_several_pictures_is_replayed_with_a_word_about_the_others(
    common: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["trio", "a.png", "-o", "x.png", "--seed", "5", "-q", *common]) == 0
    assert [used(f"x.{n:02d}.png")["steps"] for n in (1, 2, 3)] == [6, 6, 6], "of the run that made all"
    capsys.readouterr()
    assert cli.run(["replay", "x.02.png", "-o", "again.png"]) == 0
    assert "x.02.png is one of 3 pictures: all are made, and this one is saved" in capsys.readouterr().err
    assert Path("again.png").read_bytes() == Path("x.02.png").read_bytes()
