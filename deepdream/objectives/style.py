"""Style transfer: distances from the content and the texture of pictures; penalties, to be subtracted.

The texture of a layer is the statistics of its features over all cells, wherever they are. A texture is aimed
at by a picture, by activations, by stored statistics, or by several of these mixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from deepdream.errors import UsageError, misfit
from deepdream.objectives import gaussians
from deepdream.objectives.algebra import Aligned, Objective, Probe, Tensor, summarised
from deepdream.objectives.statistics import Moments, Sums, blend, feature_sums, moments_of
from deepdream.objectives.terms import aimed, measured, single
from deepdream.pictures.scales import Size, fit

if TYPE_CHECKING:
    import numpy as np

    from deepdream.pictures.picture import Picture

__all__ = ["EPSILON", "content", "gram", "longest_side", "moments", "wasserstein"]

Aim = Any
"""A Picture, activations `[1, h, w, C]`, or a sequence of pairs of these and their weights."""

SMALLEST = 32
"""Pixels that the shorter side of a style picture is given at least: what every layer of VGG can see."""

EPSILON = 1e-4 * (0.229 * 255) ** 2
"""Added to the diagonal of covariances: 1e-4 (crowsonkb/style-transfer-pytorch) where the network is fed with
grey levels divided by 0.229 · 255, as Torch's are; ours is fed with grey levels."""


def content(name: str, target: Picture | Tensor, *, relative: bool = False) -> Objective:
    """Distance from the content of a picture: mean((F - F̂)²) (Gatys et al. 2016, eq. 1).

    `target` is the picture, measured at the size of each octave, or activations of the same
    shape as the canvas's. With `relative`, the value is divided by mean(F̂²). It is positive: subtract it.
    """

    aimed("content", target)

    def aim(probe: Probe) -> Tensor:
        features = measured(name, target, probe, size=probe.size)
        return Aligned(features, name), _positive(_mean_square(features)) if relative else _one(features)

    def value(activations: Mapping[str, Tensor], _x: Tensor, wanted: tuple[Tensor, Tensor]) -> Tensor:
        features, unit = wanted
        return _mean_square(activations[name] - features) / unit

    means = "content = mean((F - F̂)²)" + (" / mean(F̂²)" if relative else "")
    return single(
        f"content({name})", value, layers=(name,), target=aim, parts="mean", aligned=(name,), means=means
    )


def gram(
    name: str,
    target: Aim,
    *,
    scale: float = 1.0,
    normalised: bool = True,
    relative: bool = False,
    mask: np.ndarray | None = None,
) -> Objective:
    """Distance from the texture of a picture: mean((G - Ĝ)²) / C², G the Gram matrix FᵀF / (h·w).

    `target` is the style picture, its activations `[1, h, w, C]`, or a sequence of pairs of these and
    weights, whose statistics are mixed. A picture keeps its aspect: its longer side is `scale` times the
    longer side of the canvas, octave by octave. The division by the squared number of channels is that of
    Gatys' published code and of jcjohnson/neural-style; without `normalised` it is left out, and with
    `relative` the value is divided by mean(Ĝ²) instead.

    With a `mask` `[H, W]` of 0 to 1, G is that of the part of the canvas which the mask covers: the guided
    Gram matrix (F·T)ᵀ(F·T) / ΣT² (Gatys et al. 2017), T being the mask shrunk to the layer's cells.
    The value is positive: subtract it.
    """

    def ready(wanted: Moments) -> tuple[Tensor, Tensor]:
        channels = wanted.second.shape[0]
        plain = _one(wanted.second) * (channels**2 if normalised else 1)
        return wanted.second, _positive(_mean_square(wanted.second)) if relative else plain

    def distance(found: Moments, aim: tuple[Tensor, Tensor]) -> Tensor:
        wanted, unit = aim
        return _mean_square(found.second - wanted) / unit

    by = " / mean(Ĝ²)" if relative else " / C²" if normalised else ""
    means = f"style = mean((G - Ĝ)²){by}, G = FᵀF / (h·w)"
    return _texture(f"style({name})", means, name, target, scale, mask, ready, distance)


