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


def likeness(name: str, pictures: Sequence[Picture], of: Objective | None = None) -> Objective:
    """The mean cosine of a layer's Gram matrix and those of `pictures`: from 0 to 1 after a ReLU.

    The diversity term of Olah, Mordvintsev & Schubert (2017), which keeps the examples of a batch apart; here
    those that were made already stay, and the next one keeps away from them. The pictures are measured anew
    in every climb: a list may grow from one to the next. Without pictures the value is 0. It is positive:
    subtract it.

    Examples `of` an objective are alike in what it asks for, so channels that it names do not count. The
    value then is |of| · (cosine - 1), where |of| is as it is at the moment, a constant to the gradient: as if
    log(of) less the cosine were climbed, so that a feature which is faint yet is not left for the difference.
    """

    for picture in several("likeness", pictures, "Pictures"):
        aimed("likeness", picture)
    terms = of.terms if of else ()
    values = tuple(term.value for term in terms)

    def aim(probe: Probe) -> Tensor:
        import tensorflow as tf

        named = [c for term in terms if term.weight and term.layers == (name,) for c in term.channels]
        others = tf.constant([float(c not in named) for c in range(probe.channels(name))])
        grams = [
            _unit(gram_matrix(probe.features(picture, (picture.height, picture.width))[name] * others))
            for picture in pictures
        ]
        mean = tf.add_n(grams) / len(grams) if grams else tf.zeros([len(others)] * 2)
        # Weights as numbers, too: cells of a grid differ in them, and share a trace.
        weights = [tf.constant(term.weight, tf.float32) for term in terms]
        return others, mean, weights, [term.target(probe) if term.target else () for term in terms]

    def value(activations: Mapping[str, Tensor], x: Tensor, target: Tensor) -> Tensor:
        import tensorflow as tf

        others, grams, weights, targets = target
        alike = tf.reduce_sum(_unit(gram_matrix(activations[name] * others)) * grams)
        if not values:
            return alike
        found = [w * it(activations, x, aim) for it, w, aim in zip(values, weights, targets, strict=True)]
        return tf.abs(tf.stop_gradient(tf.add_n(found))) * (alike - 1.0)

    means = "likeness = mean ⟨G, Ĝ⟩ / (|G| |Ĝ|), G = FᵀF"
    if of:
        means = f"{means} of channels not wanted, less 1; times |what is wanted|, a constant to g"
    layers = tuple(dict.fromkeys([name, *(of.layers if of else ())]))
    return single(f"likeness({name})", value, layers=layers, target=aim, means=means)


def _unit(matrix: Tensor) -> Tensor:
    import tensorflow as tf

    return tf.math.l2_normalize(matrix, epsilon=1e-20)
