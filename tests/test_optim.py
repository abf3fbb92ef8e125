"""The optimisers against independent NumPy statements, and the invariants that users rely on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from deepdream.climb.optim import Optimiser, make  # noqa: E402  TensorFlow comes first
from deepdream.climb.updates import LBFGS, Adam, Ascent, Update  # noqa: E402

Function = Callable[[np.ndarray], tuple[float, np.ndarray]]


def hill(x: np.ndarray) -> tuple[float, np.ndarray]:
    """A smooth hill with very different curvatures: minus a scaled quartic bowl around 3."""
    scale = np.linspace(1, 30, x.size).reshape(x.shape)
    d = x - 3
    return -float((scale * d**2 + 0.1 * d**4).sum()), -(2 * scale * d + 0.4 * d**3)


def tf_hill(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    scale = tf.reshape(tf.linspace(1.0, 30.0, tf.size(x)), tf.shape(x))
    d = x - 3
    return -tf.reduce_sum(scale * d**2 + 0.1 * d**4), -(2 * scale * d + 0.4 * d**3)


def traced(optimiser: Optimiser, evaluate: Callable = tf_hill) -> Callable[[tf.Tensor], tf.Tensor]:
    return tf.function(
        lambda x: optimiser.step(evaluate, x), input_signature=[tf.TensorSpec([1, None, None, 3], tf.float32)]
    )


def run(update: Update, start: np.ndarray, steps: int, *, pixels: bool = True) -> np.ndarray:
    x, optimiser = tf.constant(start, tf.float32), make(update, bounded=pixels)
    optimiser.reset(x)
    step = traced(optimiser)
    for _ in range(steps):
        x = step(x)
    return x.numpy()


START = np.random.default_rng(0).uniform(0, 10, (1, 3, 4, 3)).astype(np.float32)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 1e6])
def test_normalised_step_does_not_depend_on_the_gradients_scale(scale: float) -> None:
    gradient = np.random.default_rng(1).standard_normal((1, 3, 4, 3)).astype(np.float32)
    grey = tf.fill([1, 3, 4, 3], 128.0)
    moved = make(Ascent(1.5)).step(lambda x: (0.0, tf.constant(gradient * scale)), grey)
    np.testing.assert_allclose(moved - 128, 1.5 * gradient / np.abs(gradient).mean(), atol=1e-4)


def test_a_gradient_of_few_pixels_moves_them_as_far_as_one_of_many() -> None:
    gradient = np.zeros((1, 30, 40, 3), np.float32)
    gradient[:, 3:6, 5:9] = np.random.default_rng(1).standard_normal((3, 4, 3))
    gradient[:, 6:] = 1e-8  # rounding
    grey = tf.fill(gradient.shape, 128.0)
    moved = make(Ascent(1.5, "seen")).step(lambda x: (0.0, tf.constant(gradient)), grey) - 128
    assert np.abs(moved)[:, 3:6, 5:9].mean() == pytest.approx(1.5, rel=1e-4)
    assert np.count_nonzero(np.abs(moved) > 1e-3) == 36


def test_an_ascent_that_is_not_bounded_leaves_the_grey_levels() -> None:
    white, ones = tf.fill([1, 3, 4, 3], 255.0), tf.ones([1, 3, 4, 3])
    for settings, reached in ((Ascent(1.5), 255.0), (Ascent(1.5, bounded=False), 256.5)):
        np.testing.assert_allclose(make(settings).step(lambda x: (0.0, ones), white), reached)


def test_a_zero_gradient_moves_nothing() -> None:
    canvas = tf.constant(START)
    for optimiser in map(make, (Ascent(1.5), Adam(1.0), LBFGS())):
        optimiser.reset(canvas)
        moved = optimiser.step(lambda x: (tf.constant(0.0), tf.zeros_like(x)), canvas)
        np.testing.assert_array_equal(moved, START)


def test_adam_is_adam() -> None:
    x, m, v = START.astype(float), 0.0, 0.0
    for t in range(1, 21):
        _, g = hill(x)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        x = x + 0.5 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    np.testing.assert_allclose(run(Adam(0.5), START, 20), x, atol=2e-4)


def numpy_lbfgs(start: np.ndarray, steps: int, history: int, pixels: bool) -> np.ndarray:
    """The two-loop recursion in float64, as a list of pairs; the first step as for pixels, or as Torch's."""
    x, pairs, old_g, move = start.astype(float).ravel(), [], None, None
    for _ in range(steps):
        g = -hill(x.reshape(start.shape))[1].ravel()
        if old_g is not None and (g - old_g) @ move > 1e-10:
            pairs = [*pairs, (move, g - old_g)][-history:]
        q, alphas = g.copy(), []
        for s, y in reversed(pairs):
            alphas.append((s @ q) / (y @ s))
            q -= alphas[-1] * y
        if pairs:
            s, y = pairs[-1]
            q *= (y @ s) / (y @ y)
        for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
            q += (alpha - (y @ q) / (y @ s)) * s
        first = 1.0 / np.sqrt((g**2).mean()) if pixels else min(1.0, 1.0 / np.abs(g).sum())
        move = -q * (1.0 if old_g is not None else first)
        x, old_g = x + move, g
    return x.reshape(start.shape)


