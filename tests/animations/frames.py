"""A command line run in this process, and what is in the film that it made."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageSequence

Run = Callable[..., list[str]]


def frames_of(path: str) -> list[np.ndarray]:
    with Image.open(path) as film:
        return [np.asarray(frame.convert("RGB"), float) for frame in ImageSequence.Iterator(film)]
