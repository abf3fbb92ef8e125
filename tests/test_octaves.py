"""The loop through the octaves: chunks, budgets of time, masks, averages, going on where a run stopped."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from deepdream import objectives as obj
from deepdream.backbones import resolve
from deepdream.climb import shaping
from deepdream.climb.engine import Engine, Pool, Step
from deepdream.climb.updates import LBFGS, Adam, Ascent, Update, Way
from deepdream.errors import UsageError
from deepdream.jobs.recipe import Common
from deepdream.objectives import Objective
from deepdream.pictures.picture import Picture

tf = pytest.importorskip("tensorflow")

from deepdream.climb.ascent import Climb  # noqa: E402  TensorFlow comes first
from deepdream.climb.octaves import Route, climb  # noqa: E402

FLOAT32 = Common(precision="float32")
LAYER = "block1_conv2"


@pytest.fixture(scope="module")
def pool() -> Pool:
    return Pool()


@pytest.fixture(scope="module")
def photo() -> Picture:
    coarse = np.random.default_rng(5).uniform(0, 255, (6, 8, 3))
    return Picture.from_array(coarse.astype(np.float32)).resized(64, 48)


def route(**changes: object) -> Route:
    return replace(Route([(24, 32), (48, 64)], [3, 4]), **changes)  # type: ignore[arg-type]


def open_climb(pool: Pool, way: Way, photo: Picture) -> Climb:
    objective = obj.layer(LAYER, relative=True) - 1e-6 * obj.total_variation()
    step = Climb(pool.network(resolve("vgg16", [LAYER]), "float32"), objective, way)
    step.seed = 3
    return step


@pytest.mark.parametrize("update", [Ascent(1.5), Ascent(40.0, bounded=False), Adam(2.0), LBFGS(3)])
def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(pool: Pool, photo: Picture, update: Update) -> None:
    # The objective is relative to what the octave started from, which another run must know.
    way = Way(update, jitter=4, average=0.9)
    whole = [m.pixels() for m in climb(open_climb(pool, way, photo), photo, route(every=1, warm=True))]
    first = climb(open_climb(pool, way, photo), photo, route(every=1, warm=True))
    states = {moment.progress.index: moment.state() for moment in first}
    for stop in (2, 3, 5):
        again = open_climb(pool, way, photo)
        rest = list(climb(again, photo, route(every=1, warm=True, resume=states[stop])))
        assert [m.progress.index for m in rest] == list(range(stop + 1, 8))
        assert rest[-1].progress.done == pytest.approx(1.0)
        assert rest[-1].progress.taken == (3, 4), "those before it was stopped count"
        np.testing.assert_array_equal(rest[-1].pixels(), whole[-1])


def test_steps_in_chunks_are_the_steps_one_by_one(
    pool: Pool, photo: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = list(climb(open_climb(pool, Way(jitter=4), photo), photo, route(every=1)))
    monkeypatch.setattr("deepdream.climb.octaves.LIVELY", 1e3)
    many = list(climb(open_climb(pool, Way(jitter=4), photo), photo, route()))
    assert [len(moment.values) for moment in one] == [1] * 7
    assert [len(moment.values) for moment in many] == [1, 2, 1, 3]
    np.testing.assert_array_equal(
        np.concatenate([m.values for m in one]), np.concatenate([m.values for m in many])
    )
    np.testing.assert_array_equal(one[-1].pixels(), many[-1].pixels())


def test_a_canvas_that_is_not_bounded_is_clipped_where_it_becomes_a_picture(
    pool: Pool, photo: Picture
) -> None:
    step = open_climb(pool, Way(Ascent(40.0, bounded=False)), photo)
    for moment in climb(step, photo, route(every=1)):
        assert step.canvas.numpy().min() < -1
        assert step.canvas.numpy().max() > 256
        shown = moment.pixels()
        assert shown.min() == 0
        assert shown.max() == 255


def test_nothing_changes_where_the_mask_is_black(pool: Pool, photo: Picture) -> None:
    soft = np.zeros((48, 64, 3), np.float32)
    soft[:, 40:] = 255
    soft[:, 32:40] = np.linspace(1, 254, 8)[:, None]
    shown: list[Picture] = []
    for optimiser in ("ascent", Ascent(20.0, bounded=False), "adam", "lbfgs"):
        look = [lambda step: shown.append(step.snapshot())]
        engine = Engine(FLOAT32, seed=1, pool=pool, every=1, listeners=look)
        made = engine.ascend(
            photo, obj.layer(LAYER), octaves=2, steps=3, jitter=5, optimiser=optimiser, mask=Picture(soft)
        )
        change = np.abs(made.pixels - photo.pixels).max(axis=2)
        assert change[:, :32].max() == 0
        assert change[:, 40:].mean() > 0.1
    assert len(shown) == 4 * 6
    for snapshot in shown:  # those of the smaller octave, too
        np.testing.assert_array_equal(snapshot.pixels[:, :32], photo.pixels[:, :32])


def test_the_result_can_be_the_running_mean_of_the_canvases(pool: Pool, photo: Picture) -> None:
    def made(average: float | None, steps: int) -> np.ndarray:
        engine = Engine(FLOAT32, pool=pool)
        update = Adam(2.0)
        return engine.ascend(photo, obj.layer(LAYER), steps=steps, optimiser=update, average=average).pixels

    canvases = [photo.pixels, *(made(None, steps) for steps in (1, 2, 3))]
    weights = 0.5 ** np.arange(3, -1, -1)
    mean = sum(w * c for w, c in zip(weights, canvases, strict=True)) / weights.sum()
    np.testing.assert_allclose(made(0.5, 3), mean, atol=2e-3)


def test_named_sizes_are_climbed_and_the_result_keeps_the_size_of_the_picture(
    pool: Pool, photo: Picture
) -> None:
    seen: list[Step] = []
    engine = Engine(FLOAT32, pool=pool, listeners=[seen.append])
    made = engine.ascend(
        photo, obj.layer(LAYER), sizes=[(32, 24), (80, 60)], steps=[1, 2], reinject=False, jitter=3
    )
    assert [step.size for step in seen] == [(32, 24), (80, 60), (80, 60)]
    assert made.size == photo.size
    none = engine.ascend(photo, obj.layer(LAYER), sizes=[(32, 24), (80, 60)], steps=[1, 1], step_size=0.0)
    np.testing.assert_allclose(none.pixels, photo.pixels, atol=1e-3)


def test_an_octave_ends_where_the_objective_is_high_enough(pool: Pool, photo: Picture) -> None:
    values: list[float] = []
    engine = Engine(FLOAT32, pool=pool, listeners=[lambda step: values.append(step.objective)])
    engine.ascend(photo, obj.layer(LAYER), steps=6)
    limit, values[:] = (values[1] + values[2]) / 2, []
    engine = Engine(FLOAT32, pool=pool, listeners=[lambda step: values.append(step.objective)])
    engine.ascend(photo, obj.layer(LAYER), steps=6, stop_above=limit)
    assert len(values) == 3
    assert values[-1] > limit
    assert not engine.report["interrupted"]


def test_time_may_be_over_with_the_last_step(
    pool: Pool, photo: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = open_climb(pool, Way(), photo)
    run = step.run

    def slow(first: int, count: int):  # type: ignore[no-untyped-def]
        made = run(first, count)
        if first == 7:
            late = time.monotonic() + 2000
            monkeypatch.setattr("deepdream.climb.octaves.time.monotonic", lambda: late)
        return made

    monkeypatch.setattr(step, "run", slow)
    last = list(climb(step, photo, route(every=1, deadline=time.monotonic() + 1000)))[-1]
    assert last.progress.index == 7
    assert last.progress.done == 1.0


@pytest.mark.slow
def test_a_climb_ends_in_time_with_steps_at_every_size(pool: Pool, photo: Picture) -> None:
    objective = obj.layer(LAYER)
    Engine(FLOAT32, pool=pool).ascend(photo, objective, steps=1)  # the trace
    seen: list[Step] = []
    engine = Engine(FLOAT32, pool=pool, listeners=[seen.append])
    made = engine.ascend(photo, objective, octaves=2, steps=100_000, seconds=1.5)
    assert time.monotonic() - engine.began < 6.0
    assert {step.octave for step in seen} == {1, 2}
    assert seen[-1].done == pytest.approx(1.0, abs=0.1)  # the last octave may have no time for a step more
    assert seen[-1].total == len(seen)
    assert not engine.report["interrupted"]
    taken = engine.report["octave_steps"]
    assert taken == {"0": [sum(step.octave == octave for step in seen) for octave in (1, 2)]}
    assert engine.report["steps"] == len(seen)
    assert engine.report["notes"] == [f"{200_000 - len(seen)} of 200000 steps were left out: time was short"]
    again = Engine(FLOAT32, pool=pool, repeats=taken, began=time.monotonic() - 5)
    np.testing.assert_array_equal(
        again.ascend(photo, objective, octaves=2, steps=100_000, seconds=1.5).pixels, made.pixels
    )
    assert again.report["octave_steps"] == taken
    late = Engine(FLOAT32, pool=pool, began=time.monotonic() - 5)
    with pytest.raises(UsageError, match="3 seconds were over before the first step"):
        late.ascend(photo, objective, seconds=3.0)


def test_a_climb_used_again_is_not_traced_again(pool: Pool, photo: Picture) -> None:
    fresh, objective = Pool(), obj.layer(LAYER)
    engine = Engine(FLOAT32, pool=fresh)
    for weight, steps in ((1.0, 1), (0.5, 3)):
        engine.ascend(photo, weight * objective - weight * obj.mean(LAYER), steps=steps)
    engine.ascend(photo.resized(40, 30), 2.0 * obj.layer(LAYER) - obj.mean(LAYER), steps=1)
    (climb,) = fresh._climbs.values()
    assert climb.traces == 1
    engine.ascend(photo, objective, steps=1)
    assert len(fresh._climbs) == 2
    fresh.turn()
    engine.ascend(photo, objective, steps=1)
    fresh.turn()
    assert [climb.objective for climb in fresh._climbs.values()] == [objective], "the last run's alone"


@pytest.mark.parametrize("style", [obj.gram, obj.wasserstein])
def test_another_picture_is_aimed_at_in_the_same_trace(
    pool: Pool, photo: Picture, style: Callable[..., Objective]
) -> None:
    """The numbers are those of a climb that is made for it."""
    shared, others = Pool(), [photo.resized(50, 40), photo.with_pixels(photo.pixels[::-1])]
    for other in others:
        objective = -obj.content(LAYER, other) - style("block1_conv1", other)
        shape = shaping.chain(shaping.blurred(1.0), shaping.grey())
        one, two = (Engine(FLOAT32, pool=it).ascend(photo, objective, shape=shape) for it in (shared, Pool()))
        np.testing.assert_array_equal(one.pixels, two.pixels)
    (climb,) = shared._climbs.values()
    assert climb.traces == 1


def test_what_a_plugins_function_reads_may_change_from_run_to_run(photo: Picture) -> None:
    kept, objective = Pool(), obj.layer(LAYER)
    for factor in (1.0, -1.0):
        FACTOR[:] = [factor]
        kept.turn()
        one, two = (
            Engine(FLOAT32, pool=it).ascend(photo, objective, steps=2, shape=times) for it in (kept, Pool())
        )
        np.testing.assert_array_equal(one.pixels, two.pixels)
    assert len(kept._climbs) == 1
    kept.turn()
    assert not kept._climbs, "its weights are not kept for nothing"


FACTOR = [1.0]


def times(gradient: tf.Tensor) -> tf.Tensor:
    return gradient * FACTOR[0]


def test_threads_with_the_same_objective_climb_apart(photo: Picture) -> None:
    shared = Pool()
    network = shared.network(resolve("vgg16", [LAYER]), "float32")
    wanted = network, obj.layer(LAYER), Way(), (48, 64)
    with shared.climb(*wanted) as one, shared.climb(*wanted) as two:
        assert one is not two
    with shared.climb(*wanted) as again:
        assert again in (one, two)


@pytest.mark.parametrize("kind", [obj.layer, obj.wasserstein])
def test_the_graph_of_a_climb_goes_with_it(
    pool: Pool, photo: Picture, kind: Callable[..., Objective]
) -> None:
    """Below a pooling, whose gradient is made here: a graph that stays has all weights with it."""
    layer = "block2_conv1"
    objective = kind(layer) if kind is obj.layer else -kind(layer, photo)
    step = Climb(pool.network(resolve("vgg16", [layer]), "float32"), objective)
    list(climb(step, photo, Route([(48, 64)], [1])))
    graph = weakref.ref(step._traced["steps"].get_concrete_function().graph)
    assert graph() is not None
    del step
    gc.collect()
    assert graph() is None


class Brightness:
    """A canvas described by one number for each row."""

    def start(self, canvas: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return tf.zeros([canvas.shape[1]]) + tf.cast(seed[0], tf.float32)

    def decode(self, parameters: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
        rows = 255.0 * tf.sigmoid(parameters)[tf.newaxis, :, tf.newaxis, tf.newaxis]
        return tf.broadcast_to(rows, [1, *size, 3])


def test_another_description_of_the_canvas_can_be_climbed(pool: Pool, photo: Picture) -> None:
    engine = Engine(FLOAT32, pool=pool)
    way = {"parametrisation": Brightness(), "optimiser": Adam(0.1)}
    made = engine.ascend(photo, obj.layer(LAYER), steps=5, jitter=2, **way)
    assert made.size == photo.size
    assert np.ptp(made.pixels, axis=(1, 2)).max() < 1e-3  # every row is one grey
    figures = engine.report["objective"]
    assert figures["end"]["total"] > figures["start"]["total"]


def test_the_gradient_can_be_shaped_and_the_network_shown_another_canvas(pool: Pool, photo: Picture) -> None:
    def ascend(**way: object) -> np.ndarray:
        made = Engine(FLOAT32, pool=pool).ascend(photo, obj.layer(LAYER), steps=1, **way)  # type: ignore[arg-type]
        return made.pixels - photo.pixels

    plain = ascend()
    inside = (photo.pixels > 40) & (photo.pixels < 215)  # no clip
    np.testing.assert_allclose(ascend(shape=lambda g: -g)[inside], -plain[inside], atol=0.05)
    turned = ascend(transform=lambda canvas, seed: tf.image.flip_left_right(canvas))
    assert np.abs(turned - plain).max() > 0.1
    mirrored = Picture(photo.pixels[:, ::-1].copy())
    there = Engine(FLOAT32, pool=pool).ascend(mirrored, obj.layer(LAYER), steps=1).pixels - mirrored.pixels
    np.testing.assert_allclose(turned, there[:, ::-1], atol=0.05)


def test_a_loop_of_climbs_fills_one_progress_bar_and_never_repeats_a_draw(pool: Pool, photo: Picture) -> None:
    seen: list[Step] = []
    engine = Engine(FLOAT32, pool=pool, listeners=[seen.append])
    picture, objective = photo, obj.layer(LAYER)
    for _ in engine.each("ab"):
        for _ in engine.each([1, 2]):
            picture = engine.ascend(picture, objective, steps=1, jitter=20)
    assert [step.done for step in seen] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert engine.steps == 4
    one = Engine(FLOAT32, pool=pool, seed=2)
    first = one.ascend(photo, objective, steps=1, jitter=20).pixels
    second = one.ascend(photo, objective, steps=1, jitter=20).pixels
    assert np.abs(first - second).max() > 0.1


def test_a_loop_ends_when_the_run_is_cancelled(pool: Pool) -> None:
    cancel = threading.Event()
    engine = Engine(cancel=cancel)
    for item in engine.each(range(5)):
        if item == 2:
            cancel.set()
    assert item == 2
    assert engine.cancelled
    assert engine.report["interrupted"]


def test_a_key_and_the_seed_decide_the_draws_of_a_mode() -> None:
    def draws(seed: int, *key: int | str) -> list[float]:
        return list(Engine(seed=seed).rng(*key).random(3))

    assert draws(1, "dots", 4) == draws(1, "dots", 4)
    assert draws(1, "dots", 4) != draws(1, "dots", 5)
    assert draws(1, "dots", 4) != draws(2, "dots", 4)
