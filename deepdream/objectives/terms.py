"""How the rooms of this package make a term, and measure what it aims at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from deepdream.errors import misfit
from deepdream.objectives.algebra import Objective, Parts, Probe, Target, Tensor, Term, Value
from deepdream.pictures.scales import Size

if TYPE_CHECKING:
    from deepdream.pictures.picture import Picture

__all__ = ["Unmeasured", "aimed", "measured", "several", "single"]


class Unmeasured:
    """The activations of a layer in a dry run, which computes none."""


def single(
    name: str,
    value: Value,
    *,
    layers: tuple[str, ...] = (),
    target: Target | None = None,
    parts: Parts = None,
    aligned: tuple[str, ...] = (),
    guides: tuple[Picture, ...] = (),
    means: str = "",
) -> Objective:
    """An objective of one term."""
    term = Term(name, layers, value, target, parts=parts, aligned=aligned, guides=guides, means=means)
    return Objective((term,))


def aimed(called: str, target: Any, *, vector: bool = False) -> Any:
    """`target` if the objective `called` can aim at it; a TypeError unless it is a Picture or activations.

    Activations are `[1, h, w, C]`, or with `vector` `[C]`.
    """
    shape = getattr(target, "shape", None)
    if hasattr(target, "pixels") or isinstance(target, Unmeasured):
        return target
    if shape is not None and (len(shape) == 4 or (vector and len(shape) == 1)):
        return target
    given = type(target).__name__ if shape is None else f"an array of the shape {list(shape)}"
    hint = "Picture.from_array makes one of pixels" if shape is not None else "a mode is given its pictures"
    if target is None:
        hint = "a picture that the user may leave out is None: ask first"
    raise misfit(f"{called} takes a Picture, or activations [1, h, w, C], not {given}", hint)


def several(called: str, items: Any, what: str) -> list[Any]:
    """The `items` as a list; a TypeError if they are a text, a dict, or no list at all."""
    if isinstance(items, str):
        raise misfit(f"{called} takes a list of {what}, not a text", f"write [{items!r}]")
    if isinstance(items, Mapping) or not isinstance(items, Iterable):
        given = type(items).__name__
        raise misfit(f"{called} takes a list of {what}, not {given}", "one, too, is written in brackets")
    return list(items)


def measured(name: str, target: Picture | Tensor, probe: Probe, size: Size | None) -> Tensor:
    """Activations of `target`: measured if it is a picture (at its own size if `size` is None)."""
    import tensorflow as tf

    if not hasattr(target, "pixels"):
        return tf.convert_to_tensor(target)
    return probe.features(target, size or (target.height, target.width))[name]
