"""The grammar of `--layer`: what of a network to look at, as frozen data, read from text.

    mixed4                     a whole layer
    mixed4:0.5                 its weight; mixed4:-1 turns away from it
    mixed4[119]                a channel, counted from 0
    block5_conv1[3,7-9]:0.5    several channels
    mixed4[top5]               the five channels that respond most strongly to the picture; bottom5: least
    mixed4[119]@0.25,0.5       one neuron: a quarter of the way across, halfway down
    "odd:name"[3]              names with one of []:@"' in them are quoted; a quote inside is doubled

    spec     = name [ "[" item { "," item } "]" ] [ "@" fraction "," fraction ] [ ":" number ]
    item     = index | index "-" index | "top" count | "bottom" count

Spaces around the parts do not matter. Places are fractions of the picture's width and height, so that they
mean the same in every octave.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, NoReturn

from deepdream.errors import UsageError

__all__ = ["LayerSpec", "Ranked", "check_rank", "parse", "runs"]

MOST_CHANNELS: Final = 100_000
"""More than any layer has; a larger number is a slip of the finger."""
_BARE: Final = re.compile(r"[^\[\]:@\"']+")
_NUMBER: Final = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)
_HINT: Final = "write NAME, NAME:WEIGHT, NAME[CHANNEL,...] or NAME[CHANNEL]@X,Y, for instance mixed4[119]:0.5"


@dataclass(frozen=True)
class Ranked:
    """The `count` channels that respond most (`top`) or least (`bottom`) to the picture at hand."""

    end: Literal["top", "bottom"]
    count: int

    def __str__(self) -> str:
        return f"{self.end}{self.count}"


@dataclass(frozen=True)
class LayerSpec:
    """What of a network to look at."""

    layer: str
    weight: float = 1.0
    channels: tuple[int, ...] = ()
    """Counted from 0, each once. Without channels and ranks, the whole layer."""
    ranked: tuple[Ranked, ...] = ()
    place: tuple[float, float] | None = None
    """Fractions of width and height, from the left and the top; None for everywhere."""

    @property
    def whole(self) -> bool:
        """Whether all channels are meant, everywhere."""
        return not (self.channels or self.ranked or self.place)

    def __str__(self) -> str:
        """The text that `parse` reads as this."""
        text = self.layer
        if not _BARE.fullmatch(text) or text != text.strip():
            text = '"' + text.replace('"', '""') + '"'
        text += self.selection
        return text if self.weight == 1 else f"{text}:{self.weight!r}"

    @property
    def selection(self) -> str:
        """The channels and the place as text, for instance `[3,7-9]@0.5,0.5`; empty for a whole layer."""
        items = [*runs(self.channels), *map(str, self.ranked)]
        text = f"[{','.join(items)}]" if items else ""
        return text if self.place is None else f"{text}@{self.place[0]:g},{self.place[1]:g}"


def parse(text: str) -> LayerSpec:
    """The spec that `text` stands for; a UsageError points at the first wrong character."""
    return _Reader(text).spec()


class _Reader:
    """Reads one spec from left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def spec(self) -> LayerSpec:
        name = self._name()
        channels: tuple[int, ...] = ()
        ranked: tuple[Ranked, ...] = ()
        place, weight = None, 1.0
        if self._taken("["):
            channels, ranked = self._items()
        if self._taken("@"):
            place = self._fraction("X"), self._fraction("Y", before=",")
        if self._taken(":"):
            weight = self._number("the weight")
        if self._more():
            self._fail("nothing more can follow here" if self.text[self.at] != "]" else "no '[' before this")
        return LayerSpec(name, weight, channels, ranked, place)

    # --- the parts

    def _name(self) -> str:
        self._space()
        begin = self.at
        quote = self.text[begin : begin + 1]
        if quote and quote in "\"'":
            match = re.compile(f"{quote}((?:[^{quote}]|{quote}{quote})*){quote}").match(self.text, begin)
            if match is None:
                self._fail("the quote is not closed")
            self.at = match.end()
            name = match[1].replace(quote * 2, quote)
            if not name:
                self._fail("the name is empty", at=begin)
            return name
        match = _BARE.match(self.text, begin)
        if match is None or not match[0].strip():
            self._fail("a layer's name is missing here")
        self.at = match.end()
        if self.text[self.at : self.at + 1] in ("'", '"'):
            self._fail("a quote begins inside the name; quote the whole name")
        return match[0].strip()

    def _items(self) -> tuple[tuple[int, ...], tuple[Ranked, ...]]:
        channels: dict[int, None] = {}
        ranked: dict[Ranked, None] = {}
        while True:
            self._space()
            match = re.compile(r"(top|bottom)\s*", re.IGNORECASE).match(self.text, self.at)
            if match is not None:
                self.at = match.end()
                began, count = self.at, self._integer("a number of channels")
                if not count:
                    self._fail("the number of channels must be at least 1", at=began)
                end: Literal["top", "bottom"] = "top" if match[1].lower() == "top" else "bottom"
                ranked[Ranked(end, count)] = None
            else:
                began, first = self.at, self._integer("a channel's number, topN or bottomN")
                last = self._integer("the last channel") if self._taken("-") else first
                if last < first:
                    self._fail("the range runs backwards", at=began)
                channels |= dict.fromkeys(range(first, last + 1))
            if self._taken("]"):
                return tuple(channels), tuple(ranked)
            if not self._taken(","):
                self._fail("',' or ']' is missing here")

    def _fraction(self, axis: str, before: str = "") -> float:
        if before and not self._taken(before):
            self._fail(f"'{before}' and {axis} are missing here")
        self._space()
        began, value = self.at, self._number(axis)
        if not 0 <= value <= 1:
            self._fail(f"{axis} must be from 0 to 1, a part of the picture", at=began)
        return value

    # --- numbers and marks

    def _integer(self, what: str) -> int:
        self._space()
        match = re.compile(r"[0-9]+").match(self.text, self.at)
        if match is None:
            self._fail(f"{what} is missing here")
        if len(match[0]) > 6 or int(match[0]) > MOST_CHANNELS:
            self._fail("no layer has so many channels")
        self.at = match.end()
        return int(match[0])

    def _number(self, what: str) -> float:
        self._space()
        match = _NUMBER.match(self.text, self.at)
        if match is None or not math.isfinite(float(match[0])):
            self._fail(f"{what} must be a finite number")
        self.at = match.end()
        return float(match[0])

    def _space(self) -> None:
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1

    def _more(self) -> bool:
        self._space()
        return self.at < len(self.text)

    def _taken(self, mark: str) -> bool:
        self._space()
        taken = self.text.startswith(mark, self.at)
        self.at += len(mark) * taken
        return taken

    def _fail(self, what: str, at: int | None = None) -> NoReturn:
        at = self.at if at is None else at
        raise UsageError(f"'{self.text}' names no layer: {what}", _HINT, column=1 + at)


def check_rank(rank: Ranked, count: int) -> None:
    """Refuse to look for more channels than the `count` of a layer."""
    if rank.count > count:
        raise UsageError(f"'{rank}' asks for more channels than the layer's {count}")


def runs(channels: Iterable[int]) -> list[str]:
    """Channels as text, three or more neighbours as a range."""
    found: list[list[int]] = []
    for channel in channels:
        if found and channel == found[-1][-1] + 1:
            found[-1].append(channel)
        else:
            found.append([channel])
    return [item for run in found for item in _run(run)]


def _run(run: list[int]) -> list[str]:
    return [f"{run[0]}-{run[-1]}"] if len(run) > 2 else [str(channel) for channel in run]
