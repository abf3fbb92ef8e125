"""The place of the sky in samples/rocket.jpg, for `--mask`: white above the horizon, black on the ground."""

from __future__ import annotations

import numpy as np
from PIL import Image

SIZE = (640, 427)
HORIZON, SOFT = 0.77, 0.03
"""Its height in the picture, from the top, and how far it fades to either side."""


def paint() -> Image.Image:
    """The mask: grey where both go."""
    width, height = SIZE
    down = np.linspace(0, 1, height)
    grey = np.clip((HORIZON + SOFT - down) / (2 * SOFT), 0, 1)
    rows = np.repeat((255 * grey).round().astype(np.uint8)[:, None], width, axis=1)
    return Image.fromarray(rows).convert("RGB")
