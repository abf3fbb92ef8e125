"""A watch on the memory of this process over a batch: does a mode keep what it made?"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

__all__ = ["Growth", "resident"]

_WARM_UP: Final = 2
"""Pictures after which networks are open and pools of memory filled."""

_IN_A_ROW: Final = 3

_MUCH: Final = 64_000_000
"""Bytes that a picture may leave behind: fragments, caches, a trace for another size."""


def resident(statm: Path = Path("/proc/self/statm")) -> int | None:
    """Bytes of memory that this process has now; None where the system does not say."""
    try:
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


class Growth:
    """Asked after every picture; answers once, when memory grew much with each of the last few."""

    def __init__(self, measure: Callable[[], int | None] = resident) -> None:
        self._measure = measure
        self._before: int | None = None
        self._pictures = self._in_a_row = 0
        self._told = False

    def after_picture(self) -> int | None:
        """Bytes that the last picture left behind, as those before it did; None if all is well."""
        self._pictures += 1
        if self._told or self._pictures < _WARM_UP:  # collecting takes a fifth of a second
            return None
        gc.collect()
        now, before = self._measure(), self._before
        self._before = now
        if now is None or before is None:
            return None
        self._in_a_row = self._in_a_row + 1 if now - before > _MUCH else 0
        if self._in_a_row < _IN_A_ROW:
            return None
        self._told = True
        return now - before
