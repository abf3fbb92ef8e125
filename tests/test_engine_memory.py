"""The engine where memory is short: what is refused, and what is climbed in tiles to the same picture."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from deepdream import objectives as obj
from deepdream.climb.engine import Engine, Pool
from deepdream.errors import DeepDreamError, UsageError
from deepdream.jobs.recipe import Common
from deepdream.pictures.picture import Picture

FLOAT32 = Common(precision="float32")


@pytest.fixture(scope="module")
def pool() -> Pool:
    return Pool()


@pytest.fixture(scope="module")
def photo() -> Picture:
    rng = np.random.default_rng(5)
    small = Picture.from_array(rng.uniform(0, 255, (6, 8, 3)).astype(np.float32))
    return small.resized(96, 72)


def test_a_picture_too_large_for_the_memory_is_refused_with_a_size_that_fits(
    photo: Picture, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deepdream.climb.memory.available", lambda: 0.6465)
    whole = Common(precision="float32", tile="off")
    engine, objective = Engine(whole, pool=pool), obj.layer("block1_conv2")
    with pytest.raises(DeepDreamError, match=r"96x72 px needs about 0\.. GB") as caught:
        engine.ascend(photo, objective, steps=1)
    side = int(str(caught.value.hint).split()[1])
    assert 16 < side < 96
    engine.ascend(photo.fitted(side), objective, steps=1)


def test_what_does_not_fit_at_once_is_climbed_in_tiles_to_the_same_picture(
    pool: Pool, photo: Picture
) -> None:
    large, objective = photo.resized(230, 180), obj.layer("block2_conv2")
    pictures = []
    for common in (FLOAT32, Common(precision="float32", memory=0.68), Common(precision="float32", tile="64")):
        engine = Engine(common, seed=4, pool=pool)
        pictures.append(engine.ascend(large, objective, octaves=2, steps=2, jitter=9).pixels)
        tiled = common is not FLOAT32
        assert ("tile" in engine.report) == tiled
        assert not tiled or engine.report["tiles"] > 1
    assert engine.report["tile"] == 64
    for other in pictures[1:]:
        # Rounding decides here and there which of two nearly equal cells a pooling takes.
        assert np.abs(other - pictures[0]).mean() < 1e-3
        assert np.abs(other - pictures[0]).max() < 1.0


def test_a_tiled_step_can_be_watched_and_called_off(pool: Pool, photo: Picture) -> None:
    cancel, seen = threading.Event(), []

    def pulse(done: float) -> None:
        seen.append(done)
        if done > 0.6:
            cancel.set()

    tiled = Common(precision="float32", tile="48")
    engine = Engine(tiled, pool=pool, pulse=pulse, cancel=cancel)
    result = engine.ascend(photo, obj.layer("block1_conv2"), steps=2)
    assert seen == pytest.approx([0.125, 0.25, 0.375, 0.5, 0.625])  # four tiles to a step
    assert engine.report["interrupted"]
    once = Engine(tiled, pool=pool).ascend(photo, obj.layer("block1_conv2"), steps=1)
    np.testing.assert_array_equal(result.pixels, once.pixels)


@pytest.mark.slow
def test_a_device_that_runs_out_of_memory_goes_on_in_smaller_tiles(
    pool: Pool, photo: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow as tf

    from deepdream.climb.ascent import Climb

    objective, whole = obj.layer("block2_conv2"), Climb._tiled_step
    expected = Engine(FLOAT32, seed=4, pool=pool).ascend(photo, objective, steps=3, jitter=9).pixels

    def crowded(*args: object) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "out of memory")

    def barely(climb: Climb, *args: object) -> object:
        return whole(climb, *args) if len(climb.tiles) > 4 else crowded()  # type: ignore[arg-type]

    monkeypatch.setattr(Climb, "_once", crowded)
    monkeypatch.setattr(Climb, "_tiled_step", barely)
    engine = Engine(FLOAT32, seed=4, pool=Pool())  # which traces anew
    got = engine.ascend(photo, objective, steps=3, jitter=9).pixels
    assert np.abs(got - expected).max() < 0.1
    assert engine.report["notes"][-1] == "the device ran out of memory: went on in tiles of 24 px"


def test_what_cannot_be_tiled_says_so(pool: Pool, photo: Picture) -> None:
    engine = Engine(Common(precision="float32", tile="64"), pool=pool)
    with pytest.raises(UsageError, match=r"at 0.5 0.5.* does not add up from parts of a picture"):
        engine.ascend(photo, obj.neuron("block1_conv2", 0), steps=1)


def test_tiles_that_take_more_than_they_may_are_refused(photo: Picture) -> None:
    def planned(common: Common) -> dict[str, Any]:
        engine = Engine(common, dry=True)
        engine.ascend(photo.resized(1600, 1200), obj.layer("block1_conv2"))
        return engine.report

    with pytest.raises(
        DeepDreamError, match=r"tiles of 512 px need about 1\.\d GB of memory, and may take 0\.8"
    ):
        planned(Common(precision="float32", tile="512", memory=0.8))
    told = planned(Common(precision="float32", tile="512", memory=4.0))
    assert not told["notes"] and "budget" not in told, "what is asked for is the same on every machine"


def test_lbfgs_forgets_for_want_of_memory_only_where_the_next_run_would_too(
    photo: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deepdream.climb.memory.available", lambda: 1.3)

    def planned(common: Common) -> dict[str, object]:
        engine = Engine(common, dry=True)
        engine.ascend(photo.resized(512, 384), obj.layer("block1_conv2"), optimiser="lbfgs")
        return engine.report

    fewer = planned(Common(precision="float32"))
    assert "L-BFGS remembers" in fewer["notes"][0] and fewer["budget"] == 1.3  # type: ignore[index]
    assert not planned(Common(precision="float32", tile="off"))["notes"]
    assert planned(Common(precision="float32", tile="off", memory=1.3))["notes"] == fewer["notes"]
