"""What a canvas should not be: penalties on its pixels, positive, to be subtracted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from deepdream.objectives.algebra import Aligned, Objective, Parts, Probe, Tensor
from deepdream.objectives.terms import single

__all__ = ["absolute_variation", "deviation", "graininess", "roughness", "total_variation"]

GREY = 127.5
"""The middle of the range of a canvas."""


def total_variation(*, relative: bool = False) -> Objective:
    """Roughness of the canvas: ½Σ(∂x² + ∂y²) over neighbouring pixels, in grey levels squared.

    The penalty of jcjohnson/neural-style (its gradient is the plain difference of neighbours).
    The value is positive: subtract it. `relative` divides it by what it is on the canvas that the octave
    starts from, as in all penalties that have it.
    """

    def value(x: Tensor) -> Tensor:
        import tensorflow as tf

        corner = x[:, :-1, :-1]
        down, right = x[:, 1:, :-1] - corner, x[:, :-1, 1:] - corner
        return 0.5 * (tf.reduce_sum(tf.square(down)) + tf.reduce_sum(tf.square(right)))

    return _penalty("total_variation", "½Σ(∂x² + ∂y²)", value, relative, _count, parts="sum")


def absolute_variation() -> Objective:
    """Roughness of the canvas: Σ(|∂x| + |∂y|) over all pairs of neighbouring pixels, in grey levels.

    The penalty of TensorFlow's style tutorial, which has it on colours 0..1: 255 times less.
    The value is positive: subtract it.
    """

    def own(probe: Probe) -> Aligned:
        import tensorflow as tf

        return Aligned(tf.zeros([1, *probe.size, 1], tf.bool), None)

    def value(_a: Mapping[str, Tensor], x: Tensor, own: Tensor) -> Tensor:
        import tensorflow as tf

        # A tile sees a row and a column of its neighbours', whose own pairs are theirs.
        height, width = tf.shape(own)[1], tf.shape(own)[2]
        down = x[:, 1:, :width] - x[:, :-1, :width]
        right = x[:, :height, 1:] - x[:, :height, :-1]
        return tf.reduce_sum(tf.abs(down)) + tf.reduce_sum(tf.abs(right))

    return single(
        "absolute_variation", value, target=own, parts="sum", means="absolute_variation = Σ(|∂x| + |∂y|)"
    )


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

    means = "roughness = mean of 2·((∂x² + ∂y²) / 3 + (∂↘² + ∂↙²) / 12), of colours 0–1"
    return single("roughness", value, target=share, parts="sum", means=means)


def deviation(norm: Literal[1, 2] = 2, *, relative: bool = False) -> Objective:
    """How far the canvas is from middle grey: mean|x - 127.5|, or mean((x - 127.5)²) for `norm` 2."""

    def value(x: Tensor) -> Tensor:
        import tensorflow as tf

        away = x - GREY
        return tf.reduce_mean(tf.abs(away) if norm == 1 else tf.square(away))

    means = "mean|x - 127.5|" if norm == 1 else "mean((x - 127.5)²)"
    return _penalty(f"l{norm}", means, value, relative, lambda x: 1.0)


def graininess(*, relative: bool = False) -> Objective:
    """What a blur would take away: ½Σ(x - x̄)², x̄ the mean with the kernel [1, 2, 1] ⊗ [1, 2, 1] / 16.

    After lucid's `blur_input_each_step`, whose gradient moves the canvas towards its own blur. Pixels at the
    edge, which have no neighbour on one side, are left out.
    """

    def value(x: Tensor) -> Tensor:
        import tensorflow as tf

        row = tf.constant([0.25, 0.5, 0.25], x.dtype)
        kernel = (row[:, None] * row[None, :])[:, :, None, None] * tf.eye(3, dtype=x.dtype)
        blurred = tf.nn.conv2d(x, kernel, 1, "VALID")
        return 0.5 * tf.reduce_sum(tf.square(x[:, 1:-1, 1:-1] - blurred))

    return _penalty("graininess", "½Σ(x - x̄)², x̄ a blur of 3 × 3", value, relative, _count)


def _count(canvas: Tensor) -> Tensor:
    import tensorflow as tf

    return tf.cast(tf.size(canvas), canvas.dtype)


def _penalty(
    name: str,
    means: str,
    value: Callable[[Tensor], Tensor],
    relative: bool,
    least: Callable[[Tensor], Any],
    parts: Parts = None,
) -> Objective:
    """One term of the canvas alone; `least` is what a relative one is divided by on a flat canvas."""

    def start(probe: Probe) -> Tensor:
        import tensorflow as tf

        return tf.maximum(value(probe.canvas), least(probe.canvas))

    if not relative:
        return single(name, lambda _a, x, _t: value(x), parts=parts, means=f"{name} = {means}")
    name, means = f"gain({name})", f"gain({name}) = {means} / what it is on the octave's first canvas"
    return single(name, lambda _a, x, first: value(x) / first, target=start, parts=parts, means=means)
