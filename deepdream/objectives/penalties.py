"""What a canvas should not be: penalties on its pixels, positive, to be subtracted."""

from __future__ import annotations

from collections.abc import Mapping

from deepdream.algebra import Objective, Tensor
from deepdream.objectives.terms import single

__all__ = ["total_variation"]


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
