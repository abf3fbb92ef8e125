"""Where options come from: flags, environment, presets, recipes; what a dry run shows of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from shell import Run, planned


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
        ('mode = "dream"\n[options]\nstep = 3', "mine.toml: no option 'step'", "did you mean 'steps'"),
        ('mode = "dream"\n[options]\nsteps = -3', "mine.toml: --steps must be at least 0, not -3", None),
        ('mode = "dream"\n[options]\nsize = 3', "'size' is a common option", "under [common]"),
        ('mode = "dream"\n[options]\nlayer = "mixed4["', "mine.toml: 'mixed4[' names no layer", None),
        ('mod = "dream"', "unknown key 'mod' in mine.toml", "did you mean 'mode'"),
        ("[options]", "mine.toml lacks the key 'mode'", 'mode = "dream"'),
        ('{"mode": "dream"}', "mine.toml is not valid TOML: invalid", "JSON is for other programs"),
        ('mode = "dream"\n[common]\nmodl = "vgg16"', "modl", "did you mean 'model'"),
        ('mode = "dream"\noption = 3', "unknown key 'option'", "did you mean 'options'"),
        ('mode = "style"', "is for the mode 'style', not 'dream'", None),
        ("mode = ", "mine.toml is not valid TOML: invalid value", "deepdream show PICTURE --toml"),
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
    said = "error: DEEPDREAM_DREAM_STEPS=many: --steps must be a whole number, not 'many'"
    assert (done.code, *done.said) == (2, said, "hint: correct DEEPDREAM_DREAM_STEPS, or unset it")
    assert run("dream", "a.png", "--steps", "few").said == [
        "error: --steps must be a whole number, not 'few'"
    ]


@pytest.mark.parametrize(
    ("variable", "value", "error"),
    [
        ("MODEL", "vgg61", "no model 'vgg61'"),
        ("DREAM_LAYER", "mixd4", "no layer 'mixd4' in any model"),
        ("DREAM_MASK", "gone.png", "--mask: no such file: gone.png"),
        ("RECIPE", "gogle", "no preset 'gogle'"),
        ("DREAM_TURNS", "perhaps", "--turns must be true or false, not 'perhaps'"),
        ("OUTPUT", "x.tof", "unknown suffix '.tof' in 'x.tof'"),
    ],
)
def test_what_the_environment_set_is_laid_at_its_door(
    run: Run, monkeypatch: pytest.MonkeyPatch, no_work: None, variable: str, value: str, error: str
) -> None:
    monkeypatch.setenv(f"DEEPDREAM_{variable}", value)
    done = run("dream", "a.png", "-n")
    assert done.code in (1, 2) and done.said[0] == f"error: DEEPDREAM_{variable}={value}: {error}"
    assert len(done.said) == 2


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
    assert run("dream", "a.png", "-n", "--recipe", "again.toml", "--json").json["recipe"]["seed"] == 4
    other = run("dream", "a.png", "-n", "--recipe", "again.toml", "--seed", "5", "--json").json
    assert other["recipe"]["seed"] == 5, "flag over recipe"
    Path("again.toml").write_text(done.out.replace("seed = 4", "seed = 4000000000"))
    refused = run("dream", "a.png", "-n", "--recipe", "again.toml")
    assert refused.code == 2 and refused.said[0].startswith("error: again.toml: ")


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        ("--layer block1_conv2[top65]", 2, "'top65' asks for more channels than the layer's 64"),
        ("--layer block4_conv3 --guide tiny.png", 1, "a guide of 7x12 px is too small for block4_conv3"),
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


def test_a_dry_run_tells_of_a_border_that_leaves_nothing(run: Run, no_work: None) -> None:
    flags = ["-n", "--layer", "block4_conv3", "--octaves", "1"]  # of 8x6 cells
    assert "a border of" not in run("dream", "a.png", *flags, "--border", "2").out
    said = "# note:      a border of 3 cells leaves only the middle of block4_conv3 at any size\n"
    assert said in run("dream", "a.png", *flags, "--border", "3").out


def test_the_last_picture_is_the_style(run: Run, no_work: None) -> None:
    Image.new("RGB", (40, 40), "red").save("s.png")
    done = run("style", "a.png", "b.jpg", "s.png", "-n", "--json")
    inputs = [json.loads(line)["recipe"]["inputs"] for line in done.out.splitlines()]
    assert [(item["image"]["path"], item["style"]["path"]) for item in inputs] == [
        ("a.png", "s.png"),
        ("b.jpg", "s.png"),
    ]
