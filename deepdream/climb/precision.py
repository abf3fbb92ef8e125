"""Which number format the convolutions run in, and why.

Only the network's own arithmetic is meant: the canvas, losses, Gram matrices, norms and updates
are float32 whatever is chosen here.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["Precision", "choose", "cpu_features"]

_BFLOAT16_UNITS = ("amx_bf16", "avx512_bf16")
"""CPU features, as Linux spells them, that multiply bfloat16 in hardware; the fastest first."""


@dataclass(frozen=True)
class Precision:
    """A number format and the reason it was taken."""

    dtype: Literal["float32", "bfloat16"]
    reason: str


def cpu_features(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """The CPU's feature flags; empty where the system has no such list (macOS, Windows)."""
    try:
        text = cpuinfo.read_text(encoding="ascii", errors="replace")
    except OSError:
        return frozenset()
    line = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return frozenset(line.partition(":")[2].split())


def _gpu_capabilities() -> list[tuple[int, int]] | None:
    """Compute capability of every GPU; None while TensorFlow is not loaded (then nobody asked for it)."""
    if "tensorflow" not in sys.modules:
        return None
    import tensorflow as tf

    details = (
        tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")
    )
    return [tuple(d.get("compute_capability") or (0, 0)) for d in details]


def choose(requested: Literal["auto", "float32", "bfloat16"] = "auto") -> Precision:
    """The number format for `requested` (`auto`, `float32` or `bfloat16`) on this machine.

    `auto` takes bfloat16 where hardware multiplies it: about twice as fast with AVX-512 BF16, and a
    dream made with it has the same figures in the same places. Elsewhere it would be emulated, and slow.
    """
    if requested != "auto":
        return Precision(requested, "as asked")
    gpus = _gpu_capabilities()
    if gpus:
        weakest = min(gpus)
        name = f"GPU of compute capability {weakest[0]}.{weakest[1]}"
        return Precision("bfloat16" if weakest >= (8, 0) else "float32", name)
    features = cpu_features()
    for unit in _BFLOAT16_UNITS:
        if unit in features:
            return Precision("bfloat16", f"CPU with {unit}")
    return Precision("float32", "CPU without bfloat16 units")
