"""What a recipe tells of the run that was made by it, where another run goes by that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from deepdream.errors import UsageError

__all__ = ["check_used"]


def check_used(used: dict[str, Any], source: str) -> dict[str, Any]:
    """`used`, read from `source`; a UsageError if somebody has written what no run writes."""
    for name, sound in _SOUND.items():
        if used.get(name) is not None and not sound(used[name]):
            text = repr(used[name])
            raise UsageError(
                f"{source}: '{name}' cannot be {text if len(text) <= 60 else text[:57] + '...'}",
                "what a run wrote there was edited: look for a copy that nothing has edited",
            )
    return used


def _pair(value: Any) -> bool:
    whole = isinstance(value, list) and len(value) == 2 and all(type(item) is int for item in value)
    return whole and 1 <= value[0] <= value[1]


def _lists(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(item, list) and item for item in value.values())


def _cell(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    return all(_SOUND[name](value[name]) for name in ("octave_steps", "budget") if name in value)


_SOUND: Final[Mapping[str, Callable[[Any], bool]]] = MappingProxyType(
    {
        "plugin": lambda it: isinstance(it, Mapping) and all(isinstance(text, str) for text in it.values()),
        "weights": lambda it: isinstance(it, Mapping),
        "frame": _pair,
        "picture": _pair,
        "sweep": _lists,
        "octave_steps": lambda it: (
            _lists(it) and all(type(n) is int and n >= 0 for counts in it.values() for n in counts)
        ),
        "cells": lambda it: isinstance(it, list) and all(map(_cell, it)),
        "budget": lambda it: type(it) in (int, float) and it > 0,
    }
)
"""What of a run is gone by later, and whether a value can be one."""
