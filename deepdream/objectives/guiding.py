"""Guides: rewards for features that resemble those of another picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from deepdream.objectives.algebra import Objective, Parts, Probe, Tensor
from deepdream.objectives.terms import aimed, measured, single
from deepdream.pictures.scales import fit

if TYPE_CHECKING:
    from deepdream.pictures.picture import Picture

__all__ = ["cosine", "direction", "match"]


def match(name: str, target: Picture | Tensor, *, relative: bool = False) -> Objective:
    """Pull the features of a layer towards those of a guide: Σ_p max_q ⟨x_p, y_q⟩.

    `target` is the guide's picture, measured at its own size, or its activations `[1, h, w, C]`. Every
    position of the dream takes the guide's feature with the largest dot product, and that feature is the
    gradient at the layer (google/deepdream, "controlling dreams"). `relative` divides by what it is on the
    canvas that the octave starts from (shrunk to 1024 px if it is larger), so that layers of different
    loudness weigh the same.
    """

    def value(x: Tensor, y: Tensor) -> Tensor:
        import tensorflow as tf

        best = tf.argmax(tf.matmul(tf.stop_gradient(x), y, transpose_b=True), axis=1)
        return tf.reduce_sum(x * tf.gather(y, best))

    return _guided("match", "Σₚ max_q ⟨xₚ, y_q⟩", name, target, value, _same, relative, parts="sum")


def cosine(name: str, target: Picture | Tensor, *, relative: bool = False) -> Objective:
    """As `match`, whatever the loudness: Σ_p max_q ⟨x_p, y_q⟩ / (|x_p| |y_q|).

    Dot products favour the guide's loudest features; here all of them may be chosen.
    """

    def unit(rows: Tensor) -> Tensor:
        import tensorflow as tf

        return tf.math.l2_normalize(rows, axis=1, epsilon=1e-12)

    def value(x: Tensor, y: Tensor) -> Tensor:
        import tensorflow as tf

        x = unit(x)
        best = tf.argmax(tf.matmul(tf.stop_gradient(x), y, transpose_b=True), axis=1)
        return tf.reduce_sum(x * tf.gather(y, best))

    means = "Σₚ max_q ⟨xₚ, y_q⟩ / (|xₚ| |y_q|)"
    return _guided("cosine", means, name, target, value, unit, relative, parts="sum")


def direction(name: str, target: Picture | Tensor, *, relative: bool = False) -> Objective:
    """The mean of a layer's features along a direction: mean_p ⟨x_p, v⟩, v of length 1.

    `target` is a vector `[C]` or activations `[1, h, w, C]`, whose mean gives the direction; or a
    guide's picture: then it is the mean of the guide's features less that of the canvas the octave starts
    from (shrunk to 1024 px if it is larger), what the guide has and the picture lacks. `relative` divides by
    the length of a typical feature of that canvas, √mean|x_p|².
    """

    aimed("direction", target, vector=True)

    def aim(probe: Probe) -> tuple[Tensor, Tensor]:
        import tensorflow as tf

        vector = tf.reduce_mean(_rows(measured(name, target, probe, size=None)), axis=0)
        length = tf.ones([], vector.dtype)
        if relative or hasattr(target, "pixels"):
            own = _start(name, probe)
            if hasattr(target, "pixels"):
                vector -= tf.reduce_mean(own, axis=0)
            if relative:
                length = tf.sqrt(tf.reduce_mean(tf.reduce_sum(tf.square(own), axis=1)))
        return tf.math.l2_normalize(vector, epsilon=1e-24), tf.maximum(length, 1e-12)

    def value(activations: Mapping[str, Tensor], _x: Tensor, target: tuple[Tensor, Tensor]) -> Tensor:
        import tensorflow as tf

        vector, length = target
        return tf.reduce_mean(tf.linalg.matvec(_rows(activations[name]), vector)) / length

    head = "direction-gain" if relative else "direction"
    means = f"{head} = mean ⟨xₚ, v⟩" + (" / √mean|xₚ|² on the octave's first canvas" if relative else "")
    guides = _pictures(target)
    return single(
        f"{head}({name})", value, layers=(name,), target=aim, parts="mean", guides=guides, means=means
    )


def _guided(
    kind: str,
    means: str,
    name: str,
    target: Picture | Tensor,
    value: Callable[[Tensor, Tensor], Tensor],
    ready: Callable[[Tensor], Tensor],
    relative: bool,
    parts: Parts,
) -> Objective:
    """A term that compares the cells of a layer, `[h·w, C]`, with those of a guide made `ready`."""

    aimed(kind, target)

    def aim(probe: Probe) -> tuple[Tensor, Tensor]:
        import tensorflow as tf

        guide = ready(_rows(measured(name, target, probe, size=None)))
        if not relative:
            return guide, tf.ones([], guide.dtype)
        size = fit(probe.size, min(max(probe.size), 1024))
        share = probe.size[0] * probe.size[1] / (size[0] * size[1])
        return guide, tf.maximum(share * value(_start(name, probe), guide), 1e-12)

    def reward(activations: Mapping[str, Tensor], _x: Tensor, aim: tuple[Any, Tensor]) -> Tensor:
        guide, unit = aim
        return value(_rows(activations[name]), guide) / unit

    head = f"{kind}-gain" if relative else kind
    means = f"{head} = {means}" + (" / what it is on the octave's first canvas" if relative else "")
    guides = _pictures(target)
    return single(
        f"{head}({name})", reward, layers=(name,), target=aim, parts=parts, guides=guides, means=means
    )


def _pictures(target: Picture | Tensor) -> tuple[Picture, ...]:
    """The guide, if it is a picture yet to be measured."""
    return (target,) if hasattr(target, "pixels") else ()


def _start(name: str, probe: Probe) -> Tensor:
    """The features of the canvas that the octave starts from, one cell in a row."""
    size = fit(probe.size, min(max(probe.size), 1024))
    return _rows(probe.features(probe.canvas, size)[name])


def _same(rows: Tensor) -> Tensor:
    return rows


def _rows(features: Tensor) -> Tensor:
    """The features of all cells, one in a row: `[h·w, C]`."""
    import tensorflow as tf

    return tf.reshape(features, [-1, tf.shape(features)[-1]])
