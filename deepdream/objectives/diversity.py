"""Diversity: a penalty on looking, to a layer, like pictures that were made before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from deepdream.objectives.algebra import Objective, Probe, Tensor
from deepdream.objectives.statistics import gram_matrix
from deepdream.objectives.terms import aimed, several, single

if TYPE_CHECKING:
    from deepdream.pictures.picture import Picture

__all__ = ["likeness"]


def likeness(name: str, pictures: Sequence[Picture]) -> Objective:
    """The mean cosine of a layer's Gram matrix and those of `pictures`: from 0 to 1 after a ReLU.

    The diversity term of Olah, Mordvintsev & Schubert (2017), which keeps the examples of a batch apart; here
    those that were made already stay, and the next one keeps away from them. The pictures are measured anew
    in every climb: a list may grow from one to the next. Without pictures the value is 0. It is positive:
    subtract it.
    """

    for picture in several("likeness", pictures, "Pictures"):
        aimed("likeness", picture)

    def aim(probe: Probe) -> Tensor:
        import tensorflow as tf

        grams = [
            _unit(gram_matrix(probe.features(picture, (picture.height, picture.width))[name]))
            for picture in pictures
        ]
        if grams:
            return tf.add_n(grams) / len(grams)
        return tf.zeros_like(gram_matrix(probe.features(probe.canvas, probe.size)[name]))

    def value(activations: Mapping[str, Tensor], _x: Tensor, others: Tensor) -> Tensor:
        import tensorflow as tf

        return tf.reduce_sum(_unit(gram_matrix(activations[name])) * others)

    means = "likeness = mean of ⟨G, Ĝ⟩ / (|G| |Ĝ|), G = FᵀF"
    return single(f"likeness({name})", value, layers=(name,), target=aim, means=means)


def _unit(matrix: Tensor) -> Tensor:
    import tensorflow as tf

    return tf.math.l2_normalize(matrix, epsilon=1e-20)
