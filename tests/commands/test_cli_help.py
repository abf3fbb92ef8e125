"""Help, names, completion, and what is not loaded for them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from shell import ROOT, Done, Run

from deepdream import cli
from deepdream.modes.registry import TOOLS


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
    assert "--layer TEXT ... What" in text and "--steps INT Gradient" in text, "what may be repeated is told"


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
