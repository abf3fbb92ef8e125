"""Shaping a gradient before it is followed: functions `[1, H, W, 3]` -> `[1, H, W, 3]`, to be traced.

They do not know about step sizes: the optimiser normalises what comes out. `quarter_turns` shapes what the
network sees instead. Importing this module loads no TensorFlow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from deepdream.errors import UsageError
from deepdream.objectives.foreign import one_of

__all__ = ["Shape", "Shaped", "blurred", "chain", "chroma", "grey", "laplacian", "quarter_turns", "rimless"]

Tensor = Any
Shape = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Shaped:
    """A shape that says in a few words what it does."""

    function: Shape
    says: str

    def __call__(self, gradient: Tensor) -> Tensor:
        return self.function(gradient)


@dataclass(frozen=True)
class Local(Shaped):
    """A shape that sees no more than `reach` pixels to each side: it can be given a part at a time."""

    reach: int = 0


def chain(*shapes: Shape | None) -> Shape | None:
    """One shape after the other, those that are None left out; None if none is left."""
    used = [one_of("chain", shape) for shape in shapes if shape is not None]

    def through_all(gradient: Tensor) -> Tensor:
        for shape in used:
            gradient = shape(gradient)
        return gradient

    if not used:
        return None
    says = ", ".join(words_for(shape) for shape in used)
    local = [shape.reach for shape in used if isinstance(shape, Local)]
    if len(local) == len(used):
        return Local(through_all, says, sum(local))
    return Shaped(through_all, says)


def words_for(shape: Shape) -> str:
    """What a shape does to the gradient, in a few words."""
    return shape.says if isinstance(shape, Shaped) else "shaped by the mode"


def laplacian(levels: int) -> Shape:
    """Give every band of frequencies the same strength (Mordvintsev's TensorFlow notebook, 2016).

    The gradient is split into `levels` bands and what is left below them, by the kernel
    [1, 4, 6, 4, 1] ⊗ [1, 4, 6, 4, 1] / 256 with stride 2, four times that on the way up; each is divided by
    max(RMS, 1e-10) and all are merged again. The gradient is first brought to a largest value of 1, so that
    the 1e-10 never counts but for a band of zeros.
    """
    if levels < 1:
        raise UsageError(f"a Laplacian pyramid has at least one level, not {levels}")

    def shape(gradient: Tensor) -> Tensor:
        import tensorflow as tf

        rest = tf.math.divide_no_nan(gradient, tf.reduce_max(tf.abs(gradient)))
        bands = []
        for _ in range(levels):
            smaller = _down(rest)
            bands.append(rest - _up(smaller, rest))
            rest = smaller
        out = _unit(rest)
        for band in reversed(bands):
            out = _up(out, band) + _unit(band)
        return out

    return Shaped(shape, f"in {levels} bands and the rest, each divided by its RMS")


def blurred(sigma: float) -> Shape:
    """A Gaussian blur of `sigma` pixels; at the edges, the mean of the neighbours that there are."""
    if not 0 < sigma <= 100:
        raise UsageError(f"the blur of a gradient is more than 0 and at most 100 pixels, not {sigma}")
    radius = math.ceil(3 * sigma)
    weights = [math.exp(-0.5 * (offset / sigma) ** 2) for offset in range(-radius, radius + 1)]

    def along(image: Tensor, axis: int) -> Tensor:
        import tensorflow as tf

        shape = [1, 1, 1, 1]
        shape[axis - 1] = len(weights)
        channels = image.shape[-1]
        kernel = tf.tile(tf.reshape(tf.constant(weights, image.dtype), shape), [1, 1, channels, 1])
        return tf.nn.depthwise_conv2d(image, kernel, [1, 1, 1, 1], "SAME")

    def shape(gradient: Tensor) -> Tensor:
        import tensorflow as tf

        both = tf.concat([gradient, tf.ones_like(gradient[..., :1])], axis=-1)
        summed = along(along(both, 1), 2)
        return summed[..., :-1] / summed[..., -1:]

    return Local(shape, f"blurred by {sigma:g} px", radius)


def rimless(width: int = 2) -> Shape:
    """The outermost `width` pixels take the gradient of the next one inwards.

    Their own is about what is no part of the picture: where it is rolled, opposite sides meet in a seam that
    the network sees as an edge, and where it is not, there is the padding. Followed, it draws a rim.
    """

    def shape(gradient: Tensor) -> Tensor:
        import tensorflow as tf

        for axis in (1, 2):
            last = tf.shape(gradient)[axis] - 1
            near = tf.minimum(width, last // 2)
            inner = tf.clip_by_value(tf.range(last + 1), near, last - near)
            gradient = tf.gather(gradient, inner, axis=axis)
        return gradient

    return Local(shape, f"that of the outermost {width} px from further in", width)


def grey() -> Shape:
    """The same change for red, green and blue: their mean, the direction of grey nearest to the gradient.

    Chroma (I and Q of YIQ) is left alone, except where a colour reaches the end of its range.
    """

    def shape(gradient: Tensor) -> Tensor:
        import tensorflow as tf

        return tf.reduce_mean(gradient, axis=-1, keepdims=True) + tf.zeros_like(gradient)

    return Local(shape, "grey alone")


_COLOURS: Final = ((1.0, 1.0, 1.0), (1.0, 0.0, -1.0), (1.0, -2.0, 1.0))
"""Lightness, orange to blue, purple to green: along these, the colours of photographs are independent (Ohta,
Kanade & Sakai, "Color information for region segmentation", 1980; nearly those of lucid)."""

_RARER: Final = 1.56
"""ln(0.133) / ln(0.275): photographs' deviations along the second and third axis, the first one's being 1."""


def chroma(share: float) -> Shape:
    """`share` of the gradient's colours, 0 to 1, the lightness left alone: fewer fringes of colour.

    A gradient has as much of purple and green as of light and dark, photographs have little: their deviations
    along the three axes are as 1 : 0.275 : 0.133 (`color_correlation_svd_sqrt` of tensorflow/lucid).
    The three are multiplied by 1, share and share^1.56, so that 0.275 is that proportion, its square what
    climbing in decorrelated colours comes to, 1 the gradient as it is, and 0 `grey`.
    """
    if not 0 <= share <= 1:
        raise UsageError(f"the chroma of a gradient is 0 to 1, not {share}")

    def shape(gradient: Tensor) -> Tensor:
        import numpy as np
        import tensorflow as tf

        axes = np.array(_COLOURS)
        axes /= np.linalg.norm(axes, axis=1, keepdims=True)
        matrix = axes.T @ np.diag([1.0, share, share**_RARER]) @ axes
        return tf.linalg.matvec(tf.constant(matrix, gradient.dtype), gradient)

    return Local(shape, f"its colours × {share:g} and {share**_RARER:.2g}")


def quarter_turns(canvas: Tensor, seed: Tensor) -> Tensor:
    """The canvas turned by a random multiple of 90° and perhaps mirrored, drawn from `seed` (int32 `[2]`).

    A `transform` for the engine: a dream seen from eight sides has no upright grain. Width and height change
    places with the odd turns.
    """
    import tensorflow as tf

    own = tf.random.experimental.stateless_fold_in(seed, 8)  # not the draw of the jitter
    draw = tf.random.stateless_uniform([], own, 0, 8, dtype=tf.int32)

    def turned(side: int) -> Callable[[], Tensor]:
        def branch() -> Tensor:
            seen = tf.reverse(canvas, [2]) if side >= 4 else canvas
            if side % 2:
                seen = tf.reverse(tf.transpose(seen, [0, 2, 1, 3]), [1])
            return tf.reverse(seen, [1, 2]) if side % 4 >= 2 else seen

        return branch

    return tf.switch_case(draw, [turned(side) for side in range(8)])


def _kernel(dtype: Any) -> Tensor:
    import tensorflow as tf

    row = tf.constant([1.0, 4.0, 6.0, 4.0, 1.0], dtype)
    plane = row[:, None] * row[None, :] / 256.0
    return plane[:, :, None, None] * tf.eye(3, dtype=dtype)


def _down(image: Tensor) -> Tensor:
    import tensorflow as tf

    return tf.nn.conv2d(image, _kernel(image.dtype), 2, "SAME")


def _up(image: Tensor, like: Tensor) -> Tensor:
    import tensorflow as tf

    return tf.nn.conv2d_transpose(image, 4.0 * _kernel(image.dtype), tf.shape(like), 2, "SAME")


def _unit(band: Tensor) -> Tensor:
    import tensorflow as tf

    return band / tf.maximum(tf.sqrt(tf.reduce_mean(tf.square(band))), 1e-10)
