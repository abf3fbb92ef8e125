"""How much memory a climb needs, predicted from the layer table, and how much there is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from deepdream.backbones import Backbone, Precision
from deepdream.scales import Size

__all__ = ["available", "largest_side", "per_pixel", "predict"]

_RESIDENT = 640e6
"""Bytes that Python, TensorFlow and a network's weights take before the first canvas."""

_SLACK = 1.1
"""What a step holds of every activation beyond the activation itself, measured on VGG16."""

_CANVASES = 6
"""Float32 canvases alive at once: canvas, base, original, gradient, update, result."""

_STATE = {"ascent": 0.0, "adam": 4.0, "lbfgs": 6.0}
"""Float32 canvases that an optimiser keeps, beside L-BFGS's two for every pair."""


def per_pixel(
    backbone: Backbone, layers: Iterable[str], precision: Precision, optimiser: str, history: int
) -> float:
    """Bytes that a gradient step needs for every pixel of the canvas.

    Every activation up to the deepest layer is kept for the way back; those that the objective reads are
    there once more in float32, with their gradients.
    """
    read = set(layers)
    deepest = max(i for i, layer in enumerate(backbone.layers) if layer.name in read)
    kept = sum(layer.channels / layer.stride**2 for layer in backbone.layers[: deepest + 1])
    seen = sum(layer.channels / layer.stride**2 for layer in backbone.layers if layer.name in read)
    canvases = _CANVASES + _STATE[optimiser] + (2 * history if optimiser == "lbfgs" else 0)
    return _SLACK * kept * (2 if precision == "bfloat16" else 4) + 2 * 4 * seen + 3 * 4 * canvases


def predict(size: Size, bytes_per_pixel: float) -> int:
    """Bytes at the peak of a run whose largest canvas is `size`."""
    return int(_RESIDENT + size[0] * size[1] * bytes_per_pixel)


def largest_side(size: Size, bytes_per_pixel: float, budget: float) -> int:
    """The longer side of the largest canvas of the shape of `size` that fits into `budget` bytes."""
    pixels = max(0.0, budget - _RESIDENT) / bytes_per_pixel
    return math.floor(max(size) * math.sqrt(pixels / (size[0] * size[1])))


def available(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Bytes of main memory that are free for use; None where the system does not say."""
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 if found else None
