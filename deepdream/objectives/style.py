"""Style transfer: distances from the content and the texture of pictures; penalties, to be subtracted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from deepdream.algebra import Objective, Probe, Tensor
from deepdream.objectives.terms import measured, single
from deepdream.scales import fit

if TYPE_CHECKING:
    from deepdream.picture import Picture

__all__ = ["content", "gram", "gram_matrix"]


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
        return measured(name, target, probe, size=probe.size)

    def value(activations: Mapping[str, Tensor], _x: Tensor, features: Tensor) -> Tensor:
        import tensorflow as tf

        return tf.reduce_mean(tf.square(activations[name] - features))

    return single(f"content({name})", value, layers=(name,), target=aim)


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

    return single(f"style({name})", value, layers=(name,), target=aim)
