"""How long a climb will take on this machine's processor: a guess from the layer table, for a dry run."""

from __future__ import annotations

import functools
import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from deepdream import backbones
from deepdream.climb.precision import BFLOAT16_UNITS, choose, cpu_features
from deepdream.errors import DeepDreamError, UsageError

__all__ = ["LOADING", "check_time", "seconds_for", "seconds_instead", "seconds_of_cells"]

_WORK: Final = 3700.0
"""Floating-point operations of a gradient step for each activation, there and back.

Set by VGG16's steps at four layers, block2_conv2 to block5_conv3, on two cores with AVX2: they took 0.7 to
1.4 times the guess. A guess for all other networks."""

_GAINS: Final = {"avx512f": 2.2, "avx512_bf16": 1.75, "amx_bf16": 3.0, "winograd": 1.5}
"""How much faster convolutions are where the processor has more, or by Winograd; units for bfloat16 count for
it alone.

Dreams at block5_conv3, on one and two cores with AVX-512 BF16, took 0.7 to 0.85 times the guess in either
precision. AMX's is a guess."""

_OVERHEAD: Final = 8.0
"""Seconds until the network is loaded and traced."""

LOADING: Final = 6.0
"""Seconds of them that only the first of several pictures takes."""

_LEAST: Final = 1.0
"""Seconds in which no machine does that."""


def seconds_for(report: Mapping[str, Any], *, speed: float | None = None) -> float | None:
    """About how many seconds the climbs that `report` plans take; None for a network without a table.

    `speed` is in floating-point operations per second; without it, that of a matrix product here, which
    takes a moment to find out.
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
    return float(
        _OVERHEAD + pixels * activations * _WORK / (speed or _speed() * _gain(report.get("precision")))
    )


def seconds_of_cells(
    model: str, cells: Sequence[tuple[str, int]], sizes: Sequence[Sequence[int]], steps: int
) -> float | None:
    """The same for a sheet: so many climbs at each of the layers `cells`, of `steps` at each of `sizes`."""
    plan = {"model": model, "octaves": sizes, "steps": steps * len(sizes), "precision": choose().dtype}
    each = [(seconds_for({**plan, "layers": [name]}), n) for name, n in cells]
    return (
        _OVERHEAD + sum((one - _OVERHEAD) * n for one, n in each if one)
        if all(it for it, _ in each)
        else None
    )


def seconds_instead(report: Mapping[str, Any], *, speed: float | None = None) -> float | None:
    """The same if VGG16 stands in for a network that `report` plans to download; None if nothing does."""
    if report.get("model") != "inception_v3" or report["weights"]["origin"] != "download":
        return None
    backbone = backbones.get(report["model"])
    layers = [backbones.stand_in(backbone.layer(name)).name for name in report["layers"]]
    return seconds_for({**report, "model": "vgg16", "layers": layers}, speed=speed)


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


def _gain(precision: str | None) -> float:
    """How much faster convolutions are here than matrix products say."""
    features = cpu_features()
    units = [unit for unit in BFLOAT16_UNITS if unit in features and precision == "bfloat16"][:1]
    met = {*units, precision, *({"avx512f"} & features)}
    return math.prod(gain for name, gain in _GAINS.items() if name in met)


@functools.cache
def _speed() -> float:
    """Floating-point operations per second of float32 matrix products while nothing else runs.

    The best of products so small that one core does each in some microseconds, times the cores: nothing comes
    between, however busy the machine is, while those that the cores share wait for the one that is late.
    """
    import numpy as np

    side, best = 64, float("inf")
    matrix = np.ones((side, side), np.float32)
    for _ in range(3000):
        began = time.perf_counter()
        matrix @ matrix
        best = min(best, time.perf_counter() - began)
    return 2.0 * side**3 / best * _cores()


def _cores() -> int:
    """The cores that this process may use; two processors that share one count once, where that is known."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    processors = os.sched_getaffinity(0)
    shared = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    try:
        return len({Path(shared.format(number)).read_text() for number in processors})
    except OSError:
        return len(processors)
