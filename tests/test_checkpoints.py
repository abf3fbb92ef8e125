"""Checkpoints: only the same job goes on, whatever lies where its checkpoint would be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deepdream.checkpoints import Checkpoint, Kept
from deepdream.octaves import State
from deepdream.recipe import Common, Input, Recipe

JOB = Recipe("dream", inputs={"image": Input("a.png", "0" * 64)}, options={"steps": 3})
STATE = State(1, 4, 2, (np.arange(6, dtype=np.float32).reshape(1, 2, 3), np.array(3, np.int32)))


def test_what_was_kept_comes_back_bit_for_bit(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "a.resume", JOB)
    assert checkpoint.read() is None
    checkpoint.save(7, 20, STATE, {"tile": 64, "budget": 1.5})
    kept = Checkpoint(tmp_path / "a.resume", JOB).read()
    assert kept is not None
    assert (kept.seed, kept.first, kept.tile, kept.budget) == (7, 20, 64, 1.5)
    assert (kept.state.octave, kept.state.index, kept.state.taken) == (1, 4, 2)
    for found, array in zip(kept.state.arrays, STATE.arrays, strict=True):
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype
    checkpoint.remove()
    assert not list(tmp_path.iterdir())


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


def test_a_damaged_checkpoint_counts_as_none(tmp_path: Path) -> None:
    path = tmp_path / "a.resume"
    Checkpoint(path, JOB).save(7, 0, STATE, {})
    whole = path.read_bytes()
    for damaged in (b"", b"nonsense", whole[: len(whole) // 2], whole[:60] + b"x" * 40 + whole[100:]):
        path.write_bytes(damaged)
        assert Checkpoint(path, JOB).read() is None


def test_a_run_goes_on_with_the_tiles_it_began_with() -> None:
    whole, tiled = Kept(1, 0, STATE, None, None), Kept(1, 0, STATE, 64, 2.5)
    assert whole.common(Common()) == Common(tile="off")
    assert tiled.common(Common(size=9)) == Common(size=9, memory=2.5)
    assert tiled.common(Common(tile="32")) == Common(tile="32")


def test_what_prevents_a_checkpoint_is_said_and_not_tried_again(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "missing" / "a.resume", JOB)
    checkpoint.save(7, 0, STATE, {})
    assert checkpoint.trouble is not None
    assert "missing" in checkpoint.trouble
    assert not checkpoint.due()
