"""Deep Dream: amplify what chosen layers of a network see in a picture (google/deepdream, 2015)."""

from typing import Annotated

from deepdream.api import Engine, Option, Picture, mode
from deepdream.api import objectives as obj


@mode("dream", api=1)
def dream(
    image: Picture,
    engine: Engine,
    *,
    layer: Annotated[
        list[str] | None,
        Option(
            help="What to amplify: LAYER, LAYER:WEIGHT, LAYER[CHANNEL,...], LAYER[top5]; repeat to mix. "
            "See 'deepdream layers'."
        ),
    ] = None,
    octaves: Annotated[int, Option(min=1, max=32, help="Sizes to dream at, small to large.")] = 4,
    octave_scale: Annotated[
        float, Option(min=1.01, max=10, help="Size ratio of neighbouring octaves.")
    ] = 1.4,
    steps: Annotated[
        int, Option(min=0, max=100_000, help="Gradient steps in each octave; more is stronger.")
    ] = 10,
    step_size: Annotated[
        float, Option(min=0, max=255, help="Mean change of a pixel per step, in grey levels.")
    ] = 1.5,
    jitter: Annotated[
        int, Option(min=0, max=4096, help="Largest random shift per step and axis, in pixels.")
    ] = 32,
) -> Picture:
    """Amplify in IMAGE what a layer of the network sees.

    Shallow layers draw strokes and patterns, deep ones eyes, animals and buildings.

    Examples:

      deepdream dream photo.jpg

      deepdream dream photo.jpg --layer block4_conv3 --steps 20

      deepdream dream photo.jpg --layer mixed4 --layer mixed5:0.5 -o dreamt.jpg

      deepdream dream photo.jpg --layer "block5_conv1[top3]"
    """
    return engine.ascend(
        image,
        obj.layers(
            layer or engine.default_layers("dream"),
            seen=lambda names: engine.features(image.fitted(min(max(image.size), 512)), names),
        ),
        octaves=octaves,
        octave_scale=octave_scale,
        steps=steps,
        step_size=step_size,
        jitter=jitter,
    )
