"""Durations as people write them, in seconds: `90`, `60s`, `1.5m`, `1h30m`."""

from __future__ import annotations

import math
import re
from typing import Final

from deepdream.errors import UsageError

__all__ = ["seconds_in"]

_UNITS: Final = {"h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0, "": 1.0}
_PART: Final = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(min|[hms]|)", re.IGNORECASE)


def seconds_in(text: str) -> float:
    """The number of seconds that `text` names; a UsageError for what names none, or no time at all."""
    total, at = 0.0, 0
    while at < len(text.rstrip()):
        part = _PART.match(text, at)
        # A number without a unit is seconds, and may only stand alone or last.
        if part is None or (not part[2] and text[part.end() :].strip()):
            raise UsageError(f"'{text}' is no time", "write 90, 60s, 1.5m or 1h30m")
        total += float(part[1]) * _UNITS[part[2].lower()]
        at = part.end()
    if not 0 < total < math.inf:
        raise UsageError(f"'{text}' is no time to work in", "write 90, 60s, 1.5m or 1h30m")
    return total
