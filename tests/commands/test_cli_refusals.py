"""What is refused, in two lines and with a code, and what must not be lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shell import QUICK, Run

from deepdream.errors import DeepDreamError
from deepdream.pictures.picture import Picture
from deepdream.runs.session import Session


@pytest.mark.parametrize(
    ("line", "code", "error", "hint"),
    [
        ("drem a.png", 2, "no command 'drem'", "did you mean 'dream'?"),
        ("frobnicate", 2, "no command 'frobnicate'", "see 'deepdream --help'"),
        ("dream", 2, "dream needs a picture, IMAGE, and got none", "example: deepdream dream photo.jpg"),
        ("style", 2, "style needs 2 pictures, IMAGE and STYLE, and got none", "example: deepdream style"),
        (
            "style a.png --steps 3",
            2,
            "style needs 2 pictures, IMAGE and STYLE, and got 1",
            "example: deepdream style photo.jpg painting.jpg",
        ),
        ("show", 2, "missing argument 'PICTURE'", "usage: deepdream show [OPTIONS]"),
        ("dream a.png --layr mixed4", 2, "no option '--layr'", "did you mean '--layer'?"),
        ("dream a.png --preview", 2, "no option '--preview'", "did you mean '--size' or '--time'?"),
        ("dream a.png -x", 2, "no option '-x'", "see 'deepdream dream --help'"),
        ("dream a.png --steps", 2, "option '--steps' requires an argument", "--steps VALUE"),
        ("dream a.png --steps many", 2, "--steps must be a whole number, not 'many'", None),
        ("dream a.png --steps -1", 2, "--steps must be at least 0, not -1", None),
        ("dream a.png --step-size nan", 2, "--step-size must be a finite number", None),
        ("dream a.png --octave-scale inf", 2, "--octave-scale must be a finite number", None),
        ("dream a.png --seed -3", 2, "--seed must be at least 0, not -3", None),
        ("dream a.png --size 0", 2, "--size must be at least 1, not 0", None),
        ("dream a.png --save-every 0", 2, "--save-every must be at least 1, not 0", None),
        (
            "dream a.png --precision float61",
            2,
            "--precision must be auto, float32, winograd or bfloat16",
            "did you mean",
        ),
        ("dream a.png --layer mixd4", 2, "no layer 'mixd4'", "did you mean 'mixed4'"),
        ("dream a.png --model vgg61", 2, "no model 'vgg61'", "did you mean"),
        ("dream a.png --recipe gogle", 2, "no preset 'gogle'", "did you mean 'google-2015'?"),
        ("dream a.png --model vgg16 --layer mixed4", 2, "no layer 'mixed4' in vgg16", "inception_v3"),
        ("dream a.png -o x.tof", 2, "unknown suffix '.tof'", "did you mean '.tif'"),
        (
            "dream a.png -o x.gif",
            2,
            "'x.gif' is a file for an animation, and this is a picture",
            "use one of",
        ),
        ("dream a.png b.jpg -o c.png", 2, "c.png is one file for 2 pictures", "name a folder with -o"),
        ("dream missing.png", 1, "no such file: missing.png", None),
        ("dream -", 1, "no such file: -", "save the picture to a file first"),
        ("dream a.png --weights=", 2, "--weights names no file", "leave it out"),
        ("style a.png missing.png", 1, "no such file: missing.png", None),
        ("dream a.png -o b.jpg", 1, "b.jpg exists already", "--overwrite"),
        ("dream a.png -o a.png/", 1, "a.png is a file, not a folder", "choose another name"),
        ("dream a.png -o a.png/c/", 1, "cannot write a.png/c: not a directory", "choose another folder"),
        ("dream a.png missing.png -o nowhere/ --layer mixd4", 2, "no layer 'mixd4'", "did you mean 'mixed4'"),
        ("dream missing.png -o nowhere/", 1, "no such file: missing.png", None),
        ("replay a.png -o nowhere/", 1, "a.png carries no recipe", "pictures that deepdream saved have one"),
        (f"dream a.png -o {'x' * 300}.png", 1, "x.png: file name too long", "choose a shorter name"),
        ("dream a.png --output=", 2, "the output has no name", "leave -o out"),
        ("dream a.png -o nowhere/c.png", 1, "cannot write nowhere/c.png: no folder", "create"),
        (
            "dream a.png --model inception_v3",
            1,
            "the weights of inception_v3 cannot be had",
            "DEEPDREAM_MIRROR",
        ),
        ("dream a.png --keep-colors -n", 2, "must be luminance, match or after, not '-n'", "needs a value"),
        ("style a.png b.jpg --layer mixed4", 2, "'mixed4' of inception_v3 and", "one network"),
        ("show a.png", 1, "a.png carries no recipe", "pictures that deepdream saved have one"),
        ("replay a.png", 1, "a.png carries no recipe", "pictures that deepdream saved have one"),
        ("layers a.png --atlas x.png --layer block1_conv1[64]", 2, "has no channel 64", "are 0 to 63"),
        ("layers a.png --atlas x.png -n --layer block1_conv1[64]", 2, "has no channel 64", "are 0 to 63"),
        ("layers a.png --atlas x.png -n --layer block1_conv1[top65]", 2, "more channels than", None),
        ("layers a.png --atlas gone/x.png", 1, "cannot write gone/x.png: no folder", "create"),
        ("style-file a.png -o gone/a.style", 1, "cannot write gone/a.style: no folder", "create"),
        ("style-file a.png -o a.png/a.style", 1, "a.png is a file, not a folder", "choose another"),
        ("style-file a.png --size 5", 2, "--size must be at least 32, not 5", "see 'deepdream style-file"),
        ("style-file a.png --size many", 2, "--size must be a whole number, not 'many'", "see"),
        ("style-file a.png --pooling mix", 2, "--pooling must be max, average or l2, not 'mix'", "see"),
        ("dream a.png --film gone/x.gif", 1, "cannot write gone/x.gif: no folder", "create"),
        ("dream a.png -n --time 0.001", 2, "0.001 seconds are over before the first step", "give more time"),
        ("dream a.png --recipe gone.toml", 2, "cannot read the preset gone.toml: no such file", "show PICT"),
        ("layers vgg61", 2, "no model 'vgg61'", "did you mean"),
        ("models fetch vgg61", 2, "no model 'vgg61'", "did you mean"),
        ("models ftch", 2, "no command 'ftch'", "did you mean 'fetch'?"),
    ],
)
def test_mistakes_are_told_in_two_lines(run: Run, line: str, code: int, error: str, hint: str | None) -> None:
    before = sorted(Path().iterdir())
    done = run(*line.split())
    assert (done.code, done.out) == (code, "")
    assert done.said[0].startswith("error: ") and error in done.said[0]
    assert len(done.said) == (2 if hint else 1)
    assert not hint or (done.said[1].startswith("hint: ") and hint in done.said[1])
    assert sorted(Path().iterdir()) == before, "nothing may be left behind"


def test_what_nobody_expected_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(error: BaseException) -> None:
        def run(*_: Any, **__: Any) -> None:
            raise error

        monkeypatch.setattr(Session, "run", run)

    fail(ZeroDivisionError("by zero\nand more"))
    done = run("dream", "a.png")
    assert done.code == 1
    assert done.said == [
        "error: unexpected ZeroDivisionError: by zero",
        "hint: the same command with --debug shows where; please report it",
    ]
    done = run("dream", "a.png", "--debug")
    assert "Traceback (most recent call last)" in done.err and done.said[-2].startswith("error: unexpected")

    fail(DeepDreamError("the moon is full", "wait a day"))
    done = run("dream", "a.png", "--debug")
    assert "Traceback" in done.err and done.err.count("wait a day") == 1
    done = run("dream", "a.png")
    assert done.said == ["error: the moon is full", "hint: wait a day"]

    exhausted = type("ResourceExhaustedError", (Exception,), {})
    for error in (MemoryError(), exhausted("OOM when allocating tensor")):
        fail(error)
        done = run("dream", "a.png")
        assert (done.code, done.said[0]) == (1, "error: out of memory") and "--size" in done.said[1]


def test_a_picture_is_never_replaced_by_what_is_made_of_it(run: Run, no_work: None) -> None:
    before = Path("a.png").read_bytes()
    done = run("dream", "a.png", "-o", "a.png", "--overwrite")
    assert (done.code, done.said[0]) == (2, "error: a.png is the image itself")
    assert Path("a.png").read_bytes() == before


def test_a_report_that_cannot_be_written_is_told_before_the_work(run: Run, no_work: None) -> None:
    done = run("dream", "a.png", "--report", "nowhere/curves.json")
    assert done.code == 1 and done.said[0].startswith("error: cannot write nowhere/curves.json: no folder")


def test_a_report_that_fails_in_the_end_costs_no_picture(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise DeepDreamError("cannot write curves.json: no space left on device")

    monkeypatch.setattr("deepdream.desk.desk.Curves.save", fail)
    done = run("dream", "a.png", *QUICK, "--report", "curves.json", "--json")
    assert done.code == 1 and "no space left" in done.err
    assert done.json["output"] == "a.dream.png" and Path("a.dream.png").exists()


def test_a_plan_gives_pictures_of_one_name_two_results(run: Run) -> None:
    Path("a.jpg").write_bytes(Path("b.jpg").read_bytes())
    plans = [json.loads(it) for it in run("dream", "a.png", "a.jpg", "-n", "--json").out.splitlines()]
    assert [it["output"] for it in plans] == ["a.dream.png", "a.dream-2.png"]


def test_an_empty_name_of_a_picture_is_not_taken_for_none(run: Run, no_work: None) -> None:
    done = run("dream", "a.png", "--mask", "")
    assert (done.code, done.said[0]) == (2, "error: --mask names no file")


def test_tools_answer_in_json_whatever_happens(run: Run) -> None:
    done = run("show", "nothing.png", "--json")
    assert done.code == 1 and done.json["exit_code"] == 1 and "nothing.png" in done.json["error"]


def test_a_name_that_begins_with_a_dash_is_told_how_to_be_given(run: Run) -> None:
    Path("-dash.png").write_bytes(Path("a.png").read_bytes())
    done = run("dream", "-dash.png", "-n")
    assert done.code == 2 and done.said[1] == "hint: a file of that name: ./-dash.png"
    assert run("dream", "-n", "--", "-dash.png").code == 0


def test_a_still_in_the_container_of_films_is_not_called_a_damaged_film(run: Run) -> None:
    Path("x.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    assert run("show", "x.heic").said[0] == "error: x.heic is not a picture of a known format"


def test_a_mask_of_levels_0_and_1_is_told(run: Run) -> None:
    Picture.from_array(np.eye(16, dtype=np.float32)).save("labels.png")
    done = run("dream", "a.png", "--mask", "labels.png", *QUICK)
    told = "note: the mask has levels from 0 to 1, so hardly anything changes: white is 255"
    assert done.code == 0 and told in done.said
    Picture.from_array(255 * np.eye(16, dtype=np.float32)).save("mask.png")
    assert told not in run("dream", "a.png", "--mask", "mask.png", *QUICK).said
