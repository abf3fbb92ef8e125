"""Convolutions of 3×3 with a quarter of the multiplications: Winograd's minimal filtering F(4×4, 3×3).

After Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks" (2015): 4×4 cells of the output follow
from 6×6 of the input, Y = Aᵀ[(G k Gᵀ) ⊙ (Bᵀ x B)]A, and the product becomes one of matrices when all channels
and places are taken together. The sums around it grow with the channels, the products with their square: it
pays where there are many. Rounding is about ten times that of the plain sum, 1e-6 of the output.

Importing this module loads TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf

__all__ = ["Conv2D", "convolve", "pays", "spread"]

_B: Final = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
_G: Final = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
_A: Final = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))
"""Bᵀ, G and Aᵀ of the points 0, ±1, ±2 and infinity."""

_FEWEST: Final = 64 * 128
"""Channels in times channels out below which the sums cost what the products save; measured on VGG16."""


def pays(layer: keras.layers.Layer) -> bool:
    """Whether a layer is a convolution that this way is faster for."""
    if type(layer) is not keras.layers.Conv2D or layer.data_format != "channels_last" or layer.groups != 1:
        return False
    dense = tuple(layer.strides) == (1, 1) == tuple(layer.dilation_rate)
    *sides, channels, filters = layer.kernel.shape
    return dense and sides == [3, 3] and channels * filters >= _FEWEST


class Conv2D(keras.layers.Conv2D):  # type: ignore[misc]
    """Keras's layer, with the same weights; inside a graph it computes by Winograd, there and back."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        if tf.executing_eagerly() or inputs.shape[0] != 1:
            return super().call(inputs)
        there, back = self._spread
        result = _differentiable(*there.shape[1:], int(self.padding == "same"))(inputs, there, back)
        if self.use_bias:
            result = tf.nn.bias_add(result, self.bias)
        return self.activation(tf.ensure_shape(result, self.compute_output_shape(inputs.shape)))

    @cached_property
    def _spread(self) -> tuple[tf.Tensor, tf.Tensor]:
        """What the kernel is multiplied as, and the one that takes gradients back.

        All graphs share them, and they are constants of none: those are copied with a graph.
        """
        with tf.init_scope():
            kernel = self.kernel.numpy()
            turned = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
            return tf.constant(spread(kernel)), tf.constant(spread(turned))


def spread(kernel: np.ndarray) -> np.ndarray:
    """G k Gᵀ of kernels `[3, 3, C, K]`, float32 `[36, C, K]`, columns before rows."""
    points = np.array(_G)
    both = np.einsum("ai,bj->baij", points, points).reshape(36, 9)
    wide: np.ndarray = both @ kernel.reshape(9, -1).astype(np.float64)
    return wide.astype(np.float32).reshape(36, *kernel.shape[2:])


def convolve(x: tf.Tensor, kernels: tf.Tensor, pad: int) -> tf.Tensor:
    """`x` `[1, H, W, C]` with `pad` zeros around it, convolved with `spread` kernels: `[1, h, w, K]`."""
    channels, filters = kernels.shape[1:]
    there, back = (tf.constant(matrix, x.dtype) for matrix in (_B, _A))
    shape = tf.shape(x)
    height, width = shape[1] + 2 * pad - 2, shape[2] + 2 * pad - 2
    down, across = (height + 3) // 4, (width + 3) // 4
    after = [4 * (down + 1) - shape[1] - pad, 4 * (across + 1) - shape[2] - pad]
    x = tf.pad(x[0], [[pad, after[0]], [pad, after[1]], [0, 0]])

    rows = tf.unstack(tf.reshape(x, [down + 1, 4, 4 * (across + 1) * channels]), num=4, axis=1)
    seen = tf.stack([row[:-1] for row in rows] + [row[1:] for row in rows[:2]])
    seen = there @ tf.reshape(seen, [6, -1])
    columns = tf.unstack(tf.reshape(seen, [6 * down, across + 1, 4, channels]), num=4, axis=2)
    seen = tf.stack([column[:, :-1] for column in columns] + [column[:, 1:] for column in columns[:2]])
    seen = there @ tf.reshape(seen, [6, -1])

    product = tf.reshape(seen, [36, down * across, channels]) @ kernels

    found = back @ tf.reshape(product, [6, -1])
    found = tf.transpose(tf.reshape(found, [4, 6, down * across, filters]), [1, 2, 0, 3])
    found = back @ tf.reshape(found, [6, -1])
    found = tf.transpose(tf.reshape(found, [4, down, 4 * across * filters]), [1, 0, 2])
    return tf.reshape(found, [1, 4 * down, 4 * across, filters])[:, :height, :width]


@cache
def _differentiable(channels: int, filters: int, pad: int) -> Callable[..., tf.Tensor]:
    """`convolve` with its gradient in `x`, as a function that every graph shares.

    The gradient is a convolution with the kernels turned about, and takes as few multiplications. TensorFlow
    keeps a gradient that was made inside a graph for good, and with it that graph.
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def both(x: tf.Tensor, there: tf.Tensor, back: tf.Tensor) -> Any:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None, None]:
            return convolve(upstream, back, 2 - pad), None, None

        return convolve(x, there, pad), gradient

    signature = [
        tf.TensorSpec([1, None, None, channels]),
        tf.TensorSpec([36, channels, filters]),
        tf.TensorSpec([36, filters, channels]),
    ]
    shared: Callable[..., tf.Tensor] = tf.function(both, autograph=False, input_signature=signature)
    return shared
