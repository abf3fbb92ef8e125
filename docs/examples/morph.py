"""A morph through what a network sees: one picture becomes another by way of their features."""

from typing import Annotated

from deepdream.api import Animation, Argument, Engine, Option, Picture, mode
from deepdream.api import objectives as obj


@mode("morph", api=1, defaults={"size": 256})
def morph(
    image: Picture,
    engine: Engine,
    *,
    other: Annotated[Picture, Argument(help="Picture to end at; it is brought to the size of IMAGE.")],
    layer: Annotated[str, Option(help="Layer whose features are led over.")] = "block4_conv2",
    frames: Annotated[int, Option(min=2, max=10_000, help="Frames to make.")] = 24,
    fps: Annotated[float, Option(min=0.1, max=120, help="Frames shown per second.")] = 12.0,
    steps: Annotated[int, Option(min=0, max=10_000, help="Steps for each frame.")] = 12,
    step_size: Annotated[float, Option(min=0, max=255, help="Change per step, in grey levels.")] = 2.0,
) -> Animation:
    """Turn IMAGE into OTHER by leading what a layer sees from one to the other.

    Examples:

      deepdream morph cat.jpg dog.jpg -o morph.gif
    """
    end = other.resized(image.width, image.height)
    # Made once: frames that differ in weights alone share one compiled step.
    begin_goal, end_goal = obj.content(layer, image), obj.content(layer, end)

    def frame(index: int, previous: Picture | None) -> Picture:
        if previous is None:
            return image.with_pixels(image.pixels)
        part = index / (frames - 1)
        # The two distances together are least where the features are (1 - part) : part between the pictures.
        objective = -(1 - part) * begin_goal - part * end_goal
        # Half-way mostly where the last frame had got to, towards the ends more and more of a cross-fade.
        fade = (1 - part) * image.pixels + part * end.pixels
        pull = max(0.25, (2 * part - 1) ** 2)
        start = image.with_pixels((1 - pull) * previous.pixels + pull * fade)
        return engine.ascend(start, objective, steps=steps, step_size=step_size)

    return Animation(frame, frames, fps)
