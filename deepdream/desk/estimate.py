"""How long a climb will take on this machine's processor: a guess from the layer table, for a dry run."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from deepdream import backbones
from deepdream.errors import DeepDreamError, UsageError

__all__ = ["check_time", "seconds_for"]

_WORK: Final = 3700.0
"""Floating-point operations of a gradient step for each activation, there and back.

Set by VGG16's steps at four layers, block2_conv2 to block5_conv3, on two cores with AVX2: they took 0.7 to
1.4 times the guess. A guess for all other networks."""

_OVERHEAD: Final = 8.0
"""Seconds until the network is loaded and traced."""

_LEAST: Final = 1.0
"""Seconds in which no machine does that."""


def seconds_for(report: Mapping[str, Any], *, speed: float | None = None) -> float | None:
    """About how many seconds the climbs that `report` plans take; None for a network without a table.

    `speed` is in floating-point operations per second; without it, that of a matrix product here and now,
    which takes a tenth of a second to find out.
    """
    climbs = [it for it in report.get("climbs") or [report] if it.get("octaves") and it.get("steps")]
    if not climbs or not report.get("layers"):
        return None
    try:
        backbone = backbones.get(report["model"])
        deepest = max(backbone.layers.index(backbone.layer(name)) for name in report["layers"])
    except (DeepDreamError, ValueError):
        return None
    activations = sum(layer.channels / layer.stride**2 for layer in backbone.layers[: deepest + 1])
    pixels = sum(it["steps"] * _mean_pixels(it["octaves"]) for it in climbs)
    return float(_OVERHEAD + pixels * activations * _WORK / (speed or _speed()))


def _mean_pixels(sizes: Sequence[Sequence[int]]) -> float:
    return sum(width * height for width, height in sizes) / len(sizes)


def check_time(report: Mapping[str, Any]) -> list[str]:
    """What to say of a limit of time that may be over before the first step.

    A UsageError, which the run would end with, if it surely is.
    """
    limit = report.get("time_limit")
    if limit is None or limit >= _OVERHEAD:
        return []
    if limit < _LEAST:
        raise UsageError(
            f"{limit:g} seconds are over before the first step", "give more time, or leave out --time"
        )
    return [f"{limit:g} seconds may be over before the first step, for which the network must be loaded"]


@functools.cache
def _speed() -> float:
    """Floating-point operations per second of float32 matrix products."""
    import numpy as np

    side, best = 512, float("inf")
    matrix = np.ones((side, side), np.float32)
    until = time.perf_counter() + 0.1
    while time.perf_counter() < until:
        began = time.perf_counter()
        matrix @ matrix
        best = min(best, time.perf_counter() - began)
    return 2.0 * side**3 / best
