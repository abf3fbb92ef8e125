"""The gradient of an objective over a canvas: all at once inside a graph, or tile by tile outside one.

Importing this module loads TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from deepdream.network import CANVAS, Network
from deepdream.objectives import Objective
from deepdream.scales import Size
from deepdream.tiling import Span, Tile, cells

__all__ = ["Stopped", "TiledGradient", "values_of"]


class Stopped(Exception):  # noqa: N818  it is no error
    """The climb was called off in the middle of a step, which is not taken."""


def values_of(
    objective: Objective,
    weights: tf.Tensor,
    activations: dict[str, tf.Tensor],
    canvas: tf.Tensor,
    targets: Sequence[Any],
) -> tf.Tensor:
    """The weighted value of every term, `[terms]`."""
    terms = zip(objective.terms, targets, strict=True)
    return weights * tf.stack([term.value(activations, canvas, aim) for term, aim in terms])


class TiledGradient:
    """The gradient over a whole canvas that never goes through the network at once; one trace for all tiles.

    `pulse(part)` is told after every tile what part of them is done, and calls the step off by returning
    false (`Stopped`).
    """

    def __init__(self, network: Network, objective: Objective, targets: Any) -> None:
        self.traces = 0
        self._network, self._objective = network, objective
        terms = len(objective.terms)
        boxes = tf.TensorSpec([len(objective.layers) + 1, 4], tf.int32)
        numbers = tf.TensorSpec([terms], tf.float32)
        self._traced = tf.function(self._tile, input_signature=[CANVAS, targets, numbers, boxes, numbers])

    def __call__(
        self,
        canvas: tf.Tensor,
        targets: Sequence[Any],
        weights: tf.Tensor,
        tiles: Sequence[Tile],
        shift: Sequence[int],
        pulse: Callable[[float], bool],
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The value of every term, and the gradient; for the canvas rolled by `shift` and rolled back."""
        size: Size = tuple(canvas.shape[1:3])
        gradient = tf.Variable(tf.zeros_like(canvas))
        values = tf.zeros([len(self._objective.terms)])
        for number, tile in enumerate(tiles, start=1):
            rows, columns = (
                _pieces(span, roll, side) for span, roll, side in zip(tile.crop, shift, size, strict=True)
            )
            bands = [canvas[:, top:bottom] for _, (top, bottom) in rows]
            crop = tf.concat(
                [tf.concat([band[:, :, left:right] for _, (left, right) in columns], 2) for band in bands], 1
            )
            part, up = self._traced(crop, targets, weights, *self._shares(tile, size))
            values += part
            for (r0, r1), (top, bottom) in rows:
                for (c0, c1), (left, right) in columns:
                    box = gradient[:, top:bottom, left:right]
                    box.assign(box + up[:, r0:r1, c0:c1])
            if not pulse(number / len(tiles)):
                raise Stopped
        return values, gradient.read_value()

    def _shares(self, tile: Tile, size: Size) -> tuple[tf.Tensor, tf.Tensor]:
        """Where the tile's core lies in its crop and in every layer, and what part each term has in it."""
        (top, bottom), (left, right) = tile.core
        begin_y, begin_x = tile.crop[0][0], tile.crop[1][0]
        boxes = [(top - begin_y, bottom - begin_y, left - begin_x, right - begin_x)]
        shares = {}
        for name in self._objective.layers:
            layer = self._network.extractor.backbone.layer(self._network.used[name])
            (rows, columns), shares[name] = cells(tile, layer, size)
            boxes.append((*rows, *columns))
        parts = [shares[term.layers[0]] if term.parts == "mean" else 1.0 for term in self._objective.terms]
        return tf.constant(boxes, tf.int32), tf.constant(parts, tf.float32)

    def _tile(
        self, crop: tf.Tensor, targets: list[Any], weights: tf.Tensor, boxes: tf.Tensor, shares: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The values of a tile's core, and their gradient over the crop."""
        self.traces += 1
        with tf.GradientTape() as tape:
            tape.watch(crop)
            activations = self._network(crop)
            core = {
                name: activations[name][:, box[0] : box[1], box[2] : box[3]]
                for name, box in zip(self._objective.layers, tf.unstack(boxes[1:]), strict=True)
            }
            # One pixel more, for terms that look at neighbours; at the picture's edge there is none.
            pixels = crop[:, boxes[0, 0] : boxes[0, 1] + 1, boxes[0, 2] : boxes[0, 3] + 1]
            values = shares * values_of(self._objective, weights, core, pixels, targets)
            total = tf.reduce_sum(values)
        return values, tape.gradient(total, crop, unconnected_gradients="zero")


def _pieces(span: Span, shift: int, side: int) -> list[tuple[Span, Span]]:
    """Where the rows (or columns) `span` of a canvas rolled by `shift` are: in the crop, in the canvas."""
    first, length = (span[0] - shift) % side, span[1] - span[0]
    until = min(side, first + length)
    pieces = [((0, until - first), (first, until))]
    if until - first < length:
        pieces.append(((until - first, length), (0, length - (until - first))))
    return pieces
