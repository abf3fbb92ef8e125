"""A network cut after the deepest layer wanted, frozen, as a function from a canvas to activations."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from deepdream.backbones.catalog import Backbone
from deepdream.backbones.choice import Choice
from deepdream.backbones.introspect import outputs_of, stable_names
from deepdream.backbones.saved import open_saved
from deepdream.backbones.variant import vary
from deepdream.backbones.weights import readable
from deepdream.errors import DeepDreamError
from deepdream.silence import silence_tensorflow

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf

__all__ = ["Extractor", "Precision", "open_extractor", "prepare"]

Precision = Literal["float32", "winograd", "bfloat16"]
"""What the network computes in: 'winograd' is float32, its convolutions with fewer multiplications."""
FREE = (None, None, 3)
LARGEST_GRAPH = 1_000_000_000
"""Bytes of weights that a graph may hold; TensorFlow's limit is 2 GB."""
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Extractor:
    """Activations of chosen layers: `extractor(canvas)["mixed4"]`.

    The canvas is float32 `[n, H, W, 3]`, RGB grey levels 0..255, of any size; activations are float32
    `[n, h, w, C]`, whatever precision the network runs in. Works eagerly and inside `tf.function`;
    gradients flow to the canvas, the weights are frozen. Layers deeper than the deepest wanted are not
    there.

    `network` takes what `prepare` makes of a canvas or, where a `mean` colour is given, the canvas less that.
    """

    def __init__(
        self,
        backbone: Backbone,
        layers: tuple[str, ...],
        precision: Precision,
        network: keras.Model,
        mean: np.ndarray | None = None,
    ) -> None:
        self.backbone = backbone
        self.layers = layers
        self.precision = precision
        self.network = network
        self.mean = mean
        self._weights = [(weight, weight.numpy()) for weight in _constants(network)]

    def __call__(self, canvas: tf.Tensor) -> dict[str, tf.Tensor]:
        import tensorflow as tf

        fitted = prepare(canvas, self.backbone.preprocess) if self.mean is None else canvas - self.mean
        with self._frozen():
            activations = self.network(fitted, training=False)
        return {name: tf.cast(activations[name], tf.float32) for name in self.layers}

    def _frozen(self) -> contextlib.AbstractContextManager[Any]:
        """Inside a graph, the weights as constants of it.

        oneDNN packs the weights of a convolution once if it can see that they never change; from variables it
        packs them in every step, or takes a slower way that needs no packing.
        """
        import keras
        import tensorflow as tf

        if tf.executing_eagerly() or sum(array.nbytes for _, array in self._weights) > LARGEST_GRAPH:
            return contextlib.nullcontext()
        frozen = [(weight, tf.constant(array)) for weight, array in self._weights]
        scope: contextlib.AbstractContextManager[Any] = keras.StatelessScope(frozen)
        return scope


def open_extractor(choice: Choice, layers: Sequence[str], precision: Precision = "float32") -> Extractor:
    """Build the network of `choice`, load its weights, cut it after the deepest of `layers` and freeze it.

    What can be is folded into its convolutions (see `fold`), from the float32 weights. With bfloat16 the
    folded ones are kept in bfloat16, so that no step casts them. Raises UsageError for a layer that the
    network lacks, DeepDreamError for weights that are damaged or another network's.
    """
    from deepdream.backbones.fold import fold

    backbone = choice.backbone
    wanted = tuple(dict.fromkeys(backbone.layer(name).name for name in layers))
    if choice.weights.path is None:
        raise DeepDreamError(
            f"the weights of {backbone.name} are not downloaded yet",
            f"get them: 'deepdream models fetch {backbone.name}'",
        )
    silence_tensorflow()
    if backbone.path is not None:
        model = open_saved(backbone.path, "float32")
        network = _cut(model, {operation.name: operation for operation in model.operations}, wanted)
    else:
        model = _build(backbone)
        _load(model, backbone, choice.weights.path)
        network = _cut(model, stable_names(model), wanted)
    with _policy(precision):
        network, mean = fold(network, lambda colours: prepare(colours, backbone.preprocess), precision)
        network = vary(network, choice.variant)
    network.trainable = False
    return Extractor(backbone, wanted, precision, network, mean)


def prepare(canvas: tf.Tensor, preprocess: str) -> tf.Tensor:
    """RGB grey levels 0..255 as the network wants them, exactly as `keras.applications` does it.

    'tf' is [−1, 1]; 'caffe' is BGR less the mean colour of ImageNet; 'torch' is [0, 1], less the mean,
    divided by the deviation; 'none' leaves them. 'efficientnet' is the rescaling by 1/√deviation about
    the mean that Keras builds into EfficientNet B0..B7 only when it downloads the weights itself.
    """
    import tensorflow as tf

    if preprocess == "tf":
        return canvas / 127.5 - 1.0
    if preprocess == "caffe":
        return tf.reverse(canvas, [-1]) - tf.constant([103.939, 116.779, 123.68], canvas.dtype)
    mean, std = tf.constant(_MEAN, canvas.dtype), tf.constant(_STD, canvas.dtype)
    if preprocess == "torch":
        return (canvas / 255.0 - mean) / std
    if preprocess == "efficientnet":
        return (canvas - 255.0 * mean) / tf.sqrt(std) + 255.0 * mean
    return canvas


def _build(backbone: Backbone) -> keras.Model:
    import keras

    constructor = getattr(keras.applications, str(backbone.function), None)
    if constructor is None:
        raise DeepDreamError(
            f"the installed Keras {keras.__version__} has no {backbone.name}", "install a newer Keras"
        )
    with _policy("float32"):
        return constructor(weights=None, include_top=False, input_shape=FREE)


def _load(model: keras.Model, backbone: Backbone, path: Path) -> None:
    """Load weights. Keras lets any error of its readers through: all but lack of memory mean a bad file."""
    try:
        with warnings.catch_warnings(action="ignore"):  # what Keras warns of here it also raises
            model.load_weights(str(path))
    except MemoryError:
        raise
    except Exception as error:
        whole = readable(path)
        what = f"does not hold the weights of {backbone.name}" if whole else "is damaged or no weights file"
        hint = "weights of the network without its classifier are wanted ('notop' in Keras's names)"
        raise DeepDreamError(f"{path} {what}", hint if whole else "get the file again") from error


def _cut(model: keras.Model, operations: dict[str, Any], layers: Sequence[str]) -> keras.Model:
    import keras

    lacking = [name for name in layers if name not in operations]
    if lacking:
        raise DeepDreamError(
            f"{model.name} of Keras {keras.__version__} has no layer '{lacking[0]}'", "install a newer Keras"
        )
    return keras.Model(model.inputs[0], {name: outputs_of(operations[name])[0] for name in layers})


def _constants(network: keras.Model) -> list[Any]:
    """The variables that are to be constants of a graph: all that graphs read."""
    from deepdream.backbones.winograd import Conv2D

    spread = {id(layer.kernel) for layer in network.layers if isinstance(layer, Conv2D)}
    return [variable for variable in network.variables if id(variable) not in spread]


@contextlib.contextmanager
def _policy(precision: Precision) -> Iterator[None]:
    """Keras's own way to say what layers are built in, undone at the end; it counts per thread."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if precision == "winograd" else precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
