"""Max-pooling with a gradient of its own: the same numbers as Keras's, and a graph of its own."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from deepdream import backbones
from deepdream.backbones.pooling import MaxPooling2D


def value_and_gradient(layer: Any, x: tf.Tensor) -> tuple[np.ndarray, np.ndarray]:
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        total = tf.reduce_sum(tf.cast(y, tf.float32) * tf.range(1.0, 1.0 + y.shape[-1]))
    return y.numpy().astype(np.float32), tape.gradient(total, x).numpy().astype(np.float32)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2)])
def test_values_and_gradients_are_those_of_keras(size: int, stride: int, padding: str, dtype: str) -> None:
    """With ties, of which there are many among small whole numbers."""
    x = tf.cast(np.random.default_rng(4).integers(0, 4, (1, 13, 18, 3)), dtype)
    how = {"pool_size": size, "strides": stride, "padding": padding, "dtype": dtype}
    ours, theirs = (value_and_gradient(k(**how), x) for k in (MaxPooling2D, keras.layers.MaxPooling2D))
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])


def test_no_gradient_of_a_pooling_is_in_the_graph_of_a_step() -> None:
    choice = backbones.resolve("vgg16", ["block3_conv1"])
    extractor = backbones.open_extractor(choice, ["block3_conv1"], "float32")

    @tf.function(autograph=False)
    def step(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(extractor(x)["block3_conv1"])
        return tape.gradient(total, x)

    graph = step.get_concrete_function(tf.TensorSpec([1, None, None, 3])).graph
    assert "MaxPoolGrad" not in [operation.type for operation in graph.get_operations()]
    functions = [
        (function, [node.op for node in function.node_def])
        for function in graph.as_graph_def().library.function
        if any(node.op == "MaxPoolGrad" for node in function.node_def)
    ]
    assert len(functions) == 2, "one for each pooling"
    for function, inside in functions:
        assert inside.count("MaxPool") == 1 and function.attr["_noinline"].b
