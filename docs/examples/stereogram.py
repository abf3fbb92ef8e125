"""A dreamt autostereogram: patterns that a network likes, with a hidden relief for those who squint.

Every row repeats a strip of pattern, shifted where the hidden picture is bright, so that two eyes that look
past the paper see it stand out (Tyler & Clarke 1990). Here the strip is not random dots: it is what the
climb moves, while the network sees the whole sheet.
"""

from typing import Annotated, Any

from deepdream.api import Adam, Engine, Option, Picture, UsageError, mode, parametrisations
from deepdream.api import objectives as obj


class Sheet:
    """A parametrisation of the canvas: the spectrum of one strip of pattern, `period` pixels wide."""

    def __init__(self, relief: Any, period: int) -> None:
        """`relief` is int `[H, W]`: by how many pixels less than `period` the pattern repeats there."""
        import numpy as np

        self.period = period
        self.strip = parametrisations.Fourier(deviation=0.1)
        height, width = relief.shape
        self.columns = np.tile(np.arange(width, dtype=np.int32), (height, 1))
        rows = np.arange(height)
        for x in range(period, width):  # each pixel has the colour of the one a period to its left
            self.columns[:, x] = self.columns[rows, x - period + relief[:, x]]

    def start(self, canvas: Any, seed: Any) -> Any:
        """The spectrum of a grey strip, with a little noise."""
        import tensorflow as tf

        return self.strip.start(tf.fill([1, canvas.shape[1], self.period, 3], 127.5), seed)

    def decode(self, parameters: Any, size: tuple[int, int]) -> Any:
        """The sheet: every pixel has the colour of the place in the strip that it repeats."""
        import tensorflow as tf

        strip = self.strip.decode(parameters, (size[0], self.period))
        return tf.gather(strip[0], self.columns, batch_dims=1)[tf.newaxis]


@mode("stereogram", api=1, defaults={"size": 512})
def stereogram(
    image: Picture,
    engine: Engine,
    *,
    layer: Annotated[str, Option(help="Layer whose patterns to draw.")] = "block4_conv3",
    period: Annotated[int, Option(min=16, max=1000, help="Width of the strip in pixels.")] = 96,
    depth: Annotated[int, Option(min=1, max=100, help="How far white stands out, in pixels.")] = 16,
    steps: Annotated[int, Option(min=0, max=10_000, help="Gradient steps.")] = 60,
) -> Picture:
    """Hide the relief of IMAGE, bright being near, in a dreamt autostereogram.

    Look through the picture at something behind it until the pattern falls into place. Works best with a
    simple, soft-edged IMAGE.

    Examples:

      deepdream stereogram heart.png --layer block4_conv3
    """
    if depth >= period or period >= image.width:
        raise UsageError(f"the strip of {period} px must be wider than --depth and narrower than the picture")
    bright = image.pixels.mean(axis=2) / 255
    relief = (depth * bright + 0.5).astype(int)
    return engine.ascend(
        image,
        obj.layer(layer),
        steps=steps,
        optimiser=Adam(0.05),
        jitter=8,
        parametrisation=Sheet(relief, period),
    )
