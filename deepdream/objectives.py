"""Objectives: immutable sums of named, weighted terms, always maximised.

A term turns the activations of some layers (and the canvas itself) into one number. Rewards
are added, penalties are positive and subtracted:

    obj.layer("mixed4") + 0.5 * obj.channel("mixed3", 119) - 1e-3 * obj.total_variation()

The layers that the terms name let the engine build one network, cut off behind the deepest of
them; the names and weights feed the progress line, the JSON report and the printed formula.

Shapes: an activation is float32 `[1, h, w, C]`, the canvas float32 `[1, H, W, 3]` in grey
levels 0-255; the value of a term is a float32 scalar.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from deepdream.algebra import Objective, Parts, Probe, Target, Tensor, Term, Value, total
from deepdream.errors import UsageError
from deepdream.scales import Size, fit

if TYPE_CHECKING:
    from deepdream.picture import Picture

__all__ = [
    "Objective",
    "Probe",
    "Term",
    "channel",
    "content",
    "gram",
    "gram_matrix",
    "layer",
    "layers",
    "match",
    "mean",
    "parse_layer",
    "total",
    "total_variation",
]


def _single(
    name: str,
    value: Value,
    *,
    layers: tuple[str, ...] = (),
    target: Target | None = None,
    parts: Parts = None,
) -> Objective:
    return Objective((Term(name, layers, value, target, parts=parts),))


# --- what a layer sees -------------------------------------------------------------------------


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
        return _single(f"layer({name})", lambda a, _x, _t: loudness(a), layers=(name,), parts="mean")

    def start(probe: Probe) -> Tensor:
        import tensorflow as tf

        size = fit(probe.size, min(max(probe.size), 1024))
        return tf.maximum(loudness(probe.features(probe.canvas, size)), 1e-12)

    return _single(
        f"gain({name})", lambda a, _x, t: loudness(a) / t, layers=(name,), target=start, parts="mean"
    )


def mean(name: str) -> Objective:
    """The mean activation of a layer, not squared: mean(a), as in TensorFlow's DeepDream tutorial."""

    def value(activations: Mapping[str, Tensor], _x: Tensor, _t: Tensor) -> Tensor:
        import tensorflow as tf

        return tf.reduce_mean(activations[name])

    return _single(f"mean({name})", value, layers=(name,), parts="mean")


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
        return _measured(name, target, probe, size=None)

    def value(activations: Mapping[str, Tensor], _x: Tensor, features: Tensor) -> Tensor:
        import tensorflow as tf

        depth = tf.shape(features)[-1]
        x = tf.reshape(activations[name], [-1, depth])
        y = tf.reshape(features, [-1, depth])
        best = tf.argmax(tf.matmul(tf.stop_gradient(x), y, transpose_b=True), axis=1)
        return tf.reduce_sum(x * tf.gather(y, best))

    return _single(f"match({name})", value, layers=(name,), target=guide, parts="sum")


# --- style transfer: penalties, to be subtracted -----------------------------------------------


def gram_matrix(features: Tensor) -> Tensor:
    """Gram matrix FᵀF / (h·w) of activations `[1, h, w, C]`: `[C, C]` (Gatys et al. 2016, eq. 3)."""
    import tensorflow as tf

    flat = tf.reshape(features, [-1, features.shape[-1]])
    return tf.matmul(flat, flat, transpose_a=True) / tf.cast(tf.shape(flat)[0], flat.dtype)


def content(name: str, target: Picture | Tensor) -> Objective:
    """Distance from the content of a picture: mean((F - F̂)²) (Gatys et al. 2016, eq. 1).

    `target` is the picture, measured at the size of each octave, or activations of the same
    shape as the canvas's. The value is positive: subtract it.
    """

    def aim(probe: Probe) -> Tensor:
        return _measured(name, target, probe, size=probe.size)

    def value(activations: Mapping[str, Tensor], _x: Tensor, features: Tensor) -> Tensor:
        import tensorflow as tf

        return tf.reduce_mean(tf.square(activations[name] - features))

    return _single(f"content({name})", value, layers=(name,), target=aim)


def gram(name: str, target: Picture | Tensor, *, scale: float = 1.0, normalised: bool = True) -> Objective:
    """Distance from the texture of a picture: mean((G - Ĝ)²) / C², G the Gram matrix FᵀF / (h·w).

    `target` is the style picture, or its activations `[1, h, w, C]`. A picture keeps its aspect:
    its longer side is `scale` times the longer side of the canvas, octave by octave. The division
    by the squared number of channels is that of Gatys' published code and of jcjohnson/neural-style;
    without `normalised` it is left out. The value is positive: subtract it.
    """

    def aim(probe: Probe) -> Tensor:
        import tensorflow as tf

        if not hasattr(target, "pixels"):
            return gram_matrix(tf.convert_to_tensor(target))
        longest = max(1, round(max(probe.size) * scale))
        size = fit((target.height, target.width), longest)
        return gram_matrix(probe.features(target, size)[name])

    def value(activations: Mapping[str, Tensor], _x: Tensor, wanted: Tensor) -> Tensor:
        import tensorflow as tf

        channels = wanted.shape[0] if normalised else 1
        return tf.reduce_mean(tf.square(gram_matrix(activations[name]) - wanted)) / channels**2

    return _single(f"style({name})", value, layers=(name,), target=aim)


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

    return _single("total_variation", value, parts="sum")


def _measured(name: str, target: Picture | Tensor, probe: Probe, size: Size | None) -> Tensor:
    """Activations of `target`: measured if it is a picture (at its own size if `size` is None)."""
    import tensorflow as tf

    if not hasattr(target, "pixels"):
        return tf.convert_to_tensor(target)
    return probe.features(target, size or (target.height, target.width))[name]


# --- the grammar of --layer --------------------------------------------------------------------


def parse_layer(text: str) -> tuple[str, float]:
    """`"mixed4"` or `"mixed4:0.5"` as a layer's name and weight.

    Raises UsageError, pointing at the part that cannot be read.
    """
    name, colon, number = text.partition(":")
    if not name.strip():
        raise UsageError(f"no layer name in '{text}'", "write NAME or NAME:WEIGHT, for instance mixed4:0.5")
    weight = 1.0
    if colon:
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not math.isfinite(weight):
            raise UsageError(
                f"the weight '{number}' in '{text}' is not a number",
                "write NAME:WEIGHT, for instance mixed4:0.5",
            )
    return name.strip(), weight


def layers(specs: list[str] | tuple[str, ...]) -> Objective:
    """The sum of the layers that `specs` name, each `NAME` or `NAME:WEIGHT`.

    One layer is taken as it is; several are taken relative to their start, so that the weights
    mean what they say although deep layers respond far more softly than shallow ones.
    """
    pairs = [parse_layer(spec) for spec in specs]
    if not any(weight for _, weight in pairs):
        raise UsageError("no layer has a weight other than 0", "name a layer, for instance --layer mixed4")
    relative = len(pairs) > 1
    return total(weight * layer(name, relative=relative) for name, weight in pairs)
