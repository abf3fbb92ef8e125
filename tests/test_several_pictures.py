"""An option that takes several pictures: on the command line, in Python and `run_mode`, in the recipe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deepdream import cli
from deepdream.errors import UsageError
from deepdream.modes.mode import slots
from deepdream.modes.registry import load as load_registry
from deepdream.pictures.picture import Picture, load, read_recipe
from deepdream.runs.functions import function
from deepdream.runs.session import Session
from deepdream.testing import run_mode

PLUGIN = '''\
"""A mode for tests."""

import numpy as np

from deepdream.api import Engine, Picture, mode


@mode("digits", api=1)
def digits(image: Picture, engine: Engine, *, also: list[Picture] | None = None) -> Picture:
    """Write the widths of pictures as a number."""
    number = 0
    for picture in also or []:
        number = 10 * number + picture.width
    return Picture.from_array(np.full((2, 2, 3), number % 256, np.uint8))
'''


def plain(width: int) -> Picture:
    return Picture.from_array(np.full((4, width, 3), 9, np.uint8))


@pytest.fixture(autouse=True)
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "digits.py").write_text(PLUGIN)
    monkeypatch.setenv("DEEPDREAM_PLUGINS", str(tmp_path / "digits.py"))
    monkeypatch.chdir(tmp_path)
    for width in (1, 2, 3):
        plain(width).save(f"{width}.png")


def test_a_missing_picture_is_told_with_the_option_that_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["digits", "1.png", "--also", "2.png", "--also", "gone.png"]) == 1
    assert capsys.readouterr().err.startswith("error: --also: no such file: gone.png\n")


def test_a_repeated_flag_gives_the_pictures_in_order_and_so_does_the_recipe() -> None:
    flags = [word for name in ("2", "1", "3") for word in ("--also", f"{name}.png")]
    assert cli.run(["digits", "1.png", *flags, "-o", "made.png"]) == 0
    assert load("made.png").pixels[0, 0, 0] == 213
    inputs = read_recipe("made.png")["inputs"]
    assert [(name, it["path"]) for name, it in inputs.items()] == [
        ("image", "1.png"),
        ("also", "2.png"),
        ("also.2", "1.png"),
        ("also.3", "3.png"),
    ]
    assert cli.run(["replay", "made.png", "-o", "again.png"]) == 0
    assert load("again.png").pixels[0, 0, 0] == 213
    assert cli.run(["digits", "1.png", "-o", "none.png"]) == 0
    assert load("none.png").pixels[0, 0, 0] == 0


def test_ten_pictures_and_more_keep_their_order() -> None:
    session = Session()
    digits = function(session, session.registry.get("digits"))
    assert list(slots({"also": [plain(1)] * 11}))[-1] == "also.11"
    made = digits(plain(1), also=[plain(1)] * 8 + [plain(2), plain(1), plain(3)])
    assert made.pixels[0, 0, 0] == 11111111213 % 256
    assert digits(plain(1), also="3.png").pixels[0, 0, 0] == 3, "one picture is a list of one"


def test_run_mode_takes_lists_and_single_pictures_take_none() -> None:
    mode = load_registry().get("digits")
    assert run_mode(mode.function, plain(1), also=[plain(2), plain(1)]).pixels[0, 0, 0] == 21
    with pytest.raises(UsageError, match=r"takes no picture 'image.2'"):
        mode.check_pictures(["image", "image.2"])
