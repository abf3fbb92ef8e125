"""Masks: how much of something there is at every place of a picture, 0 to 1, as float32 `[H, W]`.

Pure functions of NumPy arrays. Importing this module loads no NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from deepdream.pictures.colours import luminance
from deepdream.pictures.scales import Size

if TYPE_CHECKING:
    import numpy as np

    from deepdream.pictures.picture import Picture

__all__ = ["coverage", "rest", "shrink"]


def coverage(picture: Picture) -> np.ndarray:
    """A picture as a mask: white is 1, black 0, and what is transparent is black."""
    levels = luminance(picture.pixels) / 255.0
    return levels if picture.alpha is None else levels * picture.alpha / 255.0


def rest(masks: Sequence[np.ndarray]) -> np.ndarray:
    """What none of the masks covers: 1 less their sum, and not less than 0."""
    import numpy as np

    return np.clip(1.0 - sum(masks), 0.0, 1.0).astype(np.float32)


def shrink(mask: np.ndarray, size: Size) -> np.ndarray:
    """The mask at `size` (height, width), every new cell being the mean of what it covers.

    The mean, where a sharper filter would reach over the edges of the mask and let through what it keeps out.
    """
    import numpy as np
    from PIL import Image

    height, width = size
    image = Image.fromarray(np.ascontiguousarray(mask, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BOX))
