"""Objectives of one's own: what is wrong with one is said by its name, and not in AutoGraph's words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from deepdream import objectives as obj
from deepdream.climb.engine import Engine, Step
from deepdream.climb.parametrisations import Fourier, Pixels
from deepdream.climb.shaping import blurred, chain
from deepdream.climb.transforms import pad, rotate
from deepdream.climb.updates import Ascent
from deepdream.console.failures import explain
from deepdream.errors import DeepDreamError, UsageError, unwrapped
from deepdream.objectives import Objective, custom, layer
from deepdream.testing import Bench, picture

tf = pytest.importorskip("tensorflow")
pytest_plugins = ["deepdream.testing.fixtures"]

LAYER = "block1_conv2"


def climb(bench: Bench, objective: Objective, tile: str = "off", **how: Any) -> list[Step]:
    steps: list[Step] = []
    common = replace(bench.common, tile=tile)
    engine = Engine(common, pool=bench.pool, listeners=[steps.append])
    engine.ascend(picture(64, 48), objective, steps=2, **how)
    return steps


def flat(activations: Any) -> Any:
    return tf.reduce_mean(activations[LAYER])


WITHOUT: dict[str, Callable[..., Any]] = {
    "a number": lambda a, x: 3.0,
    "rounding": lambda a, x: tf.round(flat(a)),
    "a comparison": lambda a, x: tf.reduce_mean(tf.cast(a[LAYER] > 0.5, tf.float32)),
    "an index": lambda a, x: tf.argmax(tf.reduce_mean(a[LAYER], axis=[0, 1, 2])),
    "a stopped one": lambda a, x: tf.stop_gradient(flat(a)),
    "NumPy": lambda a, x: tf.numpy_function(lambda it: it.mean(), [a[LAYER]], tf.float32),
}


@pytest.mark.parametrize("tile", ["off", "32"])
@pytest.mark.parametrize("how", WITHOUT)
def test_an_objective_without_a_gradient_is_named(tile: str, how: str, tiny_network: Bench) -> None:
    lacking = custom("lacking", LAYER, WITHOUT[how], parts="mean")
    with pytest.raises(DeepDreamError, match=r"^the objective 'lacking' has no gradient") as caught:
        climb(tiny_network, layer(LAYER) + lacking, tile)
    assert "NumPy" in str(caught.value.hint)


@pytest.mark.parametrize("tile", ["off", "32"])
@pytest.mark.parametrize(
    "value",
    [
        lambda a, x: tf.nn.relu(flat(a) - 1e6),
        lambda a, x: 0.0 * flat(a),
        lambda a, x: tf.reduce_mean(x),
        lambda a, x: tf.sign(flat(a)),
    ],
)
def test_a_gradient_that_is_zero_is_one_and_so_is_that_of_the_canvas(
    tile: str, value: Any, tiny_network: Bench
) -> None:
    assert len(climb(tiny_network, layer(LAYER) + custom("still", LAYER, value, parts="mean"), tile)) == 2


@pytest.mark.parametrize("tile", ["off", "32"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            lambda a, x: tf.reduce_mean(a[LAYER], axis=[1, 2, 3]),
            "the objective 'wrong' must be one number, not a tensor of shape",
        ),
        (lambda a, x: {"mean": flat(a)}, "the objective 'wrong' must be one number, not dict"),
        (lambda a, x: None, r"<lambda>\(\) returned nothing"),
    ],
)
def test_what_is_no_number_is_named(tile: str, value: Any, message: str, tiny_network: Bench) -> None:
    with pytest.raises(DeepDreamError, match=f"^{message}"):
        climb(tiny_network, custom("wrong", LAYER, value, parts="mean"), tile)


@pytest.mark.parametrize("tile", ["off", "32"])
def test_what_an_objective_raises_arrives_as_it_is(tile: str, tiny_network: Bench) -> None:
    def value(activations: Any, _canvas: Any) -> Any:
        return {"a": 1}["block9"] * flat(activations)

    with pytest.raises(KeyError) as caught:
        climb(tiny_network, custom("wrong", LAYER, value, parts="mean"), tile)
    assert caught.value.args == ("block9",)
    assert explain(caught.value).message == "unexpected KeyError: 'block9'"


def test_what_autograph_wraps_is_unwrapped() -> None:
    @tf.function
    def traced() -> None:
        raise DeepDreamError("the thing is wrong", "mend it")

    with pytest.raises(Exception, match="in user code:") as caught:
        traced()
    assert isinstance(unwrapped(caught.value), DeepDreamError)
    failure = explain(caught.value)
    assert (failure.message, failure.hint) == ("the thing is wrong", "mend it")
    alone = explain(ValueError("in user code:\n\n    File 'x', line 3\n\n    ValueError: it is odd\n\n"))
    assert alone.message == "unexpected ValueError: it is odd"


@pytest.mark.parametrize("kind", [Fourier(), Pixels()], ids=str)
def test_a_parametrisation_is_made_anew_for_each_octave(kind: Fourier | Pixels, tiny_network: Bench) -> None:
    steps: list[Step] = []
    engine = Engine(tiny_network.common, pool=tiny_network.pool, listeners=[steps.append])
    photo = picture(65, 48)
    settings: dict[str, Any] = {"parametrisation": kind, "optimiser": "adam", "step_size": 0.05, "warm": True}
    made = engine.ascend(photo, layer(LAYER), octaves=3, steps=4, **settings)
    assert made.size == photo.size
    for octave in (1, 2, 3):
        values = [step.objective for step in steps if step.octave == octave]
        assert len(values) == 4 and values == sorted(values), "it rises at every size"
    still = engine.ascend(photo, layer(LAYER), octaves=3, steps=0, **settings)
    assert np.abs(still.pixels - photo.pixels).mean() < 3, "which keeps the detail of the photograph"
    assert np.abs(made.pixels - photo.pixels).mean() > 1


def test_an_objective_that_asks_for_another_layer_is_named(tiny_network: Bench) -> None:
    astray = custom("astray", LAYER, lambda a, x: tf.reduce_mean(a["block9_conv9"]))
    with pytest.raises(DeepDreamError, match=r"'astray' asks for block9_conv9, .* layers \(block1_conv2\)"):
        climb(tiny_network, astray)


def test_objectives_are_added_up_by_sum(tiny_network: Bench) -> None:
    total = sum([layer(LAYER), 2 * layer(LAYER)])
    assert str(total) == str(layer(LAYER) + 2 * layer(LAYER))
    with pytest.raises(TypeError):
        1 + layer(LAYER)  # type: ignore[operator]


class Sideways:
    """Takes `size` for (width, height)."""

    def start(self, canvas: Any, seed: Any) -> Any:
        return canvas

    def decode(self, parameters: Any, size: Any) -> Any:
        return tf.image.resize(parameters, size[::-1])


def test_a_parametrisation_that_decodes_to_another_size_is_told(tiny_network: Bench) -> None:
    with pytest.raises(DeepDreamError, match=r"decode gave \[1, 64, 48, 3\] for a canvas \[1, 48, 64, 3\]"):
        climb(tiny_network, layer(LAYER), parametrisation=Sideways())


class Constant(Sideways):
    def decode(self, parameters: Any, size: Any) -> Any:
        return tf.fill([1, *size, 3], 127.5)


def test_a_parametrisation_without_a_gradient_is_told(tiny_network: Bench) -> None:
    with pytest.raises(DeepDreamError, match="decode has no gradient"):
        climb(tiny_network, layer(LAYER), parametrisation=Constant())


class Darker(Sideways):
    def decode(self, parameters: Any, size: Any) -> Any:
        return parameters / 2


def test_without_a_step_the_picture_is_what_the_parameters_stand_for(tiny_network: Bench) -> None:
    engine, photo = Engine(tiny_network.common, pool=tiny_network.pool), picture(64, 48)
    made = engine.ascend(photo, layer(LAYER), steps=0, parametrisation=Darker())
    np.testing.assert_array_equal(made.pixels, photo.pixels / 2)
    assert not engine.report.get("interrupted")


def test_tiles_that_were_asked_for_and_cannot_be_are_told_of(tiny_network: Bench) -> None:
    engine = Engine(replace(tiny_network.common, tile="16"), pool=tiny_network.pool)
    engine.ascend(picture(64, 48), layer(LAYER), steps=1, parametrisation=Darker())
    assert engine.report["notes"] == [
        "not cut into tiles: a parametrisation goes through the network in one piece"
    ]


def test_what_is_relative_begins_at_one_for_a_parametrisation_too(tiny_network: Bench) -> None:
    first, *_ = climb(tiny_network, layer(LAYER, relative=True), parametrisation=Darker())
    assert first.objective == pytest.approx(1, rel=1e-4)


PHOTO = picture(32, 24)


def climbed(**how: Any) -> object:
    return Engine(dry=True).ascend(PHOTO, layer(LAYER), **how)


ARRAY = r"an array of the shape \[24, 32, 3\]"


@pytest.mark.parametrize("term", [obj.match, obj.cosine, obj.direction, obj.content, obj.gram, obj.moments])
@pytest.mark.parametrize(
    ("aim", "given"), [(None, "NoneType"), ("b.png", "str"), (PHOTO.pixels, ARRAY), (3.0, "float")]
)
def test_what_cannot_be_aimed_at_is_refused_where_it_is_written(term: Any, aim: Any, given: str) -> None:
    with pytest.raises(TypeError, match=f"takes a Picture, or activations .*, not {given}"):
        term(LAYER, aim)
    assert term(LAYER, PHOTO).layers == (LAYER,)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (lambda: obj.layers(LAYER), "layers takes a list of layers, not a text"),
        (lambda: obj.layers({LAYER: 0.5}), "layers takes a list of layers, not dict"),
        (lambda: obj.layers([(LAYER, 0.5)]), r"layers takes texts, not \('block1_conv2', 0.5\)"),
        (lambda: obj.response(LAYER, metric="l3"), "the metric of a response is one of l2, mean, l1, relu"),
        (lambda: obj.response(LAYER, channels=3), "response takes a list of channels, not int"),
        (lambda: obj.channel(LAYER, 1.5), "a channel is a whole number from 0, not 1.5"),
        (lambda: obj.neuron(LAYER, 1, x="0.5"), "a place is given in fractions of the picture, not '0.5'"),
        (lambda: rotate(10), "rotate takes a list of angles, not int"),
        (lambda: Engine().features(PHOTO.pixels, LAYER), "features are those of a Picture, not of ndarray"),
        (lambda: obj.Keyframes("0:a", 3), "Keyframes takes a list of keyframes, not a text"),
        (lambda: obj.likeness(LAYER, PHOTO), "likeness takes a list of Pictures, not Picture"),
        (lambda: obj.likeness(LAYER, [None]), "likeness takes a Picture, .* not NoneType"),
        (
            lambda: obj.gram(LAYER, [PHOTO, PHOTO]),
            r"style\(block1_conv2\) takes a list of pairs, a Picture and its weight",
        ),
        (
            lambda: obj.gram(LAYER, PHOTO, mask=PHOTO),  # type: ignore[arg-type]
            r"the mask of style\(block1_conv2\) is an array \[H, W\] of 0 to 1, not Picture",
        ),
        (lambda: Ascent(normalise="max"), "Ascent has no normalise='max'"),  # type: ignore[arg-type]
        (lambda: Engine().noise((20, 30)), r"noise is as large as a Picture, not as \(20, 30\)"),  # type: ignore[arg-type]
        (lambda: Engine().rng(None), "the key of rng is made of texts and whole numbers, not of None"),  # type: ignore[arg-type]
        (lambda: climbed(finish=3), r"the finish of a climb is a function of \(picture\), and 3 is none"),
        (lambda: climbed(finish=lambda made: None), "the finish of a climb returned NoneType, not a Picture"),
        (lambda: chain([blurred(1)]), "chain takes functions one after the other, not a list"),  # type: ignore[arg-type]
        (lambda: climbed(shape=blurred), "the shape of a climb is what blurred makes, not blurred itself"),
        (lambda: climbed(transform=pad), "the transform of a climb is what pad makes, not pad itself"),
        (
            lambda: climbed(transform=lambda canvas: canvas),
            r"the transform of a climb is a function of \(canvas, seed\), and <lambda> is none",
        ),
        (lambda: obj.total(layer(LAYER)), "total takes a list of objectives, not Objective"),
        (lambda: obj.total([LAYER]), "total takes a list of objectives, not of str"),
        (lambda: obj.match([LAYER], PHOTO), r"a layer is named by a text, not by \['block1_conv2'\]"),
        (lambda: custom("mine", None, lambda a, x: 1), "custom takes a list of layers, not NoneType"),
        (
            lambda: custom("mine", LAYER, lambda a, x, t: 1),
            r"the value of the objective 'mine' must be a function of \(activations, canvas\)",
        ),
        (
            lambda: custom("mine", LAYER, lambda a, x: 1, target=lambda probe: 1.0),
            r"the value of the objective 'mine' must be a function of \(activations, canvas, target\)",
        ),
        (
            lambda: custom("mine", LAYER, lambda a, x, t: 1, target=lambda: 1.0),
            r"the target of the objective 'mine' must be a function of \(probe\)",
        ),
    ],
)
def test_what_an_objective_does_not_take_is_said(written: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}"):
        written()


@pytest.mark.parametrize("scale", [0, -1.0, float("nan")])
def test_a_style_has_a_scale(scale: float) -> None:
    with pytest.raises(UsageError, match=r"the scale of moments.* must be a number above 0"):
        obj.moments(LAYER, PHOTO, scale=scale)


def test_what_cannot_be_traced_has_a_hint(tiny_network: Bench) -> None:
    numpy = custom("mine", LAYER, lambda a, x: float(np.mean(a[LAYER])))
    engine = Engine(tiny_network.common, pool=tiny_network.pool)
    for how in ({"objective": numpy}, {"shape": lambda gradient: gradient * np.zeros(gradient.shape)}):
        with pytest.raises(Exception) as caught:
            engine.ascend(PHOTO, **{"objective": layer(LAYER), "steps": 1, **how})
        assert "sizes from tf.shape" in str(explain(caught.value).hint), how


def test_an_objective_that_nothing_moves_is_told(tiny_network: Bench) -> None:
    engine = Engine(tiny_network.common, pool=tiny_network.pool)
    engine.ascend(PHOTO, custom("still", LAYER, lambda a, x: 3.0 + 0.0 * tf.reduce_sum(x)), steps=2)
    assert engine.report["notes"] == ["nothing changed: the objective stayed at 3"]


def test_a_reward_of_a_mix_that_is_silent_is_named(tiny_network: Bench) -> None:
    silent = custom("silent", LAYER, lambda a, x: 0.0 * tf.reduce_sum(x))
    for mix, notes in (
        (layer(LAYER) + silent, ["without effect, for it stayed at 0: silent"]),
        (layer(LAYER) + 0.0 * silent, []),
        (layer(LAYER) - silent, []),
    ):
        engine = Engine(tiny_network.common, pool=tiny_network.pool)
        engine.ascend(PHOTO, mix, steps=2)
        assert engine.report["notes"] == notes


def test_a_climb_without_a_finish_is_left_as_it_is() -> None:
    assert climbed(finish=None) is PHOTO


def test_the_hint_of_a_wrong_argument_is_told() -> None:
    with pytest.raises(TypeError) as caught:
        obj.layers("block1_conv2")
    assert str(explain(caught.value).hint).startswith("write ['block1_conv2']; ")


CANVAS = r"must return a tensor float32 \[1, \?, \?, 3\], not "


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"transform": lambda canvas, seed: canvas[0]}, rf"the transform .* {CANVAS}float32 \[\?, \?, 3\]"),
        ({"transform": lambda c, s: c[..., :1]}, rf"the transform .* {CANVAS}float32 \[1, \?, \?, 1\]"),
        ({"transform": lambda c, s: tf.cast(c, tf.float16)}, rf"{CANVAS}float16 \[1, \?, \?, 3\]"),
        ({"transform": lambda c, s: [c]}, rf"{CANVAS}list"),
        ({"shape": lambda gradient: gradient[0]}, rf"the shape .* {CANVAS}float32 \[\?, \?, 3\]"),
        ({"shape": tf.reduce_mean}, rf"the shape .* {CANVAS}float32 \[\]"),
    ],
)
def test_what_a_function_of_a_climb_returns_is_looked_at(
    how: dict[str, Any], message: str, tiny_network: Bench
) -> None:
    with pytest.raises(DeepDreamError, match=message):
        climb(tiny_network, layer(LAYER), **how)


class Double(Sideways):
    def decode(self, parameters: Any, size: Any) -> Any:
        return tf.cast(parameters, tf.float64)


def test_a_parametrisation_decodes_to_float32(tiny_network: Bench) -> None:
    with pytest.raises(DeepDreamError, match="decode gave float64, not a tensor of float32"):
        climb(tiny_network, layer(LAYER), parametrisation=Double())
