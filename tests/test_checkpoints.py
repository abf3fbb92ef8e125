"""Checkpoints: only the same job goes on, whatever lies where its checkpoint would be."""

from __future__ import annotations

import subprocess
import sys
import time
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepdream.climb.context import Context
from deepdream.climb.engine import Engine
from deepdream.errors import DeepDreamError
from deepdream.jobs.checkpoints import Checkpoint, Kept, State
from deepdream.jobs.recipe import Common, Input, Recipe
from deepdream.objectives import layer
from deepdream.runs.session import _cut_as_before
from deepdream.testing import Bench, picture

pytest_plugins = ["deepdream.testing.fixtures"]

JOB = Recipe("dream", inputs={"image": Input("a.png", "0" * 64)}, options={"steps": 3})
STATE = State(1, (2, 2), (np.arange(6, dtype=np.float32).reshape(1, 2, 3), np.array(3, np.int32)))


def test_what_was_kept_comes_back_bit_for_bit(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "a.resume", JOB)
    assert checkpoint.read() is None
    checkpoint.save(7, 20, STATE, {"tile": 64, "budget": 1.5})
    del checkpoint  # whose run had it to itself
    kept = Checkpoint(tmp_path / "a.resume", JOB).read()
    assert kept is not None
    assert (kept.seed, kept.first, kept.tile, kept.budget) == (7, 20, 64, 1.5)
    assert (kept.state.octave, kept.state.index, kept.state.taken) == (1, 4, (2, 2))
    for found, array in zip(kept.state.arrays, STATE.arrays, strict=True):
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype


@pytest.mark.parametrize(
    "other",
    [
        replace(JOB, options={"steps": 4}),
        replace(JOB, inputs={"image": Input("a.png", "1" * 64)}),
        replace(JOB, common=Common(size=64)),
        replace(JOB, seed=7),
        replace(JOB, mode="style"),
    ],
)
def test_another_job_does_not_go_on_from_it(tmp_path: Path, other: Recipe) -> None:
    Checkpoint(tmp_path / "a.resume", JOB).save(7, 0, STATE, {})
    assert Checkpoint(tmp_path / "a.resume", other).read() is None


def test_a_changed_plugin_does_not_go_on_from_it(tmp_path: Path) -> None:
    path = tmp_path / "a.resume"
    by = {"name": "tide", "version": "0.1", "sha256": "0" * 64}
    Checkpoint(path, JOB, by).save(7, 0, STATE, {"weights": {"sha256": "2" * 64}})
    same = Checkpoint(path, JOB, dict(by))
    kept = same.read()
    assert kept is not None
    assert (kept.weights, same.changed) == ("2" * 64, False)
    del same  # whose run had it to itself
    for other in ({**by, "version": "0.2"}, {**by, "sha256": "1" * 64}, {}):
        changed = Checkpoint(path, JOB, other)
        assert changed.read() is None
        assert changed.changed


def test_a_climb_does_not_go_on_with_other_weights() -> None:
    kept = Kept(7, 0, STATE, None, None, None, "1" * 64)
    same = Context(kept=kept, report={"notes": [], "weights": {"sha256": "1" * 64}})
    assert same._resumed() is STATE
    other = Context(kept=kept, report={"notes": [], "weights": {"sha256": "2" * 64}})
    assert other._resumed() is None
    assert "other weights" in other.report["notes"][0]


def test_frames_are_not_gone_on_with_after_the_weights_were_changed() -> None:
    film = Context(report={"notes": [], "weights": {"sha256": "2" * 64}})
    film.go_on_from({"frame": [3, 9], "weights": {"sha256": "2" * 64}})
    assert film._resumed() is None
    film.go_on_from({"frame": [3, 9], "weights": {"sha256": "1" * 64}})
    with pytest.raises(DeepDreamError, match="other weights"):
        film._resumed()


