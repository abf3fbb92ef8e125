"""Guided dream: pull an image towards the features of a second picture."""

from typing import Annotated

from deepdream.api import Argument, Engine, Option, Picture, mode
from deepdream.api import objectives as obj


@mode("guide", api=1)
def guide(
    image: Picture,
    engine: Engine,
    *,
    hint: Annotated[Picture, Argument(help="Picture whose features to borrow.")],
    layer: Annotated[str, Option(help="Layer to match; see 'deepdream layers'.")] = "block4_conv3",
    strength: Annotated[float, Option(min=0.0, help="How strongly; 1 is as in 'dream'.")] = 1.0,
) -> Picture:
    """Dream IMAGE towards the features of HINT."""
    target = engine.features(hint, [layer])[layer]
    return engine.ascend(
        image, obj.match(layer, target), octaves=4, steps=10, step_size=1.5 * strength, jitter=32
    )
