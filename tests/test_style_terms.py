"""Terms of style transfer, each against a NumPy statement of its formula, and what a distance must be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from deepdream import objectives as obj
from deepdream.climb.gradient import bare
from deepdream.errors import UsageError
from deepdream.objectives import gaussians
from deepdream.objectives.statistics import feature_sums
from deepdream.objectives.style import EPSILON
from deepdream.pictures import masks

tf = pytest.importorskip("tensorflow")

RNG = np.random.default_rng(5)
H, W, C = 6, 7, 4
FEATURES = np.maximum(RNG.standard_normal((1, H, W, C)), 0) * 3
CANVAS = RNG.uniform(0, 255, (1, 12, 14, 3))
PAINTING = np.maximum(RNG.standard_normal((1, 5, 9, C)), 0) * 2
OTHER = np.maximum(RNG.standard_normal((1, 4, 4, C)), 0) * 5
MASK = RNG.uniform(0, 1, (12, 14)).astype(np.float32)


def np_moments(features: np.ndarray, mask: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Second moment and mean, cell by cell."""
    t = np.ones(features.shape[1:3]) if mask is None else mask
    second, mean = np.zeros((C, C)), np.zeros(C)
    for y, x in np.ndindex(*features.shape[1:3]):
        f = features[0, y, x].astype(float)
        second += t[y, x] ** 2 * np.outer(f, f)
        mean += t[y, x] ** 2 * f
    return second / (t.astype(float) ** 2).sum(), mean / (t.astype(float) ** 2).sum()


def np_root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(np.sqrt(np.maximum(values, 0))) @ vectors.T


Pair = tuple[np.ndarray, np.ndarray]


def np_w2(own: Pair, aim: Pair, epsilon: float = EPSILON) -> float:
    (second, mean), (aim_second, aim_mean) = own, aim
    sigma = second - np.outer(mean, mean) + epsilon * np.eye(C)
    aimed = aim_second - np.outer(aim_mean, aim_mean) + epsilon * np.eye(C)
    middle = np_root(np_root(aimed) @ sigma @ np_root(aimed))
    return float(((mean - aim_mean) ** 2).mean() + np.diag(sigma + aimed - 2 * middle).mean())


def np_deviations(own: Pair, aim: Pair) -> float:
    def sd(it: Pair) -> np.ndarray:
        return np.sqrt(np.diag(it[0]) - it[1] ** 2 + 1e-5)

    return float(((own[1] - aim[1]) ** 2).mean() + ((sd(own) - sd(aim)) ** 2).mean())


def np_mixed() -> Pair:
    one, two = np_moments(PAINTING), np_moments(OTHER)
    return 0.75 * one[0] + 0.25 * two[0], 0.75 * one[1] + 0.25 * two[1]


SMALL_MASK = MASK.reshape(H, 2, W, 2).mean((1, 3), dtype=float)
A, P = np_moments(PAINTING), np_moments
BOTH = [(PAINTING, 3.0), (OTHER, 1.0)]


def np_roughness(x: np.ndarray) -> float:
    total = 0.0
    for i, j in np.ndindex(x.shape[1] - 1, x.shape[2] - 1):
        a, b, c, d = x[0, i, j], x[0, i, j + 1], x[0, i + 1, j], x[0, i + 1, j + 1]
        total += ((b - a) ** 2 + (c - a) ** 2).sum() / 3 + ((d - a) ** 2 + (b - c) ** 2).sum() / 12
    return 2 * total / 255**2 / x.size


def np_absolute(x: np.ndarray) -> float:
    return float(np.abs(np.diff(x, axis=1)).sum() + np.abs(np.diff(x, axis=2)).sum())


