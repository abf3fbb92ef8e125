"""The versions of the packages that a picture's bytes depend on."""

from __future__ import annotations

import importlib.metadata
import platform

from deepdream import __version__

__all__ = ["versions"]

_PACKAGES = ("tensorflow", "keras", "numpy", "pillow")


def versions() -> dict[str, str]:
    """Versions of what a picture's bytes depend on, by package name; '?' for one not installed."""
    found = {"deepdream": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "?"
    return found
