"""The grammar of `--layer`: what can be said, and where a slip is pointed at."""

from __future__ import annotations

import pytest

from deepdream.errors import UsageError
from deepdream.objectives.layerspec import LayerSpec, Ranked, parse

READ = {
    "mixed4": LayerSpec("mixed4"),
    " mixed4 : 0.5 ": LayerSpec("mixed4", 0.5),
    "mixed4:-1": LayerSpec("mixed4", -1.0),
    "mixed4:+2e-1": LayerSpec("mixed4", 0.2),
    "mixed4[119]": LayerSpec("mixed4", channels=(119,)),
    "block5_conv1[3,7,12]:0.5": LayerSpec("block5_conv1", 0.5, (3, 7, 12)),
    "a[ 3 - 5 , 4, 0]": LayerSpec("a", channels=(3, 4, 5, 0)),
    "a[top5]": LayerSpec("a", ranked=(Ranked("top", 5),)),
    "a[bottom3,7]": LayerSpec("a", channels=(7,), ranked=(Ranked("bottom", 3),)),
    "mixed4[119]@0.25,.5:2": LayerSpec("mixed4", 2.0, (119,), place=(0.25, 0.5)),
    "a@1,0": LayerSpec("a", place=(1.0, 0.0)),
    "my model/conv 1.b-c": LayerSpec("my model/conv 1.b-c"),
    '"odd:name[0]"[3]:2': LayerSpec("odd:name[0]", 2.0, (3,)),
    "'a''b@c'": LayerSpec("a'b@c"),
}


@pytest.mark.parametrize("text", READ)
def test_a_spec_is_read_and_written(text: str) -> None:
    assert parse(text) == READ[text]
    assert parse(str(READ[text])) == READ[text]


def test_channels_are_written_as_ranges() -> None:
    assert str(parse("a[0,1,2,3,7,9,10]")) == "a[0-3,7,9,10]"


# The caret stands under the character that is pointed at.
WRONG = {
    "": ("name is missing", "^"),
    " [3]": ("name is missing", " ^"),
    ":1": ("name is missing", "^"),
    "a:": ("weight must be", "  ^"),
    "a:x": ("weight must be", "  ^"),
    "a:nan": ("weight must be", "  ^"),
    "a:1e999": ("weight must be", "  ^"),
    "a:1x": ("nothing more", "   ^"),
    "a[3": ("',' or ']'", "   ^"),
    "a[3;4]": ("',' or ']'", "   ^"),
    "a[]": ("channel's number", "  ^"),
    "a[3,]": ("channel's number", "    ^"),
    "a[-1]": ("channel's number", "  ^"),
    "a[7-3]": ("backwards", "  ^"),
    "a[7-]": ("last channel", "    ^"),
    "a[9999999]": ("so many channels", "  ^"),
    "a[top]": ("number of channels", "     ^"),
    "a[top0]": ("at least 1", "     ^"),
    "a[3]]": ("nothing more|no '\\['", "    ^"),
    "a]": ("no '\\['", " ^"),
    "a[3]@": ("X must be", "     ^"),
    "a[3]@0.5": ("',' and Y", "        ^"),
    "a[3]@0.5,1.5": ("from 0 to 1", "         ^"),
    "a[3]b": ("nothing more", "    ^"),
    "a'b": ("quote the whole name", " ^"),
    "'ab": ("not closed", "^"),
    "''": ("name is empty", "^"),
}


@pytest.mark.parametrize("text", WRONG)
def test_a_slip_is_pointed_at(text: str) -> None:
    words, caret = WRONG[text]
    with pytest.raises(UsageError, match=words) as caught:
        parse(text)
    message, column = caught.value.message, caught.value.column
    assert column is not None
    assert message[1 : 1 + len(text)] == text
    assert column == 1 + caret.index("^")
    assert caught.value.hint


def test_the_command_line_shows_the_caret(capsys: pytest.CaptureFixture[str]) -> None:
    from deepdream.cli import run

    assert run(["dream", "samples/chelsea.jpg", "--dry-run", "--layer", "mixed4[119"]) == 2
    error, caret, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("error: 'mixed4[119' names no layer")
    assert caret == " " * (error.index("119") + 3) + "^"
    assert hint.startswith("hint: write NAME")
