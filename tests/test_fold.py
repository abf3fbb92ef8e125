"""Folding: less work, the same numbers, whatever the statistics and wherever the layer asked for lies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from deepdream import backbones
from deepdream.backbones.extractor import prepare
from deepdream.backbones.fold import fold
from deepdream.backbones.introspect import outputs_of, stable_names

FREE = (None, None, 3)


def built(name: str) -> tuple[Any, list[str]]:
    """A network of the kind, shallow where Keras lets it be, with random statistics; and some of its layers.

    Fresh networks have trivial statistics: a mean of 0, a variance of 1.
    """
    import keras
    from keras.src.applications import densenet, efficientnet

    keras.utils.set_random_seed(1)
    common: dict[str, Any] = {"weights": None, "include_top": False}
    model: Any
    if name == "inception_v3":
        model = keras.applications.InceptionV3(input_shape=FREE, **common)
        wanted = ["mixed0", "conv2d_1", "activation_3"]
    elif name == "resnet50":
        model = keras.applications.ResNet50(input_shape=FREE, **common)
        wanted = ["conv2_block2_out", "conv2_block1_1_conv"]
    elif name == "mobilenet_v2":
        model = keras.applications.MobileNetV2(input_shape=FREE, **common)
        wanted = ["block_3_project", "block_2_add"]
    elif name == "xception":
        model = keras.applications.Xception(input_shape=FREE, **common)
        wanted = ["add_1", "block2_sepconv1"]
    elif name == "densenet121":
        model = densenet.DenseNet([2, 1, 1, 1], input_shape=FREE, **common)
        wanted = ["conv3_block1_concat", "relu"]
    else:
        model = efficientnet.EfficientNet(1.0, 0.1, 224, input_shape=FREE, **common)
        wanted = ["block5a_project_conv", "block3a_activation"]
    randomise(model)
    return model, wanted


def randomise(model: Any) -> None:
    import keras

    draw = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            ranges = {
                "gamma": (0.5, 1.5),
                "beta": (-1, 1),
                "moving_mean": (-1, 1),
                "moving_variance": (0.3, 2),
            }
            for key, (low, high) in ranges.items():
                variable = getattr(layer, key, None)
                if variable is not None:
                    variable.assign(draw.uniform(low, high, variable.shape))
        elif getattr(layer, "bias", None) is not None:
            layer.bias.assign(draw.uniform(-1, 1, layer.bias.shape))


def cut(model: Any, wanted: list[str]) -> Any:
    import keras

    known = stable_names(model)
    return keras.Model(model.inputs[0], {name: outputs_of(known[name])[0] for name in wanted})


def noise(height: int = 97, width: int = 112) -> np.ndarray:
    return np.random.default_rng(2).uniform(0, 255, (1, height, width, 3)).astype(np.float32)


def entry(preprocess: str) -> Callable[[Any], Any]:
    return lambda colours: prepare(colours, preprocess)


def folded(network: Any, preprocess: str, precision: str = "float32") -> tuple[Any, Callable[[Any], Any]]:
    """The folded network, and the function that an extractor makes of it."""
    new, mean = fold(network, entry(preprocess), precision)

    def run(canvas: Any) -> Any:
        return new(prepare(canvas, preprocess) if mean is None else canvas - mean, training=False)

    return new, run


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for name in expected:
        scale = np.abs(expected[name]).max()
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-5 * scale, err_msg=name)


def kinds(model: Any) -> Counter[str]:
    return Counter(type(layer).__name__ for layer in model.layers)


@pytest.mark.parametrize(
    ("name", "stay"),  # stay: normalisations that no convolution can do
    [
        ("inception_v3", 1),  # after conv2d_1, which is wanted
        ("resnet50", 1),
        ("mobilenet_v2", 0),
        ("xception", 1),
        ("densenet121", 9),  # before every block, in every transition, at the end
        ("efficientnet_b0", 0),
    ],
)
def test_outputs_are_those_of_keras(name: str, stay: int) -> None:
    model, wanted = built(name)
    reference = cut(model, wanted)
    preprocess = backbones.get(name).preprocess
    new, run = folded(reference, preprocess)
    assert kinds(reference)["BatchNormalization"] > 5
    assert kinds(new)["BatchNormalization"] == 0 and kinds(new)["Rescaling"] == stay
    assert_same(run(noise()), reference(prepare(noise(), preprocess), training=False))


def odd_model() -> Any:
    """What networks do and a folding could trip over."""
    import keras

    layers = keras.layers
    norm = layers.BatchNormalization
    inputs = keras.Input(FREE)
    adapted = layers.Normalization(name="adapted")
    x = adapted(layers.Rescaling(1 / 60, -1, name="rescaled")(inputs))
    adapted.adapt_mean.assign([0.1, 0.2, 0.3])
    adapted.adapt_variance.assign([0.5, 1.5, 2.0])
    x = layers.Conv2D(8, 3, strides=2, padding="same", name="first")(layers.ZeroPadding2D(2)(x))
    x = norm(scale=False, name="unscaled")(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False, name="depthwise")(x)
    x = norm(center=False, epsilon=0.1, name="uncentred")(x)
    x = layers.SeparableConv2D(8, 3, depth_multiplier=3, name="separable")(x)
    x = both = norm(name="separated")(x)
    x = layers.Conv2D(8, 3, groups=2, dilation_rate=2, padding="same", use_bias=False, name="grouped")(x)
    x = norm(name="regrouped")(x)
    x = layers.Conv2D(8, 1, activation="relu", name="rectified")(x)
    x = norm(name="after_relu")(x)
    twice = layers.Conv2D(8, 1, name="used_twice")(x)
    x = layers.Add(name="sum")([norm(name="one_of_two")(twice), twice, both])
    shared = layers.Conv2D(8, 1, name="shared")
    x = layers.Concatenate(name="joined")([norm(name="after_shared")(shared(x)), shared(both)])
    model = keras.Model(inputs, x / 2 + 1)
    randomise(model)
    return model


@pytest.mark.parametrize("preprocess", backbones.PREPROCESS)
def test_odd_networks_stay_what_they_are(preprocess: str) -> None:
    model = odd_model()
    adapted = model.get_layer("adapted")
    adapted.finalize_state()
    wanted = ["joined", "sum", "grouped", "unscaled", "separated"]
    reference = cut(model, wanted)
    new, run = folded(reference, preprocess)
    left = {layer.name for layer in new.layers if type(layer).__name__ == "Rescaling"} - {"rescaled"}
    assert left == {"regrouped", "after_relu", "one_of_two", "after_shared"}
    assert_same(run(noise()), reference(prepare(noise(), preprocess), training=False))


def test_an_input_that_is_used_twice_keeps_its_preprocessing() -> None:
    import keras

    inputs = keras.Input(FREE)
    convolved = keras.layers.Conv2D(3, 3, padding="same")(inputs)
    model = keras.Model(inputs, {"sum": keras.layers.Add()([convolved, inputs])})
    _, mean = fold(model, entry("caffe"), "float32")
    assert mean is None
    assert_same(folded(model, "caffe")[1](noise()), model(prepare(noise(), "caffe")))


def test_gradients_are_those_of_keras() -> None:
    import keras
    import tensorflow as tf

    # In float64: where rounding takes a number across zero, a rectifier's slope jumps.
    keras.config.set_dtype_policy("float64")
    try:
        model, wanted = built("inception_v3")
    finally:
        keras.config.set_dtype_policy("float32")
    reference = cut(model, wanted[:1])
    new, mean = fold(reference, entry("tf"), "float64")
    assert mean is not None

    def slope(function: Callable[[Any], Any]) -> Any:
        canvas = tf.constant(noise().astype(np.float64))
        with tf.GradientTape() as tape:
            tape.watch(canvas)
            value = tf.reduce_mean(function(canvas)["mixed0"] ** 2)
        return tape.gradient(value, canvas)

    expected = slope(lambda canvas: reference(prepare(canvas, "tf"), training=False))
    found = slope(lambda canvas: new(canvas - mean.astype(np.float64), training=False))
    assert np.linalg.norm(expected) > 0
    assert np.linalg.norm(found - expected) < 1e-5 * np.linalg.norm(expected)


def test_bfloat16_goes_through_without_casts() -> None:
    import tensorflow as tf

    model, wanted = built("resnet50")
    reference = cut(model, wanted[:1])
    new, run = folded(reference, "caffe", "bfloat16")
    assert {variable.dtype for variable in new.variables} == {"bfloat16"}
    found = tf.cast(run(noise())["conv2_block2_out"], tf.float32)
    expected = reference(prepare(noise(), "caffe"))["conv2_block2_out"]
    assert np.corrcoef(np.ravel(found), np.ravel(expected))[0, 1] > 0.9998
    graph = tf.function(run).get_concrete_function(tf.TensorSpec([1, *FREE], tf.float32)).graph
    assert [op.type for op in graph.get_operations()].count("Cast") == 1  # the canvas


def test_a_graph_holds_the_weights_as_constants() -> None:
    import tensorflow as tf

    choice = backbones.resolve("vgg16", ["block1_conv2"])
    extractor = backbones.open_extractor(choice, ["block1_conv2"])
    spec = tf.TensorSpec([1, *FREE], tf.float32)
    graph = tf.function(extractor.__call__).get_concrete_function(spec).graph
    kernels = [op.inputs[1].op for op in graph.get_operations() if op.type == "Conv2D"]
    assert {kernel.type for kernel in kernels} == {"Const"}
    found = tf.function(extractor.__call__)(noise())["block1_conv2"]
    np.testing.assert_allclose(found, extractor(noise())["block1_conv2"], rtol=1e-4, atol=1e-2)


def test_vgg16_reads_the_canvas_as_keras_does() -> None:
    import keras
    import tensorflow as tf

    whole = keras.applications.VGG16(weights=None, include_top=False, input_shape=FREE)
    whole.load_weights(str(backbones.locate(backbones.get("vgg16")).path))
    reference = cut(whole, ["block2_conv1"])
    choice = backbones.resolve("vgg16", ["block2_conv1"])
    extractor = backbones.open_extractor(choice, ["block2_conv1"])
    assert_same(extractor(noise()), reference(prepare(noise(), "caffe")))
    spec = tf.TensorSpec([1, *FREE], tf.float32)
    graph = tf.function(extractor.__call__).get_concrete_function(spec).graph
    assert "ReverseV2" not in {op.type for op in graph.get_operations()}
