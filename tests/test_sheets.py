"""Contact sheets: what stands where."""

from __future__ import annotations

import numpy as np
import pytest

from deepdream.errors import UsageError
from deepdream.pictures.picture import Picture
from deepdream.pictures.sheets import Cell, columns_for, sheet

COLOURS = [(250, 10, 10), (10, 250, 10), (10, 10, 250), (250, 250, 10), (10, 250, 250)]


def cells(lines: tuple[str, ...] = ()) -> list[Cell]:
    return [Cell(Picture.from_array(np.full((30, 40, 3), colour, np.uint8)), lines) for colour in COLOURS]


def boxes(page: Picture) -> list[tuple[int, int, int, int]]:
    """Left, top, width and height of each colour's box."""
    found = []
    for colour in COLOURS:
        rows, columns = np.nonzero((abs(page.pixels - colour) < 3).all(axis=-1))
        found.append(
            (columns.min(), rows.min(), columns.max() - columns.min() + 1, rows.max() - rows.min() + 1)
        )
    return found


def test_cells_stand_row_by_row_and_keep_their_size() -> None:
    found = boxes(sheet(cells(), columns=3))
    assert {box[2:] for box in found} == {(40, 30)}
    assert len({top for _, top, _, _ in found[:3]}) == 1 and found[3][1] > found[0][1]
    assert found[0][0] == found[3][0] < found[1][0] == found[4][0] < found[2][0]


def test_labels_make_room_below_and_are_written_into_it() -> None:
    plain, labelled = sheet(cells(), columns=3), sheet(cells(("block4_conv3", "512 channels")), columns=3)
    assert labelled.height > plain.height and labelled.width == plain.width
    left, top, width, height = boxes(labelled)[0]
    below = labelled.pixels[top + height + 1 : boxes(labelled)[3][1] - 1, left : left + width]
    assert below.max() > 120 and below.min() < 40
    assert sheet(cells(), title="VGG16").height > plain.height


def test_pictures_of_other_shapes_keep_their_aspect_and_missing_ones_leave_their_place() -> None:
    mixed = cells()
    tall = mixed[1].picture.resized(30, 60)  # type: ignore[union-attr]
    found = boxes(sheet([mixed[0], Cell(tall), Cell(None), *mixed[2:]], columns=3))
    assert found[1][2:] == (15, 30)
    assert found[2][1] > found[0][1], "the third cell is empty, and the next stands in the second row"


def test_a_sheet_is_about_as_wide_as_a_screen_and_has_no_holes_if_that_is_near() -> None:
    assert [columns_for(count) for count in (1, 2, 13)] == [1, 2, 4]
    assert [columns_for(count) for count in (3, 8, 10, 64)] == [3, 4, 5, 8]
    assert columns_for(3, aspect=4 / 3) == 3
    with pytest.raises(UsageError, match="no picture"):
        sheet([Cell(None)])
