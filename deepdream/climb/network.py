"""A network as a climb sees it: an extractor that answers to the requested names, and measures targets.

A canvas is float32 `[1, H, W, 3]`, sRGB grey levels 0-255. Importing this module loads TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
import tensorflow as tf

from deepdream.backbones import Choice, Extractor, Layer
from deepdream.climb.tiling import Tile, cell_count, cells
from deepdream.errors import DeepDreamError
from deepdream.objectives.statistics import Sums, feature_sums
from deepdream.pictures.picture import Picture
from deepdream.pictures.scales import Size
from deepdream.pictures.styles import Origin

__all__ = ["CANVAS", "PLANE", "Cutter", "Network", "Probe", "resize", "to_canvas"]

CANVAS = tf.TensorSpec([1, None, None, 3], tf.float32)
PLANE = tf.TensorSpec([1, None, None, 1], tf.float32)


class Network:
    """An opened extractor that also answers to the names the user asked for.

    Where one model stands in for another, `used` maps the requested layers to the real ones.
    """

    def __init__(self, extractor: Extractor, used: Mapping[str, str], choice: Choice | None = None) -> None:
        self.extractor = extractor
        self.choice = choice
        self.used = used
        self.smallest = max(extractor.backbone.layer(name).min_size for name in extractor.layers)
        forward = tf.function(self.__call__, input_signature=[CANVAS], autograph=False)
        self.forward: Callable[[tf.Tensor], dict[str, tf.Tensor]] = forward

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
        return self.forward(_at(picture, size))

    @cached_property
    def origin(self) -> Origin:
        """Which network it is, as style files name it."""
        name, choice = self.extractor.backbone.name, self.choice
        if choice is None:
            return Origin(name)
        fitted = self.extractor.backbone.preprocess
        variant = choice.variant
        return Origin(name, choice.weights.sha256(), variant.pooling, fitted, variant.replicate)

    def layer(self, name: str) -> Layer:
        """What the table says of the layer that answers to a requested name."""
        return self.extractor.backbone.layer(self.used[name])


def to_canvas(picture: Picture) -> tf.Tensor:
    """The pixels of a picture as a canvas."""
    return tf.constant(picture.pixels[np.newaxis], tf.float32)


def resize(canvas: tf.Tensor, size: Size) -> tf.Tensor:
    """Linear interpolation, as google/deepdream's octaves have it; the identity at the same size."""
    return tf.image.resize(canvas, size, "bilinear")


Cutter = Callable[[Size], Sequence[Tile]]
"""The tiles of a canvas of that size; none if it goes through the network at once."""


class Probe:
    """What the targets of an objective are measured with in one octave; each picture only once.

    A picture that `cutter` cuts is measured tile by tile, and its activations are put together from these.
    The features of the canvas are those with its `clouds`, `[1, H, W, 1]`.
    """

    def __init__(
        self,
        network: Network,
        canvas: tf.Tensor,
        size: Size,
        cutter: Cutter = lambda size: (),
        clouds: tf.Tensor | None = None,
    ) -> None:
        self.canvas, self.size, self._clouds = canvas, size, clouds
        self._network, self._cutter = network, cutter
        self._known: dict[tuple[int, Size], dict[str, tf.Tensor]] = {}
        self._sums: dict[tuple[int, Size], dict[str, Sums]] = {}

    def features(self, picture: Picture | tf.Tensor, size: Size) -> Mapping[str, tf.Tensor]:
        """The activations of every layer for `picture`, or a canvas, at `size`."""
        key = (id(picture), size)
        if picture is self.canvas and self._clouds is not None:
            picture += self._clouds
        if tiles := self._cutter(size):
            return _Assembled(self._network, _at(picture, size), tiles)
        if key not in self._known:
            self._known[key] = self._network.features(picture, size)
        return self._known[key]

    def sums(self, picture: Picture | tf.Tensor, size: Size) -> Mapping[str, Sums]:
        """The `feature_sums` of every layer for `picture` at `size`."""
        key = (id(picture), size)
        if key not in self._sums:
            tiles = self._cutter(size)
            if not tiles:
                found = self._network.features(picture, size)
                self._sums[key] = {name: feature_sums(features) for name, features in found.items()}
            else:
                parts = [
                    {name: feature_sums(features) for name, features in part.items()}
                    for part in _tile_by_tile(self._network, _at(picture, size), tiles)
                ]
                self._sums[key] = tf.nest.map_structure(lambda *tensors: tf.add_n(tensors), *parts)
        return self._sums[key]

    @property
    def origin(self) -> Origin:
        """Which network it is."""
        return self._network.origin

    def grid(self, layer: str) -> Size:
        """How many cells a layer has on the canvas, down and across."""
        known = self._network.layer(layer)
        if known.start is None:
            height, width = self.features(self.canvas, self.size)[layer].shape[1:3]
            return height, width
        return cell_count(known, self.size[0]), cell_count(known, self.size[1])

    def channels(self, layer: str) -> int:
        """How many channels a layer has."""
        return self._network.layer(layer).channels


class _Assembled(Mapping[str, tf.Tensor]):
    """Activations of one layer at a time, from tiles: all at once may be more than memory holds."""

    def __init__(self, network: Network, canvas: tf.Tensor, tiles: Sequence[Tile]) -> None:
        self._network, self._canvas, self._tiles = network, canvas, tiles

    def __getitem__(self, name: str) -> tf.Tensor:
        if name not in self._network.used:
            raise KeyError(name)
        rows: dict[int, list[tf.Tensor]] = {}
        for tile, part in zip(
            self._tiles, _tile_by_tile(self._network, self._canvas, self._tiles), strict=True
        ):
            rows.setdefault(tile.core[0][0], []).append(part[name])
        return tf.concat([tf.concat(row, 2) for row in rows.values()], 1)

    def __iter__(self) -> Iterator[str]:
        return iter(self._network.used)

    def __len__(self) -> int:
        return len(self._network.used)


def _tile_by_tile(
    network: Network, canvas: tf.Tensor, tiles: Sequence[Tile]
) -> Iterator[dict[str, tf.Tensor]]:
    """The activations of every tile's core cells."""
    size: Size = tuple(canvas.shape[1:3])
    for tile in tiles:
        (top, bottom), (left, right) = tile.crop
        found = network.forward(canvas[:, top:bottom, left:right])
        part = {}
        for name, features in found.items():
            (rows, columns), _ = cells(tile, network.layer(name), size)
            part[name] = features[:, rows[0] : rows[1], columns[0] : columns[1]]
        yield part


def _at(picture: Picture | tf.Tensor, size: Size) -> tf.Tensor:
    """A picture, or a canvas, as a canvas of that size."""
    if hasattr(picture, "pixels"):
        return to_canvas(picture.resized(size[1], size[0]))
    return resize(picture, size)
