"""Animations that were killed or called off go on with the frames that are there."""

from __future__ import annotations

from pathlib import Path

import pytest
from frames import Run, frames_of

from deepdream.climb.engine import Engine
from deepdream.pictures.picture import read_recipe


@pytest.mark.parametrize("output", ["x.webp", "many/"])
def test_what_was_killed_goes_on_and_ends_as_if_it_had_not_been(
    run: Run, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    monkeypatch.setenv("STOP_AT", "2")
    run(f"fade a.png -o {output}", code=1)
    kept = sorted(Path().glob("*/*.png"))
    assert len(kept) == 2
    before = [path.read_bytes() for path in kept]
    monkeypatch.delenv("STOP_AT")
    made = run(f"fade a.png -o {output}")
    assert "going on after frame 2" in run.said.err  # type: ignore[attr-defined]
    seed = read_recipe(made[-1])["seed"]
    whole = run(f"fade a.png --seed {seed} -o {output.replace('x', 'y').replace('many', 'more')}")
    assert [Path(name).read_bytes() for name in made] == [Path(name).read_bytes() for name in whole]
    if output == "many/":
        assert [path.read_bytes() for path in kept] == before


def test_frames_of_another_command_are_not_gone_on_with(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOP_AT", "2")
    run("fade a.png -o x.webp --seed 1", code=1)
    monkeypatch.delenv("STOP_AT")
    run("fade a.png -o x.webp --seed 2", code=1)
    assert "holds frames of another animation" in run.said.err  # type: ignore[attr-defined]
    run("fade a.png -o x.webp --seed 2 --overwrite")
    assert frames_of("x.webp")[0].mean() == pytest.approx(42, abs=1.5)


@pytest.mark.parametrize("output", ["x.webp", "many/", None])
def test_frames_of_before_the_plugin_was_changed_are_not_gone_on_with(
    run: Run, monkeypatch: pytest.MonkeyPatch, output: str | None
) -> None:
    place = "" if output is None else f"-o {output}"
    monkeypatch.setenv("STOP_AT", "2")
    run(f"fade a.png --seed 1 {place}", code=1)
    monkeypatch.delenv("STOP_AT")
    code = Path("modes.py")
    code.write_text(code.read_text().replace("* 0 + 40", "* 0 + 140"))
    made = run(f"fade a.png --seed 1 {place}")
    assert "going on" not in run.said.err  # type: ignore[attr-defined]
    if output == "many/":  # where frames are the result, those of before stay
        assert len(made) == 4
        assert len(list(Path("many").iterdir())) == 6
        assert frames_of(made[0])[0].mean() == pytest.approx(141, abs=1.5)
    else:
        assert "begun anew: the plugin was changed" in run.said.err  # type: ignore[attr-defined]
        assert frames_of(made[0])[0].mean() == pytest.approx(141, abs=1.5)
        assert [path for path in Path().iterdir() if path.suffix == ".frames"] == []


def stop_at_the_third_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Engine.part

    def stopped(engine: Engine, number: int, parts: int) -> None:
        part(engine, number, parts)
        if number == 2 and engine.cancel is not None:
            engine.cancel.set()  # what the handler of the signal does

    monkeypatch.setattr(Engine, "part", stopped)


def test_the_first_ctrl_c_keeps_the_whole_frames_and_makes_a_film_of_them(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stop_at_the_third_frame(patch)
        run("fade a.png -o x.webp --seed 3", code=130)
    assert len(frames_of("x.webp")) == 2
    assert "x.webp.frames keeps the frames" in run.said.err  # type: ignore[attr-defined]
    assert read_recipe("x.webp")["used"]["interrupted"] is True
    run("fade a.png -o x.webp --seed 4", code=1)
    assert "exists already" in run.said.err, "another film does not take its place"  # type: ignore[attr-defined]
    run("fade a.png -o x.webp --seed 3")
    assert "going on after frame 2" in run.said.err  # type: ignore[attr-defined]
    run("fade a.png -o y.webp --seed 3")
    run("fade a.png -o x.webp --seed 3", code=1)
    assert "exists already" in run.said.err, "a whole film stays"  # type: ignore[attr-defined]
    assert Path("x.webp").read_bytes() == Path("y.webp").read_bytes()
    assert not Path("x.webp.frames").exists()


def test_half_a_frame_takes_no_films_place(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("fade a.png -o x.webp --seed 3")
    whole = Path("x.webp").read_bytes()
    monkeypatch.setenv("HALF_AT", "0")
    run("fade a.png -o x.webp --seed 3 --overwrite", code=130)
    assert "x.webp stays as it was" in run.said.err  # type: ignore[attr-defined]
    assert Path("x.webp").read_bytes() == whole
    run("fade a.png -o y.webp --seed 3", code=130)
    assert len(frames_of("y.webp")) == 1
    assert "the same command begins anew" in run.said.err  # type: ignore[attr-defined]
    monkeypatch.delenv("HALF_AT")
    run("fade a.png -o y.webp --seed 3")
    assert Path("y.webp").read_bytes() == whole, "what was stopped in its first frame begins anew"
    run("fade a.png -o z.webp --film q.gif", code=2)
    assert "fade makes a film itself" in run.said.err  # type: ignore[attr-defined]


def test_a_film_of_ready_frames_shows_those_that_were_made(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOP_AT", "2")
    run("slides a.png -o x.webp --seed 3", code=130)
    assert "stopped early: 3 frames" in run.said.err  # type: ignore[attr-defined]
    assert "keeps the frames" not in run.said.err and not Path("x.webp.frames").exists()  # type: ignore[attr-defined]
    assert [round(frame.mean()) for frame in frames_of("x.webp")] == [0, 40, 80]
    assert read_recipe("x.webp")["used"]["interrupted"] is True


def test_ctrl_c_keeps_what_was_made_without_a_climb(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CTRL_C_AT", "3")
    run("slides a.png -o x.webp --seed 3", code=130)
    assert [round(frame.mean()) for frame in frames_of("x.webp")] == [0, 40, 80, 120]


def test_the_same_command_without_a_name_goes_on_with_its_own_film(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stop_at_the_third_frame(patch)
        (half,) = run("fade a.png", code=130)
    (made,) = run("fade a.png")
    assert made == half and len(frames_of(made)) == 4
    assert run("fade a.png") != [half]
