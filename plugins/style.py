"""Style transfer: repaint one picture with the textures of another (Gatys, Ecker & Bethge, CVPR 2016)."""

from typing import Annotated, Literal

from deepdream.api import Argument, Engine, Option, Picture, mode
from deepdream.api import objectives as obj


@mode("style", api=1, defaults={"size": 512})
def style(
    image: Picture,
    engine: Engine,
    *,
    style: Annotated[Picture, Argument(help="Picture whose textures to paint with; keeps its aspect.")],
    content_layer: Annotated[
        list[str] | None, Option(help="Layer to keep the content of, NAME or NAME:WEIGHT; repeatable.")
    ] = None,
    style_layer: Annotated[
        list[str] | None, Option(help="Layer to take textures from, NAME or NAME:WEIGHT; repeatable.")
    ] = None,
    content_weight: Annotated[float, Option(min=0, help="Faithfulness to the content.")] = 5.0,
    style_weight: Annotated[float, Option(min=0, help="Pull towards the style.")] = 100.0,
    tv_weight: Annotated[float, Option(min=0, help="Smoothness: weight of the total variation.")] = 1e-3,
    style_scale: Annotated[
        float, Option(min=0.1, max=4, help="Size of the style's strokes, relative to the picture.")
    ] = 1.0,
    start: Annotated[
        Literal["content", "noise"],
        Option(help="Where to start: the content, or white noise as in the paper."),
    ] = "content",
    start_picture: Annotated[Picture | None, Option(help="A picture to start from instead.")] = None,
    optimiser: Annotated[
        Literal["lbfgs", "adam"], Option(help="L-BFGS needs fewer steps; Adam less memory.")
    ] = "lbfgs",
    octaves: Annotated[int, Option(min=1, max=32, help="Sizes to paint at, small to large.")] = 2,
    octave_scale: Annotated[
        float, Option(min=1.01, max=10, help="Size ratio of neighbouring octaves.")
    ] = 2.0,
    steps: Annotated[int, Option(min=0, max=100_000, help="Steps in each octave.")] = 50,
    step_size: Annotated[float, Option(min=0, max=255, help="Adam's learning rate, in grey levels.")] = 10.0,
    history: Annotated[int, Option(min=1, max=1000, help="Pairs that L-BFGS remembers.")] = 20,
) -> Picture:
    """Repaint IMAGE with the textures of STYLE.

    Examples:

      deepdream style photo.jpg painting.jpg

      deepdream style photo.jpg painting.jpg --style-weight 300 --size 768 -o repainted.png
    """
    contents = [obj.parse_layer(text) for text in content_layer or engine.default_layers("content")]
    textures = [obj.parse_layer(text) for text in style_layer or engine.default_layers("style")]
    objective = (
        -content_weight * obj.total(w * obj.content(name, image) for name, w in contents)
        - style_weight * obj.total(w * obj.gram(name, style, scale=style_scale) for name, w in textures)
        - tv_weight * obj.total_variation()
    )
    if start_picture is not None:
        first = image.with_pixels(start_picture.resized(image.width, image.height).pixels)
    else:
        first = engine.noise(image) if start == "noise" else image
    return engine.ascend(
        first,
        objective,
        octaves=octaves,
        octave_scale=octave_scale,
        steps=steps,
        step_size=step_size,
        optimiser=optimiser,
        history=history,
        reinject=False,
    )
