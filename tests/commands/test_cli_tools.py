"""The commands that are no modes."""

from __future__ import annotations

import dataclasses
import shlex
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shell import QUICK, Done, Run, planned

from deepdream.backbones import get
from deepdream.desk import telling
from deepdream.pictures.picture import load, read_recipe
from deepdream.tools import doctor


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


def test_doctor_names_a_cache_that_is_no_folder_and_every_dependency(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", "/dev/null")
    wanted = ["typer>=0.12", "scipy", "nowhere-to-be-found>=2", 'av; extra == "video"']
    monkeypatch.setattr("importlib.metadata.requires", lambda name: wanted)
    done = run("doctor", "--quick", "--json")
    found = {item["topic"]: item for item in done.json}
    assert done.code == 1
    assert not found["weights cache"]["ok"] and "not a directory" in found["weights cache"]["says"]
    assert found["scipy"]["ok"] and "av" not in found
    assert found["nowhere-to-be-found"]["says"] == "not installed"


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


def test_a_dry_run_knows_of_the_time_that_a_stand_in_takes(
    run: Run, no_work: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEEPDREAM_OFFLINE")
    flags = ["--layer", "mixed4", "--size", "300", "-n"]
    assert "; with the stand-in about " in run("dream", "a.png", *flags).out
    assert "stand-in" not in run("dream", "a.png", *flags, "--model", "inception_v3").out


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

    done = run("replay", "a.dream.png", "b.jpg", "-o", "again.png")
    assert (done.code, done.said[0]) == (
        1,
        "error: b.jpg is not the file that a.dream.png was made of: image a.png",
    )
    assert done.said[1].endswith("deepdream dream b.jpg --recipe a.dream.png")

    Path("moved.png").write_bytes(Path("a.png").read_bytes())
    Path("a.png").write_text("no picture any more")
    assert run("replay", "a.dream.png", "moved.png", "-n").code == 0
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
