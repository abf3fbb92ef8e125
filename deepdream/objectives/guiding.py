"""Guides: rewards for features that resemble those of another picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from deepdream.algebra import Objective, Probe, Tensor
from deepdream.objectives.terms import measured, single
from deepdream.scales import fit

if TYPE_CHECKING:
    from deepdream.picture import Picture

__all__ = ["cosine", "direction", "match"]


def match(name: str, target: Picture | Tensor) -> Objective:
    """Pull the features of a layer towards those of a guide: Σ_p max_q ⟨x_p, y_q⟩.

    `target` is the guide's picture, measured at its own size, or its activations `[1, h, w, C]`. Every
    position of the dream takes the guide's feature with the largest dot product, and that feature is the
    gradient at the layer (google/deepdream, "controlling dreams").
    """

    def guide(probe: Probe) -> Tensor:
        return measured(name, target, probe, size=None)

    def value(activations: Mapping[str, Tensor], _x: Tensor, features: Tensor) -> Tensor:
        import tensorflow as tf

        x, y = _rows(activations[name]), _rows(features)
        best = tf.argmax(tf.matmul(tf.stop_gradient(x), y, transpose_b=True), axis=1)
        return tf.reduce_sum(x * tf.gather(y, best))

    return single(f"match({name})", value, layers=(name,), target=guide, parts="sum")


def cosine(name: str, target: Picture | Tensor) -> Objective:
    """As `match`, whatever the loudness: Σ_p max_q ⟨x_p, y_q⟩ / (|x_p| |y_q|).

    Dot products favour the guide's loudest features; here all of them may be chosen.
    """

    def guide(probe: Probe) -> Tensor:
        return measured(name, target, probe, size=None)

    def value(activations: Mapping[str, Tensor], _x: Tensor, features: Tensor) -> Tensor:
        import tensorflow as tf

        x = tf.math.l2_normalize(_rows(activations[name]), axis=1, epsilon=1e-12)
        y = tf.math.l2_normalize(_rows(features), axis=1, epsilon=1e-12)
        best = tf.argmax(tf.matmul(tf.stop_gradient(x), y, transpose_b=True), axis=1)
        return tf.reduce_sum(x * tf.gather(y, best))

    return single(f"cosine({name})", value, layers=(name,), target=guide, parts="sum")


def direction(name: str, target: Picture | Tensor) -> Objective:
    """The mean of a layer's features along a direction: mean_p ⟨x_p, v⟩, v of length 1.

    `target` is a vector `[C]` or activations `[1, h, w, C]`, whose mean gives the direction; or a
    guide's picture: then it is the mean of the guide's features less that of the canvas the octave starts
    from (shrunk to 1024 px if it is larger), what the guide has and the picture lacks.
    """

    def aim(probe: Probe) -> Tensor:
        import tensorflow as tf

        mean = tf.reduce_mean(_rows(measured(name, target, probe, size=None)), axis=0)
        if hasattr(target, "pixels"):
            size = fit(probe.size, min(max(probe.size), 1024))
            mean -= tf.reduce_mean(_rows(probe.features(probe.canvas, size)[name]), axis=0)
        return tf.math.l2_normalize(mean, epsilon=1e-24)

    def value(activations: Mapping[str, Tensor], _x: Tensor, vector: Tensor) -> Tensor:
        import tensorflow as tf

        return tf.reduce_mean(tf.linalg.matvec(_rows(activations[name]), vector))

    return single(f"direction({name})", value, layers=(name,), target=aim, parts="mean")


def _rows(features: Tensor) -> Tensor:
    """The features of all cells, one in a row: `[h·w, C]`."""
    import tensorflow as tf

    return tf.reshape(features, [-1, tf.shape(features)[-1]])
