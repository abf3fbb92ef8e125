"""Parametrisations: what an optimiser moves instead of pixels, and the canvas that it stands for.

The steepest way uphill depends on the coordinates: in those of pixels it is full of high frequencies and of
colours that no photograph has. Olah, Mordvintsev & Schubert ("Feature Visualization", Distill 2017) climb in
the frequencies of a picture, scaled to equal energy, and in colours that are decorrelated; tensorflow/lucid
has the numbers. A canvas is float32 `[1, H, W, 3]` in grey levels 0-255; parameters are float32.
`updates.Parametrisation` says what a parametrisation has.

Importing this module loads no TensorFlow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from deepdream.pictures.scales import Size

__all__ = ["COLOUR_ROOT", "Fourier", "Pixels", "from_canvas", "to_canvas"]

Tensor = Any
"""A TensorFlow tensor; spelt `Any` so that this module imports no TensorFlow."""

COLOUR_ROOT: Final = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
"""A square root of the covariance of ImageNet's colours in 0..1, by singular value decomposition: column by
column lightness, blue to yellow and purple to green (`color_correlation_svd_sqrt` of tensorflow/lucid)."""

_DARKEST: Final = 1.0
"""Grey levels; a canvas is kept so far from black and white, which only infinite parameters would give."""


@dataclass(frozen=True)
class Pixels:
    """A parameter for every pixel and colour, `[1, H, W, 3]`; the noise at the start has that `deviation`."""

    deviation: float = 0.01
    decorrelated: bool = True
    """Whether the colours are; without, red, green and blue are climbed each on its own."""

    def start(self, canvas: Tensor, seed: Tensor) -> Tensor:
        values = from_canvas(canvas, decorrelated=self.decorrelated)
        return values + _noise(values, seed, self.deviation)

    def decode(self, parameters: Tensor, size: Size) -> Tensor:
        return to_canvas(parameters, decorrelated=self.decorrelated)


@dataclass(frozen=True)
class Fourier:
    """The spectrum of the picture, `[2, 3, H, W // 2 + 1]`: real and imaginary parts, for every colour.

    A coefficient of frequency f (in cycles per pixel) counts 1 / max(f, 1 / max(H, W)) ^ decay, which with
    a `decay` of 1 gives white noise in the parameters the spectrum of natural pictures; `deviation` is that
    of the noise at the start. Scaled as lucid's `fft_image`, so that its learning rates hold.

    What is finer than half a cycle per pixel, the corners of the spectrum, stays as it is at the start but
    for a thousandth. Only pixels in a diagonal order hold it, so nothing that may turn is made of it; two
    interpolations hide it from the network, and an optimiser that takes every coefficient as far, as Adam
    does, would fill it with checkerboards.
    """

    deviation: float = 0.01
    decay: float = 1.0
    decorrelated: bool = True
    """Whether the colours are; without, red, green and blue are climbed each on its own."""

    def start(self, canvas: Tensor, seed: Tensor) -> Tensor:
        import tensorflow as tf

        values = from_canvas(canvas, decorrelated=self.decorrelated)
        spectrum = tf.signal.rfft2d(tf.transpose(values[0], [2, 0, 1])) / self._scale(
            tuple(canvas.shape[1:3])
        )
        params = tf.stack([tf.math.real(spectrum), tf.math.imag(spectrum)])
        return params + _noise(params, seed, self.deviation)

    def decode(self, parameters: Tensor, size: Size) -> Tensor:
        import tensorflow as tf

        spectrum = tf.complex(parameters[0], parameters[1]) * self._scale(size)
        values = tf.signal.irfft2d(spectrum, fft_length=size)
        return to_canvas(tf.transpose(values, [1, 2, 0])[tf.newaxis], decorrelated=self.decorrelated)

    def _scale(self, size: Size) -> Tensor:
        """What a coefficient is multiplied by, `[H, W // 2 + 1]`: energy by frequency, made unitary."""
        import numpy as np

        height, width = size
        frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
        scale = np.sqrt(height * width) / np.maximum(frequency, 1 / max(size)) ** self.decay / _CONTRAST
        return np.where(frequency > _FINEST, _BEYOND * scale, scale).astype(np.complex64)


_FINEST, _BEYOND = 0.5, 1e-3
"""The highest frequency of every direction, in cycles per pixel, and what a coefficient beyond it counts."""
_CONTRAST: Final = 4.0
"""What lucid divides its Fourier images by; with another number its learning rates would be others."""


def to_canvas(values: Tensor, *, decorrelated: bool) -> Tensor:
    """Free numbers `[..., 3]` as grey levels: mixed to colours if they are `decorrelated`, then a sigmoid."""
    import tensorflow as tf

    if decorrelated:
        values = tf.linalg.matvec(tf.constant(_mixing(), tf.float32), values)
    return 255.0 * tf.sigmoid(values)


def from_canvas(canvas: Tensor, *, decorrelated: bool) -> Tensor:
    """The free numbers that `to_canvas` makes `canvas` of, which is moved off black and white by a level."""
    import numpy as np
    import tensorflow as tf

    inside = tf.clip_by_value(canvas, _DARKEST, 255.0 - _DARKEST)
    values = tf.math.log(inside) - tf.math.log(255.0 - inside)
    if decorrelated:
        values = tf.linalg.matvec(tf.constant(np.linalg.inv(_mixing()), tf.float32), values)
    return values


def _mixing() -> Any:
    """`COLOUR_ROOT` with its longest column, lightness, at length 1, as lucid uses it."""
    import numpy as np

    root = np.array(COLOUR_ROOT)
    return root / np.linalg.norm(root, axis=0).max()


def _noise(like: Tensor, seed: Tensor, deviation: float) -> Tensor:
    import tensorflow as tf

    return deviation * tf.random.stateless_normal(tf.shape(like), seed)
