"""A term of one's own: any function from activations and canvas to one number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from deepdream.errors import DeepDreamError, UsageError, misfit
from deepdream.objectives.algebra import Objective, Parts, Probe, Target, Tensor, Term
from deepdream.objectives.foreign import answerable, takes, welcome
from deepdream.objectives.terms import several

__all__ = ["custom"]

_REDUCE: Final = "reduce it, for instance with tf.reduce_mean"


def custom(
    name: str,
    layers: str | Sequence[str],
    value: Callable[..., Tensor],
    *,
    target: Target | None = None,
    parts: Parts = None,
) -> Objective:
    """A term of one's own, maximised like any other: add it, weigh it, subtract it.

    `value(activations, canvas)` returns one number, a float32 scalar tensor, made of TensorFlow functions
    that have a gradient: `activations[layer]` is `[1, h, w, C]` for each of `layers`, the canvas
    `[1, H, W, 3]` in grey levels. No number, or one without a gradient, is a `DeepDreamError` in the climb.
    With `target`, the number depends on something that is measured once in every octave too: `target(probe)`
    gives a tensor or a nest of them, from `probe.features(picture, size)`, `probe.size` and `probe.canvas`,
    and the function is called as `value(activations, canvas, target)`.

    `name` stands in the printed formula and the progress line. `parts` says how the number follows from
    those of the parts of a picture, so that it can be climbed in tiles: "mean" if it is a mean over the
    cells of the layer, "sum" if it is a sum, None if neither.
    """
    names = tuple(several("custom", [layers] if isinstance(layers, str) else layers, "layers"))
    if not names:
        raise UsageError(f"the objective '{name}' looks at no layer", "name the layers it needs")

    class Found(dict[str, Tensor]):
        def __missing__(self, key: str) -> Tensor:
            raise DeepDreamError(
                f"the objective '{name}' asks for {key}, which is not among its layers ({', '.join(names)})",
                "name every layer that it needs",
            )

    if parts not in (None, "mean", "sum"):
        raise TypeError(f"the parts of the objective '{name}' are 'mean', 'sum' or None, not {parts!r}")
    if target is None:
        _check(name, "value", value, "activations, canvas", "a third is there only with target=")
    else:
        _check(name, "value", value, "activations, canvas, target", "target= measures the third")
        _check(name, "target", target, "probe", "what it returns is the third argument of value")
    own = welcome(value)

    def checked(activations: Mapping[str, Tensor], canvas: Tensor, measured: Tensor) -> Tensor:
        with answerable(value):
            return number(Found(activations), canvas, measured)

    def number(found: Found, canvas: Tensor, measured: Tensor) -> Tensor:
        import tensorflow as tf

        given = (found, canvas) if target is None else (found, canvas, measured)
        with tf.GradientTape() as tape:
            tape.watch([dict(found), canvas])
            returned = own(*given)
            if isinstance(returned, str | Mapping | tuple | list):
                kind = type(returned).__name__
                raise DeepDreamError(f"the objective '{name}' must be one number, not {kind}", _REDUCE)
            result = tf.convert_to_tensor(returned)
        # Only while the step is traced, and no further than to the activations: it costs no step a thing.
        if tf.inside_function() and not _moves(tape, result, [*found.values(), canvas]):
            raise DeepDreamError(
                f"the objective '{name}' has no gradient: nothing in the picture changes it",
                "make it of TensorFlow functions that have one: NumPy, argmax, round, comparisons and "
                "stop_gradient have none",
            )
        if result.shape.rank != 0:
            shape = "unknown shape" if result.shape.rank is None else f"shape {result.shape.as_list()}"
            raise DeepDreamError(
                f"the objective '{name}' must be one number, not a tensor of {shape}",
                _REDUCE,
            )
        return tf.cast(result, tf.float32)

    def aim(probe: Probe) -> Tensor:
        import tensorflow as tf

        assert target is not None
        with answerable(target):
            return tf.nest.map_structure(tf.convert_to_tensor, welcome(target)(probe))

    return Objective((Term(name, names, checked, target and aim, parts=parts),))


def _check(name: str, which: str, function: Any, arguments: str, hint: str) -> None:
    """A TypeError unless `function`, the value or target of an objective, takes so many arguments."""
    if not (callable(function) and takes(function, arguments.count(",") + 1)):
        raise misfit(f"the {which} of the objective '{name}' must be a function of ({arguments})", hint)


def _moves(tape: Any, number: Tensor, sources: Sequence[Tensor]) -> bool:
    """Whether a gradient leads from `number` to one of `sources`; it may be zero."""
    if not (number.dtype.is_floating or number.dtype.is_complex):
        return False
    return any(found is not None for found in tape.gradient(number, sources))
