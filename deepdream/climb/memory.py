"""How much memory a climb needs, predicted from the layer table, and how much there is."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from deepdream.backbones import Backbone, Precision
from deepdream.climb.tiling import Reach
from deepdream.climb.updates import LBFGS, Adam, Update
from deepdream.pictures.scales import Size

__all__ = ["Need", "affordable", "available", "give_back", "need"]

_RESIDENT = 640e6
"""Bytes that Python and TensorFlow take before the first canvas."""

_COPIES = 12.0
"""How often the weights are in memory at the peak, with those that oneDNN packs; measured on VGG16."""

_FORWARD = 13.0
"""The same for each further graph, which packs them for itself: one measures targets, one adds up the sums
of tiles. Measured on the style of VGG16."""

_SLACK = 1.05
"""What a step holds of every activation, beside the activation itself; measured on VGG16."""

_SPREAD, _SPREADING = 2.25, 100e6
"""By Winograd, how many times as large the widest activation is there once more, spread out for products, and
bytes besides; measured on VGG16."""

_READ = 3
"""How often an activation that the objective reads is there in float32, its gradient included."""

_TILED = 1.8
"""How much more of that tiles hold, which are not all of one size; measured on 6 and on 33 megapixels."""

_CANVASES = 4
"""Float32 canvases alive at once in plain ascent: the picture on the host, the canvas, its gradient, whose
place the next canvas takes where there are tiles, and, of several octaves, what this one began with or the
last one left."""

_ADAM, _LBFGS = 8, 9
"""Float32 canvases more with an optimiser, for what it keeps and for its update, beside L-BFGS's two for
every pair."""

FEWEST_PAIRS = 3
"""Fewer pairs and L-BFGS is hardly better than gradient descent."""

_LARGEST_CORE = 2048
"""Pixels; beyond it the halo costs next to nothing, and a tile should not take minutes."""


@dataclass(frozen=True)
class Need:
    """What a gradient step needs of memory, in bytes."""

    canvas: float
    """For every pixel of the whole canvas, in every octave: the smaller ones wait beside pyramids of it."""
    activations: float
    """For every pixel that goes through the network at once."""
    resident: float = _RESIDENT
    """Before the first pixel."""
    summing: float = 0.0
    """Besides, where tiles take a pass of their own for sums over the whole."""
    own: float = 0.0
    """For every pixel of an octave's canvas, what the optimiser and aligned targets keep."""

    def beside(self, size: Size) -> Need:
        """What the octaves below the largest, of `size`, need: its canvases are there all along."""
        return replace(self, canvas=0.0, resident=self.resident + self.canvas * size[0] * size[1])

    def bytes(self, size: Size, at_once: int | None = None) -> int:
        """The peak of a run whose largest canvas is `size`, if `at_once` pixels are looked at together."""
        pixels = size[0] * size[1]
        seen = pixels if at_once is None else min(_TILED * at_once, pixels)
        resident = self.resident + (0.0 if at_once is None else self.summing)
        return int(resident + (self.canvas + self.own) * pixels + self.activations * seen)

    def largest_side(self, size: Size, budget: float) -> int:
        """The longer side of the largest whole canvas shaped like `size` that `budget` bytes hold."""
        pixels = max(0.0, budget - self.resident) / (self.canvas + self.own + self.activations)
        return math.floor(max(size) * math.sqrt(pixels / (size[0] * size[1])))

    def core(self, size: Size, seen: Reach, budget: float) -> int | None:
        """The side of the largest tile cores that `budget` bytes allow; None if not even small ones."""
        resident = self.resident + self.summing
        left = budget - resident - (self.canvas + self.own) * size[0] * size[1]
        pixels = left / (_TILED * self.activations)
        room = math.sqrt(max(0.0, pixels)) - seen.before - seen.after
        side = math.floor(min(room, _LARGEST_CORE) / seen.stride) * seen.stride
        return side if side >= 4 * seen.stride else None


def need(
    backbone: Backbone,
    layers: Iterable[str],
    precision: Precision,
    update: Update,
    aligned: Iterable[str] = (),
    *,
    measured: bool = False,
    summed: bool = False,
    single: bool = False,
) -> Need:
    """What a gradient step needs, from the layer table.

    Every activation up to the deepest layer is kept for the way back; those that the objective reads are
    there once more in float32, with their gradients. Those of `aligned` layers are kept for the whole canvas.
    `measured` says that targets are measured with the network, `summed` that there are sums over the whole,
    `single` that there is but one octave.
    """
    read = set(layers)
    deepest = max(i for i, layer in enumerate(backbone.layers) if layer.name in read)
    kept = sum(layer.channels / layer.stride**2 for layer in backbone.layers[: deepest + 1])
    seen = sum(layer.channels / layer.stride**2 for layer in backbone.layers if layer.name in read)
    canvases = 0
    if isinstance(update, Adam):
        canvases = _ADAM
    elif isinstance(update, LBFGS):
        canvases = _LBFGS + 2 * update.history
    whole = sum(layer.channels / layer.stride**2 for layer in map(backbone.layer, aligned))
    width = 2 if precision == "bfloat16" else 4
    weights = _weights(backbone, deepest) * width / 4
    resident = _RESIDENT + _COPIES * weights
    further = _FORWARD * weights
    activations = _SLACK * kept * width + _READ * 4 * seen
    if precision == "winograd":  # whose spread kernels all graphs share
        widest = max(layer.channels / layer.stride**2 for layer in backbone.layers[: deepest + 1])
        activations += 4 * _SPREAD * widest
        resident, further = resident + _SPREADING, 0.0
    own = 4 * (3 * canvases + whole)
    return Need(12 * (_CANVASES - single), activations, resident + further * measured, further * summed, own)


def _weights(backbone: Backbone, deepest: int) -> float:
    """Bytes of the weights up to a layer, in float32: shared out as products of neighbouring widths are."""
    if backbone.weights is None:
        return 0.0
    convolutions = [(i, layer.channels) for i, layer in enumerate(backbone.layers) if "conv" in layer.kind]
    widths = [3, *(channels for _, channels in convolutions)]
    sizes = [(i, a * b) for (i, b), a in zip(convolutions, widths, strict=False)]
    part = sum(size for i, size in sizes if i <= deepest) / max(1, sum(size for _, size in sizes))
    return part * backbone.weights.size


def affordable(update: LBFGS, size: Size, budget: float) -> LBFGS:
    """`update` with as many pairs as leave it within half of `budget` GB for a canvas of `size`."""
    canvas = 3 * 4 * size[0] * size[1]
    pairs = int((budget * 1e9 / 2 - _RESIDENT) / canvas - _CANVASES - _LBFGS) // 2
    return replace(update, history=min(update.history, max(FEWEST_PAIRS, pairs)))


def available(meminfo: Path = Path("/proc/meminfo")) -> float | None:
    """GB of main memory that are free for use, to three places; None where the system does not say."""
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return round(int(found[0]) * 1024 / 1e9, 3) if found else None


def give_back() -> None:
    """Return to the system what was freed: glibc keeps for itself what the tensors of tiles leave behind."""
    with suppress(OSError, AttributeError, TypeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
