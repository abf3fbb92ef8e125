"""Texture synthesis: weave new cloth of the kind a picture shows (Gatys, Ecker & Bethge, NeurIPS 2015)."""

from typing import Annotated

from deepdream.api import LBFGS, Engine, Option, Picture, mode
from deepdream.api import objectives as obj


@mode("texture", api=1, defaults={"size": 384})
def texture(
    image: Picture,
    engine: Engine,
    *,
    layer: Annotated[list[str] | None, Option(help="Layer whose statistics to match; repeatable.")] = None,
    width: Annotated[int | None, Option(min=32, max=8192, help="Width of the result, if another.")] = None,
    height: Annotated[int | None, Option(min=32, max=8192, help="Height of the result, if another.")] = None,
    octaves: Annotated[int, Option(min=1, max=16, help="Sizes to weave at, small to large.")] = 3,
    steps: Annotated[int, Option(min=0, max=10_000, help="Steps in each octave.")] = 60,
) -> Picture:
    """Weave a new picture with the textures of IMAGE and nothing of its layout.

    Examples:

      deepdream texture bricks.jpg

      deepdream texture bricks.jpg --width 800 --height 300
    """
    names = layer or engine.default_layers("style")
    size = (width or image.width, height or image.height)
    # Noise with the mean colour and contrast of the picture, so that the climb begins near it.
    blank = image.resized(*size)
    start = engine.noise(blank, mean=image.pixels.mean((0, 1)), deviation=float(image.pixels.std()))
    scale = max(image.size) / max(size)  # a thread is as thick as in the picture, whatever the size
    objective = obj.total(-100.0 * obj.gram(name, image, scale=scale) for name in names)
    return engine.ascend(
        start,
        objective - 1e-4 * obj.total_variation(),
        octaves=octaves,
        octave_scale=2.0,
        steps=steps,
        optimiser=LBFGS(),
        reinject=False,
    )
