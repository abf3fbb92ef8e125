"""What a network sees: rewards for the activations of layers and channels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from deepdream.algebra import Objective, Probe, Tensor, Term
from deepdream.objectives.terms import measured, single
from deepdream.scales import fit

if TYPE_CHECKING:
    from deepdream.picture import Picture

__all__ = ["channel", "layer", "match", "mean"]


def layer(name: str, *, relative: bool = False) -> Objective:
    """How strongly a layer responds: mean(a²).

    google/deepdream maximises ½Σa²; the two differ by a factor that depends on the size of the
    layer alone, which the step's normalisation cancels. The mean can be compared between octaves.
    With `relative`, the value is divided by what it is on the canvas that the octave starts from
    (shrunk to 1024 px if it is larger), so that layers of different loudness weigh the same in a sum.
    """

    def loudness(activations: Mapping[str, Tensor]) -> Tensor:
        import tensorflow as tf

        return tf.reduce_mean(tf.square(activations[name]))

    if not relative:
        return single(f"layer({name})", lambda a, _x, _t: loudness(a), layers=(name,), parts="mean")

    def start(probe: Probe) -> Tensor:
        import tensorflow as tf

        size = fit(probe.size, min(max(probe.size), 1024))
        return tf.maximum(loudness(probe.features(probe.canvas, size)), 1e-12)

    return single(
        f"gain({name})", lambda a, _x, t: loudness(a) / t, layers=(name,), target=start, parts="mean"
    )


def mean(name: str) -> Objective:
    """The mean activation of a layer, not squared: mean(a), as in TensorFlow's DeepDream tutorial."""

    def value(activations: Mapping[str, Tensor], _x: Tensor, _t: Tensor) -> Tensor:
        import tensorflow as tf

        return tf.reduce_mean(activations[name])

    return single(f"mean({name})", value, layers=(name,), parts="mean")


def channel(name: str, index: int) -> Objective:
    """The mean activation of one channel of a layer, counted from 0: mean(a[..., index])."""

    def value(activations: Mapping[str, Tensor], _x: Tensor, _t: Tensor) -> Tensor:
        import tensorflow as tf

        return tf.reduce_mean(activations[name][..., index])

    return Objective((Term(f"channel({name}, {index})", (name,), value, parts="mean", channel=index),))


def match(name: str, target: Picture | Tensor) -> Objective:
    """Pull the features of a layer towards those of a guide: Σ_p max_q ⟨x_p, y_q⟩.

    `target` is the guide's picture, or its activations `[1, h, w, C]`. Every position of the
    dream takes the guide's feature with the largest dot product, and that feature is the gradient
    at the layer (google/deepdream, "controlling dreams").
    """

    def guide(probe: Probe) -> Tensor:
        return measured(name, target, probe, size=None)

    def value(activations: Mapping[str, Tensor], _x: Tensor, features: Tensor) -> Tensor:
        import tensorflow as tf

        depth = tf.shape(features)[-1]
        x = tf.reshape(activations[name], [-1, depth])
        y = tf.reshape(features, [-1, depth])
        best = tf.argmax(tf.matmul(tf.stop_gradient(x), y, transpose_b=True), axis=1)
        return tf.reduce_sum(x * tf.gather(y, best))

    return single(f"match({name})", value, layers=(name,), target=guide, parts="sum")
