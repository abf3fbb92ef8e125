"""Functions that make a network of a Keras model that the user saved: of any size, flat, in any precision."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepdream.backbones.catalog import Layer
from deepdream.backbones.introspect import layer_table, outputs_of
from deepdream.backbones.weights import SUFFIXES
from deepdream.errors import DeepDreamError

if TYPE_CHECKING:
    import keras

__all__ = ["open_saved", "read_saved"]

ADVICE = "a functional or sequential model, saved as .keras, is what works best"


def read_saved(path: Path) -> list[Layer]:
    """The layer table of the model at `path`, by the names its layers have in the file."""
    layers = layer_table(open_saved(path, "float32"))
    if not layers:
        raise DeepDreamError(f"{path} has no layer to look at", "it needs a convolution at least")
    return layers


def open_saved(path: Path, precision: str) -> keras.Model:
    """The model at `path`, rebuilt so that it can be dreamt with.

    It takes pictures of any size, models nested in it (a network of `keras.applications` under a new
    head) are laid open so that their layers can be named, and its layers compute in `precision`. A head
    that needs a fixed size, such as flattening before a dense layer, is left away. DeepDreamError if
    there is no such model.
    """
    import h5py
    import keras

    if path.is_dir():
        raise DeepDreamError(f"{path} is a folder, not a model file", "save the model as one .keras file")
    if not path.is_file():
        raise DeepDreamError(f"no model file {path}", "check the path")
    if not (zipfile.is_zipfile(path) if path.suffix == ".keras" else h5py.is_hdf5(path)):
        what = "is damaged" if path.suffix in SUFFIXES else "is none"
        raise DeepDreamError(
            f"{path} {what}: a saved Keras model is a zip archive (.keras) or HDF5 (.h5)", "save it again"
        )
    try:
        model = keras.models.load_model(path, compile=False)
    except MemoryError:
        raise
    except Exception as error:
        why = _first_line(error)
        raise DeepDreamError(f"{path} cannot be loaded as a Keras model: {why}", ADVICE) from error
    inputs, outputs = getattr(model, "inputs", None) or [], getattr(model, "outputs", None) or []
    if len(inputs) != 1 or not outputs:
        raise DeepDreamError(f"{path} has no graph of layers with one input", ADVICE)
    if len(inputs[0].shape) != 4 or inputs[0].shape[-1] != 3:
        raise DeepDreamError(
            f"{path} takes no colour pictures: its input is {tuple(inputs[0].shape)}",
            "take a network whose input is [batch, height, width, 3]",
        )
    try:
        return _rebuilt(keras.Model(inputs[0], outputs), precision)
    except (ValueError, TypeError):
        pass  # a head of fixed size; what comes before it need not be
    model = keras.Model(inputs[0], outputs)
    spatial = [out for step in model.operations for out in outputs_of(step) if len(out.shape) == 4]
    try:
        return _rebuilt(keras.Model(inputs[0], spatial), precision)
    except (ValueError, TypeError) as error:
        why = _first_line(error)
        raise DeepDreamError(
            f"{path} cannot take pictures of any size: {why}",
            "save it with an input of the shape (None, None, 3)",
        ) from error


def _rebuilt(model: keras.Model, precision: str) -> keras.Model:
    """A flat copy of `model` with the same weights on an input of any size.

    `keras.models.clone_model` copies nested models as they are, hence Keras's own walk that it is made of.
    """
    import keras

    originals: dict[int, Any] = {}
    copies: dict[int, Any] = {}

    def copy(operation: Any) -> Any:
        if isinstance(operation, keras.Model) or not isinstance(operation, keras.layers.Layer):
            return operation
        if id(operation) not in copies:  # a layer may have several places
            clone = type(operation).from_config({**operation.get_config(), "dtype": precision})
            copies[id(operation)] = clone
            originals[id(clone)] = operation
        return copies[id(operation)]

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(operation, keras.Model) and len(operation.inputs) == len(operation.outputs) == 1:
            inner = keras.Model(operation.inputs[0], operation.outputs[0])
            return inner._run_through_graph(args[0], operation_fn=copy, call_fn=call)
        result = operation(*args, **kwargs)
        if id(operation) in originals:
            operation.set_weights(originals[id(operation)].get_weights())
        return result

    canvas = keras.Input((None, None, 3))
    return keras.Model(canvas, model._run_through_graph(canvas, operation_fn=copy, call_fn=call))


def _first_line(error: BaseException) -> str:
    """The first sentence: Keras goes on for a page."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return line.partition(". ")[0].rstrip(".:")
