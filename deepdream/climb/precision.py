"""What the convolutions run in, and why: bfloat16, float32, or float32 by Winograd.

Only the network's own arithmetic is meant: the canvas, losses, Gram matrices, norms and updates
are float32 whatever is chosen here.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deepdream.jobs.placement import Device

__all__ = ["BFLOAT16_UNITS", "Precision", "choose", "cpu_features"]

BFLOAT16_UNITS = ("amx_bf16", "avx512_bf16")
"""CPU features, as Linux spells them, that multiply bfloat16 in hardware; the fastest first."""

_AMPERE = (8, 0)
"""The first compute capability of NVIDIA's that multiplies bfloat16 in hardware."""


@dataclass(frozen=True)
class Precision:
    """What the network computes in and the reason it was taken."""

    dtype: Literal["float32", "winograd", "bfloat16"]
    reason: str


def cpu_features(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """The CPU's feature flags; empty where the system has no such list (macOS, Windows)."""
    try:
        text = cpuinfo.read_text(encoding="ascii", errors="replace")
    except OSError:
        return frozenset()
    line = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return frozenset(line.partition(":")[2].split())


def choose(
    requested: Literal["auto", "float32", "winograd", "bfloat16"] = "auto", devices: Sequence[Device] = ()
) -> Precision:
    """What `requested` (`auto`, `float32`, `winograd` or `bfloat16`) comes to on `devices`.

    `auto` takes bfloat16 where hardware multiplies it: about twice as fast with AVX-512 BF16, and a
    dream made with it has the same figures in the same places. Elsewhere it would be emulated,
    and slow: other CPUs compute in float32, by Winograd. GPUs choose such ways themselves.
    Of several devices, the one that can do least decides for all; none named is the first GPU, if there is
    one.
    """
    if requested != "auto":
        return Precision(requested, "as asked")
    if (weakest := _weakest_gpu(devices)) is not None:
        name = f"GPU of compute capability {weakest[0]}.{weakest[1]}"
        if weakest < _AMPERE:
            return Precision("float32", name)
        if not any(device.kind == "cpu" for device in devices):
            return Precision("bfloat16", name)
    features = cpu_features()
    for unit in BFLOAT16_UNITS:
        if unit in features:
            return Precision("bfloat16", f"CPU with {unit}")
    return Precision("winograd" if weakest is None else "float32", "CPU without bfloat16 units")


def _weakest_gpu(devices: Sequence[Device]) -> tuple[int, int] | None:
    """The lowest compute capability of the GPUs among `devices`, or of the first where none is named.

    None without a GPU, or while TensorFlow is not loaded: then nobody asked for it.
    """
    if "tensorflow" not in sys.modules:
        return None
    import tensorflow as tf

    meant = {device.number for device in devices or (Device("gpu"),) if device.kind == "gpu"}
    gpus = enumerate(tf.config.list_physical_devices("GPU"))
    details = [tf.config.experimental.get_device_details(gpu) for number, gpu in gpus if number in meant]
    return min((tuple(d.get("compute_capability") or (0, 0)) for d in details), default=None)
