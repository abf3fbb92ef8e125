"""What functions of plugins return to a climb, looked at while its graph is traced, and in no step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deepdream.errors import DeepDreamError
from deepdream.objectives.foreign import answerable, welcome

__all__ = ["shaper", "transformer"]

Tensor = Any
"""A TensorFlow tensor; spelt `Any` so that this module imports no TensorFlow."""


def transformer(transform: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """`transform`, whose result must be a canvas of any size; else a DeepDreamError."""
    own = welcome(transform)

    def called(canvas: Tensor, seed: Tensor) -> Tensor:
        with answerable(transform):
            found = own(canvas, seed)
            hint = "height and width may be others than those of the canvas, and nothing else"
            return _checked("transform", found, canvas.dtype, [1, None, None, 3], hint)

    return called


def shaper(shape: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """`shape`, whose result must be as the gradient that it gets; else a DeepDreamError."""
    own = welcome(shape)

    def called(gradient: Tensor) -> Tensor:
        with answerable(shape):
            found = own(gradient)
            hint = "it makes another gradient of one, of the same shape"
            return _checked("shape", found, gradient.dtype, gradient.shape.as_list(), hint)

    return called


def _checked(called: str, found: Any, dtype: Any, shape: list[int | None], hint: str) -> Tensor:
    import tensorflow as tf

    if tf.is_tensor(found) and found.dtype == dtype and found.shape.is_compatible_with(shape):
        return found
    given = f"{found.dtype.name} {_text(found.shape)}" if tf.is_tensor(found) else type(found).__name__
    wanted = f"a tensor {dtype.name} {_text(tf.TensorShape(shape))}"
    raise DeepDreamError(f"the {called} of a climb must return {wanted}, not {given}", hint)


def _text(shape: Any) -> str:
    """A shape as one writes it: `[1, ?, ?, 3]`."""
    if shape.rank is None:
        return "of unknown shape"
    return f"[{', '.join('?' if side is None else str(side) for side in shape.as_list())}]"
