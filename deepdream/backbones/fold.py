"""Functions that rewrite a network into one that computes the same with less work, for inference only.

Batch normalisation with fixed statistics is a scale and a shift per channel, which a convolution before it
can do with its own kernel and bias; so can a convolution that comes first with the order and the scale of
the colours. The algebra is done in float64 from the float32 weights.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from deepdream.backbones.introspect import outputs_of

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

__all__ = ["fold"]


@dataclass
class _Plan:
    """What becomes of the operations of a network, by their ids; the others are copied."""

    weights: dict[int, list[np.ndarray]] = field(default_factory=dict)
    """Convolutions that get a bias and these weights."""
    gone: set[int] = field(default_factory=set)
    """Operations that pass on what they are given, for another does their work."""
    scaled: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    """Normalisations that become a scale and a shift."""
    mean: np.ndarray | None = None
    """The colour to subtract before the network, if its first convolution does the rest of the entry."""


def fold(
    network: keras.Model, entry: Callable[[tf.Tensor], tf.Tensor], precision: str
) -> tuple[keras.Model, np.ndarray | None]:
    """A copy of `network`, computing in `precision`, whose outputs are the same to rounding.

    `entry`, an affine map, is how colours `[..., 3]` become the network's input. The second result is the
    mean colour (float32 `[3]`) that is left to subtract from a canvas, or None if the copy wants `entry`
    applied in full. The mean stays outside because a convolution's padding must be zero after it, not
    before; and because small numbers lose less in bfloat16. The outputs of `network` stay what they are,
    also where they lie between a convolution and its normalisation.
    """
    plan = _plan(network, entry)
    return _copy(network, plan, precision), plan.mean


def _plan(network: keras.Model, entry: Callable[[tf.Tensor], tf.Tensor]) -> _Plan:
    import keras

    graph = _Graph(network)
    plan = _Plan()
    _plan_entry(plan, graph, network.inputs[0], entry)
    for operation in network.operations:
        if type(operation) is keras.layers.BatchNormalization and operation.axis in (-1, 3):
            plan.scaled[id(operation)] = _scale_and_shift(operation)
    for conv in network.operations:
        if not _is_convolution(conv) or conv.activation is not keras.activations.linear:
            continue
        after = graph.only_user(outputs_of(conv)[0])
        if id(after) in plan.scaled and graph.called_once(conv):
            weights = plan.weights.get(id(conv)) or _weights(conv)
            plan.weights[id(conv)] = _scaled(conv, weights, *plan.scaled.pop(id(after)))
            plan.gone.add(id(after))
    return plan


def _plan_entry(plan: _Plan, graph: _Graph, tensor: Any, entry: Callable[[tf.Tensor], tf.Tensor]) -> None:
    """Plan the way from the input to the first convolution, if the convolution can take over the colours.

    Rescaling in between joins the map. Padding with zeros may lie in between: what is padded there is a
    colour less the mean, before as after the fold.
    """
    import keras
    import tensorflow as tf

    offset, *axes = entry(tf.constant(np.eye(4, 3, -1))).numpy()
    matrix = np.array(axes) - offset
    passed = set()
    step: Any = graph.only_user(tensor)
    while type(step) in (keras.layers.Rescaling, keras.layers.Normalization):
        scale, shift = _rescaling(step)
        matrix, offset = matrix * scale, offset * scale + shift
        passed.add(id(step))
        step = graph.only_user(outputs_of(step)[0])
    while type(step) is keras.layers.ZeroPadding2D:
        step = graph.only_user(outputs_of(step)[0])
    if type(step) is not keras.layers.Conv2D or not _is_convolution(step) or step.groups != 1:
        return
    kernel, bias = _weights(step)
    plan.weights[id(step)] = [np.einsum("ij,hwjo->hwio", matrix, kernel), bias]
    plan.mean = (-offset @ np.linalg.inv(matrix)).astype(np.float32)
    plan.gone |= passed


class _Graph:
    """Who uses what in a network."""

    def __init__(self, network: keras.Model) -> None:
        self._users: dict[int, list[Any]] = defaultdict(list)
        self._wanted = {id(tensor) for tensor in network.outputs}
        for operation in network.operations:
            for node in operation._inbound_nodes:
                for tensor in node.input_tensors:
                    self._users[id(tensor)].append(operation)

    def only_user(self, tensor: Any) -> Any | None:
        """The operation that alone sees the tensor; None if more do, or if it is a result of the network."""
        users = self._users[id(tensor)]
        alone = len(users) == 1 and id(tensor) not in self._wanted and self.called_once(users[0])
        return users[0] if alone else None

    @staticmethod
    def called_once(operation: Any) -> bool:
        """Whether the operation has a single place in the graph; layers can be shared."""
        return len(operation._inbound_nodes) == 1


def _is_convolution(operation: Any) -> bool:
    import keras

    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)
    return type(operation) in kinds and operation.data_format == "channels_last"


def _weights(conv: Any) -> list[np.ndarray]:
    """The weights of a convolution in float64, with its bias, which is zero if it has none."""
    weights = [array.astype(np.float64) for array in conv.get_weights()]
    return weights if conv.use_bias else [*weights, np.zeros(outputs_of(conv)[0].shape[-1])]


def _scaled(conv: Any, weights: list[np.ndarray], scale: np.ndarray, shift: np.ndarray) -> list[np.ndarray]:
    """Weights of `conv` that give its output times `scale` plus `shift`.

    Channels of the output are the kernel's last axis; in a depthwise kernel `[h, w, channels, multiplier]`
    the last two, in that order.
    """
    import keras

    *before, kernel, bias = weights
    factor = scale.reshape(kernel.shape[2:]) if type(conv) is keras.layers.DepthwiseConv2D else scale
    return [*before, kernel * factor, bias * scale + shift]


def _scale_and_shift(norm: Any) -> tuple[np.ndarray, np.ndarray]:
    """What a BatchNormalization does at inference (Ioffe and Szegedy, 2015), as x·scale + shift."""
    mean, variance = _array(norm.moving_mean), _array(norm.moving_variance)
    scale = (_array(norm.gamma) if norm.scale else 1.0) / np.sqrt(variance + norm.epsilon)
    return scale, (_array(norm.beta) if norm.center else 0.0) - mean * scale


def _rescaling(layer: Any) -> tuple[Any, Any]:
    """What a Rescaling or Normalization does, as x·scale + shift."""
    import keras

    if type(layer) is keras.layers.Rescaling:
        return np.asarray(layer.scale, np.float64), np.asarray(layer.offset, np.float64)
    layer.finalize_state()  # weights that were loaded only count from here on
    deviation = np.maximum(np.sqrt(_array(layer.variance)), keras.config.epsilon()).reshape(-1)
    mean = _array(layer.mean).reshape(-1)
    return (deviation, mean) if layer.invert else (1 / deviation, -mean / deviation)


def _array(values: Any) -> np.ndarray:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(values), np.float64)


def _copy(network: keras.Model, plan: _Plan, precision: str) -> keras.Model:
    """The network by plan, on an input of float32."""
    import keras

    from deepdream.backbones import winograd
    from deepdream.backbones.pooling import MaxPooling2D

    originals: dict[int, Any] = {}
    dtype = "float32" if precision == "winograd" else precision

    def copy(layer: Any) -> Any:
        if not isinstance(layer, keras.layers.Layer) or (isinstance(layer, keras.Model) and not layer.inputs):
            return layer  # arithmetic, or a model without a graph: nothing to copy
        if isinstance(layer, keras.Model):
            clone = keras.models.clone_model(layer, clone_function=copy)
        elif id(layer) in plan.scaled:
            scale, shift = (array.astype(np.float32) for array in plan.scaled[id(layer)])
            clone = keras.layers.Rescaling(scale, shift, name=layer.name, dtype=dtype)
        else:
            config = {**layer.get_config(), "dtype": dtype}
            if _is_convolution(layer):
                # Drawing random weights that are replaced at once would take longer than all the rest.
                config |= {key: "zeros" for key in config if key.endswith("_initializer")}
            if id(layer) in plan.weights:
                config["use_bias"] = True
            kind = MaxPooling2D if type(layer) is keras.layers.MaxPooling2D else type(layer)
            if precision == "winograd" and winograd.pays(layer):
                kind = winograd.Conv2D
            clone = kind.from_config(config)
        originals[id(clone)] = layer
        return clone

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        original = originals.get(id(operation))
        if id(original) in plan.gone:
            return args[0]
        if id(original) in plan.scaled:
            return operation(args[0])  # without the arguments that only a normalisation takes
        result = operation(*args, **kwargs)
        if original is not None:
            operation.set_weights(plan.weights.get(id(original)) or original.get_weights())
            if isinstance(original, keras.layers.Normalization):
                operation.finalize_state()
        return result

    return keras.models.clone_model(network, clone_function=copy, call_function=call)