def moments(
    name: str,
    target: Aim,
    *,
    scale: float = 1.0,
    relative: bool = False,
    mask: np.ndarray | None = None,
) -> Objective:
    """Distance of means and deviations: mean((μ - μ̂)²) + mean((σ - σ̂)²), over the channels of a layer.

    Li, Wang, Liu & Hou, "Demystifying neural style transfer" (2017), eq. 12. It knows less of a texture
    than `gram` and forgives more of the content. Arguments are those of `gram`; `relative` divides by
    the mean square of the style's features.
    """

    def ready(wanted: Moments) -> tuple[Tensor, Tensor, Tensor]:
        return wanted.mean, _deviation(wanted), _loudness(wanted) if relative else _one(wanted.mean)

    def distance(found: Moments, aim: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        mean, deviation, unit = aim
        return (_mean_square(found.mean - mean) + _mean_square(_deviation(found) - deviation)) / unit

    means = f"moments = {_over('mean((μ - μ̂)²) + mean((σ - σ̂)²)', relative)}"
    return _texture(f"moments({name})", means, name, target, scale, mask, ready, distance)


def wasserstein(
    name: str,
    target: Aim,
    *,
    scale: float = 1.0,
    relative: bool = False,
    mask: np.ndarray | None = None,
    epsilon: float = EPSILON,
) -> Objective:
    """Squared Wasserstein-2 distance of a layer's features, taken as Gaussians, divided by the channels.

    mean((μ - μ̂)²) + mean diag(Σ + Σ̂ - 2(Σ̂^½ Σ Σ̂^½)^½), with Σ = E[f fᵀ] - μμᵀ + ε·I
    (crowsonkb/style-transfer-pytorch). Arguments are those of `gram`; `relative` divides by the mean square
    of the style's features.
    """

    def ready(wanted: Moments) -> tuple[Tensor, Tensor, Tensor]:
        root = gaussians.square_root(gaussians.covariance(wanted.second, wanted.mean, epsilon))
        return wanted.mean, root, _loudness(wanted) if relative else _one(wanted.mean)

    def distance(found: Moments, aim: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        import tensorflow as tf

        mean, root, unit = aim
        spread = gaussians.covariance(found.second, found.mean, epsilon)
        total = gaussians.squared_distance(found.mean, spread, mean, root)
        return tf.cast(total, found.mean.dtype) / mean.shape[0] / unit

    means = f"wasserstein = {_over('mean((μ - μ̂)²) + mean diag(Σ + Σ̂ - 2(Σ̂^½ Σ Σ̂^½)^½)', relative)}"
    return _texture(f"wasserstein({name})", means, name, target, scale, mask, ready, distance)


# --- inside --------------------------------------------------------------------------------------


def _texture(
    label: str,
    means: str,
    name: str,
    target: Aim,
    scale: float,
    mask: np.ndarray | None,
    ready: Callable[[Moments], Any],
    distance: Callable[[Moments, Any], Tensor],
) -> Objective:
    """A term for the statistics of a layer: `ready` makes an aim of the wanted ones."""
    wanted = _weighted(label, target)
    if not (math.isfinite(scale) and scale > 0):
        raise UsageError(f"the scale of {label} must be a number above 0, not {scale}")
    if mask is not None and len(getattr(mask, "shape", ())) != 2:
        raise misfit(
            f"the mask of {label} is an array [H, W] of 0 to 1, not {type(mask).__name__}",
            "of a Picture, write mask.pixels.mean(-1) / 255",
        )

    def aim(probe: Probe) -> tuple[Any, ...]:
        found = [(_measure(it, name, probe, scale), weight) for it, weight in wanted]
        return ready(blend(found)), () if mask is None else _on_grid(mask, name, probe)

    def summary(activations: Mapping[str, Tensor], _x: Tensor, aim: tuple[Any, ...]) -> Sums:
        return feature_sums(activations[name], None if mask is None else aim[1])

    def of(sums: Sums, aim: tuple[Any, ...]) -> Tensor:
        return distance(moments_of(sums), aim[0])

    return summarised(label, (name,), summary, of, aim, means)


def _over(formula: str, relative: bool) -> str:
    return f"({formula}) / mean(F̂²)" if relative else formula


def _weighted(called: str, target: Aim) -> list[tuple[Any, float]]:
    pairs = [*target] if isinstance(target, list | tuple) else [(target, 1.0)]
    if not all(isinstance(pair, Sequence) and len(pair) == 2 for pair in pairs):
        raise misfit(f"{called} takes a list of pairs, a Picture and its weight", "write [(picture, 1.0)]")
    kept = [(aimed(called, it), float(weight)) for it, weight in pairs if weight]
    if not kept or min(weight for _, weight in kept) < 0:
        raise UsageError("the weights of styles must not be negative, and not all 0")
    return kept


def _measure(target: Any, name: str, probe: Probe, scale: float) -> Moments:
    """The moments of a layer's features: those kept with a picture, of a picture, or of activations."""
    import tensorflow as tf

    if not hasattr(target, "pixels"):
        return moments_of(feature_sums(tf.convert_to_tensor(target)))
    own = (target.height, target.width)
    longest = longest_side(own, max(1, round(max(probe.size) * scale)))
    if (kept := getattr(target, "statistics", None)) is not None:
        found = kept.at(name, longest, probe.origin)
        if found is not None and len(found[1]) == probe.channels(name):
            return Moments(tf.constant(found[0], tf.float32), tf.constant(found[1], tf.float32))
    return moments_of(probe.sums(target, fit(own, longest))[name])


def longest_side(own: Size, longest: int) -> int:
    """At how many pixels a style picture of the size `own` is measured, where `longest` are asked for."""
    return longest if min(fit(own, longest)) >= SMALLEST else round(SMALLEST * max(own) / min(own))


def _on_grid(mask: np.ndarray, name: str, probe: Probe) -> Aligned:
    """The mask as the cells of a layer see it, `[1, h, w, 1]`."""
    import tensorflow as tf

    from deepdream.pictures.masks import shrink

    return Aligned(tf.constant(shrink(mask, probe.grid(name))[None, :, :, None], tf.float32), name)


def _deviation(found: Moments) -> Tensor:
    """σ of every channel; a channel that is the same everywhere keeps a finite gradient."""
    import tensorflow as tf

    variance = tf.linalg.diag_part(found.second) - tf.square(found.mean)
    return tf.sqrt(tf.maximum(variance, 0.0) + 1e-5)


def _loudness(wanted: Moments) -> Tensor:
    """The mean square of the features."""
    import tensorflow as tf

    return _positive(tf.linalg.trace(wanted.second) / wanted.second.shape[0])


def _mean_square(tensor: Tensor) -> Tensor:
    import tensorflow as tf

    return tf.reduce_mean(tf.square(tensor))


def _positive(unit: Tensor) -> Tensor:
    """What may be divided by: a picture of one colour can leave a layer with nothing."""
    import tensorflow as tf

    return tf.maximum(unit, 1e-12)


def _one(like: Tensor) -> Tensor:
    import tensorflow as tf

    return tf.ones([], like.dtype)
