"""Statistics of features: sums over cells, and the moments that follow from the sums.

Sums over the parts of a picture add up to those of the whole, so everything that is not a sum (divisions,
squares, eigendecompositions) comes afterwards, once for all parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from deepdream.objectives.algebra import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Moments", "Sums", "blend", "feature_sums", "gram_matrix", "moments_of"]


class Sums(NamedTuple):
    """What `feature_sums` adds up over the cells that it is given."""

    second: Tensor
    """Σ t² f fᵀ, `[C, C]`."""
    first: Tensor
    """Σ t² f, `[C]`."""
    count: Tensor
    """Σ t², a scalar: the number of cells, where all weights are 1."""


class Moments(NamedTuple):
    """Means over cells: what a texture is known by."""

    second: Tensor
    """E[f fᵀ], `[C, C]`: the Gram matrix of Gatys et al. 2016."""
    mean: Tensor
    """E[f], `[C]`."""


def feature_sums(features: Tensor, weights: Tensor | None = None) -> Sums:
    """Sums over the cells of activations `[1, h, w, C]`; those of `weights` t `[1, h, w, 1]` count t² times.

    With weights, `second` is (F·T)ᵀ(F·T), the guided Gram matrix of Gatys et al., "Controlling perceptual
    factors in neural style transfer" (2017), before its division by ΣT². `first` has the same weights, so
    that the covariance of the two is that of a distribution.
    """
    import tensorflow as tf

    flat = tf.reshape(features, [-1, features.shape[-1]])
    if weights is None:
        count = tf.cast(tf.shape(flat)[0], flat.dtype)
        return Sums(tf.matmul(flat, flat, transpose_a=True), tf.reduce_sum(flat, 0), count)
    t = tf.reshape(tf.cast(weights, flat.dtype), [-1, 1])
    weighted = flat * t
    return Sums(
        tf.matmul(weighted, weighted, transpose_a=True),
        tf.reduce_sum(weighted * t, 0),
        tf.reduce_sum(tf.square(t)),
    )


def moments_of(sums: Sums) -> Moments:
    """The means that follow from the sums over all cells."""
    return Moments(sums.second / sums.count, sums.first / sums.count)


def gram_matrix(features: Tensor) -> Tensor:
    """Gram matrix FᵀF / (h·w) of activations `[1, h, w, C]`: `[C, C]` (Gatys et al. 2016, eq. 3)."""
    return moments_of(feature_sums(features)).second


def blend(parts: Sequence[tuple[Moments, float]]) -> Moments:
    """The weighted mean of moments: those of a texture that is so much of one picture, so much of another.

    Moments are linear in the distribution, which is why they are mixed and not covariances
    (crowsonkb/style-transfer-pytorch). The weights are divided by their sum.
    """
    whole = sum(weight for _, weight in parts)
    second = sum((weight / whole) * moments.second for moments, weight in parts)
    mean = sum((weight / whole) * moments.mean for moments, weight in parts)
    return Moments(second, mean)
