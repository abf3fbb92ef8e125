"""What a plugin imports: the whole interface between a mode and deepdream, and all of it stable.

`Argument` and `Option` are Typer's; `objectives` is the algebra a mode builds its goal with, `colours` the
functions that keep or move a picture's colours. Importing this module loads no TensorFlow.
"""

from __future__ import annotations

from typer import Argument, Option

from deepdream import colours, objectives
from deepdream.animation import Animation
from deepdream.engine import Engine, Step
from deepdream.errors import DeepDreamError, UsageError
from deepdream.modes import API_VERSION, mode
from deepdream.picture import Picture

__all__ = [
    "API_VERSION",
    "Animation",
    "Argument",
    "DeepDreamError",
    "Engine",
    "Option",
    "Picture",
    "Step",
    "UsageError",
    "colours",
    "mode",
    "objectives",
]
