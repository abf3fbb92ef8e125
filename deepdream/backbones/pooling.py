"""Max-pooling whose gradient is oneDNN's in every graph.

Importing this module loads TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import keras
import tensorflow as tf

__all__ = ["MaxPooling2D"]


class MaxPooling2D(keras.layers.MaxPooling2D):  # type: ignore[misc]
    """Keras's layer, with the same values and the same gradient.

    TensorFlow takes oneDNN's gradient of a max-pooling only where its rewriting of the graph meets the
    pooling first, and in the graph of a loop, whose edges run in a circle, that is chance. Its own runs on
    one core, and takes forty times as long. So the gradient is a function with a graph of its own, in which
    the pooling is done once more.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        if self.data_format != "channels_last" or tf.executing_eagerly():
            return super().call(inputs)
        pool = _pooling(
            tuple(self.pool_size), tuple(self.strides), self.padding.upper(), inputs.dtype, inputs.shape[-1]
        )
        return tf.ensure_shape(pool(inputs), self.compute_output_shape(inputs.shape))


@cache
def _pooling(
    size: tuple[int, int], strides: tuple[int, int], padding: str, dtype: tf.DType, channels: int
) -> Callable[[tf.Tensor], tf.Tensor]:
    """The pooling as a function that every graph shares.

    TensorFlow keeps a gradient that was made inside a graph for good, and with it that graph and its weights.
    """
    how: dict[str, Any] = {"ksize": [1, *size, 1], "strides": [1, *strides, 1], "padding": padding}

    def gradient(x: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
        pooled = tf.raw_ops.MaxPool(input=x, **how)
        return tf.raw_ops.MaxPoolGrad(orig_input=x, orig_output=pooled, grad=upstream, **how)

    alone = tf.function(gradient, autograph=False, experimental_attributes={"_noinline": True})

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def pool(x: tf.Tensor) -> Any:
        return tf.raw_ops.MaxPool(input=x, **how), lambda upstream: alone(x, upstream)

    canvas = tf.TensorSpec([None, None, None, channels], dtype)
    shared: Callable[[tf.Tensor], tf.Tensor] = tf.function(pool, autograph=False, input_signature=[canvas])
    return shared
