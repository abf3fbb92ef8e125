"""What is printed where, and which files are written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from shell import QUICK, Done, Run

from deepdream import backbones
from deepdream.desk import targets
from deepdream.errors import DeepDreamError


def test_stdout_carries_the_path_and_nothing_else(run: Run) -> None:
    done = run("dream", "a.png", *QUICK)
    assert (done.code, done.out) == (0, "a.dream.png\n")
    assert Image.open("a.dream.png").size == (64, 48)
    again = run("dream", "a.png", *QUICK, "-q")
    assert again == Done(0, "a.dream-2.png\n", ""), "numbered, not overwritten; and quiet"


def test_json_is_one_object_with_every_figure(run: Run) -> None:
    done = run("dream", "a.png", *QUICK, "--seed", "5", "--json", "--precision", "float32", "-o", "c.webp")
    assert done.code == 0 and done.out.count("\n") == 1
    found = done.json
    assert found["output"] == "c.webp" and Path("c.webp").is_file()
    assert (found["mode"], found["model"], found["layers"]) == ("dream", "vgg16", ["block1_conv2"])
    assert (found["size"], found["octaves"], found["steps"]) == ([64, 48], [[64, 48]], 1)
    assert (found["precision"], found["seed"], found["weights"]["origin"]) == ("float32", 5, "embedded")
    assert found["seconds"] > 0
    for when in ("start", "end"):
        assert found["objective"][when]["total"] == pytest.approx(
            sum(value for name, value in found["objective"][when].items() if name != "total")
        )
    assert found["recipe"]["options"]["layer"] == ["block1_conv2"]


FAILED = {"input", "error", "hint", "exit_code"}


@pytest.mark.parametrize(
    ("line", "code", "keys"),
    [
        ("dream a.png missing.png b.jpg -n", 3, [1, None, None]),
        ("dream missing.png", 1, [1]),
        ("dream a.png -o b.jpg", 1, [1]),
        ("dream a.png b.jpg --layer mixd4", 2, [2, 2]),
        ("dream a.png b.jpg --steps -1", 2, [2, 2]),
        ("style a.png b.jpg missing.png", 1, [1, 1]),
        ("replay a.png", 1, [1]),
    ],
)
def test_json_has_an_object_for_every_picture_that_failed_too(
    run: Run, line: str, code: int, keys: list[int | None]
) -> None:
    done = run(*line.split(), "--json")
    found = [json.loads(text) for text in done.out.splitlines()]
    assert done.code == code and [it.get("exit_code") for it in found] == keys
    named = [word for word in line.split()[1:] if word in ("a.png", "b.jpg", "missing.png")][: len(keys)]
    # What cannot be read is said first.
    assert [it["input"] for it in found] == sorted(named, key=lambda it: it != "missing.png")
    for it in found:
        assert "output" in it or (set(it) == FAILED and f"error: {it['error']}" in done.said)


def test_verbose_tells_network_formula_and_sizes(run: Run) -> None:
    said = run("dream", "a.png", *QUICK, "-v").err
    for word in (
        "network: vgg16 (embedded weights)",
        "precision: ",
        "objective: ",
        "octaves: 64x48",
        "memory: ",
    ):
        assert word in said


def test_a_stand_in_is_said_in_one_line_and_recorded(run: Run) -> None:
    done = run("dream", "a.png", *QUICK, "--layer", "mixed1", "--layer", "mixed2", "--json")
    assert done.code == 2, "block1_conv2 and mixed1 are of different networks"
    done = run("dream", "a.png", "--layer", "mixed0", "--octaves", "1", "--steps", "1", "--json")
    notes = [line for line in done.said if line.startswith("note: ")]
    assert done.code == 0 and len(notes) == 1 and "stands in for mixed0" in notes[0]
    found = done.json
    assert found["model"] == "vgg16" and found["requested_layers"] == ["mixed0"]
    assert found["layers"][0].startswith("block")


def test_overwrite_replaces_only_when_asked(run: Run, no_work: None) -> None:
    Path("c.png").write_bytes(b"precious")
    assert run("dream", "a.png", "-o", "c.png").code == 1
    assert run("dream", "a.png", "-o", "a.png").code == 1, "nor the input"
    assert Path("c.png").read_bytes() == b"precious"


def test_overwrite(run: Run) -> None:
    Path("c.png").write_bytes(b"old")
    assert run("dream", "a.png", *QUICK, "-o", "c.png", "--overwrite").out == "c.png\n"
    assert Image.open("c.png").size == (64, 48)
    Path("a.dream.png").write_bytes(b"old")
    assert run("dream", "a.png", *QUICK, "--overwrite").out == "a.dream.png\n"
    assert Image.open("a.dream.png").size == (64, 48)


@pytest.mark.usefixtures("own_pool")
def test_several_pictures_share_a_network_and_one_may_fail(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    real = backbones.open_extractor
    monkeypatch.setattr(backbones, "open_extractor", lambda *a, **k: opened.append(a) or real(*a, **k))
    Path("out").mkdir()
    Path("broken.jpg").write_text("not a picture")
    done = run("dream", "a.png", "missing.png", "broken.jpg", "b.jpg", *QUICK, "-q", "-o", "out")
    assert done.code == 3
    assert done.out.split() == [str(Path("out/a.dream.png")), str(Path("out/b.dream.png"))]
    errors = [line for line in done.said if line.startswith("error: ")]
    assert len(errors) == 2 and "missing.png" in errors[0] and "broken.jpg" in errors[1]
    assert len(opened) == 1
    done = run("dream", "a.png", "missing.png", *QUICK, "--json", "-o", "out")
    inputs = [json.loads(line)["input"] for line in done.out.splitlines()]
    assert inputs == ["missing.png", "a.png"], "what cannot be read is said before any is made"


def test_pictures_of_one_name_do_not_overwrite_each_other(run: Run) -> None:
    Path("sub").mkdir()
    Path("sub/a.png").write_bytes(Path("a.png").read_bytes())
    done = run("dream", "a.png", "sub/a.png", *QUICK, "--overwrite", "--json")
    assert [json.loads(line)["output"] for line in done.out.splitlines()] == ["a.dream.png", "a.dream-2.png"]


def test_a_new_folder_is_made_for_the_first_picture(run: Run) -> None:
    done = run("dream", "a.png", "-n", "--json", "-o", "new/er/")
    assert done.json["output"] == str(Path("new/er/a.dream.png")) and not Path("new").exists()
    done = run("dream", "a.png", "b.jpg", *QUICK, "--steps", "2", "--save-every", "1", "-o", "new/er/")
    assert done.code == 0, done.err
    assert done.out.split() == [str(Path("new/er") / name) for name in ("a.dream.png", "b.dream.png")]
    assert Path("new/er/a.dream.step0001.png").is_file()


def test_if_all_fail_the_exit_code_is_not_that_of_some(run: Run) -> None:
    assert run("dream", "missing.png", "gone.png").code == 1
    done = run("dream", "a.png", "b.jpg", "--layer", "mixd4")
    assert done.code == 2 and len(done.said) == 2, "what is wrong for all is said once"


def test_snapshots_lie_beside_the_output(run: Run) -> None:
    done = run("dream", "a.png", *QUICK, "--steps", "5", "--save-every", "2")
    assert done.out == "a.dream.png\n"
    made = sorted(path.name for path in Path().glob("a.dream*"))
    assert made == ["a.dream.png", "a.dream.step0002.png", "a.dream.step0004.png"]
    first, last = (np.asarray(Image.open(name), np.int16) for name in (made[1], made[0]))
    assert first.shape == last.shape and np.abs(first - last).max() > 0


def test_snapshots_replace_nothing_unasked(run: Run) -> None:
    mine = Path("out.step0001.png")
    mine.write_text("mine")
    command = ["dream", "a.png", *QUICK, "--steps", "2", "--save-every", "1", "-o", "out.png"]
    assert run(*command).code == 0
    assert mine.read_text() == "mine" and Path("out.step0001-2.png").is_file()
    assert run(*command, "--overwrite").code == 0
    assert mine.read_bytes().startswith(b"\x89PNG")


def test_a_snapshot_that_cannot_be_saved_does_not_cost_the_picture(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise DeepDreamError("cannot write it: no space left on device")

    monkeypatch.setattr(targets.Target, "save_snapshot", full)
    done = run("dream", "a.png", *QUICK, "--steps", "4", "--save-every", "1")
    assert (done.code, done.out) == (0, "a.dream.png\n")
    assert done.err.count("note: snapshots are missing: cannot write it: no space left on device") == 1
