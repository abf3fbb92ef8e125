"""How the rooms of this package make a term, and measure what it aims at."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from deepdream.objectives.algebra import Objective, Parts, Probe, Target, Tensor, Term, Value
from deepdream.pictures.scales import Size

if TYPE_CHECKING:
    from deepdream.pictures.picture import Picture

__all__ = ["measured", "single"]


def single(
    name: str,
    value: Value,
    *,
    layers: tuple[str, ...] = (),
    target: Target | None = None,
    parts: Parts = None,
    aligned: tuple[str, ...] = (),
    guides: tuple[Picture, ...] = (),
) -> Objective:
    """An objective of one term."""
    return Objective((Term(name, layers, value, target, parts=parts, aligned=aligned, guides=guides),))


def measured(name: str, target: Picture | Tensor, probe: Probe, size: Size | None) -> Tensor:
    """Activations of `target`: measured if it is a picture (at its own size if `size` is None)."""
    import tensorflow as tf

    if isinstance(target, str | os.PathLike):
        raise TypeError(f"a guide is a Picture, or activations, not {type(target).__name__}")
    if not hasattr(target, "pixels"):
        return tf.convert_to_tensor(target)
    return probe.features(target, size or (target.height, target.width))[name]
