"""One step of gradient ascent, and as many as one likes in one compiled loop; `climb` goes through octaves.

A canvas is float32 `[1, H, W, 3]`, sRGB grey levels 0-255. Importing this module loads TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from deepdream.climb import bands, memory, optim
from deepdream.climb.clouds import Clouds
from deepdream.climb.gradient import TiledGradient, bare, values_of
from deepdream.climb.network import PLANE, Cutter, Network, Probe
from deepdream.climb.returned import shaper, transformer
from deepdream.climb.shaping import Local
from deepdream.climb.tiling import Tile
from deepdream.climb.updates import Way
from deepdream.errors import DeepDreamError
from deepdream.objectives import Objective
from deepdream.objectives.foreign import answerable, welcome
from deepdream.pictures.scales import Size

__all__ = ["Climb", "Taken"]

NUMBERS = tf.TensorSpec([3], tf.int32)


class Taken(NamedTuple):
    """What some steps came to."""

    values: np.ndarray
    """`[steps, terms]`: the weighted value of every term before each step."""
    finite: bool
    """Whether the canvas after them is all finite numbers."""
    stopped: bool
    """Whether the objective got above the limit that was set for it."""


class Climb:
    """Gradient ascent for an objective on one canvas after another, traced once for all sizes.

    A step rolls the canvas by uniform integers in [-jitter, jitter] per axis before the network sees it; the
    draw depends on the seed and the step's number only. Steps run inside one graph, as many at a call as
    wanted, or tile by tile where `enter` was given tiles: the gradient is the same. The objective may be
    replaced by one that differs in its weights and targets alone.
    """

    def __init__(
        self,
        network: Network,
        objective: Objective,
        way: Way | None = None,
        devices: Sequence[str] = (),
    ) -> None:
        self.traces = 0
        self.devices = tuple(devices)
        """Those that tiles are spread over; this climb itself is on the first."""
        self.network, self.objective, self.way = network, objective, way or Way()
        self.seed = 0
        self.first = 0
        """Steps taken before this climb in the run."""
        self.tiles: tuple[Tile, ...] = ()
        self.clouds: Clouds | None = None
        self.pulse: Callable[[float], bool] = lambda part: True
        self.cutter: Cutter = lambda size: ()
        self._shape = shaper(self.way.shape) if self.way.shape else None
        self._transform = transformer(self.way.transform) if self.way.transform else None
        self._decode = welcome(self.way.parametrisation.decode) if self.way.parametrisation else None
        self._optimiser = optim.make(self.way.update, bounded=self.way.parametrisation is None)
        self._x: tf.Tensor = None
        self._size: Size = (0, 0)
        self._targets: list[Any] = []
        self._mask = tf.ones([1, 1, 1, 1])
        self._clouds = tf.Variable(tf.zeros([1, 1, 1, 1]), shape=PLANE.shape, trainable=False)
        self._mean = tf.Variable(0.0, shape=tf.TensorShape(None), trainable=False)
        self._mean_weight = tf.Variable(0.0, trainable=False)
        self._traced: dict[str, Any] = {}
        self._traces: dict[tuple[Size | None, str], dict[str, Any]] = {}
        """Every `_traced`: one for each size where a parametrisation is decoded, else one for all sizes; and
        one for each kind of targets."""

    # --- between steps -------------------------------------------------------------------------

    def enter(
        self,
        canvas: tf.Tensor,
        tiles: tuple[Tile, ...] = (),
        *,
        mask: tf.Tensor | None = None,
        warm: bool = False,
    ) -> None:
        """Make ready for an octave: targets measured at this size, and a fresh optimiser unless `warm`."""
        self._size = tuple(canvas.shape[1:3])
        self.tiles = tiles
        if mask is not None:
            self._mask = mask
        over = None
        if self.clouds is not None and (not tiles or any(term.target for term in self.objective.terms)):
            rows, columns = map(np.arange, self._size)
            over = tf.constant(self.clouds.over(rows, columns, self._size))
            if not tiles:
                self._clouds.assign(over)
        seen = self._x = canvas
        if self.way.parametrisation is not None:
            with answerable(self.way.parametrisation.start):
                start = self.way.parametrisation.start(canvas, tf.constant([self.seed, self.first]))
                if not (tf.is_tensor(start) and start.dtype == tf.float32):
                    found = start.dtype.name if tf.is_tensor(start) else type(start).__name__
                    raise DeepDreamError(
                        f"a parametrisation's start gave {found}, not a tensor of float32",
                        "return one, the parameters to climb: tf.convert_to_tensor makes one of an array",
                    )
            if self.way.masked and not _covers(self._mask.shape, start.shape):
                raise DeepDreamError(
                    f"a mask is of pixels, and this parametrisation climbs {list(start.shape)} of others",
                    "leave the mask out, and blend with it in finish",
                )
            self._x = start
            with answerable(self.way.parametrisation.decode):
                seen = self._decoded(canvas)
        probe = Probe(self.network, seen, self._size, self.cutter, over)
        self._targets = [term.target(probe) if term.target else () for term in self.objective.terms]
        (self._optimiser.resize if warm and self._decode is None else self._optimiser.reset)(self._x)
        if self.way.average is not None:
            self._mean.assign((1.0 - self.way.average) * self._x)
            self._mean_weight.assign(1.0 - self.way.average)
        targets = tf.nest.map_structure(_open_spec, bare(self._targets))
        kind = self._size if self._decode else None, repr(targets)
        self._traced = self._traces.setdefault(kind, {})
        if not self._traced:
            x = _open_spec(self._x)
            weights = tf.TensorSpec([len(self.objective.terms)], tf.float32)
            self._traced.update(
                tiled=TiledGradient(self.network, self.objective, targets, self.devices),
                steps=tf.function(
                    self._steps, input_signature=[x, targets, weights, PLANE, NUMBERS], autograph=False
                ),
                move=tf.function(self._move, input_signature=[x, x, weights, PLANE], autograph=False),
            )

    def _decoded(self, canvas: tf.Tensor) -> tf.Tensor:
        """The canvas that the parameters at the start stand for; a DeepDreamError for what is none."""
        assert self._decode is not None
        with tf.GradientTape() as tape:
            tape.watch(self._x)
            decoded = self._decode(self._x, self._size)
        if not (tf.is_tensor(decoded) and decoded.dtype == tf.float32):
            given = decoded.dtype.name if tf.is_tensor(decoded) else type(decoded).__name__
            raise DeepDreamError(
                f"a parametrisation's decode gave {given}, not a tensor of float32",
                "make the canvas of its parameters with TensorFlow functions: NumPy has no gradient",
            )
        found = list(decoded.shape)
        if found != list(canvas.shape):
            raise DeepDreamError(
                f"a parametrisation's decode gave {found} for a canvas {list(canvas.shape)}",
                "its `size` is (height, width)",
            )
        if tape.gradient(decoded, self._x) is None:
            raise DeepDreamError(
                "a parametrisation's decode has no gradient: nothing in the canvas follows its parameters",
                "make the canvas of them with TensorFlow functions that have one",
            )
        if not tf.reduce_all(tf.math.is_finite(decoded)):
            raise DeepDreamError(
                "a parametrisation's decode gave a canvas that is no number at the start",
                "a square root or logarithm below 0 is none",
            )
        return decoded

    def leave(self) -> None:
        """Give back the memory of the last octave."""
        self._x, self._targets, self._mask = None, [], tf.ones([1, 1, 1, 1])
        self.clouds = None
        self._clouds.assign(tf.zeros([1, 1, 1, 1]))
        self._optimiser.reset(tf.zeros([1, 1, 1, 3]))
        self._mean.assign(0.0)

    @property
    def canvas(self) -> tf.Tensor:
        """The canvas as it is; the running mean of the canvases where that is what counts."""
        x = self._x
        if self.way.average is not None:
            x = self._mean / self._mean_weight
        return x if self._decode is None else self._decode(x, self._size)

    @property
    def aimed(self) -> bool:
        """Whether the canvas that an octave starts from counts after its first step, too."""
        return self._decode is not None or any(term.target for term in self.objective.terms)

    def state(self) -> list[np.ndarray]:
        """All that the next step depends on, as arrays; `restore` takes it back after an `enter`."""
        return [np.asarray(value) for value in (self._x, *self._variables())]

    def restore(self, state: Sequence[np.ndarray]) -> None:
        """Go on from where `state` was taken."""
        self._x = tf.constant(state[0])
        for variable, value in zip(self._variables(), state[1:], strict=True):
            variable.assign(value)

    @property
    def rescues(self) -> int:
        """How often the optimiser went back to the best canvas, since it was made."""
        return int(self._optimiser.rescues)

    def _variables(self) -> tuple[tf.Variable, ...]:
        return (*self._optimiser.state(), self._mean, self._mean_weight)

    # --- steps ---------------------------------------------------------------------------------

    def run(self, index: int, count: int = 1) -> Taken:
        """Take the steps number `index` up to `index + count - 1`; in tiles, one.

        On any error, `Stopped` among them, the canvas is as it was before.
        """
        weights = tf.constant([term.weight for term in self.objective.terms], tf.float32)
        if self.tiles:
            x, values, finite = self._tiled_step(weights, index)
        else:
            numbers = tf.constant([self.seed, index, count], tf.int32)
            given = self._x, bare(self._targets), weights, self._mask
            try:
                x, values, finite = self._traced["steps"](*given, numbers)
            except tf.errors.ResourceExhaustedError:
                raise
            except tf.errors.OpError:
                self._once(*given, numbers[:2])  # which, outside a graph, fails at the line that is wrong
                raise
        self._x = x
        found = values.numpy()
        limit = self.way.stop_above
        return Taken(found, bool(finite), limit is not None and bool(found[-1].sum() > limit))

    def _steps(
        self, x: tf.Tensor, targets: list[Any], weights: tf.Tensor, mask: tf.Tensor, numbers: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        self.traces += 1
        seed, index, count = tf.unstack(numbers)
        values = tf.TensorArray(tf.float32, size=0, dynamic_size=True, element_shape=weights.shape)

        def go_on(taken: tf.Tensor, going: tf.Tensor, x: tf.Tensor, values: tf.TensorArray) -> tf.Tensor:
            return going & (taken < count)

        def take(taken: tf.Tensor, going: tf.Tensor, x: tf.Tensor, values: tf.TensorArray) -> tuple[Any, ...]:
            moved, found = self._once(x, targets, weights, mask, tf.stack([seed, index + taken]))
            if self.way.stop_above is not None:
                going = tf.reduce_sum(found) <= self.way.stop_above
            return taken + 1, going, tf.ensure_shape(moved, x.shape), values.write(taken, found)

        _, _, x, values = tf.while_loop(go_on, take, (tf.constant(0), tf.constant(True), x, values))
        return x, values.stack(), tf.reduce_all(tf.math.is_finite(x))

    def _once(
        self, x: tf.Tensor, targets: list[Any], weights: tf.Tensor, mask: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        way, seen = self.way, []
        shift = self._shift(seed)

        def evaluate(at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            # Rolled inside the tape only where it must be: the gradient of a roll is slower than a roll.
            start = tf.roll(at, shift, [1, 2]) if way.jitter and way.parametrisation is None else at
            with tf.GradientTape() as tape:
                tape.watch(start)
                canvas = start
                if self._decode is not None:
                    canvas = self._decode(start, self._size)
                    canvas = tf.roll(canvas, shift, [1, 2]) if way.jitter else canvas
                looked_at = canvas + tf.roll(self._clouds, shift, [1, 2]) if way.clouds else canvas
                looked_at = looked_at if self._transform is None else self._transform(looked_at, seed)
                # Terms of pixels must not take the two sides of a roll's seam for neighbours.
                straight = tf.roll(canvas, -shift, [1, 2]) if way.jitter else canvas
                values = values_of(
                    self.objective, weights, self.network(looked_at), canvas, targets, straight
                )
                total = tf.reduce_sum(values)
            seen.append(values)
            gradient = tape.gradient(total, start, unconnected_gradients="zero")
            return total, gradient if start is at else tf.roll(gradient, -shift, [1, 2])

        return self._moved(evaluate, x, mask), seen[0]

    def _moved(self, evaluate: optim.Evaluate, x: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        way = self.way

        def shaped(at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            total, gradient = evaluate(at)
            return total, gradient if self._shape is None else self._shape(gradient)

        x = self._optimiser.step(shaped, x, mask if way.masked else None)
        if way.average is not None:
            self._mean.assign(way.average * self._mean + (1.0 - way.average) * x)
            self._mean_weight.assign(way.average * self._mean_weight + (1.0 - way.average))
        return x

    def _shift(self, seed: tf.Tensor) -> tf.Tensor:
        jitter = self.way.jitter
        return tf.random.stateless_uniform([2], seed, -jitter, jitter + 1, dtype=tf.int32)

    # --- tile by tile: one graph for a tile, one for the move

    def _tiled_step(self, weights: tf.Tensor, index: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        shift = self._shift(tf.constant([self.seed, index])).numpy().tolist()
        values, array, gradient = self._traced["tiled"](
            self._x, self._targets, weights, self.tiles, shift, self.pulse, self.clouds
        )
        memory.give_back()  # before the update asks for more
        local = self.way.shape if isinstance(self.way.shape, Local) else None
        plain = local is self.way.shape and self.way.average is None
        if isinstance(self._optimiser, optim.Ascent) and plain:
            mask = self._mask if self.way.masked else None
            finite = bands.ascend(self._optimiser.settings, array, self._x, mask, local)
            return gradient, values[tf.newaxis], tf.constant(finite)
        x, finite = self._traced["move"](self._x, gradient, values, self._mask)
        return x, values[tf.newaxis], finite

    def _move(
        self, x: tf.Tensor, gradient: tf.Tensor, values: tf.Tensor, mask: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        self.traces += 1
        x = self._moved(lambda _: (tf.reduce_sum(values), gradient), x, mask)
        return x, tf.reduce_all(tf.math.is_finite(x))


def _covers(mask: tf.TensorShape, parameters: tf.TensorShape) -> bool:
    """Whether a mask of pixels says something about each of these parameters."""
    try:
        return bool(tf.broadcast_static_shape(mask, parameters) == parameters)
    except ValueError:
        return False


def _open_spec(tensor: tf.Tensor) -> tf.TensorSpec:
    """The tensor's signature; activations and canvases `[1, h, w, C]` keep height and width open."""
    shape = tensor.shape.as_list()
    if len(shape) == 4:
        shape[1:3] = None, None
    return tf.TensorSpec(shape, tensor.dtype)
