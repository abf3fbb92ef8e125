"""A network as a climb sees it: an extractor that answers to the requested names, and measures targets.

A canvas is float32 `[1, H, W, 3]`, sRGB grey levels 0-255. Importing this module loads TensorFlow.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from deepdream.backbones import Extractor
from deepdream.errors import DeepDreamError
from deepdream.picture import Picture
from deepdream.scales import Size

__all__ = ["CANVAS", "Network", "Probe", "resize", "to_canvas"]

CANVAS = tf.TensorSpec([1, None, None, 3], tf.float32)


class Network:
    """An opened extractor that also answers to the names the user asked for.

    Where one model stands in for another, `used` maps the requested layers to the real ones.
    """

    def __init__(self, extractor: Extractor, used: Mapping[str, str]) -> None:
        self.extractor = extractor
        self.used = used
        self.smallest = max(extractor.backbone.layer(name).min_size for name in extractor.layers)
        self._forward = tf.function(self.__call__, input_signature=[CANVAS])

    def __call__(self, canvas: tf.Tensor) -> dict[str, tf.Tensor]:
        """Activations, float32 `[1, h, w, C]`, by requested layer name; for use inside a graph."""
        activations = self.extractor(canvas)
        return {wanted: activations[real] for wanted, real in self.used.items()}

    def features(self, picture: Picture | tf.Tensor, size: Size) -> dict[str, tf.Tensor]:
        """Activations of a picture resized to `size`, or of a canvas, outside any graph."""
        height, width = size
        if min(size) < self.smallest:
            raise DeepDreamError(
                f"a picture of {width}x{height} px is too small for {', '.join(self.extractor.layers)}",
                f"the network needs at least {self.smallest} px on the shorter side",
            )
        if hasattr(picture, "pixels"):
            canvas = to_canvas(picture.resized(width, height))
        else:
            canvas = resize(picture, size)
        activations: dict[str, tf.Tensor] = self._forward(canvas)
        return activations


def to_canvas(picture: Picture) -> tf.Tensor:
    """The pixels of a picture as a canvas."""
    return tf.constant(picture.pixels[np.newaxis], tf.float32)


def resize(canvas: tf.Tensor, size: Size) -> tf.Tensor:
    """Linear interpolation, as google/deepdream's octaves have it; the identity at the same size."""
    return tf.image.resize(canvas, size, "bilinear")


class Probe:
    """What the targets of an objective are measured with in one octave; each picture only once."""

    def __init__(self, network: Network, canvas: tf.Tensor, size: Size) -> None:
        self.canvas, self.size = canvas, size
        self.model = network.extractor.backbone.name
        self._network = network
        self._known: dict[tuple[int, Size], dict[str, tf.Tensor]] = {}

    def features(self, picture: Picture | tf.Tensor, size: Size) -> Mapping[str, tf.Tensor]:
        key = (id(picture), size)
        if key not in self._known:
            self._known[key] = self._network.features(picture, size)
        return self._known[key]
