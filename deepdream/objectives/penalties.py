"""What a canvas should not be: penalties on its pixels, positive, to be subtracted."""

from __future__ import annotations

from collections.abc import Mapping

from deepdream.algebra import Objective, Probe, Tensor
from deepdream.objectives.terms import single

__all__ = ["absolute_variation", "roughness", "total_variation"]


def total_variation() -> Objective:
    """Roughness of the canvas: ½Σ(∂x² + ∂y²) over neighbouring pixels, in grey levels squared.

    The penalty of jcjohnson/neural-style (its gradient is the plain difference of neighbours).
    The value is positive: subtract it.
    """

    def value(_a: Mapping[str, Tensor], x: Tensor, _t: Tensor) -> Tensor:
        import tensorflow as tf

        corner = x[:, :-1, :-1]
        down, right = x[:, 1:, :-1] - corner, x[:, :-1, 1:] - corner
        return 0.5 * (tf.reduce_sum(tf.square(down)) + tf.reduce_sum(tf.square(right)))

    return single("total_variation", value, parts="sum")


def absolute_variation() -> Objective:
    """Roughness of the canvas: Σ(|∂x| + |∂y|) over all pairs of neighbouring pixels, in grey levels.

    The penalty of TensorFlow's style tutorial, which has it on colours 0..1: 255 times less.
    The value is positive: subtract it.
    """

    def value(_a: Mapping[str, Tensor], x: Tensor, _t: Tensor) -> Tensor:
        import tensorflow as tf

        down, right = x[:, 1:] - x[:, :-1], x[:, :, 1:] - x[:, :, :-1]
        return tf.reduce_sum(tf.abs(down)) + tf.reduce_sum(tf.abs(right))

    return single("absolute_variation", value)


def roughness() -> Objective:
    """Roughness of the canvas as a mean over its pixels and channels, so that it is alike at every size.

    (∂x² + ∂y²) / 3 + (∂↘² + ∂↙²) / 12 of colours 0..1, twice: the nine-point penalty of
    crowsonkb/style-transfer-pytorch, but for the rim that it pads. The value is positive: subtract it.
    """

    def share(probe: Probe) -> Tensor:
        import tensorflow as tf

        height, width = probe.size
        return tf.constant(2.0 / (3 * height * width * 255.0**2), tf.float64)

    def value(_a: Mapping[str, Tensor], x: Tensor, share: Tensor) -> Tensor:
        import tensorflow as tf

        corner, right, below = x[:, :-1, :-1], x[:, :-1, 1:], x[:, 1:, :-1]
        straight = tf.square(right - corner) + tf.square(below - corner)
        slanting = tf.square(x[:, 1:, 1:] - corner) + tf.square(right - below)
        return tf.cast(share, x.dtype) * tf.reduce_sum(straight / 3 + slanting / 12)

    return single("roughness", value, target=share, parts="sum")
