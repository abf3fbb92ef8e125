"""The loop: gradient ascent on the pixels of a canvas, octave by octave, one traced step for all sizes.

A canvas is float32 `[1, H, W, 3]`, sRGB grey levels 0-255. Importing this module loads TensorFlow.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from deepdream.backbones import Extractor
from deepdream.errors import DeepDreamError
from deepdream.objectives import Objective
from deepdream.optim import Optimiser
from deepdream.picture import Picture
from deepdream.scales import Size

__all__ = ["Climb", "Moment", "Network", "climb"]

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
        canvas = to_canvas(picture.resized(width, height)) if hasattr(picture, "pixels") else picture
        activations: dict[str, tf.Tensor] = self._forward(canvas)
        return activations


def to_canvas(picture: Picture) -> tf.Tensor:
    """The pixels of a picture as a canvas."""
    return tf.constant(picture.pixels[np.newaxis], tf.float32)


def resize(canvas: tf.Tensor, size: Size) -> tf.Tensor:
    """Linear interpolation, as google/deepdream's octaves have it; the identity at the same size."""
    return tf.image.resize(canvas, size, "bilinear")


class _Probe:
    """What the targets of an objective are measured with in one octave; each picture only once."""

    def __init__(self, network: Network, canvas: tf.Tensor, size: Size) -> None:
        self.canvas, self.size = canvas, size
        self._network = network
        self._known: dict[tuple[int, Size], dict[str, tf.Tensor]] = {}

    def features(self, picture: Picture | tf.Tensor, size: Size) -> Mapping[str, tf.Tensor]:
        key = (id(picture), size)
        if key not in self._known:
            self._known[key] = self._network.features(picture, size)
        return self._known[key]


class Climb:
    """One gradient step for an objective, traced once: canvas in, canvas out.

    `jitter` rolls the canvas by uniform integers in [-jitter, jitter] per axis before the network
    sees it. The draw depends on the seed and the step's number only.
    """

    def __init__(
        self, network: Network, objective: Objective, optimiser: Optimiser, *, jitter: int, seed: int
    ) -> None:
        self.traces = 0
        self._network, self._objective, self._optimiser = network, objective, optimiser
        self._jitter, self._seed = jitter, seed
        self._targets: list[Any] = []
        self._step: Any = None

    def enter(self, canvas: tf.Tensor, size: Size) -> None:
        """Make ready for an octave: a fresh optimiser, targets measured at this size."""
        probe = _Probe(self._network, canvas, size)
        self._targets = [term.target(probe) if term.target else () for term in self._objective.terms]
        self._optimiser.reset(canvas)
        if self._step is None:
            specs = tf.nest.map_structure(_open_spec, self._targets)
            self._step = tf.function(
                self._advance, input_signature=[CANVAS, specs, tf.TensorSpec([], tf.int32)]
            )

    def step(self, canvas: tf.Tensor, index: int) -> tuple[tf.Tensor, np.ndarray, bool]:
        """Take step number `index`.

        Returns the canvas after it, the weighted value of every term before it, and whether the new
        canvas is all finite.
        """
        canvas, values, finite = self._step(canvas, self._targets, tf.constant(index))
        return canvas, values.numpy(), bool(finite)

    def _advance(
        self, canvas: tf.Tensor, targets: list[Any], index: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        self.traces += 1
        shift = tf.random.stateless_uniform(
            [2], [self._seed, index], -self._jitter, self._jitter + 1, dtype=tf.int32
        )
        values: list[tf.Tensor] = []

        def evaluate(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            rolled = tf.roll(x, shift, [1, 2]) if self._jitter else x
            with tf.GradientTape() as tape:
                tape.watch(rolled)
                activations = self._network(rolled)
                values[:] = [
                    term.weight * term.value(activations, rolled, target)
                    for term, target in zip(self._objective.terms, targets, strict=True)
                ]
                total = tf.add_n(values)
            gradient = tape.gradient(total, rolled, unconnected_gradients="zero")
            return total, tf.roll(gradient, -shift, [1, 2]) if self._jitter else gradient

        canvas = self._optimiser.step(evaluate, canvas)
        return canvas, tf.stack(values), tf.reduce_all(tf.math.is_finite(canvas))


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
        if self.base is None:
            canvas = resize(self.canvas, full)
        else:
            canvas = self.original + resize(self.canvas - self.base, full)
        pixels: np.ndarray = tf.clip_by_value(canvas, 0.0, 255.0)[0].numpy()
        return pixels


def climb(
    step: Climb, start: Picture, sizes: Sequence[Size], steps: Sequence[int], *, reinject: bool
) -> Iterator[Moment]:
    """Climb through the octaves `sizes`, the last being the picture's own, `steps[i]` steps each.

    With `reinject`, what an octave added to the photograph is scaled up and added to the sharper
    photograph of the next (google/deepdream), so that no octave blurs it; without, the canvas
    itself is scaled up.
    """
    original = to_canvas(start)
    bases = [original]
    for size in reversed(sizes[:-1]):
        bases.insert(0, resize(bases[0], size))
    index = 0
    canvas = bases[0]
    for octave, (size, base) in enumerate(zip(sizes, bases, strict=True)):
        if octave and reinject:
            canvas = base + resize(canvas - bases[octave - 1], size)
        elif octave:
            canvas = resize(canvas, size)
        step.enter(canvas, size)
        for _ in range(steps[octave]):
            began = time.perf_counter()
            index += 1
            canvas, values, finite = step.step(canvas, index)
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
