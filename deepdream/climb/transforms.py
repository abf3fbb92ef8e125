"""Transforms: what the network sees instead of the canvas, another at every step.

What a feature answers to only at one place, size and angle is noise. A canvas that is shifted, scaled and
turned a little before every step keeps what survives that (Olah, Mordvintsev & Schubert 2017, "transformation
robustness"). A transform takes a canvas `[1, H, W, 3]` in grey levels 0-255 and a seed, an int32 `[2]` that
is another in every step, and returns a canvas of any size. It draws from that seed alone.

Importing this module loads no TensorFlow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from deepdream.objectives.foreign import one_of
from deepdream.objectives.terms import several

__all__ = ["Transform", "compose", "flip", "jitter", "pad", "rotate", "scale", "standard"]

Tensor = Any
"""A TensorFlow tensor; spelt `Any` so that this module imports no TensorFlow."""

Transform = Callable[[Tensor, Tensor], Tensor]

_GREY = 127.5


def compose(*transforms: Transform) -> Transform:
    """The transforms one after another, each with draws of its own."""

    parts = [one_of("compose", transform) for transform in transforms]

    def composed(canvas: Tensor, seed: Tensor) -> Tensor:
        import tensorflow as tf

        for number, transform in enumerate(parts):
            canvas = transform(canvas, tf.random.experimental.stateless_fold_in(seed, number))
        return canvas

    return composed


def pad(width: int, level: float = _GREY) -> Transform:
    """A frame of `width` pixels of one grey around the canvas."""

    def padded(canvas: Tensor, _seed: Tensor) -> Tensor:
        import tensorflow as tf

        return tf.pad(canvas, [[0, 0], [width, width], [width, width], [0, 0]], constant_values=level)

    return padded


def jitter(distance: int) -> Transform:
    """A random crop, smaller by `distance` pixels on each axis: a shift by 0 to `distance`."""

    def jittered(canvas: Tensor, seed: Tensor) -> Tensor:
        import tensorflow as tf

        y, x = tf.unstack(tf.random.stateless_uniform([2], seed, 0, distance + 1, dtype=tf.int32))
        height, width = tf.shape(canvas)[1] - distance, tf.shape(canvas)[2] - distance
        return canvas[:, y : y + height, x : x + width]

    return jittered


def scale(factors: Sequence[float]) -> Transform:
    """One of the `factors`, drawn anew in every step, times as large; linear interpolation."""
    factors = several("scale", factors, "factors")

    def scaled(canvas: Tensor, seed: Tensor) -> Tensor:
        import tensorflow as tf

        factor = _pick(factors, seed)
        size = tf.cast(factor * tf.cast(tf.shape(canvas)[1:3], tf.float32), tf.int32)
        return tf.image.resize(canvas, size, "bilinear")

    return scaled


def rotate(degrees: Sequence[float], level: float = _GREY) -> Transform:
    """A turn about the centre by one of the angles, counter-clockwise; corners that come in are grey."""
    degrees = several("rotate", degrees, "angles")

    def rotated(canvas: Tensor, seed: Tensor) -> Tensor:
        import tensorflow as tf

        angle = _pick(degrees, seed) * (math.pi / 180)
        cosine, sine = tf.cos(angle), tf.sin(angle)
        size = tf.shape(canvas)[1:3]
        y, x = tf.unstack((tf.cast(size, tf.float32) - 1) / 2)  # the centre stays where it is
        # Where an output pixel (x, y) comes from: the turn back, about the centre.
        move = [cosine, -sine, x - cosine * x + sine * y, sine, cosine, y - sine * x - cosine * y, 0.0, 0.0]
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=canvas,
            transforms=tf.stack(move)[tf.newaxis],
            output_shape=size,
            interpolation="BILINEAR",
            fill_mode="CONSTANT",
            fill_value=level,
        )

    return rotated


def flip() -> Transform:
    """Left and right exchanged in every second step or so."""

    def flipped(canvas: Tensor, seed: Tensor) -> Tensor:
        import tensorflow as tf

        mirrored = tf.random.stateless_uniform([], seed) < 0.5
        return tf.where(mirrored, tf.reverse(canvas, [2]), canvas)

    return flipped


def standard() -> Transform:
    """The transforms that tensorflow/lucid visualises features with.

    A grey frame of 12 pixels, a shift by up to 8, a scale of 0.9 to 1.1, a turn by up to 10 degrees (none
    in a fifth of the steps), and a shift by up to 4. Two things differ: the turn interpolates, and its
    corners are the frame's grey instead of black.
    """
    return compose(
        pad(12),
        jitter(8),
        scale([1 + (i - 5) / 50 for i in range(11)]),
        rotate([*range(-10, 11), 0, 0, 0, 0, 0]),
        jitter(4),
    )


def _pick(values: Sequence[float], seed: Tensor) -> Tensor:
    import tensorflow as tf

    return tf.constant(values, tf.float32)[
        tf.random.stateless_uniform([], seed, 0, len(values), dtype=tf.int32)
    ]
