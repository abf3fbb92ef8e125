"""The rooms of the package, as docs/architecture.md has them: what may import what."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "deepdream"
ROOMS = ("console", "pictures", "backbones", "objectives", "jobs", "climb", "modes", "runs", "desk", "tools")
"""From the lowest to the highest."""

UPWARDS = {
    ("pictures", "jobs"): {"animation"},  # an animation saves its frames with their recipes
}


def imports(path: Path) -> set[str]:
    """Rooms that a module imports from, wherever in it; what only type checkers see is left out."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    names = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    names |= {
        f"deepdream.{alias.name}"
        for n in ast.walk(tree)
        if isinstance(n, ast.ImportFrom) and n.module == "deepdream"
        for alias in n.names
    }
    return {name.split(".")[1] for name in names if name.startswith("deepdream.")} & set(ROOMS)


def test_every_folder_of_code_is_a_room_with_a_place_in_the_order() -> None:
    folders = {it.name for it in PACKAGE.iterdir() if (it / "__init__.py").is_file()}
    assert folders == {*ROOMS, "testing"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_from_itself_and_below_only(room: str) -> None:
    above = ROOMS[ROOMS.index(room) + 1 :]
    for path in (PACKAGE / room).rglob("*.py"):
        allowed = {high for (low, high), names in UPWARDS.items() if low == room and path.stem in names}
        assert imports(path) & set(above) <= allowed, path.name


def test_rooms_and_their_modules_are_named_in_the_page_on_architecture() -> None:
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text("utf-8")
    for room in (*ROOMS, "testing"):
        assert f"`{room}/`" in page, room
        for path in (PACKAGE / room).glob("*.py"):
            assert path.stem == "__init__" or f"`{path.stem}`" in page, f"{room}/{path.name}"
