"""What a climb tells those who watch it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deepdream.pictures.picture import Picture

__all__ = ["Finish", "Listener", "Step"]

Finish = Callable[[Picture], Picture]
"""What is done to a picture before anybody sees it."""


@dataclass(frozen=True)
class Step:
    """What a listener is told after every gradient step."""

    octave: int
    """Counted from 1, of `octaves`."""
    octaves: int
    index: int
    """Number of this step, counted from 1, of `total`."""
    total: int
    objective: float
    terms: Mapping[str, float]
    """Weighted value of every term, as the step found it."""
    seconds: float
    """How long this step took."""
    done: float
    """Fraction of the work that is done, a step's work being its pixel count."""
    size: tuple[int, int]
    """Width and height of the canvas."""
    snapshot: Callable[[], Picture]
    """The picture as it is now, at full size; copied from the device only when called. Steps run in chunks:
    within one, it is the picture at its end, which is never beyond the next step that `save_every` names."""
    part: int = 1
    """Number of the part of the run, or of the frame, counted from 1, of `parts`."""
    parts: int = 1
    """1 if nobody has said how many parts there are."""
    unit: str = "climb"
    """What a part is: a "part" of a loop, or one "climb" of several."""
    frame: int = 0
    """Number of the frame of an animation, counted from 1, of `frames`."""
    frames: int = 0
    """0 where no animation is made."""
    called: str = ""
    """What the mode calls this part; a layer, for instance."""


Listener = Callable[[Step], None]
