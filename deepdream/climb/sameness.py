"""When two functions are the same to a graph, though each call of its maker makes another one."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import fields, is_dataclass
from types import FunctionType
from typing import Any, Final

__all__ = ["Own", "alike"]

_PLAIN: Final = (bool, int, float, str, bytes, type(None))

_DEEPEST: Final = 8


class _Unknown(Exception):  # noqa: N818  it is no error
    """Something whose value may change, or that nobody knows the value of."""


class Own:
    """Something of a plugin's: what it says of itself (`__eq__`, `__hash__`) counts, else which one it is."""

    def __init__(self, item: object) -> None:
        self._item = item

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Own):
            return False
        return other._item is self._item or (_hashed(self._item) and bool(other._item == self._item))

    def __hash__(self) -> int:
        return hash(self._item) if _hashed(self._item) else id(self._item)


def _hashed(item: object) -> bool:
    try:
        hash(item)
    except TypeError:
        return False
    return True


def alike(item: object) -> Hashable:
    """A key that is the same for items of which a graph computes the same.

    Functions of this package are told by their code and by what they close over, as far as that is plain
    numbers, texts and other functions of the package. Everything else is an `Own`, which is the same within
    one run only: a plugin's function may read what changes from run to run.
    """
    try:
        return _parts(item, 0)
    except _Unknown:
        return Own(item)


def _parts(item: Any, depth: int) -> Hashable:
    if depth > _DEEPEST:
        raise _Unknown
    if isinstance(item, _PLAIN):
        return type(item), item
    if isinstance(item, tuple | list):
        return type(item), *(_parts(part, depth + 1) for part in item)
    if type(item).__module__.partition(".")[0] == "deepdream" and is_dataclass(item):
        return type(item), *(_parts(getattr(item, field.name), depth + 1) for field in fields(item))
    if not isinstance(item, FunctionType) or str(item.__module__).partition(".")[0] != "deepdream":
        raise _Unknown
    try:
        inside = [cell.cell_contents for cell in item.__closure__ or ()]
    except ValueError:  # a name that is not bound yet
        raise _Unknown from None
    inside += [item.__defaults__, *(item.__kwdefaults__ or {}).items()]
    return item.__module__, item.__qualname__, item.__code__, *(_parts(part, depth + 1) for part in inside)
