"""Networks that pool in another way, or pad their first convolution in another, as some recipes want."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

__all__ = ["Pooling", "Variant", "vary"]

Pooling = Literal["max", "average", "l2"]


@dataclass(frozen=True)
class Variant:
    """What is to differ from the network as it was trained."""

    pooling: Pooling = "max"
    """How cells are pooled. The mean is doubled and the norm multiplied by 0.78, which keeps deeper layers
    about as loud as after the maximum that they were trained with (crowsonkb/style-transfer-pytorch)."""
    replicate: bool = False
    """Pad the first convolution with the picture's own rim, not with grey: no frame is drawn around it."""

    @property
    def plain(self) -> bool:
        return self == Variant()


def vary(network: keras.Model, variant: Variant) -> keras.Model:
    """A copy of `network` with the layers that `variant` changes; the weights are the same."""
    import keras

    if variant.plain:
        return network
    layers = [layer for layer in network.layers if not isinstance(layer, keras.layers.InputLayer)]
    first = layers[0]

    def copy(layer: Any) -> Any:
        config = layer.get_config()
        if isinstance(layer, keras.layers.MaxPooling2D) and variant.pooling != "max":
            return _pool(layer, variant.pooling)
        if layer is first and variant.replicate and _is_padded(layer):
            return _replicating(type(layer)).from_config({**config, "padding": "valid"})
        return type(layer).from_config(config)

    other = keras.models.clone_model(network, clone_function=copy)
    other.set_weights(network.get_weights())
    return other


def _is_padded(layer: Any) -> bool:
    import keras

    return (
        type(layer) is keras.layers.Conv2D and layer.padding == "same" and tuple(layer.kernel_size) == (3, 3)
    )


def _pool(layer: Any, kind: Pooling) -> Any:
    import keras
    import tensorflow as tf

    class Pool(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: tf.Tensor) -> tf.Tensor:
            size, strides, padding = layer.pool_size, layer.strides, layer.padding.upper()
            if kind == "average":
                return 2.0 * tf.nn.avg_pool2d(x, size, strides, padding)
            mean = tf.nn.avg_pool2d(tf.square(x), size, strides, padding)
            return 0.78 * tf.sqrt(mean * (size[0] * size[1]) + 1e-8)

    return Pool(name=layer.name, dtype=layer.dtype_policy)


def _replicating(convolution: type) -> Any:
    import tensorflow as tf

    class Replicating(convolution):  # type: ignore[misc]
        def call(self, x: tf.Tensor) -> tf.Tensor:
            return super().call(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC"))

        def compute_output_shape(self, shape: Any) -> Any:
            return (*shape[:-1], self.filters)

    return Replicating
