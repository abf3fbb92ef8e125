"""What a plugin imports: the whole interface between a mode and deepdream, and all of it stable.

`Argument` and `Option` are Typer's; `objectives` is the algebra a mode builds its goal with, `colours` and
`masks` are functions of pixels, `scales` of sizes, `shaping` of gradients, `Ascent`, `Adam` and `LBFGS`
settings of optimisers, `parametrisations` what these can move instead of pixels, `transforms` what the
network sees of a canvas; `sheets` puts pictures on a contact sheet. Importing this module loads no
TensorFlow.
"""

from __future__ import annotations

from typer import Argument, Option

from deepdream import objectives
from deepdream.climb import parametrisations, shaping, transforms
from deepdream.climb.engine import Engine, Step
from deepdream.climb.updates import LBFGS, Adam, Ascent, Parametrisation
from deepdream.errors import DeepDreamError, UsageError
from deepdream.jobs.durations import seconds_in
from deepdream.modes.mode import API_VERSION, mode
from deepdream.pictures import colours, masks, scales, sheets
from deepdream.pictures.animation import Animation
from deepdream.pictures.picture import Picture
from deepdream.pictures.scales import ladder
from deepdream.pictures.warp import Motion

__all__ = [
    "API_VERSION",
    "LBFGS",
    "Adam",
    "Animation",
    "Argument",
    "Ascent",
    "DeepDreamError",
    "Engine",
    "Motion",
    "Option",
    "Parametrisation",
    "Picture",
    "Step",
    "UsageError",
    "colours",
    "ladder",
    "masks",
    "mode",
    "objectives",
    "parametrisations",
    "scales",
    "seconds_in",
    "shaping",
    "sheets",
    "transforms",
]
