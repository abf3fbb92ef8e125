"""The command line as a user meets it: what it prints where, what it refuses, and how it ends."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deepdream import backbones, cli
from deepdream.backbones import get
from deepdream.climb.engine import Engine
from deepdream.desk import targets, telling
from deepdream.errors import DeepDreamError
from deepdream.modes.registry import TOOLS
from deepdream.pictures.picture import load, read_recipe
from deepdream.runs.session import Session
from deepdream.tools import doctor

ROOT = Path(__file__).resolve().parent.parent
QUICK = ["--layer", "block1_conv2", "--octaves", "1", "--steps", "1", "--jitter", "0"]


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> list[str]:
        return self.err.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in this process."""

    def call(*arguments: str) -> Done:
        capsys.readouterr()
        code = cli.run(arguments)
        return Done(code, *capsys.readouterr())

    return call


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two pictures in it; no settings from outside."""
    for name in [
        name for name in os.environ if name.startswith("DEEPDREAM_") and name != "DEEPDREAM_OFFLINE"
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "100")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    y, x = np.mgrid[:48, :64]
    pixels = np.stack([x * 4, y * 5, (x * y) % 256], axis=2).astype(np.uint8)
    Image.fromarray(pixels).save("a.png")
    Image.fromarray(pixels[::-1, :, ::-1]).save("b.jpg")
    return here


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if a run is begun."""

    def run(*_: Any, **__: Any) -> None:
        raise AssertionError("a run was begun")

    monkeypatch.setattr(Session, "run", run)


def program(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    settings: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **settings.pop("env", {})}
    return subprocess.Popen([sys.executable, "-m", "deepdream", *arguments], env=environment, **settings)


def finish(process: subprocess.Popen[str]) -> Done:
    out, err = process.communicate(timeout=60)
    return Done(process.returncode, out, err)


# --- help and names --------------------------------------------------------------------------------


def test_help_teaches(run: Run) -> None:
    done = run("--help")
    assert (done.code, done.err) == (0, "")
    assert "deepdream dream photo.jpg --layer mixed4" in done.out
    assert all(f" {name} " in done.out for name in ("dream", "style", *TOOLS))
    assert run().out == done.out, "without arguments too"


def test_help_of_a_mode_has_examples_ranges_defaults_and_presets(run: Run) -> None:
    done = run("dream", "--help")
    assert (done.code, done.err) == (0, "")
    text = " ".join(done.out.replace("│", " ").split())
    assert "deepdream dream photo.jpg --layer block4_conv3" in text
    assert "(0 to 100000; default: 10)" in text
    assert "Options of dream" in text and "Output and running" in text
    assert "google-2015" in text and "DEEPDREAM_DREAM_LAYER" in text


@pytest.mark.parametrize("tool", [[name] for name in TOOLS] + [["models", "fetch"], ["plugins", "list"]])
def test_every_tool_has_help(run: Run, tool: list[str]) -> None:
    done = run(*tool, "--help")
    assert (done.code, done.err) == (0, "") and "Usage: deepdream" in done.out


def test_version(run: Run) -> None:
    from deepdream import __version__

    assert run("--version") == Done(0, f"deepdream {__version__}\n", "")


