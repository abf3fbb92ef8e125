"""The engine on the real VGG16: what a user of the engine relies on."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import pytest

from deepdream import objectives as obj
from deepdream.backbones import resolve
from deepdream.climb.engine import Engine, Pool, Step
from deepdream.climb.parametrisations import Fourier
from deepdream.climb.updates import LBFGS, Adam, Ascent
from deepdream.errors import DeepDreamError, UsageError
from deepdream.jobs.recipe import Common
from deepdream.pictures.picture import Picture
from deepdream.pictures.scales import octave_sizes

FLOAT32 = Common(precision="float32")


@pytest.fixture(scope="module")
def pool() -> Pool:
    return Pool()


@pytest.fixture(scope="module")
def photo() -> Picture:
    rng = np.random.default_rng(5)
    small = Picture.from_array(rng.uniform(0, 255, (6, 8, 3)).astype(np.float32))
    return small.resized(96, 72)


def network(pool: Pool, *layers: str):  # type: ignore[no-untyped-def]
    return pool.network(resolve("vgg16", layers), "float32")


def test_a_step_of_nothing_changes_nothing(pool: Pool, photo: Picture) -> None:
    engine = Engine(FLOAT32, pool=pool)
    same = engine.ascend(photo, obj.layer("block1_conv2"), octaves=3, steps=2, step_size=0.0, jitter=5)
    assert np.abs(same.pixels - photo.pixels).max() < 1e-3
    none = engine.ascend(photo, obj.layer("block1_conv2"), octaves=3, steps=0)
    np.testing.assert_array_equal(none.pixels, photo.pixels)


def test_same_seed_same_picture_other_seed_another(pool: Pool, photo: Picture) -> None:
    def dream(seed: int) -> np.ndarray:
        engine = Engine(Common(), seed=seed, pool=pool)
        return engine.ascend(photo, obj.layer("block2_conv2"), octaves=2, steps=3, jitter=8).pixels

    np.testing.assert_array_equal(dream(3), dream(3))
    assert np.abs(dream(3) - dream(4)).max() > 1


def test_the_layer_responds_more_and_not_only_where_it_was_looked_at(pool: Pool, photo: Picture) -> None:
    layer, values = "block3_conv3", []
    engine = Engine(FLOAT32, seed=2, pool=pool, listeners=[lambda step: values.append(step.objective)])
    dreamt = engine.ascend(photo, obj.layer(layer), steps=15, jitter=2)
    assert np.mean(np.diff(values) > 0) >= 0.9
    net = network(pool, layer)

    def response(picture: Picture) -> float:
        """Averaged over shifts that the dream never used."""
        shifts = [(17, 23), (21, 40), (33, 12)]
        rolled = [picture.with_pixels(np.roll(picture.pixels, s, (0, 1))) for s in shifts]
        return float(np.mean([(net.features(p, (72, 96))[layer].numpy() ** 2).mean() for p in rolled]))

    assert response(dreamt) > 2 * response(photo)


def test_one_trace_serves_all_octaves_and_targets(pool: Pool, photo: Picture) -> None:
    from deepdream.climb.ascent import Climb
    from deepdream.climb.octaves import Route, climb
    from deepdream.climb.updates import Adam, Way

    layers = ("block1_conv2", "block2_conv2")
    objective = -obj.content(layers[0], photo) - obj.gram(layers[1], photo.resized(50, 80))
    step = Climb(network(pool, *layers), objective, Way(Adam(1.0)))
    sizes = octave_sizes((72, 96), 4, 1.4)
    moments = list(climb(step, photo, Route(sizes, [2] * 4, reinject=False)))
    assert sum(len(moment.values) for moment in moments) == 8
    assert step.traces == 1


@pytest.mark.slow
def test_bfloat16_changes_the_gradient_hardly_at_all(pool: Pool, photo: Picture) -> None:
    deltas = []
    for dtype in ("float32", "bfloat16"):
        engine = Engine(Common(precision=dtype), pool=pool)  # type: ignore[arg-type]
        moved = engine.ascend(photo, obj.layer("block3_conv3"), steps=1)
        assert moved.pixels.dtype == np.float32
        deltas.append((moved.pixels - photo.pixels).ravel())
    cosine = deltas[0] @ deltas[1] / np.sqrt((deltas[0] @ deltas[0]) * (deltas[1] @ deltas[1]))
    assert 0.98 < cosine < 1.0  # close, and really another precision


def test_the_two_sides_of_a_picture_are_no_neighbours_to_a_penalty(pool: Pool) -> None:
    """A ramp is equally rough everywhere; only where jitter wraps it round, black would lie beside white."""
    ramp = Picture(np.repeat(np.linspace(0, 255, 40, dtype=np.float32)[None, :, None], 32, 0).repeat(3, 2))
    for tile in ("off", "16"):
        steps: list[Step] = []
        common = Common(precision="float32", tile=tile)
        engine = Engine(common, seed=5, pool=pool, listeners=[steps.append])
        objective = 1e-9 * obj.layer("block1_conv1") - obj.total_variation()
        engine.ascend(ramp, objective, steps=3, step_size=0.0, jitter=9)
        rough = 0.5 * 3 * 31 * 39 * (255 / 39) ** 2
        assert [step.terms["total_variation"] for step in steps] == pytest.approx([-rough] * 3, rel=1e-4)


def test_steps_tell_where_the_climb_is(pool: Pool, photo: Picture) -> None:
    steps: list[Step] = []
    engine = Engine(FLOAT32, pool=pool, listeners=[steps.append])
    objective = obj.layer("block1_conv2") - 0.5 * obj.total_variation()
    result = engine.ascend(photo, objective, octaves=2, octave_scale=2.0, steps=[1, 2])
    assert [(s.octave, s.index, s.size) for s in steps] == [
        (1, 1, (48, 36)),
        (2, 2, (96, 72)),
        (2, 3, (96, 72)),
    ]
    assert steps[-1].done == pytest.approx(1.0)
    assert steps[0].done == pytest.approx(1 / 9)
    assert set(steps[0].terms) == {"layer(block1_conv2)", "total_variation"}
    assert steps[0].objective == pytest.approx(sum(steps[0].terms.values()))
    assert steps[0].snapshot().size == photo.size
    np.testing.assert_array_equal(steps[-1].snapshot().pixels, result.pixels)
    assert engine.report["layers"] == ["block1_conv2"]
    assert engine.report["formula"] == "layer(block1_conv2) - 0.5·total_variation"
    assert engine.report["objective"]["end"]["total"] == steps[-1].objective


def test_steps_tell_which_climb_or_part_they_belong_to(pool: Pool, photo: Picture) -> None:
    steps: list[Step] = []
    engine = Engine(FLOAT32, pool=pool, listeners=[steps.append])
    objective = obj.layer("block1_conv2")
    for _ in range(2):
        engine.ascend(photo, objective, steps=1)
    for _ in engine.each("ab"):
        engine.ascend(photo, objective, steps=1)
    assert [(it.unit, it.part, it.parts) for it in steps] == [
        ("climb", 1, 1),
        ("climb", 2, 1),
        ("part", 1, 2),
        ("part", 2, 2),
    ]


def test_a_cancelled_climb_returns_the_picture_as_it_is(pool: Pool, photo: Picture) -> None:
    cancel, seen = threading.Event(), []

    def stop(step: Step) -> None:
        seen.append(step)
        if step.index == 2:
            cancel.set()

    engine = Engine(FLOAT32, pool=pool, listeners=[stop], cancel=cancel, every=1)
    result = engine.ascend(photo, obj.layer("block1_conv2"), octaves=2, steps=5)
    assert len(seen) == 2
    assert engine.report["interrupted"]
    assert result.size == photo.size
    np.testing.assert_array_equal(result.pixels, seen[-1].snapshot().pixels)
    again = Engine(FLOAT32, pool=pool, listeners=[seen.append], cancel=cancel)
    assert again.ascend(photo, obj.layer("block1_conv2")) is photo
    assert again.report["interrupted"]
    assert len(seen) == 2


def test_octaves_too_small_for_the_network_are_left_out_and_said(pool: Pool) -> None:
    engine = Engine(FLOAT32, pool=pool, dry=True)
    engine.ascend(Picture(np.zeros((20, 40, 3), np.float32)), obj.layer("block5_conv1"), octaves=4)
    assert engine.report["octaves"] == [[40, 20]]
    assert "1 of 4 octaves" in engine.report["notes"][0]
    with pytest.raises(DeepDreamError, match="5x7 px is too small for block5_conv1"):
        engine.ascend(Picture(np.zeros((7, 5, 3), np.float32)), obj.layer("block5_conv1"))


def test_a_dry_run_computes_nothing(photo: Picture) -> None:
    engine = Engine(Common(size=96), dry=True, pool=None)  # type: ignore[arg-type]
    target = engine.features(photo, ["block4_conv3"])["block4_conv3"]
    same = engine.ascend(photo, obj.match("block4_conv3", target), octaves=2)
    assert same is photo
    assert engine.report["steps"] == 20
    assert engine.report["memory"] > 5e8


def test_a_stand_in_is_named(photo: Picture, pool: Pool) -> None:
    engine = Engine(FLOAT32, pool=pool)
    engine.ascend(photo, obj.layer("mixed0"), steps=1)
    assert engine.report["model"] == "vgg16"
    assert engine.report["requested_layers"] == ["mixed0"]
    assert engine.report["formula"] == f"layer({engine.report['layers'][0]})"
    assert "mixed0" in engine.report["notes"][0]


def test_an_objective_that_is_lost_ends_in_one_line(pool: Pool, photo: Picture) -> None:
    engine = Engine(FLOAT32, pool=pool)
    with pytest.raises(DeepDreamError, match=r"no number at the first step: .* is inf"):
        engine.ascend(photo, 1e38 * obj.layer("block3_conv3"), steps=1)
    with pytest.raises(UsageError):
        engine.ascend(photo, obj.total_variation())


def test_a_channel_must_be_there_and_cannot_be_stood_in_for(photo: Picture) -> None:
    engine = Engine(FLOAT32, dry=True)
    engine.ascend(photo, obj.channel("block1_conv2", 63))
    for wrong in (64, -1):
        with pytest.raises(UsageError, match=f"no channel {wrong}"):
            engine.ascend(photo, obj.channel("block1_conv2", wrong))
    with pytest.raises(DeepDreamError, match="channel 119 of mixed4 has no counterpart"):
        engine.ascend(photo, obj.channel("mixed4", 119))


def test_noise_comes_from_the_seed(photo: Picture) -> None:
    one, same, other = (Engine(seed=s).noise(photo).pixels for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 10
    assert one.mean() == pytest.approx(127.5, abs=2)
    assert one.std() == pytest.approx(40, abs=2)


def test_figures_of_another_objective_are_not_joined(pool: Pool, photo: Picture) -> None:
    engine = Engine(FLOAT32, pool=pool)
    engine.ascend(photo, obj.layer("block1_conv2"), steps=1)
    engine.ascend(photo, obj.mean("block1_conv1"), steps=2)
    figures = engine.report["objective"]
    assert set(figures["start"]) == set(figures["end"]) == {"total", "mean(block1_conv1)"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"octave_scale": 1.0}, "octave_scale of ascend must be a number above 1, not 1.0"),
        ({"octaves": 2.5}, "octaves of ascend must be a whole number from 1, not 2.5"),
        ({"average": 1.0}, "average of ascend must be a number from 0 to below 1, or None, not 1.0"),
        ({"jitter": -1}, "jitter of ascend must be a whole number from 0, not -1"),
        ({"jitter": True}, "jitter of ascend must be a whole number from 0, not True"),
        ({"step_size": math.nan}, "step_size of ascend must be a number from 0, not nan"),
        ({"step_size": "2"}, "step_size of ascend must be a number from 0, not '2'"),
        ({"optimiser": Ascent(-1.0)}, "step_size of ascend must be a number from 0, not -1.0"),
        ({"optimiser": LBFGS(0)}, "history of ascend must be a whole number from 1, not 0"),
        ({"optimiser": Adam}, "the optimiser of a climb is a name or settings, not <class"),
        ({"seconds": 0}, "seconds of ascend must be a number above 0, or None, not 0"),
        ({"stop_above": "1"}, "stop_above of ascend must be a number, or None, not '1'"),
        ({"reinject": "before"}, "the reinject of a climb is True, False or 'after', not 'before'"),
        ({"finish": 3}, r"the finish of a climb is a function of \(picture\), and 3 is none"),
        ({"parametrisation": Fourier}, "an object with start and decode, not the class Fourier"),
        ({"sizes": [32, 64]}, r"pairs \(width, height\) of whole numbers from 1, and 32 is none"),
        ({"sizes": (64, 48)}, r"pairs \(width, height\) of whole numbers from 1, and 64 is none"),
        ({"sizes": [(32.0, 24.0)]}, r"pairs .*, and \(32.0, 24.0\) is none"),
        ({"sizes": [(0, 48)]}, r"whole numbers from 1, and \(0, 48\) is none"),
        ({"sizes": [(64, 48), (32, 24)]}, "sizes of ascend go from small to large"),
        ({"sizes": 64}, "takes a list of sizes, not int"),
        ({"sizes": "64x48"}, "takes a list of sizes, not a text"),
    ],
    ids=str,
)
def test_what_a_climb_is_asked_for_is_looked_at_first(
    arguments: dict[str, Any], message: str, photo: Picture
) -> None:
    with pytest.raises((TypeError, UsageError), match=message):
        Engine(Common(), dry=True).ascend(photo, obj.layer("block1_conv1"), **arguments)


def test_numbers_may_be_those_of_numpy(photo: Picture) -> None:
    engine, sizes = Engine(Common(), dry=True), np.array([[24, 32], [48, 64]])
    engine.ascend(photo, obj.layer("block1_conv1"), sizes=sizes, steps=np.int64(2), step_size=np.float32(1))
    assert engine.report["octaves"] == [[24, 32], [48, 64]] and engine.report["steps"] == 4