@pytest.mark.parametrize("pixels", [True, False])
def test_lbfgs_is_the_two_loop_recursion(pixels: bool) -> None:
    steps, history = 9, 4  # long enough for the ring buffer to wrap
    np.testing.assert_allclose(
        run(LBFGS(history, bounded=False), START, steps, pixels=pixels),
        numpy_lbfgs(START, steps, history, pixels),
        atol=2e-3,
    )


def test_lbfgs_reaches_the_top_where_gradient_ascent_is_still_on_its_way() -> None:
    assert np.abs(run(LBFGS(10), START, 40) - 3).max() < 1e-2
    assert np.abs(run(Ascent(0.05), START, 40) - 3).max() > 1


def test_what_lies_on_a_bound_and_is_pulled_outwards_stays_and_the_rest_still_reaches_the_top() -> None:
    top = np.array([300.0, -20.0, 90.0], np.float32)  # beyond white, below black, inside

    def evaluate(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return -tf.reduce_sum((x - top) ** 2), -2 * (x - top)

    for update, steps in ((LBFGS(5), 20), (Adam(5.0), 400)):
        optimiser = make(update)
        x = tf.fill([1, 2, 2, 3], 128.0)
        optimiser.reset(x)
        step = traced(optimiser, evaluate)
        for _ in range(steps):
            x = step(x)
        np.testing.assert_allclose(x[0, 0, 0], [255, 0, 90], atol=0.1)

    free = make(LBFGS(5, bounded=False))
    free.reset(x)
    step = traced(free, evaluate)
    for _ in range(20):
        x = step(x)
    np.testing.assert_allclose(x[0, 0, 0], top, atol=0.1)


def rescued(update: Update, lost: float) -> tuple[Any, list[Any]]:
    """Five steps, the fourth of which finds that objective."""
    optimiser, calls = make(update), tf.Variable(0)

    def evaluate(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        calls.assign_add(1)
        value, gradient = tf_hill(x)
        return tf.where(calls == 4, lost, value), gradient

    step = traced(optimiser, evaluate)
    canvases = [tf.constant(START)]
    optimiser.reset(canvases[0])
    for _ in range(5):
        canvases.append(step(canvases[-1]))
    return optimiser, canvases


@pytest.mark.parametrize("update", [LBFGS(), Adam(0.5)])
@pytest.mark.parametrize("lost", [float("nan"), float("-inf"), -1e9])
def test_a_lost_or_diverged_objective_leads_back_to_the_best_canvas(update: Update, lost: float) -> None:
    optimiser, canvases = rescued(update, lost)
    values = [hill(c.numpy())[0] for c in canvases[:3]]
    np.testing.assert_array_equal(canvases[4], canvases[int(np.argmax(values))])
    assert np.isfinite(canvases[5]).all()
    assert int(optimiser.rescues) == 1


def test_after_a_rescue_steps_are_half_as_long() -> None:
    _, canvases = rescued(Adam(0.5), float("nan"))
    first, after = (np.abs(canvases[i + 1] - canvases[i]) for i in (0, 4))
    np.testing.assert_allclose(
        after, first / 2, rtol=1e-3
    )  # Adam's first step is its rate, whatever the slope


def test_a_step_that_overshoots_a_little_is_no_divergence() -> None:
    optimiser, _ = rescued(LBFGS(), hill(START)[0] * 3)
    assert int(optimiser.rescues) == 0


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1e6])
def test_bounded_lbfgs_takes_the_same_way_whatever_the_unit_of_the_objective(scale: float) -> None:
    def in_unit(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        value, gradient = tf_hill(x)
        return scale * value, scale * gradient

    optimiser, x = make(LBFGS(5)), tf.constant(START)
    optimiser.reset(x)
    step = traced(optimiser, in_unit)
    for _ in range(6):
        x = step(x)
    np.testing.assert_allclose(x, run(LBFGS(5), START, 6), atol=2e-2)


@pytest.mark.parametrize("update", [Ascent(1.0), Adam(1.0), LBFGS(5)])
def test_one_trace_serves_every_size(update: Update) -> None:
    optimiser = make(update)
    step = traced(optimiser)
    for height, width in ((3, 4), (9, 5), (2, 2)):
        x = tf.zeros([1, height, width, 3])
        optimiser.reset(x)
        for _ in range(3):
            x = step(x)
        assert x.shape == (1, height, width, 3)
    assert step.experimental_get_tracing_count() == 1