def test_a_damaged_checkpoint_counts_as_none(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "a.png", JOB).save(7, 0, STATE, {})
    path = Checkpoint(tmp_path / "a.png", JOB).path
    whole = path.read_bytes()
    for damaged in (b"", b"nonsense", whole[: len(whole) // 2], whole[:60] + b"x" * 40 + whole[100:]):
        path.write_bytes(damaged)
        assert Checkpoint(tmp_path / "a.png", JOB).read() is None


def test_another_job_leaves_a_checkpoint_where_it_is(tmp_path: Path) -> None:
    Checkpoint(tmp_path / "a.png", JOB).save(7, 0, STATE, {})
    other = Checkpoint(tmp_path / "a.png", replace(JOB, options={"steps": 4}))
    other.remove()
    other.save(8, 0, STATE, {})
    other.remove()
    left = other.others()
    again = Checkpoint(tmp_path / "a.png", JOB)
    assert left == [again.path]
    assert again.read() is not None
    assert not other.others()
    again.remove()
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="open files cannot be replaced there")
def test_a_run_that_goes_on_has_its_checkpoint_to_itself(tmp_path: Path) -> None:
    first, second = (Checkpoint(tmp_path / "new" / "a.png", JOB) for _ in range(2))
    for seed in (7, 8):  # the lock goes on to what replaces the file
        first.save(seed, 0, STATE, {})
        assert second.read() is None
    second.save(9, 0, STATE, {})
    second.remove()
    del first  # as if it had been killed
    kept = second.read()
    assert kept is not None
    assert kept.seed == 8
    assert Checkpoint(tmp_path / "new" / "a.png", JOB).read() is None


def test_a_run_goes_on_with_the_tiles_it_began_with() -> None:
    whole, tiled = Kept(1, 0, STATE, None, None, None), Kept(1, 0, STATE, 64, 2.5, None)
    assert whole.common(Common()) == Common(tile="off")
    fewer_pairs = Kept(1, 0, STATE, None, 2.5, None)
    assert fewer_pairs.common(Common()) == Common(tile="off", memory=2.5)
    assert tiled.common(Common(size=9)) == Common(size=9, memory=2.5)
    assert tiled.common(Common(tile="64")) == Common(tile="64", memory=2.5)


def test_a_replay_has_the_memory_that_decided_then() -> None:
    side = Recipe("style", common=Common(tile="64"), used={"tile": 64, "budget": 2.5})
    assert _cut_as_before(side) == Common(tile="64", memory=2.5)
    auto = replace(side, common=Common())
    assert _cut_as_before(auto) == Common(memory=2.5)
    assert _cut_as_before(replace(auto, used={"budget": 2.5})) == Common(tile="off", memory=2.5)
    assert _cut_as_before(replace(auto, used={})) == Common()


def test_what_prevents_a_checkpoint_is_said_and_not_tried_again(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    checkpoint = Checkpoint(tmp_path / "file" / "a.png", JOB)
    checkpoint.save(7, 0, STATE, {})
    assert checkpoint.trouble is not None
    assert "file" in checkpoint.trouble
    assert not checkpoint.due()


def _command(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A command that keeps a checkpoint after every chunk of steps."""
    code = (
        "import sys; from deepdream import cli; from deepdream.jobs import checkpoints;"
        "checkpoints.FIRST = checkpoints.RARELY = 0;"
        "sys.exit(cli.run(sys.argv[1:]))"
    )
    return subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=folder, stderr=subprocess.PIPE)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        ["style", "--style-layer", "block1_conv1", "--content-layer", "block1_conv2", "--octaves", "2"],
        ["dream", "--layer", "block1_conv2", "--octaves", "2"],
    ],
)
def test_a_run_that_was_killed_goes_on_to_the_same_bytes(tmp_path: Path, options: list[str]) -> None:
    mode, *rest = options
    pictures = [tmp_path / "a.png", *([tmp_path / "b.png"] if mode == "style" else [])]
    for number, path in enumerate(pictures):
        picture(96, 64, seed=number).save(path)
    given = [mode, *map(str, pictures), *rest, "--steps", "60", "--size", "96", "--precision", "float32"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir(), killed.mkdir()

    seeded = _command(whole, *given, "--seed", "5")
    assert seeded.wait(240) == 0
    first = _command(killed, *given, "--seed", "5")
    kept, until = f"a.{mode}.png.*.resume", time.monotonic() + 200
    while not list(killed.glob(kept)) and first.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    first.kill()
    first.wait(60)
    assert list(killed.glob(kept))
    assert not (killed / f"a.{mode}.png").exists()

    again = _command(killed, *given, "--seed", "5")
    _, said = again.communicate(timeout=240)
    assert again.returncode == 0
    assert b"went on from step" in said
    assert [path.name for path in killed.iterdir() if "deepdream" not in path.name] == [f"a.{mode}.png"]
    assert (killed / f"a.{mode}.png").read_bytes() == (whole / f"a.{mode}.png").read_bytes()


def test_climbs_that_are_made_again_leave_the_checkpoint_of_a_later_one(tiny_network: Bench) -> None:
    saved: list[int] = []
    always = types.SimpleNamespace(
        due=lambda: True, save=lambda seed, first, state, report: saved.append(first)
    )
    how: dict[str, Any] = {"pool": tiny_network.pool, "every": 1, "checkpoint": always}
    engine = Engine(tiny_network.common, kept=Kept(7, 3, STATE, None, None, None), **how)
    engine.ascend(picture(), layer("block1_conv1"), steps=3)
    assert saved == []
    engine.kept = None  # taken up by the next climb
    engine.ascend(picture(), layer("block1_conv1"), steps=3)
    assert set(saved) == {3}
