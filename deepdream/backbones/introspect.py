"""Functions that read layer tables off a live Keras model: names, strides, receptive fields, least sizes.

The tables of `keras.applications` are made once with this (`scripts/build_tables.py`) and shipped as JSON;
a model that the user saved is read with it when it is opened.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deepdream.backbones.catalog import Layer
from deepdream.errors import DeepDreamError

if TYPE_CHECKING:
    import keras

__all__ = ["layer_table", "outputs_of", "stable_names"]

# What a layer is called in a table. Classes that are absent get no row: they are plumbing (padding,
# normalisation, dropout, reshaping) whose result the next row shows as well or better.
KINDS = {
    "Conv2D": "conv",
    "DepthwiseConv2D": "depthwise conv",
    "SeparableConv2D": "separable conv",
    "Conv2DTranspose": "transposed conv",
    "Dense": "dense",
    "Activation": "activation",
    "ReLU": "activation",
    "LeakyReLU": "activation",
    "PReLU": "activation",
    "ELU": "activation",
    "MaxPooling2D": "max pool",
    "AveragePooling2D": "average pool",
    "Concatenate": "concat",
    "Add": "add",
    "CustomScaleLayer": "add",
    "Sequential": "block",
    "Functional": "block",
}
POINTWISE = {
    *("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Dense", "Identity", "Dropout", "SpatialDropout2D"),
    *("BatchNormalization", "LayerNormalization", "Normalization", "Rescaling", "LayerScale"),
    *("StochasticDepth", "GaussianNoise", "GaussianDropout", "ActivityRegularization", "Reshape"),
    *("Concatenate", "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "CustomScaleLayer"),
}
WINDOWED = {"Conv2D", "DepthwiseConv2D", "SeparableConv2D", "MaxPooling2D", "AveragePooling2D"}
POOLED = {"GlobalAveragePooling2D", "GlobalMaxPooling2D"}
PLUMBING = POINTWISE | POOLED | {"ZeroPadding2D", "Cropping2D"}
MAX_SIDE = 512


@dataclass(frozen=True)
class _Geometry:
    """How one tensor lies over the input picture."""

    stride: int
    field: int | None  # None: every cell sees the whole picture, or nobody knows
    start: int | None  # pixel where the field of cell 0 begins; None: that depends on the size
    sides: tuple[int, ...]  # side of the tensor for input sides 1..MAX_SIDE; 0 where the network refuses
    pooled: bool = False  # a single cell for the whole picture, as in squeeze-and-excite branches

    def mapped(self, rule: Callable[[int], int]) -> tuple[int, ...]:
        """`sides` by the rule; once nothing is left, padding brings nothing back."""
        return tuple(max(rule(side), 0) if side else 0 for side in self.sides)


_INPUT = _Geometry(1, 1, 0, tuple(range(1, MAX_SIDE + 1)))


def stable_names(model: keras.Model) -> dict[str, Any]:
    """The operations of `model` by the names that a fresh process would give them.

    Keras numbers unnamed layers per process (`conv2d_94` in the second InceptionV3, `conv2d` in the
    first). Numbers grow in the order of creation, so that the rank among the model's layers of one class
    is the number that a process gives which builds nothing else. Named layers keep their names.
    """
    numbered: dict[str, list[tuple[int, Any]]] = defaultdict(list)
    names: dict[str, Any] = {}
    for operation in model.operations:
        base = _snake(type(operation).__name__)
        match = re.fullmatch(rf"{base}(?:_(\d+))?", operation.name)
        if match:
            numbered[base].append((int(match[1] or 0), operation))
        else:
            names[operation.name] = operation
    for base, found in numbered.items():
        for rank, (_, operation) in enumerate(sorted(found, key=lambda pair: pair[0])):
            names[f"{base}_{rank}" if rank else base] = operation
    return names


def layer_table(
    model: keras.Model, names: dict[str, Any] | None = None, *, strict: bool = False
) -> list[Layer]:
    """One `Layer` per operation of `model` that is worth dreaming on, in the order of computation.

    `names` maps names to operations (default: the model's own). With `strict` a class of layer whose geometry
    is unknown is an error; otherwise its receptive field counts as global.

    Receptive fields grow by (k−1)·d·jump per layer and jumps multiply by the strides (Araujo et al.,
    "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019); where branches meet, the
    widest counts.
    """
    known = {id(operation): name for name, operation in (names or {}).items()}
    rows = []
    for operation, geometry in _walk(model, _INPUT, strict):
        what = type(operation).__name__
        kind = KINDS.get(what, None if what in PLUMBING else "other")
        shape = outputs_of(operation)[0].shape
        least = next((n for n, side in enumerate(geometry.sides, start=1) if side), None)
        if kind and len(shape) == 4 and shape[-1] and least and not geometry.pooled:
            name = known.get(id(operation), operation.name)
            start = None if geometry.field is None else geometry.start
            rows.append(Layer(name, kind, int(shape[-1]), geometry.stride, geometry.field, least, start))
    return rows


def outputs_of(operation: Any) -> list[Any]:
    """What an operation gives where it was called last: `.output` of a nested model is not part of the
    outer graph."""
    return list(operation._inbound_nodes[-1].output_tensors)


def _walk(model: keras.Model, start: _Geometry, strict: bool) -> list[tuple[Any, _Geometry]]:
    """Every operation of `model` that depends on its input, with the geometry of its result, in order."""
    import keras

    passed: list[tuple[Any, _Geometry]] = []
    geometries = {id(tensor): start for tensor in model.inputs}
    for operation in model.operations:
        if type(operation).__name__ == "InputLayer":
            continue
        taken = operation._inbound_nodes[-1].input_tensors
        inputs = [geometries[id(tensor)] for tensor in taken if id(tensor) in geometries]
        if not inputs:
            continue
        before = _meet(inputs)
        if isinstance(operation, keras.Model) and operation.inputs:
            inner = _walk(keras.Model(operation.inputs, operation.outputs), before, strict)
            geometry = inner[-1][1] if inner else before
        else:
            geometry = _through(operation, before, strict)
        geometries.update((id(tensor), geometry) for tensor in outputs_of(operation))
        passed.append((operation, geometry))
    return passed


def _meet(inputs: list[_Geometry]) -> _Geometry:
    """Where branches meet: the widest field; sides must agree, but a pooled one is spread over any."""
    spread = [g for g in inputs if not g.pooled] or inputs
    sides = spread[0].sides
    for other in spread[1:]:
        sides = tuple(a if a == b else 0 for a, b in zip(sides, other.sides, strict=True))
    fields = [g.field for g in inputs]
    field = None if None in fields else max(f for f in fields if f is not None)
    starts = [g.start for g in spread]
    start = None if None in starts else min(s for s in starts if s is not None)
    return _Geometry(max(g.stride for g in spread), field, start, sides, spread[0].pooled)


def _through(operation: Any, before: _Geometry, strict: bool) -> _Geometry:
    """The geometry after `operation`."""
    kind = type(operation).__name__
    if kind in POOLED:
        return _Geometry(before.stride, None, None, before.mapped(lambda side: 1), pooled=True)
    if before.pooled or kind in POINTWISE:
        return before
    if kind == "ZeroPadding2D":
        more = sum(operation.padding[0])
        start = _moved(before, -operation.padding[0][0])
        return _Geometry(before.stride, before.field, start, before.mapped(lambda side: side + more))
    if kind == "Cropping2D":
        less = sum(operation.cropping[0])
        start = _moved(before, operation.cropping[0][0])
        return _Geometry(before.stride, before.field, start, before.mapped(lambda side: side - less))
    if kind in WINDOWED:
        kernel = operation.pool_size[0] if "Pooling" in kind else operation.kernel_size[0]
        dilation = 1 if "Pooling" in kind else operation.dilation_rate[0]
        step, reach = operation.strides[0], (kernel - 1) * dilation
        lost = 0 if operation.padding == "same" else reach
        after = before.mapped(lambda side: (side - lost - 1) // step + 1)
        field = None if before.field is None else before.field + reach * before.stride
        if operation.padding != "same":
            start = before.start
        else:  # with a stride, the padding on the left depends on the size
            start = _moved(before, -(reach // 2)) if step == 1 else None
        return _Geometry(before.stride * step, field, start, after)
    if strict:
        raise DeepDreamError(f"no rule for the geometry of a {kind} layer ('{operation.name}')")
    return _Geometry(before.stride, None, None, before.sides)


def _moved(before: _Geometry, cells: int) -> int | None:
    """`before.start` moved by `cells` of its own grid."""
    return None if before.start is None else before.start + cells * before.stride


def _snake(name: str) -> str:
    """Keras's own rule from a class name to the base of its layers' names."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
