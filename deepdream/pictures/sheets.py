"""Contact sheets: many small pictures on one, in a grid, each with its label below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from deepdream.errors import UsageError
from deepdream.pictures.picture import Picture

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Cell", "columns_for", "page_size", "sheet"]

_PAPER, _INK, _FAINT = (24, 24, 26), (236, 236, 236), (165, 165, 170)
_GAP = 0.045
"""Space between the cells, as a part of their longer side."""
_SHAPELY: Final = 0.8
"""Part of a sheet's places that may stay empty for its shape, for each factor of e in its columns."""


class Cell(NamedTuple):
    """A picture of a sheet, or None for one that was not made, and the lines below it."""

    picture: Picture | None
    lines: Sequence[str] = ()


def columns_for(count: int, *, aspect: float = 1.0) -> int:
    """The number of columns of a sheet of `count` cells, width / height `aspect`.

    Nearly as many as make it 4:3, but rather a row, or a squarer sheet, than one with empty places.
    """
    best = math.sqrt(count * 4 / 3 / aspect)
    fewest = max(1, min(count, math.ceil(best / 1.5)))
    return min(
        range(fewest, count + 1), key=lambda it: -count % it / count + _SHAPELY * abs(math.log(it / best))
    )


class _Layout(NamedTuple):
    """Where everything is on a sheet, in pixels."""

    columns: int
    gap: int
    texts: tuple[int, int]
    """The size of a cell's first line, and of the others."""
    above: int
    below: int
    """Room for the title, and under a cell."""
    page: tuple[int, int]


def _layout(size: tuple[int, int], count: int, lines: int, columns: int | None, *, titled: bool) -> _Layout:
    width, height = size
    gap = max(4, round(_GAP * max(width, height)))
    texts = _text_size(width, True), _text_size(width, False)
    below = 0 if not lines else round(1.45 * texts[0] + 1.35 * texts[1] * (lines - 1) + 0.5 * texts[1])
    columns = columns or columns_for(count, aspect=width / (height + below))
    rows = -(-count // columns)
    above = round(2.2 * texts[0]) if titled else 0
    page = gap + columns * (width + gap), above + gap + rows * (height + below + gap)
    return _Layout(columns, gap, texts, above, below, page)


def page_size(
    size: tuple[int, int], count: int, lines: int = 0, *, columns: int | None = None, titled: bool = False
) -> tuple[int, int]:
    """Width and height of the sheet of `count` pictures of `size`, with so many lines below each."""
    return _layout(size, count, lines, columns, titled=titled).page


def sheet(
    cells: Sequence[Cell],
    *,
    columns: int | None = None,
    side: int | None = None,
    title: str | None = None,
) -> Picture:
    """One picture of all the cells, row by row.

    Every picture is fitted into a cell as large as the first one, or with its longer side at `side` pixels,
    and keeps its aspect. Raises UsageError without cells, or without a picture among them.
    """
    from PIL import Image, ImageDraw

    first = next((cell.picture for cell in cells if cell.picture is not None), None)
    if first is None:
        raise UsageError("no picture for a contact sheet")
    largest = first if side is None else first.fitted(side)
    width, height = largest.size
    lines = max(len(cell.lines) for cell in cells)
    columns, gap, texts, above, below, whole = _layout(
        largest.size, len(cells), lines, columns, titled=title is not None
    )
    page = Image.new("RGB", whole, _PAPER)
    draw = ImageDraw.Draw(page)
    if title is not None:
        _write(draw, (gap, gap), title, round(1.3 * texts[0]), _INK, page.width - 2 * gap)
    for number, cell in enumerate(cells):
        left = gap + number % columns * (width + gap)
        top = above + gap + number // columns * (height + below + gap)
        if cell.picture is not None:
            shown = _fit(cell.picture, width, height)
            page.paste(shown, (left + (width - shown.width) // 2, top + (height - shown.height) // 2))
        else:
            draw.rectangle((left, top, left + width - 1, top + height - 1), outline=_FAINT)
        at = top + height + round(0.25 * texts[1])
        for index, line in enumerate(cell.lines):
            _write(draw, (left, at), line, texts[index > 0], _FAINT if index else _INK, width)
            at += round((1.35 if index else 1.45) * texts[index > 0])
    return Picture.from_pil(page)


def _text_size(width: int, head: bool) -> int:
    return max(9, min(28, round(width / (13 if head else 15))))


def _fit(picture: Picture, width: int, height: int) -> Image:
    scale = min(width / picture.width, height / picture.height)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resized(*size).to_pil().convert("RGB")


def _write(
    draw: Any, at: tuple[int, int], text: str, size: int, colour: tuple[int, int, int], room: int
) -> None:
    """A line in Pillow's own font, shrunk, and at last cut, until it fits into `room` pixels."""
    from PIL import ImageFont

    while size > 8 and draw.textlength(text, ImageFont.load_default(size)) > room:
        size -= 1
    font = ImageFont.load_default(size)
    while len(text) > 1 and draw.textlength(text, font) > room:
        text = text.removesuffix("…")[:-1] + "…"
    draw.text(at, text, fill=colour, font=font)
