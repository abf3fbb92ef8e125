"""Results that are more than one picture: the animation, and what kinds of results a mode may have.

Importing this module loads neither NumPy nor Pillow.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from deepdream.errors import UsageError
from deepdream.pictures.picture import Picture

__all__ = ["Animation", "Ended", "Kind", "Made", "as_saved", "film_recipe"]

Kind = Literal["picture", "pictures", "animation"]
"""What a mode makes, as its return annotation says."""


class Ended(Exception):  # noqa: N818 (no error: the frames so far are all there will be)
    """Raised by a frame function to end the animation before its time."""


@dataclass(frozen=True, eq=False)
class Animation:
    """A moving picture whose frames are made one after another, each when it is asked for.

    `frame(index, previous)` makes frame `index`, counted from 0. `previous` is the frame before it as a file
    holds it, rounded to whole grey levels, and None for the first: so an animation that was stopped goes on
    from the last frame on the disk and comes out the same, and no more than a frame is in memory. A frame
    must not depend on anything else that earlier calls left behind. All frames have the size of the first.

    `loop` says that a player should begin again after the last frame. Raises `UsageError` for a `count` below
    1, and unless `fps`, the frames per second, is above 0.
    """

    frame: Callable[[int, Picture | None], Picture]
    count: int
    fps: float = 25.0
    loop: bool = True
    ready: bool = False
    """Whether all frames are made already: then one that was stopped shows those that there are."""

    def __post_init__(self) -> None:
        try:
            inspect.signature(self.frame).bind(0, None)
        except TypeError:
            raise TypeError("the frames of an animation are made by frame(index, previous)") from None
        if not isinstance(self.count, int):
            raise TypeError(f"an animation has a whole number of frames, not {self.count!r}")
        if self.count < 1:
            raise UsageError(f"an animation has at least one frame, not {self.count}")
        if not (math.isfinite(self.fps) and self.fps > 0):
            raise UsageError(f"an animation has more than 0 frames per second, not {self.fps:g}")

    @classmethod
    def of(cls, pictures: Iterable[Picture], *, fps: float = 25.0, loop: bool = True) -> Animation:
        """The animation that shows `pictures`, which are all there already.

        If the run is stopped before it has them all, it shows those that it has.
        """
        shown = tuple(pictures)
        return cls(lambda index, _: shown[index], len(shown), fps, loop, ready=True)

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Picture]:
        return self.frames()

    def frames(self, start: int = 0, previous: Picture | None = None) -> Iterator[Picture]:
        """The frames from `start` on; `previous` is the one before it, which only frame 0 has not."""
        for index in range(start, self.count):
            try:
                previous = as_saved(self.frame(index, previous))
            except Ended:
                return
            yield previous

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> tuple[Path, ...]:
        """Make all frames and write them to `path`, and return the files written.

        A .gif, .webp or .mp4 file (the last needs the extra `video`), or a folder that is there, which gets a
        PNG file for each frame. Raises `UsageError` and `DeepDreamError` as
        `Picture.save` does.
        """
        from deepdream.jobs.reel import save

        return save(self, Path(path), overwrite=overwrite)


def film_recipe(recipe: Mapping[str, Any], count: int) -> dict[str, Any]:
    """The recipe of a film of `count` frames, from that of its last frame."""
    used = {name: value for name, value in recipe["used"].items() if name != "frame"}
    return {**recipe, "used": {**used, "frames": count}}


Made: TypeAlias = Picture | tuple[Picture, ...] | Animation
"""What came out of a mode."""


def as_saved(picture: Picture) -> Picture:
    """The picture as a PNG file holds it: whole grey levels, and no alpha where all is opaque."""
    from dataclasses import replace

    import numpy as np

    pixels = np.floor(np.clip(picture.pixels, 0, 255) + np.float32(0.5))
    alpha = picture.alpha
    if alpha is not None:
        alpha = np.floor(np.clip(alpha, 0, 255) + np.float32(0.5))
        alpha = None if alpha.min() == 255 else alpha
    return replace(picture, pixels=pixels, alpha=alpha)