Formula = Callable[[np.ndarray, np.ndarray], float]
TERMS: dict[str, tuple[Callable[[Any], obj.Objective], Formula]] = {
    "gram": (lambda c: obj.gram("L", c(PAINTING)), lambda f, x: ((P(f)[0] - A[0]) ** 2).mean() / C**2),
    "relative gram": (
        lambda c: obj.gram("L", c(PAINTING), relative=True),
        lambda f, x: ((P(f)[0] - A[0]) ** 2).mean() / (A[0] ** 2).mean(),
    ),
    "guided gram": (
        lambda c: obj.gram("L", c(PAINTING), mask=MASK),
        lambda f, x: ((P(f, SMALL_MASK)[0] - A[0]) ** 2).mean() / C**2,
    ),
    "mixed gram": (
        lambda c: obj.gram("L", c(BOTH)),
        lambda f, x: ((P(f)[0] - np_mixed()[0]) ** 2).mean() / C**2,
    ),
    "moments": (lambda c: obj.moments("L", c(PAINTING)), lambda f, x: np_deviations(P(f), A)),
    "guided moments": (
        lambda c: obj.moments("L", c(PAINTING), mask=MASK),
        lambda f, x: np_deviations(P(f, SMALL_MASK), A),
    ),
    "wasserstein": (lambda c: obj.wasserstein("L", c(PAINTING)), lambda f, x: np_w2(P(f), A)),
    "small epsilon": (
        lambda c: obj.wasserstein("L", c(PAINTING), epsilon=1e-4),
        lambda f, x: np_w2(P(f), A, 1e-4),
    ),
    "relative wasserstein": (
        lambda c: obj.wasserstein("L", c(PAINTING), relative=True),
        lambda f, x: np_w2(P(f), A) / (PAINTING**2).mean(),
    ),
    "mixed wasserstein": (lambda c: obj.wasserstein("L", c(BOTH)), lambda f, x: np_w2(P(f), np_mixed())),
    "guided wasserstein": (
        lambda c: obj.wasserstein("L", c(PAINTING), mask=MASK),
        lambda f, x: np_w2(P(f, SMALL_MASK), A),
    ),
    "relative content": (
        lambda c: obj.content("L", c(OTHER[:, :1, :1]), relative=True),
        lambda f, x: ((f - OTHER[:, :1, :1]) ** 2).mean() / (OTHER[:, :1, :1] ** 2).mean(),
    ),
    "roughness": (lambda c: obj.roughness(), lambda f, x: np_roughness(x)),
    "absolute variation": (lambda c: obj.absolute_variation(), lambda f, x: np_absolute(x)),
}


class Probe:
    """A network whose cells are 2x2 pixels."""

    size = (12, 14)
    canvas = tf.constant(CANVAS)

    def features(self, _picture: Any, _size: Any) -> Mapping[str, Any]:
        return {"L": tf.constant(FEATURES)}

    def grid(self, _layer: str) -> tuple[int, int]:
        return FEATURES.shape[1], FEATURES.shape[2]


def value(objective: obj.Objective, features: Any, canvas: Any) -> Any:
    [term] = objective.terms
    target = term.target(Probe()) if term.target else ()  # type: ignore[arg-type]
    return term.weight * term.value({"L": features}, canvas, bare([target])[0])


def cast(dtype: str) -> Callable[[Any], Any]:
    """Features, or pairs of features and weights, as arrays of a number format."""
    return lambda it: [(f.astype(dtype), w) for f, w in it] if isinstance(it, list) else it.astype(dtype)


@pytest.mark.parametrize("name", TERMS)
def test_value_is_the_formula(name: str) -> None:
    make, formula = TERMS[name]
    wanted = formula(FEATURES, CANVAS)
    for dtype, rel in (("float64", 1e-6), ("float32", 1e-5)):
        got = value(make(cast(dtype)), tf.constant(FEATURES, dtype), tf.constant(CANVAS, dtype))
        assert got.dtype == dtype and float(got) == pytest.approx(wanted, rel=rel)


@pytest.mark.parametrize("name", TERMS)
def test_gradient_is_the_finite_difference(name: str) -> None:
    objective = TERMS[name][0](cast("float64"))
    f, x = tf.constant(FEATURES), tf.constant(CANVAS)
    df, dx = (tf.constant(RNG.standard_normal(t.shape)) for t in (f, x))
    with tf.GradientTape() as tape:
        tape.watch([f, x])
        total = value(objective, f, x)
    gf, gx = tape.gradient(total, [f, x], unconnected_gradients="zero")
    slope = float(tf.reduce_sum(gf * df) + tf.reduce_sum(gx * dx))
    h = 1e-5
    up, down = value(objective, f + h * df, x + h * dx), value(objective, f - h * df, x - h * dx)
    assert slope == pytest.approx(float(up - down) / (2 * h), rel=1e-5, abs=1e-9)
    assert slope != 0


