"""What the figures were measured on; nothing that names the machine or its owner."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepdream.climb.precision import cpu_features

PACKAGES = ("deepdream", "tensorflow", "keras", "torch", "numpy")
FLAGS = ("amx_bf16", "amx_tile", "avx512_bf16", "avx512f", "avx2")


def describe() -> dict[str, Any]:
    """CPU, memory, system and versions, as JSON values."""
    flags = cpu_features()
    return {
        "cpu": _cpu_model(),
        "cores": cores(),
        "features": [flag for flag in FLAGS if flag in flags],
        "memory_gb": round(_total_memory() / 1e9, 1),
        "system": f"{platform.system()} {platform.release().partition('-')[0]} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version for name in PACKAGES if (version := _version(name))},
    }


def cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def slug(machine: Mapping[str, Any]) -> str:
    """A short name for a file: `amd-epyc-2-cores`."""
    words = re.sub(r"\(r\)|\(tm\)|\bcpu\b|@.*", " ", f"{machine['cpu']}".lower())
    return re.sub(r"[^a-z0-9]+", "-", f"{words} {machine['cores']} cores").strip("-")


def load() -> float | None:
    """Load average of the last minute, where the system has one."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def revision() -> str | None:
    """The commit that is measured, where this is a clone."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.processor() or platform.machine()


def _total_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0


def _version(package: str) -> str:
    if package == "deepdream":
        from deepdream import __version__

        return __version__
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
