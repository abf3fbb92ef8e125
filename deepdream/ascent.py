"""The loop: gradient ascent on the pixels of a canvas, octave by octave, one traced step for all sizes.

A canvas is float32 `[1, H, W, 3]`, sRGB grey levels 0-255. Importing this module loads TensorFlow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from deepdream.network import CANVAS, Network, Probe, resize, to_canvas
from deepdream.objectives import Objective
from deepdream.optim import Optimiser
from deepdream.picture import Picture
from deepdream.scales import Size
from deepdream.tiling import Span, Tile, cells

__all__ = ["Climb", "Moment", "climb"]

VALUES = tf.TensorSpec([None], tf.float32)


class Stopped(Exception):  # noqa: N818  it is no error
    """The climb was called off in the middle of a step, which is not taken."""


class Climb:
    """One gradient step for an objective, traced once: canvas in, canvas out.

    `jitter` rolls the canvas by uniform integers in [-jitter, jitter] per axis before the network
    sees it. The draw depends on the seed and the step's number only. A step is taken at once or, in an
    octave that is entered with tiles, tile by tile: the gradient is the same. `pulse(index, part)` is told
    after every tile what part of the step is done, and ends the climb by returning false.
    """

    def __init__(
        self,
        network: Network,
        objective: Objective,
        optimiser: Optimiser,
        *,
        jitter: int,
        seed: int,
        pulse: Callable[[int, float], bool] = lambda index, part: True,
    ) -> None:
        self.traces = 0
        self._network, self._objective, self._optimiser = network, objective, optimiser
        self._jitter, self._seed = jitter, seed
        self._targets: list[Any] = []
        self.tiles: tuple[Tile, ...] = ()
        self.pulse = pulse
        self._size: Size = (0, 0)
        self._traced: dict[str, Any] = {}

    def enter(self, canvas: tf.Tensor, size: Size, tiles: tuple[Tile, ...] = ()) -> None:
        """Make ready for an octave: a fresh optimiser, targets measured at this size."""
        probe = Probe(self._network, canvas, size)
        self._targets = [term.target(probe) if term.target else () for term in self._objective.terms]
        self.tiles, self._size = tiles, size
        self._optimiser.reset(canvas)
        if not self._traced:
            targets = tf.nest.map_structure(_open_spec, self._targets)
            index = tf.TensorSpec([], tf.int32)
            boxes = tf.TensorSpec([len(self._objective.layers) + 1, 4], tf.int32)
            shares = tf.TensorSpec([len(self._objective.terms)], tf.float32)
            self._traced = {
                "step": tf.function(self._advance, input_signature=[CANVAS, targets, index]),
                "tile": tf.function(self._tile, input_signature=[CANVAS, targets, boxes, shares]),
                "move": tf.function(self._move, input_signature=[CANVAS, CANVAS, VALUES]),
            }

    def step(self, canvas: tf.Tensor, index: int) -> tuple[tf.Tensor, np.ndarray, bool]:
        """Take step number `index`.

        Returns the canvas after it, the weighted value of every term before it, and whether the new
        canvas is all finite.
        """
        if self.tiles:
            canvas, values, finite = self._tiled_step(canvas, index)
        else:
            canvas, values, finite = self._traced["step"](canvas, self._targets, tf.constant(index))
        return canvas, values.numpy(), bool(finite)

    # --- all at once: one graph from canvas to canvas

    def _advance(
        self, canvas: tf.Tensor, targets: list[Any], index: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        self.traces += 1
        shift = self._shift(index)
        seen: list[tf.Tensor] = []

        def evaluate(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            rolled = tf.roll(x, shift, [1, 2]) if self._jitter else x
            with tf.GradientTape() as tape:
                tape.watch(rolled)
                activations = self._network(rolled)
                terms = zip(self._objective.terms, targets, strict=True)
                values = [term.weight * term.value(activations, rolled, aim) for term, aim in terms]
                total = tf.add_n(values)
            seen.append(tf.stack(values))
            gradient = tape.gradient(total, rolled, unconnected_gradients="zero")
            return total, tf.roll(gradient, -shift, [1, 2]) if self._jitter else gradient

        canvas = self._optimiser.step(evaluate, canvas)
        return canvas, seen[0], tf.reduce_all(tf.math.is_finite(canvas))

    def _shift(self, index: tf.Tensor | int) -> tf.Tensor:
        return tf.random.stateless_uniform(
            [2], [self._seed, index], -self._jitter, self._jitter + 1, dtype=tf.int32
        )

    # --- tile by tile: one graph for a tile, one for the move

    def _tiled_step(self, canvas: tf.Tensor, index: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        shift = self._shift(index).numpy().tolist()
        gradient = tf.Variable(tf.zeros_like(canvas))
        values = tf.zeros([len(self._objective.terms)])
        for number, tile in enumerate(self.tiles, start=1):
            rows, columns = (
                _pieces(span, roll, side)
                for span, roll, side in zip(tile.crop, shift, self._size, strict=True)
            )
            bands = [canvas[:, top:bottom] for _, (top, bottom) in rows]
            crop = tf.concat(
                [tf.concat([band[:, :, left:right] for _, (left, right) in columns], 2) for band in bands], 1
            )
            part, up = self._traced["tile"](crop, self._targets, *self._shares(tile))
            values += part
            for (r0, r1), (top, bottom) in rows:
                for (c0, c1), (left, right) in columns:
                    box = gradient[:, top:bottom, left:right]
                    box.assign(box + up[:, r0:r1, c0:c1])
            if not self.pulse(index, number / len(self.tiles)):
                raise Stopped
        moved: tuple[tf.Tensor, tf.Tensor, tf.Tensor] = self._traced["move"](canvas, gradient, values)
        return moved

    def _shares(self, tile: Tile) -> tuple[tf.Tensor, tf.Tensor]:
        """Where the tile's core lies in its crop and in every layer, and what part each term has in it."""
        (top, bottom), (left, right) = tile.core
        begin_y, begin_x = tile.crop[0][0], tile.crop[1][0]
        boxes = [(top - begin_y, bottom - begin_y, left - begin_x, right - begin_x)]
        shares = {}
        for name in self._objective.layers:
            layer = self._network.extractor.backbone.layer(self._network.used[name])
            (rows, columns), shares[name] = cells(tile, layer, self._size)
            boxes.append((*rows, *columns))
        parts = [shares[term.layers[0]] if term.parts == "mean" else 1.0 for term in self._objective.terms]
        return tf.constant(boxes, tf.int32), tf.constant(parts, tf.float32)

    def _tile(
        self, crop: tf.Tensor, targets: list[Any], boxes: tf.Tensor, shares: tf.Tensor
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
            values = tf.stack(
                [
                    term.weight * term.value(core, pixels, aim)
                    for term, aim in zip(self._objective.terms, targets, strict=True)
                ]
            )
            values *= shares
            total = tf.reduce_sum(values)
        return values, tape.gradient(total, crop, unconnected_gradients="zero")

    def _move(
        self, canvas: tf.Tensor, gradient: tf.Tensor, values: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        self.traces += 1
        canvas = self._optimiser.step(lambda _: (tf.reduce_sum(values), gradient), canvas)
        return canvas, values, tf.reduce_all(tf.math.is_finite(canvas))


def _pieces(span: Span, shift: int, side: int) -> list[tuple[Span, Span]]:
    """Where the rows (or columns) `span` of a canvas rolled by `shift` are: in the crop, in the canvas."""
    first, length = (span[0] - shift) % side, span[1] - span[0]
    until = min(side, first + length)
    pieces = [((0, until - first), (first, until))]
    if until - first < length:
        pieces.append(((until - first, length), (0, length - (until - first))))
    return pieces


def _open_spec(tensor: tf.Tensor) -> tf.TensorSpec:
    """The tensor's signature; activations and canvases `[1, h, w, C]` keep height and width open."""
    shape = tensor.shape.as_list()
    if len(shape) == 4:
        shape[1:3] = None, None
    return tf.TensorSpec(shape, tensor.dtype)


@dataclass(frozen=True)
class Moment:
    """The state after one step."""

    octave: int
    """Counted from 0."""
    index: int
    """Number of the step in the whole ascent, counted from 1."""
    values: np.ndarray
    """Weighted value of every term, before the step."""
    finite: bool
    """Whether the canvas is all finite numbers."""
    seconds: float
    canvas: tf.Tensor
    base: tf.Tensor | None
    """The photograph at this octave's size, where detail is carried through the octaves."""
    original: tf.Tensor

    def pixels(self) -> np.ndarray:
        """The picture at full size as float32 `[H, W, 3]`, whatever the octave."""
        full = tuple(self.original.shape[1:3])
        if self.canvas.shape == self.original.shape:
            canvas = self.canvas
        elif self.base is None:
            canvas = resize(self.canvas, full)
        else:
            canvas = self.original + resize(self.canvas - self.base, full)
        pixels: np.ndarray = tf.clip_by_value(canvas, 0.0, 255.0)[0].numpy()
        return pixels


def climb(
    step: Climb,
    start: Picture,
    sizes: Sequence[Size],
    steps: Sequence[int],
    *,
    reinject: bool,
    tiles: Callable[[Size, int], tuple[Tile, ...]] = lambda size, halvings: (),
) -> Iterator[Moment]:
    """Climb through the octaves `sizes`, the last being the picture's own, `steps[i]` steps each.

    `tiles(size, halvings)` cuts an octave into tiles, or leaves it whole; whenever the device runs out of
    memory, it is asked for tiles halved once more, and the step is taken again.

    With `reinject`, what an octave added to the photograph is scaled up and added to the sharper
    photograph of the next (google/deepdream), so that no octave blurs it; without, the canvas
    itself is scaled up.
    """
    original = to_canvas(start)
    bases = [original]
    for size in reversed(sizes[:-1]):
        bases.insert(0, resize(bases[0], size))
    index = halvings = 0
    canvas = bases[0]
    for octave, (size, base) in enumerate(zip(sizes, bases, strict=True)):
        if octave and reinject:
            canvas = base + resize(canvas - bases[octave - 1], size)
        elif octave:
            canvas = resize(canvas, size)
        step.enter(canvas, size, tiles(size, halvings))
        for _ in range(steps[octave]):
            began = time.perf_counter()
            index += 1
            while True:
                try:
                    canvas, values, finite = step.step(canvas, index)
                    break
                except Stopped:
                    return
                except tf.errors.ResourceExhaustedError:
                    halvings += 1
                    step.tiles = tiles(size, halvings)
                    if not step.tiles:
                        raise
            yield Moment(
                octave=octave,
                index=index,
                values=values,
                finite=finite,
                seconds=time.perf_counter() - began,
                canvas=canvas,
                base=base if reinject else None,
                original=original,
            )