@pytest.mark.parametrize("make", [obj.gram, obj.moments, obj.wasserstein])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_texture_is_at_no_distance_from_itself(make: Any, dtype: str) -> None:
    deep = np.maximum(RNG.standard_normal((1, 6, 8, 128)), 0) * 500  # fewer cells than channels: singular
    features = tf.constant(deep, dtype)
    with tf.GradientTape() as tape:
        tape.watch(features)
        got = value(make("L", features, relative=True), features, None)
    assert abs(float(got)) < 1e-5
    assert np.isfinite(tape.gradient(got, features)).all()


def test_the_order_of_the_cells_is_no_part_of_a_texture() -> None:
    shuffled = RNG.permutation(PAINTING.reshape(-1, C)).reshape(1, 9, 5, C)
    for make in (obj.gram, obj.moments, obj.wasserstein):
        assert abs(float(value(make("L", PAINTING), tf.constant(shuffled), None))) < 1e-9


def distance(mean: Any, spread: Any, other_mean: Any, other: Any) -> float:
    arrays = (np.asarray(it, float) for it in (mean, spread, other_mean, other))
    m, s, n, o = (tf.constant(it) for it in arrays)
    return float(gaussians.squared_distance(m, s, n, gaussians.square_root(o)))


def test_w2_of_diagonal_covariances_is_the_distance_of_means_and_deviations() -> None:
    m, n = RNG.standard_normal((2, 5))
    a, b = RNG.uniform(0, 4, (2, 5))
    wanted = ((m - n) ** 2).sum() + ((a - b) ** 2).sum()
    assert distance(m, np.diag(a**2), n, np.diag(b**2)) == pytest.approx(wanted, rel=1e-9)


def test_w2_is_symmetric_and_zero_only_for_the_same() -> None:
    one, two = (x.T @ x for x in RNG.standard_normal((2, 9, 6)))
    m, n = RNG.standard_normal((2, 6))
    assert distance(m, one, n, two) == pytest.approx(distance(n, two, m, one), rel=1e-9)
    assert distance(m, one, m, one) == pytest.approx(0, abs=1e-9)
    assert distance(m, one, m, two) > 0.1
    ill = np.diag(np.logspace(-9, 6, 6))
    assert abs(distance(m, ill, m, ill)) < 1e-7 * np.trace(ill), "where Newton and Schulz do not converge"


def test_a_mask_lets_nothing_through_from_outside() -> None:
    mask = np.zeros((12, 14), np.float32)
    mask[:, :6] = 1
    features = tf.constant(FEATURES)
    for make in (obj.gram, obj.moments, obj.wasserstein):
        with tf.GradientTape() as tape:
            tape.watch(features)
            got = value(make("L", PAINTING, mask=mask), features, None)
        gradient = tape.gradient(got, features).numpy()
        assert np.abs(gradient[:, :, 3:]).max() == 0 < np.abs(gradient[:, :, :3]).max()


def test_styles_without_any_weight_are_refused() -> None:
    for wrong in ([(PAINTING, 0.0)], [(PAINTING, 1.0), (OTHER, -1.0)], []):
        with pytest.raises(UsageError, match="weights of styles"):
            obj.gram("L", wrong)
    only = obj.gram("L", [(PAINTING, 2.0), (OTHER, 0.0)])
    f = tf.constant(FEATURES)
    assert float(value(only, f, None)) == pytest.approx(float(value(obj.gram("L", PAINTING), f, None)))


def test_a_narrow_style_picture_is_measured_as_large_as_the_network_needs() -> None:
    asked = []

    class Recorder(Probe):
        size = (300, 512)

        def sums(self, _picture: Any, size: Any) -> Mapping[str, Any]:
            asked.append(size)
            return {"L": feature_sums(tf.constant(FEATURES))}

    for width, height in ((800, 10), (8, 8)):
        painting = SimpleNamespace(pixels=None, width=width, height=height)
        obj.gram("L", painting).terms[0].target(Recorder())  # type: ignore[misc, arg-type]
    assert asked == [(32, 2560), (512, 512)]


def test_masks_shrink_to_means_and_their_rest_is_what_they_leave() -> None:
    np.testing.assert_allclose(masks.shrink(MASK, (H, W)), SMALL_MASK, atol=1e-6)
    left = masks.rest([MASK, 0.5 * np.ones_like(MASK)])
    np.testing.assert_allclose(left, np.clip(0.5 - MASK, 0, 1), atol=1e-6)
