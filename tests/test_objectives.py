"""The objective algebra, and every term against an independent NumPy statement of its formula."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from deepdream import objectives as obj
from deepdream.climb.gradient import bare
from deepdream.errors import UsageError
from deepdream.objectives.statistics import feature_sums

tf = pytest.importorskip("tensorflow")

RNG = np.random.default_rng(3)
FEATURES = RNG.standard_normal((1, 5, 7, 4))
CANVAS = RNG.uniform(0, 255, (1, 6, 8, 3))
GUIDE = RNG.standard_normal((1, 3, 4, 4))
SAME = RNG.standard_normal((1, 5, 7, 4))


def np_gram(features: np.ndarray) -> np.ndarray:
    channels = features.shape[-1]
    out = np.zeros((channels, channels))
    for cell in features.reshape(-1, channels):
        out += np.outer(cell, cell)
    return out / (features.shape[1] * features.shape[2])


def np_match(a: np.ndarray, guide: np.ndarray) -> float:
    return sum(max(float(x @ y) for y in guide.reshape(-1, 4)) for x in a.reshape(-1, 4))


def np_cosine(a: np.ndarray, guide: np.ndarray) -> float:
    def unit(v: np.ndarray) -> np.ndarray:
        return v / np.sqrt((v**2).sum())

    return sum(max(float(unit(x) @ unit(y)) for y in guide.reshape(-1, 4)) for x in a.reshape(-1, 4))


def np_direction(a: np.ndarray, target: np.ndarray) -> float:
    vector = target.reshape(-1, 4).mean(0)
    return float((a.reshape(-1, 4) @ vector).mean() / np.sqrt((vector**2).sum()))


def np_variation(_a: np.ndarray, x: np.ndarray) -> float:
    total = 0.0
    for i in range(x.shape[1] - 1):
        for j in range(x.shape[2] - 1):
            total += ((x[0, i + 1, j] - x[0, i, j]) ** 2 + (x[0, i, j + 1] - x[0, i, j]) ** 2).sum()
    return total / 2


def np_grain(_a: np.ndarray, x: np.ndarray) -> float:
    total = 0.0
    for i in range(1, x.shape[1] - 1):
        for j in range(1, x.shape[2] - 1):
            mean = sum(
                x[0, i + di, j + dj] * (2 - abs(di)) * (2 - abs(dj)) / 16
                for di in (-1, 0, 1)
                for dj in (-1, 0, 1)
            )
            total += ((x[0, i, j] - mean) ** 2).sum() / 2
    return total


TERMS = {
    "layer": (obj.layer("L"), lambda a, x: (a**2).mean()),
    "relative": (obj.layer("L", relative=True), lambda a, x: (a**2).mean() / (SAME**2).mean()),
    "mean": (obj.mean("L"), lambda a, x: a.mean()),
    "channel": (obj.channel("L", 2), lambda a, x: a[..., 2].mean()),
    "channels": (
        obj.response("L", metric="mean", channels=[2, 0]),
        lambda a, x: (a[..., 2].mean() + a[..., 0].mean()) / 2,
    ),
    "squared channels": (obj.response("L", channels=[1, 3]), lambda a, x: (a[..., [1, 3]] ** 2).mean()),
    "absolute": (obj.response("L", metric="l1"), lambda a, x: np.abs(a).mean()),
    "rectified": (obj.response("L", metric="relu"), lambda a, x: np.maximum(a, 0).mean()),
    "relative mean": (
        obj.response("L", metric="mean", relative=True),
        lambda a, x: a.mean() / np.sqrt((SAME**2).mean()),
    ),
    "border": (obj.response("L", border=2), lambda a, x: (a[:, 2:-2, 2:-2] ** 2).sum() / a.size),
    "neuron": (obj.neuron("L", 3, x=0.5, y=0.9), lambda a, x: a[0, 4, 3, 3]),
    "corner": (obj.response("L", place=(1.0, 0.0)), lambda a, x: (a[0, 0, 6] ** 2).mean()),
    "cosine": (obj.cosine("L", GUIDE), lambda a, x: np_cosine(a, GUIDE)),
    "direction": (obj.direction("L", GUIDE), lambda a, x: np_direction(a, GUIDE)),
    "vector": (obj.direction("L", GUIDE[0, 0, 0]), lambda a, x: np_direction(a, GUIDE[0, 0, 0])),
    "match": (obj.match("L", GUIDE), lambda a, x: np_match(a, GUIDE)),
    "content": (obj.content("L", SAME), lambda a, x: ((a - SAME) ** 2).mean()),
    "gram": (obj.gram("L", GUIDE), lambda a, x: ((np_gram(a) - np_gram(GUIDE)) ** 2).mean() / 16),
    "raw gram": (
        obj.gram("L", GUIDE, normalised=False),
        lambda a, x: ((np_gram(a) - np_gram(GUIDE)) ** 2).mean(),
    ),
    "variation": (obj.total_variation(), np_variation),
    "l1": (obj.deviation(1), lambda a, x: np.abs(x - 127.5).mean()),
    "l2": (obj.deviation(2), lambda a, x: ((x - 127.5) ** 2).mean()),
    "grain": (obj.graininess(), np_grain),
}


class Probe:
    """A network whose features of anything are `SAME`."""

    size = (6, 8)
    canvas = tf.constant(CANVAS)

    def features(self, _picture: Any, _size: Any) -> Mapping[str, Any]:
        return {"L": tf.constant(SAME)}


def value(objective: obj.Objective, features: Any, canvas: Any) -> Any:
    total = 0.0
    for term in objective.terms:
        target = term.target(Probe()) if term.target else ()
        total += term.weight * term.value({"L": features}, canvas, bare([target])[0])
    return total


@pytest.mark.parametrize("name", TERMS)
def test_value_is_the_formula(name: str) -> None:
    objective, formula = TERMS[name]
    got = float(value(objective, tf.constant(FEATURES), tf.constant(CANVAS)))
    assert got == pytest.approx(float(formula(FEATURES, CANVAS)), rel=1e-9)


def test_every_objective_says_what_its_words_mean() -> None:
    for objective, _ in TERMS.values():
        ((word, formula),) = [meaning.split(" = ", 1) for meaning in objective.meanings]
        assert str(objective).startswith(word) and formula
    both = obj.response("L", metric="mean", channels=[1], relative=True) + obj.layer("L", relative=True)
    assert len({meaning.split(" = ")[0] for meaning in both.meanings}) == 2
    assert (0 * obj.layer("L")).meanings == ()


@pytest.mark.parametrize("name", TERMS)
def test_gradient_is_the_finite_difference(name: str) -> None:
    objective, _ = TERMS[name]
    a, x = tf.constant(FEATURES), tf.constant(CANVAS)
    da, dx = (tf.constant(RNG.standard_normal(t.shape)) for t in (a, x))
    with tf.GradientTape() as tape:
        tape.watch([a, x])
        total = value(objective, a, x)
    ga, gx = tape.gradient(total, [a, x], unconnected_gradients="zero")
    slope = float(tf.reduce_sum(ga * da) + tf.reduce_sum(gx * dx))
    h = 1e-5
    numeric = float(value(objective, a + h * da, x + h * dx) - value(objective, a - h * da, x - h * dx)) / (
        2 * h
    )
    assert slope == pytest.approx(numeric, rel=1e-5, abs=1e-9)
    assert slope != 0


def test_a_picture_as_style_keeps_its_aspect() -> None:
    asked = []

    class Recorder(Probe):
        size = (300, 512)

        def sums(self, _picture: Any, size: Any) -> Mapping[str, Any]:
            asked.append(size)
            return {"L": feature_sums(tf.constant(SAME))}

    painting = SimpleNamespace(pixels=None, width=400, height=800)
    obj.gram("L", painting, scale=0.5).terms[0].target(Recorder())
    assert asked == [(256, 128)]


def test_weights_distribute_and_nothing_mutates() -> None:
    one = obj.layer("a")
    both = 2 * (one + 0.5 * obj.channel("b", 3)) - 0.1 * obj.total_variation()
    assert [term.weight for term in both.terms] == [2, 1, -0.1]
    assert str(both) == "2·layer(a) + channel(b, 3) - 0.1·total_variation"
    assert str(-both).startswith("- 2·layer(a) - channel")
    assert one.terms[0].weight == 1
    assert both.layers == ("a", "b")
    assert obj.total([one, one]).labels() == ("layer(a)", "layer(a)#2")
    assert str(one.renamed({"a": "z"})) == "layer(z)"


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_a_weight_must_be_a_number(weight: float) -> None:
    with pytest.raises(UsageError):
        weight * obj.layer("a")


@pytest.mark.parametrize("make", [obj.total_variation, obj.deviation, obj.graininess])
def test_a_relative_penalty_starts_at_one_and_bears_a_flat_canvas(make: Any) -> None:
    objective = make(relative=True)
    assert float(value(objective, tf.constant(FEATURES), tf.constant(CANVAS))) == pytest.approx(1)
    assert float(value(2 * objective, tf.constant(FEATURES), tf.constant(CANVAS * 0 + 127.5))) == 0

    class Flat(Probe):
        canvas = tf.constant(CANVAS * 0 + 127.5)

    assert objective.terms[0].target(Flat()).numpy() >= 1


def test_a_guide_in_a_direction_is_what_the_picture_lacks() -> None:
    class Two(Probe):
        def features(self, picture: Any, _size: Any) -> Mapping[str, Any]:
            return {"L": tf.constant(GUIDE if picture is painting else SAME)}

    painting = SimpleNamespace(pixels=None, width=40, height=30)
    vector = obj.direction("L", painting).terms[0].target(Two())[0].numpy()
    lacks = GUIDE.reshape(-1, 4).mean(0) - SAME.reshape(-1, 4).mean(0)
    np.testing.assert_allclose(vector, lacks / np.sqrt((lacks**2).sum()), rtol=1e-9)


def test_the_words_of_layer_become_terms() -> None:
    assert str(obj.layers(["a"])) == "layer(a)"
    assert str(obj.layers(["a", "b:0.5"])) == "gain(a) + 0.5·gain(b)"
    assert str(obj.layers(["a", "b:-0.5"], relative=False)) == "layer(a) - 0.5·layer(b)"
    assert str(obj.layers(["a[3]"])) == "channel(a, 3)"
    assert str(obj.layers(["a[3,5-8]@0.5,0.25"])) == "channels(a, 3, 5-8, at 0.5 0.25)"
    assert (
        str(obj.layers(["a", "b[2]"], metric="l1", border=2))
        == "l1-gain(a, border 2) + l1-gain(b, 2, border 2)"
    )
    with pytest.raises(UsageError, match="weight other than 0"):
        obj.layers(["a:0"])
    with pytest.raises(UsageError, match="no picture"):
        obj.layers(["a[top1]"])


def test_strongest_and_weakest_channels_are_those_of_the_picture() -> None:
    seen = np.zeros((1, 2, 2, 5), np.float32)
    seen[0, 0, 0] = 1, 7, 0, 3, 2
    asked = []

    def look(names: Any) -> Mapping[str, Any]:
        asked.append(names)
        return {"a": tf.constant(seen), "b": tf.constant(seen)}

    objective = obj.layers(["a[top2]", "b[bottom2,1]"], seen=look)
    assert asked == [("a", "b")]
    assert str(objective) == "gain(a, top2 = 1 3) + gain(b, bottom2 = 1 0 4)"  # 2 never responds
    assert str(obj.layers(["a[top2]"], seen=lambda names: {"a": None})) == "channels(a, top2)"
    with pytest.raises(UsageError, match="more channels than the layer's 5"):
        obj.layers(["a[top6]"], seen=look)


def test_only_whole_layers_where_no_channel_will_do() -> None:
    assert obj.parse_layer("mixed4") == ("mixed4", 1.0)
    assert obj.parse_layer("mixed5:-0.5") == ("mixed5", -0.5)
    with pytest.raises(UsageError, match="not a whole layer") as caught:
        obj.parse_layer("mixed4[3]")
    assert caught.value.column is not None
    assert caught.value.message[caught.value.column] == "["
