"""The Wasserstein-2 distance of Gaussians, with the closed form of its gradient.

W2²(N(μ, Σ), N(μ̂, Σ̂)) = ‖μ - μ̂‖² + tr(Σ + Σ̂ - 2(Σ̂^½ Σ Σ̂^½)^½)    (Olkin & Pukelsheim 1982)

Everything is computed in float64: the small eigenvalues of the covariances of features are lost in the
rounding of float32, and with them the zero that a distribution's distance from itself must be.
"""

from __future__ import annotations

from deepdream.objectives.algebra import Tensor

__all__ = ["covariance", "square_root", "squared_distance"]


def covariance(second: Tensor, mean: Tensor, epsilon: float) -> Tensor:
    """E[f fᵀ] - μ μᵀ + ε·I, `[C, C]` in float64."""
    import tensorflow as tf

    second, mean = tf.cast(second, tf.float64), tf.cast(mean, tf.float64)
    spread = second - mean[:, None] * mean[None, :]
    return (spread + tf.transpose(spread)) / 2 + epsilon * tf.eye(tf.shape(mean)[0], dtype=tf.float64)


def square_root(matrix: Tensor) -> Tensor:
    """The symmetric square root of a positive semidefinite matrix; negative eigenvalues count as zero."""
    import tensorflow as tf

    values, vectors = tf.linalg.eigh(matrix)
    return tf.matmul(vectors * tf.sqrt(tf.maximum(values, 0.0)), vectors, transpose_b=True)


def squared_distance(mean: Tensor, spread: Tensor, other_mean: Tensor, other_root: Tensor) -> Tensor:
    """W2² of two Gaussians, a float64 scalar; `other_root` is the square root of the other's covariance."""
    import tensorflow as tf

    apart = tf.reduce_sum(tf.square(tf.cast(mean, tf.float64) - tf.cast(other_mean, tf.float64)))
    own, other = tf.linalg.trace(spread), tf.reduce_sum(tf.square(other_root))
    return apart + own + other - 2.0 * _overlap(spread, other_root)


def _overlap(spread: Tensor, root: Tensor) -> Tensor:
    """tr((R Σ R)^½), whose gradient in Σ is ½ R (R Σ R)^-½ R.

    Differentiating through the eigenvectors instead divides by differences of eigenvalues, which are zero
    for the many directions in which a small canvas has no variance at all.
    """
    import tensorflow as tf

    sigma = tf.stop_gradient(spread)
    product = tf.matmul(root, tf.matmul(sigma, root))
    values, vectors = tf.linalg.eigh((product + tf.transpose(product)) / 2)
    # What rounding leaves of a zero eigenvalue must not be divided by.
    divisors = tf.sqrt(tf.maximum(values, tf.reduce_max(values) * 1e-14 + 1e-300))
    sides = tf.matmul(root, vectors)
    slope = tf.stop_gradient(0.5 * tf.matmul(sides / divisors, sides, transpose_b=True))
    value = tf.stop_gradient(tf.reduce_sum(tf.sqrt(tf.maximum(values, 0.0))))
    # The value, and its gradient by way of a sum of zeros: a gradient made inside a graph (custom_gradient)
    # is kept by TensorFlow for good, with that graph.
    return value + tf.reduce_sum(slope * (spread - sigma))