def test_commands_that_compute_nothing_load_no_tensorflow() -> None:
    code = """
import os, sys
from deepdream import cli
def loaded(*names):
    return [name for name in names if name in sys.modules]
assert cli.run(["--help"]) == 0
assert not loaded("tensorflow", "keras", "numpy", "PIL.Image", "rich.progress"), loaded("numpy", "PIL.Image")
for line in ("dream --help", "layers", "layers inception_v3 --all", "models", "plugins list",
             "doctor --quick", "dream a.png --dry-run", "style a.png b.jpg -n --json"):
    assert cli.run(line.split()) == 0, line
os.environ.update(_DEEPDREAM_COMPLETE="complete_bash", COMP_CWORD="3")
os.environ["COMP_WORDS"] = "deepdream dream --layer mix"
try:
    cli.run([])
except SystemExit:
    pass
assert not loaded("tensorflow", "keras"), loaded("tensorflow", "keras")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.rstrip().endswith("mixed10")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("dream --layer block5", ["block5_conv1", "block5_conv2", "block5_conv3", "block5_pool"]),
        ("dream --model vgg19 --layer block5_conv4", ["block5_conv4"]),
        ("dream --model vgg", ["vgg16", "vgg19"]),
        ("layers inception_v", ["inception_v3"]),
        ("style --start n", ["noise"]),
        ("dream --recipe goo", ["google-2015"]),
        ("dr", ["dream"]),
    ],
)
def test_completion(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: str, expected: list[str]
) -> None:
    monkeypatch.setenv("_DEEPDREAM_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"deepdream {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split())))
    with pytest.raises(SystemExit):
        cli.run([])
    assert capsys.readouterr().out.split() == expected


# --- what is refused -------------------------------------------------------------------------------


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
        ("dream a.png -x", 2, "no option '-x'", "see 'deepdream dream --help'"),
        ("dream a.png --steps", 2, "option '--steps' requires an argument", None),
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
            "--precision must be auto, float32 or bfloat16",
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
        ("style a.png missing.png", 1, "no such file: missing.png", None),
        ("dream a.png -o b.jpg", 1, "b.jpg exists already", "--overwrite"),
        ("dream a.png -o a.png/", 1, "a.png is a file, not a folder", "choose another name"),
        ("dream a.png -o a.png/c/", 1, "cannot write a.png/c: not a directory", "choose another folder"),
        ("dream a.png missing.png -o nowhere/ --layer mixd4", 2, "no layer 'mixd4'", "did you mean 'mixed4'"),
        ("dream missing.png -o nowhere/", 1, "no such file: missing.png", None),
        ("replay a.png -o nowhere/", 1, "a.png carries no recipe", "pictures that deepdream saved have one"),
        (f"dream a.png -o {'x' * 300}.png", 1, "x.png: file name too long", None),
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


# --- output ----------------------------------------------------------------------------------------


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


# --- where options come from -----------------------------------------------------------------------


def planned(run: Run, *arguments: str) -> dict[str, Any]:
    done = run("dream", "a.png", "--dry-run", "--json", *arguments)
    assert done.code == 0, done.err
    recipe: dict[str, Any] = done.json["recipe"]
    return {**recipe["options"], **recipe["common"]}


def test_precedence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.toml").write_text(
        'mode = "dream"\n[options]\nsteps = 3\njitter = 5\nlayer = ["block3_conv1"]\n[common]\nsize = 60\n'
    )
    found = planned(run)
    assert (found["steps"], found["size"], found["model"]) == (10, None, "auto"), "defaults"

    for flag in ("--recipe", "--preset"):
        found = planned(run, flag, "mine.toml")
        assert (found["steps"], found["size"], found["layer"]) == (3, 60, ["block3_conv1"]), "preset"
        assert found["octave_scale"] == 1.4, "what the preset leaves open keeps its default"

    monkeypatch.setenv("DEEPDREAM_DREAM_STEPS", "4")
    monkeypatch.setenv("DEEPDREAM_SIZE", "50")
    monkeypatch.setenv("DEEPDREAM_DREAM_LAYER", "block2_conv1 block2_conv2")
    found = planned(run, "--recipe", "mine.toml")
    assert (found["steps"], found["size"], found["jitter"]) == (4, 50, 5), "environment over preset"
    assert found["layer"] == ["block2_conv1", "block2_conv2"]

    found = planned(run, "--recipe", "mine.toml", "--steps", "7", "--size", "40", "--layer", "block1_conv1")
    assert (found["steps"], found["size"], found["layer"]) == (7, 40, ["block1_conv1"]), "flag over all"

    monkeypatch.setenv("DEEPDREAM_RECIPE", "mine.toml")
    assert planned(run)["jitter"] == 5, "the preset itself may come from the environment"


@pytest.mark.parametrize(
    ("text", "error", "hint"),
    [
        ('mode = "dream"\n[options]\nstep = 3', "no option 'step'", "did you mean 'steps'"),
        ('mode = "dream"\n[options]\nsteps = -3', "--steps must be at least 0", None),
        ('mode = "dream"\n[common]\nmodl = "vgg16"', "modl", "did you mean 'model'"),
        ('mode = "dream"\noption = 3', "unknown key 'option'", "did you mean 'options'"),
        ('mode = "style"', "is for the mode 'style', not 'dream'", None),
        ("mode = ", "not valid TOML", None),
    ],
)
def test_wrong_presets_are_refused(run: Run, text: str, error: str, hint: str | None) -> None:
    Path("mine.toml").write_text(text)
    done = run("dream", "a.png", "--recipe", "mine.toml")
    assert (done.code, done.out) == (2, "")
    assert done.said[0].startswith("error: ") and error in done.said[0]
    assert hint is None or hint in done.said[1]


def test_a_wrong_value_in_the_environment_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPDREAM_DREAM_STEPS", "many")
    done = run("dream", "a.png")
    assert (done.code, done.said[0]) == (2, "error: --steps must be a whole number, not 'many'")


def test_a_dry_run_shows_everything_and_does_nothing(run: Run, no_work: None) -> None:
    before = sorted(Path().iterdir())
    done = run("dream", "a.png", "b.jpg", "--dry-run", "--layer", "block4_conv3", "--octaves", "2")
    assert (done.code, done.err) == (0, "")
    for word in ("a.dream.png", "b.dream.png", "46x34, 64x48", "block4_conv3", "GB", 'mode = "dream"'):
        assert word in done.out
    assert sorted(Path().iterdir()) == before
    done = run("dream", "a.png", "-n", "--layer", "block4_conv3", "--steps", "3", "--seed", "4")
    Path("again.toml").write_text(done.out)
    found = planned(run, "--recipe", "again.toml")
    assert (found["steps"], found["layer"]) == (3, ["block4_conv3"]), "the plan is a recipe"


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        ("--layer block1_conv2[top65]", 2, "'top65' asks for more channels than the layer's 64"),
        ("--layer block4_conv3 --guide tiny.png", 1, "a picture of 7x12 px is too small for block4_conv3"),
        ("--weights junk.h5", 1, "junk.h5 is damaged or no weights file"),
        ("--weights junk.keras", 1, "junk.keras is damaged or no weights file"),
        ("--weights none.h5", 1, "no weights file none.h5"),
        ("--memory 0.1", 1, "a picture of 64x48 px needs about"),
    ],
)
def test_a_dry_run_refuses_what_the_run_refuses(run: Run, arguments: str, code: int, error: str) -> None:
    Image.new("RGB", (7, 12), "red").save("tiny.png")
    Path("junk.h5").write_bytes(b"junk")
    Path("junk.keras").write_bytes(b"junk")
    made, planned = (run("dream", "a.png", *arguments.split(), *dry) for dry in ([], ["--dry-run"]))
    assert (planned.code, planned.out) == (code, "") and planned.said[0].startswith(f"error: {error}")
    assert made == planned


@pytest.mark.parametrize(
    "command", [["show", "cut.jpg"], ["replay", "cut.jpg"], ["dream", "a.png", "--recipe", "cut.jpg"]]
)
def test_a_damaged_recipe_is_not_held_against_the_picture(
    run: Run, no_work: None, command: list[str]
) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b'ASCII\0\0\0{"deepdream": {"format": 1, "mo'
    Image.new("RGB", (64, 48), "red").save("cut.jpg", exif=exif)
    done = run(*command)
    assert (done.code, done.out) == (1, "")
    assert done.said[0].startswith("error: the recipe in cut.jpg is damaged: ")
    assert done.said[1].startswith("hint: the picture can be used")


def test_a_dry_run_tells_how_far_tiles_look(run: Run, no_work: None) -> None:
    done = run("dream", "a.png", "-n", "--layer", "block2_conv2", "--octaves", "1", "--tile", "32")
    assert "in 4 tiles of 32 px with a halo of 6 px\n" in done.out and "exact = false" in done.out
    assert "exact = true" in run("dream", "a.png", "-n", "--tile", "32", "--exact").out


def test_the_last_picture_is_the_style(run: Run, no_work: None) -> None:
    Image.new("RGB", (40, 40), "red").save("s.png")
    done = run("style", "a.png", "b.jpg", "s.png", "-n", "--json")
    inputs = [json.loads(line)["recipe"]["inputs"] for line in done.out.splitlines()]
    assert [(item["image"]["path"], item["style"]["path"]) for item in inputs] == [
        ("a.png", "s.png"),
        ("b.jpg", "s.png"),
    ]


# --- tools -----------------------------------------------------------------------------------------


def test_layers(run: Run) -> None:
    found = run("layers", "vgg16", "--json").json
    assert [row["name"] for row in found][:2] == ["block1_conv1", "block1_conv2"]
    row = next(row for row in found if row["name"] == "block4_conv3")
    assert (row["kind"], row["channels"], row["stride"], row["receptive_field"]) == ("conv", 512, 8, 92)
    everything = run("layers", "vgg16", "--all", "--json").json
    assert len(everything) == len(get("vgg16").layers) > len(found)
    text = run("layers").out
    assert "block5_conv2" in text and "mixed4" in text and "receptive" not in text
    assert "mixed9 " in text and "mixed9_0" not in text and "concatenate" not in text
    done = run("layers", "a.png", "--atlas", "x.png", "-n", "--layer", "block4_conv3", "--size", "32")
    assert done.code == 0 and "block4_conv3 of vgg16" in done.out and "32x24 px" in done.out
    assert not Path("x.png").exists()
    assert run("layers", "a.png", "--atlas", "x.png", "-n", "--layer", "block9").code == 2


def test_models(run: Run) -> None:
    found = {row["model"]: row for row in run("models", "--json").json}
    assert found["vgg16"]["weights"] == "embedded" and found["vgg16"]["bytes"] > 1e7
    assert found["inception_v3"]["weights"] == "to download"
    shown = run("models").out.splitlines()
    assert any("vgg16" in line and "dream, style" in line for line in shown)
    done = run("models", "fetch", "vgg16")
    assert (done.code, done.out.strip()) == (0, found["vgg16"]["path"])
    assert done.said == ["vgg16 is inside this package: nothing to fetch"]
    done = run("models", "fetch", "inception_v3")
    assert (done.code, done.out) == (1, "") and "offline" in done.said[0]


def test_plugins_and_doctor_tell_of_a_broken_plugin(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("broken.py").write_text("raise RuntimeError('oh no')\n")
    monkeypatch.setenv("DEEPDREAM_PLUGINS", str(Path("broken.py").absolute()))
    found = run("plugins", "list", "--json").json
    assert {"dream", "style", "zoom"} <= {mode["mode"] for mode in found["modes"]}
    assert "oh no" in found["problems"][0]["message"]
    done = run("plugins", "list")
    assert "oh no" in done.out and done.err == ""
    assert run("plugins") == done

    for line in (["--help"], ["dream", "a.png", "-n"]):
        done = run(*line)
        assert done.code == 0
        assert len(done.said) == 1 and "broken.py" in done.said[0] and "oh no, line 1;" in done.said[0]
        assert done.said[0].endswith("see 'deepdream doctor --quick --traces'")
    assert run("layers").err == ""

    done = run("doctor", "--quick")
    assert done.code == 1 and "BAD" in done.out and "oh no" in done.out
    assert "Traceback" not in done.out and "doctor --quick --traces" in done.out
    for flag in ("--traces", "--debug"):
        done = run("doctor", "--quick", flag)
        assert "Traceback" in done.out and "raise RuntimeError('oh no')" in done.out


def test_doctor_is_content_with_this_machine(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run("doctor", "--json")
    assert done.code == 0, done.out
    topics = {item["topic"]: item["says"] for item in done.json}
    assert {"tensorflow", "keras", "devices", "precision", "vgg16 weights", "this folder"} <= set(topics)
    assert "cpu:0" in topics["devices"] and "checksum right" in topics["vgg16 weights"]
    monkeypatch.delenv("DEEPDREAM_OFFLINE")
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("asked the network"))
    topics = {item["topic"]: item["says"] for item in run("doctor", "--quick", "--json").json}
    assert "Keras's own server" in topics["downloads"] and "not tried" in topics["downloads"]
    monkeypatch.setattr(doctor, "EMBEDDED_SHA256", "0" * 64)
    done = run("doctor", "--quick")
    assert done.code == 1 and "damaged" in done.out and "reinstall" in done.out


def test_show_and_reuse(run: Run) -> None:
    assert run("dream", "a.png", *QUICK, "--seed", "5", "-o", "c.png").code == 0
    shown = run("show", "c.png")
    assert shown.code == 0 and "block1_conv2" in shown.out and "seed" in shown.out
    assert run("show", "c.png", "--json").json["seed"] == 5
    toml = run("show", "c.png", "--toml").out
    Path("c.toml").write_text(toml)
    for recipe in ("c.toml", "c.png"):
        assert planned(run, "--recipe", recipe)["layer"] == ["block1_conv2"]


def test_show_begins_with_the_command_that_made_it(run: Run) -> None:
    Image.new("RGB", (64, 48), "white").save("my mask.png")
    flags = ["--mask", "my mask.png", "--no-balanced", "--size", "50", "--seed", "5"]
    assert run("dream", "a.png", *QUICK, *flags, "-o", "c.png").code == 0
    shown = run("show", "c.png").out
    command, rest = shown.split("\n", 1)
    assert command == (
        "deepdream dream a.png --mask 'my mask.png' --layer block1_conv2 --no-balanced --octaves 1 --steps 1 "
        "--jitter 0 --size 50 --seed 5"
    )
    assert "50x38" in rest and "octave_scale" not in rest and "tensorflow" not in rest
    assert run(*shlex.split(command)[1:], "-q").code == 0
    assert Path("a.dream.png").read_bytes() == Path("c.png").read_bytes()
    every = run("show", "c.png", "--all").out
    assert "octave_scale" in every and "tensorflow" in every


def test_a_recipe_brings_the_pictures_that_are_settings(run: Run) -> None:
    mask = Image.new("L", (64, 48), 255)
    mask.paste(0, (0, 0, 32, 48))
    mask.save("m.png")
    assert run("dream", "a.png", *QUICK, "--mask", "m.png", "--guide", "b.jpg", "-o", "c.png").code == 0
    done = run("dream", "b.jpg", "--recipe", "c.png", "--size", "64", "-o", "d.png")
    assert "note: from c.png: guide b.jpg, mask m.png" in done.said, done.err
    made, before = load("d.png").pixels, load("b.jpg").pixels
    assert np.abs(made - before)[:, :31].max() <= 1 and np.abs(made - before)[:, 33:].max() > 2
    assert read_recipe("d.png")["inputs"]["guide"]["path"] == "b.jpg"
    import deepdream

    again = deepdream.dream("b.jpg", recipe="c.png", size=64)
    assert np.abs(again.pixels - before)[:, :31].max() == 0

    Image.new("L", (64, 48), 255).save("m.png")
    done = run("dream", "b.jpg", "--recipe", "c.png", "-n")
    assert (done.code, done.said[0]) == (2, "error: --mask of c.png: m.png is not the file it was")
    done = run("dream", "b.jpg", "--recipe", "c.png", "-n", "--mask", "m.png")
    assert done.code == 0 and done.said == ["note: from c.png: guide b.jpg"], "the flag wins"


def test_replay_takes_no_settings_and_says_what_does(run: Run) -> None:
    assert run("dream", "a.png", *QUICK, "-o", "c.png").code == 0
    done = run("replay", "c.png", "--size", "120")
    assert done.code == 2 and "takes no --size" in done.said[0]
    assert "deepdream dream a.png --recipe c.png --size 120" in done.said[1]
    assert "did you mean '--output'" in run("replay", "c.png", "--outputt", "x").err
    done = run("replay", "c.png", "-n")
    assert done.code == 0 and "c.replay.png" in done.out and not Path("c.replay.png").exists()


def test_a_dry_run_knows_of_the_time_and_of_the_sweep(run: Run, no_work: None) -> None:
    flags = ["--layer", "block4_conv3", "--steps", "90000"]
    done = run("dream", "a.png", "-n", *flags, "--time", "30s")
    assert "30 s at most, so steps are left out" in done.out
    assert "--recipe FILE" in done.out
    assert run("dream", "a.png", "-n", *flags, "--time", "30s", "--json").json["estimate"] == 30
    alone = run("dream", "a.png", "-n", *flags, "--time", "30s", "--sweep", "jitter=1,2", "--json").json
    assert (alone["estimate"], alone["sheet"]) == (60, ["jitter 1", "jitter 2"])
    assert alone["output"] == "a.dream.sweep.png"
    done = run("dream", "a.png", "-n", "--sweep", "steps=1,2,3", "--layer", "block1_conv2")
    assert "sheet:     3 pictures" in done.out and "steps 2: 64x48 px; 2 steps" in done.out


def test_a_large_photograph_is_told_how_long_it_takes() -> None:
    plan = {"model": "vgg16", "layers": ["block5_conv3"], "octaves": [[4000, 3000]], "steps": 5000}
    (said,) = telling.long_run(plan)
    assert "4000x3000 px will take about" in said and "--size 1024" in said
    assert not telling.long_run({**plan, "octaves": [[2000, 1500]]})
    assert not telling.long_run({**plan, "time_limit": 60.0})
    assert not telling.long_run({**plan, "layers": ["block1_conv1"], "steps": 1})


def test_replay_gives_the_same_bytes(run: Run) -> None:
    assert run("dream", "a.png", *QUICK, "--seed", "5", "--jitter", "4", "--size", "50").code == 0
    first = Path("a.dream.png").read_bytes()
    done = run("replay", "a.dream.png", "-q")
    assert done == Done(0, "a.dream.replay.png\n", "")
    assert Path("a.dream.replay.png").read_bytes() == first

    Path("moved.png").write_bytes(Path("a.png").read_bytes())
    Image.new("RGB", (64, 48)).save("a.png")
    done = run("replay", "a.dream.png", "-o", "again.png")
    assert (done.code, done.out) == (1, "") and "a.png is not the file it was" in done.said[0]
    Path("a.png").unlink()
    done = run("replay", "a.dream.png", "-o", "again.png")
    assert done.code == 1 and "is not there any more" in done.said[0] and "PATH" in done.said[1]
    assert run("replay", "a.dream.png", "moved.png", "-o", "again.png").code == 0
    assert Path("again.png").read_bytes() == first


@pytest.mark.slow
def test_replay_repeats_the_steps_that_time_allowed(run: Run) -> None:
    flags = ["--layer", "block1_conv2", "--octaves", "2", "--steps", "100000", "--seed", "5"]
    done = run("dream", "a.png", *flags, "--time", "6s", "--json")
    used, steps = read_recipe("a.dream.png")["used"], done.json["steps"]
    assert used["steps"] == steps == sum(used["octave_steps"]["0"]) and 1 < steps < 200_000
    assert any("of 200000 steps were left out" in line for line in done.said), done.err
    assert run("replay", "a.dream.png", "-o", "again.png").code == 0
    assert Path("again.png").read_bytes() == Path("a.dream.png").read_bytes()


def test_replay_says_when_the_network_is_another(run: Run) -> None:
    assert run("dream", "a.png", *QUICK, "--seed", "5").code == 0
    picture = load("a.dream.png")
    recipe = read_recipe("a.dream.png")
    recipe["used"]["weights"]["sha256"] = "0" * 64
    dataclasses.replace(picture, recipe=recipe).save("tampered.png")
    assert (
        "note: tampered.png was made with other weights: the bytes differ"
        in run("replay", "tampered.png").said
    )
    assert "other" not in run("replay", "a.dream.png").err


def test_a_recipe_may_name_an_input_that_no_file_can_have(run: Run) -> None:
    assert run("dream", "a.png", *QUICK).code == 0
    recipe = read_recipe("a.dream.png")
    recipe["inputs"]["image"]["path"] = "x" * 5000
    dataclasses.replace(load("a.dream.png"), recipe=recipe).save("tampered.png")
    done = run("replay", "tampered.png")
    assert done.code == 1 and "is not there any more" in done.said[0]


# --- modes of others -------------------------------------------------------------------------------

PLUGIN = '''
"""Modes for tests."""
import time
from enum import Enum
from typing import Annotated
from deepdream.api import Engine, Option, Picture, Step, mode


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


def tell(engine: Engine, image: Picture, index: int) -> None:
    for listener in engine.listeners:
        listener(Step(1, 1, index, 1000, 1.0, {}, 0.1, index / 1000, image.size, lambda: image))


@mode("polite", api=1)
def polite(
    image: Picture,
    engine: Engine,
    *,
    fast: Annotated[bool, Option(help="Tags like [/red] or [0, 1].")] = True,
    colour: Colour = Colour.RED,
) -> Picture:
    """Count until told to stop [/bold]."""
    print("chatter")
    if not fast:
        return image
    for index in range(1, 1000):
        tell(engine, image, index)
        if engine.cancel.is_set():
            engine.report["interrupted"] = True
            break
        time.sleep(0.02)
    return image


@mode("triple", api=1)
def triple(image: Picture, engine: Engine, hint: Picture, mask: Picture) -> Picture:
    """Take three pictures."""
    return image


@mode("clumsy", api=1)
def clumsy(image: Picture, engine: Engine) -> Picture:
    """Divide by zero."""
    raise ZeroDivisionError("by zero")


@mode("stubborn", api=1)
def stubborn(image: Picture, engine: Engine, *, steps: int = 1) -> Picture:
    """Sleep, whatever is said."""
    for index in range(steps):
        tell(engine, image, index + 1)
    open("sleeping", "w").close()
    time.sleep(30)
    return image
'''


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Path]:
    """Make a plugin of this code the only one; where its file is."""

    def plugged(code: str) -> Path:
        path = tmp_path / "plugin.py"
        path.write_text(code)
        monkeypatch.setenv("DEEPDREAM_PLUGINS", str(path))
        return path

    return plugged


@pytest.fixture
def plugin(plug: Callable[[str], Path]) -> None:
    plug(PLUGIN)


def test_an_error_in_a_frame_names_the_mode(run: Run, plug: Callable[[str], Path]) -> None:
    path = plug(
        "from deepdream.api import Animation, Engine, Picture, mode\n\n\n"
        '@mode("spoilt", api=1)\n'
        "def spoilt(image: Picture, engine: Engine) -> Animation:\n"
        '    """Fail at the first frame."""\n\n'
        "    def frame(index: int, previous: Picture | None) -> Picture:\n"
        '        raise ValueError("oh dear")\n\n'
        "    return Animation(frame, 2)\n"
    )
    done = run("spoilt", "a.png")
    assert done.said[0] == f"error: unexpected ValueError in the mode 'spoilt' ({path}, line 9): oh dear"


def test_a_plan_that_would_never_end_is_given_up(run: Run, plug: Callable[[str], Path]) -> None:
    plug(
        "from deepdream.api import Engine, Picture, mode, objectives as obj\n\n\n"
        '@mode("until", api=1)\n'
        "def until(image: Picture, engine: Engine) -> Picture:\n"
        '    """Climb until it is another picture."""\n'
        "    begun = image\n"
        "    while image is begun:\n"
        '        image = engine.ascend(image, obj.mean("block1_conv1"), steps=1)\n'
        "    return image\n"
    )
    done = run("until", "a.png", "--dry-run")
    assert done.code == 1
    assert done.said[0] == "error: the mode cannot be planned: it climbs more than 200 times, or endlessly"


def test_a_third_party_mode_is_a_command(run: Run, plugin: None) -> None:
    done = run("polite", "--help")
    assert (done.code, done.err) == (0, "")
    text = " ".join(done.out.replace("│", " ").split())
    assert "Count until told to stop [/bold]." in text
    assert "--fast" in text and "--no-fast" in text and "Tags like [/red] or [0, 1]." in text
    assert "(default: red)" in text
    assert run("polite", "a.png", "--no-fast").out == "a.polite.png\n", "what it prints is no result"
    done = run("triple", "a.png", "b.jpg")
    assert done.code == 2 and done.said == [
        "error: triple needs 3 pictures, IMAGE, HINT and MASK, and got 2",
        "hint: usage: deepdream triple [OPTIONS] IMAGE... HINT MASK",
    ]
    found = run("polite", "a.png", "--no-fast", "--colour", "blue", "--json").json
    assert found["recipe"]["options"] == {"fast": False, "colour": "blue"} and found["model"] is None


def test_an_unexpected_error_names_the_mode_and_who_must_mend_it(
    run: Run, plugin: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run("clumsy", "a.png")
    line = 1 + PLUGIN.splitlines().index('    raise ZeroDivisionError("by zero")')
    place = f"{tmp_path / 'plugin.py'}, line {line}"
    assert done.code == 1 and done.said == [
        f"error: unexpected ZeroDivisionError in the mode 'clumsy' ({place}): by zero",
        "hint: the same command with --debug shows where; the author of the mode must mend it",
    ]

    def fail(*_: Any, **__: Any) -> None:
        raise KeyError("lost")

    monkeypatch.setattr(Engine, "ascend", fail)
    done = run("dream", "a.png")
    said, hint = done.said
    assert re.fullmatch(
        r"error: unexpected KeyError in the mode 'dream' \(built-in dream.py, line \d+\): 'lost'", said
    )
    assert hint == "hint: the same command with --debug shows where; please report it"


def test_a_picture_of_a_mode_that_is_gone_asks_for_its_plugin(
    run: Run, plugin: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("triple", "a.png", "a.png", "a.png", "-o", "c.png").code == 0
    monkeypatch.delenv("DEEPDREAM_PLUGINS")
    for line in (["replay", "c.png"], ["dream", "a.png", "--recipe", "c.png"]):
        done = run(*line)
        assert (done.code, done.out) == (2, "")
        assert "'triple', which is not here" in done.said[0] and "c.png" in done.said[0]
        assert "plugin" in done.said[1] and "DEEPDREAM_PLUGINS" in done.said[1]


def interrupt(
    process: subprocess.Popen[str], sign: Callable[[], bool], kind: int = signal.SIGINT, *, times: int = 1
) -> Done:
    """Send Ctrl-C, or another signal, once there is a sign of work."""
    began = time.monotonic()
    while not sign():
        assert time.monotonic() - began < 30 and process.poll() is None
        time.sleep(0.02)
    for _ in range(times):
        process.send_signal(kind)
        time.sleep(0.3)
    return finish(process)


def files() -> Sequence[str]:
    return sorted(path.name for path in Path().iterdir())


def test_the_first_ctrl_c_saves_the_picture_and_ends_the_batch(run: Run, plugin: None) -> None:
    process = program("polite", "a.png", "b.jpg", "--save-every", "2")
    done = interrupt(process, lambda: Path("a.polite.step0002.png").exists())
    assert (done.code, done.out) == (130, "a.polite.png\n")
    assert "Traceback" not in done.err and "stopping after this step" in done.err
    assert Image.open("a.polite.png").size == (64, 48)
    assert run("show", "a.polite.png", "--json").json["used"]["interrupted"] is True
    process = program("polite", "a.png", "b.jpg", "--save-every", "2", "--json", "-o", "c/")
    done = interrupt(process, lambda: Path("c/a.polite.step0002.png").exists())
    made, left = map(json.loads, done.out.splitlines())
    assert made["interrupted"] and left["input"] == "b.jpg" and left["error"] == "interrupted"
    assert not any(name.endswith(".tmp") or name.startswith("b.p") for name in files())


@pytest.mark.parametrize(("steps", "times"), [("1", 2), ("0", 1)])
def test_ctrl_c_again_or_while_loading_ends_at_once(plugin: None, steps: str, times: int) -> None:
    began = time.monotonic()
    process = program("stubborn", "a.png", "--steps", steps)
    done = interrupt(process, lambda: Path("sleeping").exists(), times=times)
    assert (done.code, done.out) == (130, "")
    assert done.said[-1] == "interrupted: what was in work is not saved" and "Traceback" not in done.err
    assert files() == ["a.png", "b.jpg", "sleeping"]
    assert time.monotonic() - began < 20


def test_a_request_to_end_saves_the_picture_too(plugin: None) -> None:
    process = program("polite", "a.png", "--save-every", "2")
    done = interrupt(process, lambda: Path("a.polite.step0002.png").exists(), signal.SIGTERM)
    assert (done.code, done.out) == (130, "a.polite.png\n")
    assert Image.open("a.polite.png").size == (64, 48)


# --- what would be lost ----------------------------------------------------------------------------


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


# --- streams ---------------------------------------------------------------------------------------


def test_help_is_shown_whatever_the_locale_and_the_width() -> None:
    done = finish(program("dream", "--help", env={"PYTHONIOENCODING": "ascii", "COLUMNS": "0"}))
    assert done.code == 0 and "--layer" in done.out and done.err == ""


@pytest.mark.slow
def test_of_tensorflow_the_user_hears_nothing() -> None:
    done = finish(program("dream", "a.png", *QUICK, "-q"))
    assert done == Done(0, "a.dream.png\n", "")


def test_a_reader_that_leaves_is_no_error() -> None:
    process = program("layers", "inception_v3", "--all")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert (process.stderr.read(), process.wait(60)) == ("", 0)


def test_missing_streams_are_no_error() -> None:
    code = f"{sys.executable} -m deepdream dream a.png --dry-run"
    for closed in ("2>&-", "0<&- 2>&-", "1>&- 2>&-"):
        done = subprocess.run(
            ["sh", "-c", f"{code} {closed}"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0 and ("1>&-" in closed or "a.dream.png" in done.stdout), closed


def test_ctrl_c_while_our_modules_are_read_is_no_traceback() -> None:
    code = """
import runpy, sys
class Impatient:
    def find_spec(self, name, path=None, target=None):
        if name == "deepdream.desk.commands":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Impatient())
runpy.run_module("deepdream", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_quiet_is_quiet_about_broken_plugins(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.py").write_text("raise RuntimeError('boom')")
    monkeypatch.setenv("DEEPDREAM_PLUGINS", str(tmp_path / "broken.py"))
    assert "broken.py" in run("dream", "gone.png").err
    assert run("dream", "gone.png", "-q").said[0] == "error: no such file: gone.png"
