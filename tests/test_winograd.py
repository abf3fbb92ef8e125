"""Winograd's convolutions: the numbers of the plain sum, there and back, alone and in a network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from deepdream import backbones
from deepdream.backbones import Precision
from deepdream.climb import precision
from deepdream.testing import picture

tf = pytest.importorskip("tensorflow")

from deepdream.backbones import winograd  # noqa: E402  it loads TensorFlow

RNG = np.random.default_rng(3)


def plain(x: np.ndarray, kernel: np.ndarray, pad: int) -> np.ndarray:
    """The convolution as its definition has it, in float64."""
    x = np.pad(x.astype(np.float64), [(pad, pad), (pad, pad), (0, 0)])
    height, width = x.shape[0] - 2, x.shape[1] - 2
    return sum(
        x[i : i + height, j : j + width] @ kernel[i, j].astype(np.float64) for i in range(3) for j in range(3)
    )


@pytest.mark.parametrize("pad", [0, 1, 2])
@pytest.mark.parametrize(("height", "width"), [(4, 4), (5, 12), (3, 3), (17, 6), (18, 19)])
def test_it_is_the_convolution(height: int, width: int, pad: int) -> None:
    x = RNG.normal(size=(height, width, 7)).astype(np.float32)
    kernel = RNG.normal(size=(3, 3, 7, 5)).astype(np.float32)
    expected = plain(x, kernel, pad)
    found = winograd.convolve(tf.constant(x[None]), tf.constant(winograd.spread(kernel)), pad)[0].numpy()
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_layer_has_the_values_and_the_gradient_of_keras(padding: str) -> None:
    import keras

    layers = [
        kind(6, 3, padding=padding, activation="relu") for kind in (keras.layers.Conv2D, winograd.Conv2D)
    ]
    x = tf.constant(RNG.normal(size=(1, 13, 10, 5)), tf.float32)
    for layer in layers:
        layer.build(x.shape)
    layers[1].set_weights([*layers[0].get_weights()[:1], RNG.normal(size=6)])
    layers[0].set_weights(layers[1].get_weights())
    found = []
    for layer in layers:

        @tf.function(autograph=False, input_signature=[tf.TensorSpec([1, None, None, 5])])
        def both(x: Any, layer: Any = layer) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x)
                loss = tf.reduce_sum(tf.sin(y))
            return y, tape.gradient(loss, x)

        found.append(both(x))
        operations = {node.op for node in both.get_concrete_function().graph.as_graph_def().node}
        assert ("Conv2D" in operations) == (layer is layers[0])
    for ours, theirs in zip(found[1], found[0], strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, atol=2e-5)


def seen(kind: Precision) -> tuple[dict[str, np.ndarray], np.ndarray, Any]:
    """VGG16's activations of a photograph and the gradient of its deepest layer, and the graph of both."""
    layers = ["block2_conv2", "block4_conv2"]
    extractor = backbones.open_extractor(backbones.resolve("vgg16", layers), layers, kind)

    @tf.function(autograph=False, input_signature=[tf.TensorSpec([1, None, None, 3])])
    def both(canvas: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(canvas)
            found = extractor(canvas)
            loss = tf.reduce_mean(tf.square(found["block4_conv2"]))
        return found, tape.gradient(loss, canvas)

    canvas = tf.constant(picture(75, 58, seed=4).pixels[None], tf.float32)
    found, gradient = both(canvas)
    graph = both.get_concrete_function().graph
    return {name: tensor.numpy() for name, tensor in found.items()}, gradient.numpy(), graph


def test_vgg16_sees_the_same_and_its_large_kernels_are_no_constants_of_the_graph() -> None:
    values, gradient, graph = seen("winograd")
    expected, wanted, _ = seen("float32")
    for name, activations in expected.items():
        off = np.linalg.norm(values[name] - activations) / np.linalg.norm(activations)
        assert 0 < off < 1e-5
    # An activation that is zero but for rounding is on in one and off in the other.
    assert np.linalg.norm(gradient - wanted) < 0.01 * np.linalg.norm(wanted)
    held = [node.attr["value"].tensor for node in graph.as_graph_def().node if node.op == "Const"]
    assert max(np.prod([side.size for side in tensor.tensor_shape.dim]) for tensor in held) <= 9 * 64 * 64


def test_only_what_gains_by_it_is_computed_so() -> None:
    import keras

    def gains(channels: int, *args: Any, **how: Any) -> bool:
        layer = keras.layers.Conv2D(*args, **how)
        layer.build((1, 20, 20, channels))
        return winograd.pays(layer)

    assert gains(64, 128, 3) and gains(128, 64, 3, padding="same")
    assert not gains(64, 64, 3) and not gains(3, 512, 3)
    assert not gains(256, 256, 1) and not gains(256, 256, 5)
    assert not gains(256, 256, 3, strides=2) and not gains(256, 256, 3, dilation_rate=2)
    assert not gains(256, 256, 3, groups=2)


def test_auto_takes_it_where_nothing_multiplies_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_weakest_gpu", lambda devices: None)
    for features, chosen in (({"avx2"}, "winograd"), (set(), "winograd"), ({"avx512_bf16"}, "bfloat16")):
        monkeypatch.setattr(precision, "cpu_features", lambda features=features: frozenset(features))
        assert precision.choose().dtype == chosen
    monkeypatch.setattr(precision, "_weakest_gpu", lambda devices: (7, 5))
    assert precision.choose().dtype == "float32"
