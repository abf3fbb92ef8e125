"""The gradient of an objective over a canvas: all at once inside a graph, or tile by tile outside one.

Importing this module loads TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from deepdream.climb.canvases import blank
from deepdream.climb.clouds import Clouds
from deepdream.climb.network import CANVAS, PLANE, Network
from deepdream.climb.spreading import OnEach
from deepdream.climb.tiling import Span, Tile, cells
from deepdream.objectives import Objective
from deepdream.objectives.algebra import Aligned, Term
from deepdream.pictures.scales import Size

__all__ = ["Stopped", "TiledGradient", "bare", "values_of"]


class Stopped(Exception):  # noqa: N818  it is no error
    """The climb was called off in the middle of a step, which is not taken."""


def values_of(
    objective: Objective,
    weights: tf.Tensor,
    activations: dict[str, tf.Tensor],
    canvas: tf.Tensor,
    targets: Sequence[Any],
    straight: tf.Tensor | None = None,
) -> tf.Tensor:
    """The weighted value of every term, `[terms]`; those without layers see a rolled canvas `straight`."""
    flat = canvas if straight is None else straight
    terms = zip(objective.terms, targets, strict=True)
    return weights * tf.stack(
        [term.value(activations, flat if _flat(term) else canvas, aim) for term, aim in terms]
    )


def bare(targets: Sequence[Any]) -> list[Any]:
    """Targets with the tensor in place of every `Aligned`."""
    return [
        tf.nest.map_structure(lambda it: it.tensor if isinstance(it, Aligned) else it, t) for t in targets
    ]


def _apart(targets: Sequence[Any]) -> list[Any]:
    """Targets without what is aligned, which differs in size from octave to octave and is in the sums."""

    def kept(item: Any) -> Any:
        return tf.zeros([]) if isinstance(item, Aligned) else item

    return [tf.nest.map_structure(kept, target) for target in targets]


class TiledGradient:
    """The gradient over a whole canvas that never goes through the network at once; one trace for all tiles.

    Terms that follow from sums over the whole (`parts="summary"`) take two passes: the first, forward only,
    adds up the sums over the tiles' cores; what the objective changes with each of them is then a constant,
    and the second pass goes back through the sums of every tile with it.

    Terms without layers see the canvas as it is, not rolled: what meets at the seam of a roll are no
    neighbours.

    `pulse(part)` is told after every tile what part of them is done, and calls the step off by returning
    false (`Stopped`).
    """

    def __init__(
        self, network: Network, objective: Objective, targets: Any, devices: Sequence[str] = ()
    ) -> None:
        self.traces = 0
        self._network, self._objective = network, objective
        boxes = tf.TensorSpec([len(objective.layers) + 1, 4], tf.int32)
        numbers = tf.TensorSpec([len(objective.terms)], tf.float32)
        self._signature = [CANVAS, PLANE, targets, numbers, boxes, numbers]
        self._devices = devices
        self._summarise = OnEach(self._summaries, [CANVAS, PLANE, targets, boxes], devices)
        self._judge = tf.function(self._judged, autograph=False)
        self._back: OnEach | None = None
        self._flat = [number for number, term in enumerate(objective.terms) if _flat(term)]
        self._beside = tf.function(self._pixels, input_signature=[CANVAS, targets, numbers], autograph=False)

    def __call__(
        self,
        canvas: tf.Tensor,
        targets: Sequence[Any],
        weights: tf.Tensor,
        tiles: Sequence[Tile],
        shift: Sequence[int],
        pulse: Callable[[float], bool],
        clouds: Clouds | None = None,
    ) -> tuple[tf.Tensor, np.ndarray, tf.Tensor]:
        """The value of every term, and the gradient, for the canvas rolled by `shift` and rolled back.

        The gradient is an array, and a tensor in the same memory, which no graph has seen yet.
        """
        size: Size = tuple(canvas.shape[1:3])
        places = [self._place(tile, size) for tile in tiles]
        twice = any(term.parts == "summary" for term in self._objective.terms)
        values, slopes = tf.zeros([len(self._objective.terms)]), self._none()
        if twice:
            sums = None
            looks = (
                (*_views(canvas, clouds, _rolled(tile, shift, size)), self._seen(targets, place), place.boxes)
                for tile, place in zip(tiles, places, strict=True)
            )
            with closing(self._summarise(looks)) as parts:
                for number, part in enumerate(parts, start=1):
                    sums = part if sums is None else tf.nest.map_structure(tf.add, sums, part)
                    if not pulse(number / len(tiles) / 3):  # a way forward is a third of there and back
                        raise Stopped
            values, slopes = self._judge(sums, _apart(targets), weights)
        if self._back is None:
            spec = tf.nest.map_structure(lambda slope: tf.TensorSpec(slope.shape, slope.dtype), slopes)
            self._back = OnEach(self._tile, [*self._signature, spec], self._devices)
        total, gradient = blank(canvas.shape)
        ways = (
            (
                *_views(canvas, clouds, _rolled(tile, shift, size)),
                self._seen(targets, place),
                weights,
                place.boxes,
                place.shares,
                slopes,
            )
            for tile, place in zip(tiles, places, strict=True)
        )
        with closing(self._back(ways)) as parts:
            for number, (tile, place) in enumerate(zip(tiles, places, strict=True), start=1):
                part, up = next(parts)
                values += part
                found = up.numpy()
                rows, columns = _rolled(tile, shift, size)
                for (r0, r1), (top, bottom) in rows:
                    for (c0, c1), (left, right) in columns:
                        total[:, top:bottom, left:right] += found[:, r0:r1, c0:c1]
                if self._flat:
                    (top, bottom), (left, right) = tile.core
                    core = _crop(canvas, ([((0, 0), (top, bottom + 1))], [((0, 0), (left, right + 1))]))
                    part, up = self._beside(core, self._seen(targets, place), weights)
                    values += part
                    total[:, top : bottom + 1, left : right + 1] += up.numpy()
                done = number / len(tiles)
                if not pulse((1 + 2 * done) / 3 if twice else done):
                    raise Stopped
        return values, total, gradient

    # --- where a tile is -----------------------------------------------------------------------

    def _place(self, tile: Tile, size: Size) -> _Place:
        (top, bottom), (left, right) = tile.core
        begin_y, begin_x = tile.crop[0][0], tile.crop[1][0]
        boxes = [(top - begin_y, bottom - begin_y, left - begin_x, right - begin_x)]
        shares: dict[str, float] = {}
        spans: dict[str | None, tuple[Span, Span]] = {None: tile.core}
        for name in self._objective.layers:
            layer = self._network.layer(name)
            (rows, columns), shares[name] = cells(tile, layer, size)
            boxes.append((*rows, *columns))
            down, across = begin_y // layer.stride, begin_x // layer.stride
            spans[name] = (
                (rows[0] + down, rows[1] + down),
                (columns[0] + across, columns[1] + across),
            )
        parts = [_share(term, shares) for term in self._objective.terms]
        return _Place(tf.constant(boxes, tf.int32), tf.constant(parts, tf.float32), spans)

    def _seen(self, targets: Sequence[Any], place: _Place) -> list[Any]:
        """The targets, of what is aligned only what the tile's core covers."""

        def part(item: Any) -> Any:
            if not isinstance(item, Aligned):
                return item
            (top, bottom), (left, right) = place.spans[item.layer]
            return item.tensor[:, top:bottom, left:right]

        return [tf.nest.map_structure(part, target) for target in targets]

    # --- graphs --------------------------------------------------------------------------------

    def _summaries(
        self, crop: tf.Tensor, clouds: tf.Tensor, targets: list[Any], boxes: tf.Tensor
    ) -> list[Any]:
        """The sums of a tile's core, for every term that wants some."""
        core, pixels = self._core(crop, clouds, boxes)
        return [
            term.summary(core, pixels, aim) if term.summary is not None else ()
            for term, aim in zip(self._objective.terms, targets, strict=True)
        ]

    def _judged(self, sums: list[Any], targets: list[Any], weights: tf.Tensor) -> tuple[tf.Tensor, list[Any]]:
        """The weighted value of every term with sums (0 for the others), and its gradient by the sums."""
        with tf.GradientTape() as tape:
            tape.watch(sums)
            terms = zip(self._objective.terms, sums, targets, strict=True)
            found = [
                term.of(own, aim) if term.of is not None else tf.constant(0.0) for term, own, aim in terms
            ]
            values = weights * tf.stack(found)
            total = tf.reduce_sum(values)
        return values, tape.gradient(total, sums, unconnected_gradients="zero")

    def _tile(
        self,
        crop: tf.Tensor,
        clouds: tf.Tensor,
        targets: list[Any],
        weights: tf.Tensor,
        boxes: tf.Tensor,
        shares: tf.Tensor,
        slopes: list[Any],
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The values of a tile's core, without those that come from sums, and the gradient over the crop."""
        self.traces += 1
        with tf.GradientTape() as tape:
            tape.watch(crop)
            core, pixels = self._core(crop, clouds, boxes)
            values, total = [], tf.constant(0.0)
            for term, aim, slope in zip(self._objective.terms, targets, slopes, strict=True):
                if term.summary is None and not _flat(term):
                    values.append(term.value(core, pixels, aim))
                    continue
                values.append(tf.constant(0.0))
                if term.summary is None:
                    continue
                sums = tf.nest.flatten(term.summary(core, pixels, aim))
                total += tf.add_n(
                    [tf.reduce_sum(a * b) for a, b in zip(tf.nest.flatten(slope), sums, strict=True)]
                )
            own = shares * weights * tf.stack(values)
            total += tf.reduce_sum(own)
        return own, tape.gradient(total, crop, unconnected_gradients="zero")

    def _pixels(self, core: tf.Tensor, targets: list[Any], weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The same for terms without layers: of a tile's core and the row and column that follow."""
        with tf.GradientTape() as tape:
            tape.watch(core)
            found = [
                term.value({}, core, aim) if _flat(term) else tf.constant(0.0)
                for term, aim in zip(self._objective.terms, targets, strict=True)
            ]
            values = weights * tf.stack(found)
            total = tf.reduce_sum(values)
        return values, tape.gradient(total, core, unconnected_gradients="zero")

    def _core(
        self, crop: tf.Tensor, clouds: tf.Tensor, boxes: tf.Tensor
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """The activations of the core's cells, and its pixels."""
        activations = self._network(crop + clouds)
        core = {
            name: activations[name][:, box[0] : box[1], box[2] : box[3]]
            for name, box in zip(self._objective.layers, tf.unstack(boxes[1:]), strict=True)
        }
        # One pixel more, for terms that look at neighbours; at the picture's edge there is none.
        return core, crop[:, boxes[0, 0] : boxes[0, 1] + 1, boxes[0, 2] : boxes[0, 3] + 1]

    def _none(self) -> list[Any]:
        return [() for _ in self._objective.terms]


class _Place(NamedTuple):
    """Where the core of a tile is."""

    boxes: tf.Tensor
    """In its crop, and in every layer of the crop."""
    shares: tf.Tensor
    """What part of each term it has."""
    spans: dict[str | None, tuple[Span, Span]]
    """In the whole of every layer, and of the canvas (None)."""


def _flat(term: Term) -> bool:
    """Whether a term looks at pixels alone, and not through sums."""
    return not term.layers and term.summary is None


def _share(term: Term, shares: Mapping[str, float]) -> float:
    return shares[term.layers[0]] if term.parts == "mean" else 1.0


Pieces = list[tuple[Span, Span]]


def _rolled(tile: Tile, shift: Sequence[int], size: Size) -> tuple[Pieces, Pieces]:
    """Where the crop's rows and columns are on a canvas that is rolled by `shift`."""
    rows, columns = (
        _pieces(span, roll, side) for span, roll, side in zip(tile.crop, shift, size, strict=True)
    )
    return rows, columns


def _views(
    canvas: tf.Tensor,
    clouds: Clouds | None,
    pieces: tuple[Pieces, Pieces],
) -> tuple[tf.Tensor, tf.Tensor]:
    """A crop, and the clouds that the network sees over it."""
    if clouds is None:
        return _crop(canvas, pieces), tf.zeros([1, 1, 1, 1])
    rows, columns = (np.concatenate([np.arange(*span) for _, span in spans]) for spans in pieces)
    return _crop(canvas, pieces), tf.constant(clouds.over(rows, columns, tuple(canvas.shape[1:3])))


def _crop(canvas: tf.Tensor, pieces: tuple[Pieces, Pieces]) -> tf.Tensor:
    rows, columns = pieces
    with tf.device(canvas.device):  # a canvas in main memory stays there; only the crop goes to a GPU
        bands = [canvas[:, top:bottom] for _, (top, bottom) in rows]
        return tf.concat(
            [tf.concat([band[:, :, left:right] for _, (left, right) in columns], 2) for band in bands], 1
        )


def _pieces(span: Span, shift: int, side: int) -> Pieces:
    """Where the rows (or columns) `span` of a canvas rolled by `shift` are: in the crop, in the canvas."""
    first, length = (span[0] - shift) % side, span[1] - span[0]
    until = min(side, first + length)
    pieces = [((0, until - first), (first, until))]
    if until - first < length:
        pieces.append(((until - first, length), (0, length - (until - first))))
    return pieces
