"""Recipes become pictures, from Python and for every front end; with the real VGG16 at its first layers."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import deepdream
from deepdream import backbones, silence
from deepdream.climb.engine import Step
from deepdream.errors import DeepDreamError, UsageError
from deepdream.jobs.recipe import Common, Input, Recipe
from deepdream.pictures.picture import Picture, read_recipe
from deepdream.runs.session import Session

ROOT = Path(__file__).resolve().parent.parent
QUICK: dict[str, Any] = {"layer": ["block1_conv2"], "octaves": 1, "steps": 2, "jitter": 2}


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A small picture in the current folder."""
    monkeypatch.chdir(tmp_path)
    y, x = np.mgrid[:40, :56]
    pixels = np.stack([x * 4, y * 6, (x * y) % 256], axis=2).astype(np.uint8)
    Image.fromarray(pixels).save("photo.png")
    return "photo.png"


@pytest.fixture(scope="module")
def session() -> Session:
    return Session()


def recipe(photo: str, **changes: Any) -> Recipe:
    return Recipe("dream", inputs={"image": Input(photo)}, **{"options": QUICK, "seed": 7, **changes})


# --- Session ---------------------------------------------------------------------------------------


def test_a_run_says_what_it_used(session: Session, photo: str) -> None:
    result = session.run(recipe(photo, common=Common(size=48, precision="float32")))
    assert result.picture.size == (48, 34)
    report = result.report
    assert (report["model"], report["layers"], report["precision"]) == ("vgg16", ["block1_conv2"], "float32")
    assert (report["octaves"], report["steps"], report["seed"]) == ([[48, 34]], 2, 7)
    assert report["objective"]["end"]["total"] > report["objective"]["start"]["total"]
    assert report["seconds"] > 0 and not report["interrupted"]
    used = result.recipe.used
    assert used["layers"] == ["block1_conv2"] and used["size"] == [48, 34] and used["precision"] == "float32"
    assert result.recipe.versions["deepdream"] == deepdream.__version__
    assert len(result.recipe.inputs["image"].sha256 or "") == 64
    assert "seconds" not in json.dumps(result.recipe.to_json()), "a replay must give the same bytes"


def test_the_picture_carries_its_recipe(session: Session, photo: str) -> None:
    result = session.run(recipe(photo))
    result.picture.save("out.png")
    again = Recipe.from_json(read_recipe("out.png"))
    assert again == Recipe.from_json(json.loads(json.dumps(result.recipe.to_json())))
    assert session.run(again).picture.pixels == pytest.approx(result.picture.pixels, abs=0)


def test_the_seed_is_drawn_once_and_recorded(session: Session, photo: str) -> None:
    seeds = {session.plan(recipe(photo, seed=None)).recipe.seed}
    assert seeds == {None}, "a plan draws nothing"
    drawn = [session.run(recipe(photo, seed=None)).recipe.seed for _ in range(2)]
    assert None not in drawn and drawn[0] != drawn[1]


@pytest.mark.usefixtures("own_pool")
def test_a_network_is_opened_once_for_many_runs(photo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    real = backbones.open_extractor
    monkeypatch.setattr(backbones, "open_extractor", lambda *a, **k: opened.append(a) or real(*a, **k))
    session = Session()
    session.run(recipe(photo))
    session.run(recipe(photo, common=Common(size=32)))
    assert len(opened) == 1


def test_a_cancelled_run_ends_after_its_step_with_the_picture_so_far(session: Session, photo: str) -> None:
    cancel = threading.Event()
    seen = []

    def listener(step: Step) -> None:
        seen.append(step.index)
        if step.index == 2:
            cancel.set()

    wanted = recipe(photo, options={**QUICK, "steps": 50})
    result = session.run(wanted, listeners=[listener], cancel=cancel, every=1)
    assert seen == [1, 2]
    assert result.interrupted and result.report["steps"] == 2
    assert result.recipe.used["interrupted"] is True
    assert np.abs(result.picture.pixels - deepdream.load(photo).pixels).max() > 0.5


def test_started_is_told_before_the_first_step(session: Session, photo: str) -> None:
    order = []
    session.run(
        recipe(photo),
        listeners=[lambda step: order.append(step.index)],
        started=lambda report: order.append(report["model"]),
    )
    assert order == ["vgg16", 1, 2]


def test_another_picture_than_the_recorded_one_is_refused(session: Session, photo: str) -> None:
    made = session.plan(recipe(photo)).recipe
    Image.new("RGB", (30, 30)).save(photo)
    with pytest.raises(DeepDreamError, match=r"photo\.png is not the picture it was"):
        session.run(made)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "drem"}, "no mode 'drem'"),
        ({"options": {"octavs": 3}}, "no option 'octavs'"),
        ({"options": {"step_size": float("nan")}}, "--step-size must be a finite number"),
        ({"options": {"layer": ["mixd4"]}}, "no layer 'mixd4'"),
        ({"common": Common(model="vgg61")}, "no model 'vgg61'"),
        ({"seed": -1}, "--seed must be at least 0"),
        ({"inputs": {"picture": Input("photo.png")}}, "takes no picture 'picture'"),
        ({"inputs": {}}, "needs the picture"),
    ],
)
def test_a_wrong_recipe_is_refused(
    session: Session, photo: str, changes: dict[str, Any], message: str
) -> None:
    fields = {"mode": "dream", "inputs": {"image": Input(photo)}, "options": QUICK, **changes}
    with pytest.raises(UsageError, match=message):
        session.run(Recipe(**fields))


def test_planning_and_its_errors_load_no_tensorflow(photo: str) -> None:
    program = """
import sys
from deepdream.errors import DeepDreamError
from deepdream.jobs.recipe import Common, Input, Recipe
from deepdream.runs.session import Session
session = Session()
job = Recipe("dream", inputs={"image": Input("photo.png")}, options={"layer": ["block4_conv3"]})
plan = session.plan(job)
assert plan.report["layers"] == ["block4_conv3"] and plan.report["memory"] > 1e8, plan.report
assert plan.report["octaves"][-1] == [56, 40]
for wrong in (
    Recipe("dream", inputs={"image": Input("photo.png")}, options={"layer": ["mixd4"]}),
    Recipe("dream", inputs={"image": Input("missing.png")}),
    Recipe("dream", inputs={"image": Input("photo.png")}, common=Common(model="inception_v3")),
):
    try:
        session.run(wrong)
    except DeepDreamError as error:
        print(error.message)
assert "tensorflow" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert len(said) == 3 and "mixd4" in said[0] and "missing.png" in said[1] and "inception_v3" in said[2]


# --- the Python door -------------------------------------------------------------------------------


def test_a_mode_is_a_function_of_the_package(photo: str) -> None:
    picture = deepdream.dream(
        photo, layer="block1_conv2", octaves=1, steps=1, size=32, seed=3, precision="float32"
    )
    assert isinstance(picture, Picture) and picture.size == (32, 23)
    saved = picture.save("b.png")
    made = Recipe.from_json(read_recipe(saved))
    assert made.options["layer"] == ["block1_conv2"] and made.seed == 3 and made.common.size == 32


@pytest.mark.parametrize("kind", ["path", "picture", "pil", "array"])
def test_a_picture_may_come_in_any_form(photo: str, kind: str) -> None:
    with Image.open(photo) as opened:
        image = opened.copy()
    forms: dict[str, Any] = {
        "path": Path(photo),
        "picture": deepdream.load(photo),
        "pil": image,
        "array": np.asarray(image),
    }
    picture = deepdream.dream(forms[kind], layer="block1_conv1", octaves=1, steps=1, seed=1)
    expected = deepdream.dream(photo, layer="block1_conv1", octaves=1, steps=1, seed=1)
    assert np.array_equal(picture.pixels, expected.pixels)


def test_python_takes_presets_and_keywords_win(photo: str) -> None:
    Path("mine.toml").write_text(
        'mode = "dream"\n[options]\nsteps = 1\noctaves = 1\nlayer = ["block1_conv1"]\n[common]\nsize = 24\n'
    )
    picture = deepdream.dream(photo, recipe="mine.toml", layer="block1_conv2", seed=1)
    assert picture.recipe is not None
    assert picture.recipe["options"]["layer"] == ["block1_conv2"]
    assert picture.recipe["options"]["steps"] == 1 and picture.size == (24, 17)


def test_python_is_told_of_mistakes(photo: str) -> None:
    caught: pytest.ExceptionInfo[DeepDreamError]
    with pytest.raises(UsageError, match="no option 'octavs'") as caught:
        deepdream.dream(photo, octavs=3)
    assert caught.value.hint == "did you mean 'octaves' or 'octave_scale' or 'octave_top'?"
    shown = "".join(traceback.format_exception(caught.value))
    assert shown.count("hint: did you mean 'octaves' or 'octave_scale' or 'octave_top'?") == 1
    with pytest.raises(DeepDreamError, match="exists already") as caught:
        deepdream.load(photo).save(photo)
    assert "--overwrite" in str(caught.value.hint) and "overwrite=True" in str(caught.value.hint)
    with pytest.raises(UsageError, match="takes 1 pictures, not 2"):
        deepdream.dream(photo, photo)
    with pytest.raises(UsageError, match="needs the picture STYLE"):
        deepdream.style(photo)
    for thing in (b"photo.png", 3, {}):
        with pytest.raises(UsageError, match=f"no picture in {type(thing).__name__}"):
            deepdream.dream(thing)
    with pytest.raises(UsageError, match="for the mode 'style', not 'dream'"):
        deepdream.dream(photo, recipe=deepdream.preset("gatys"))
    with pytest.raises(UsageError, match="not Recipe"):
        deepdream.dream(photo, recipe=deepdream.Recipe("dream"))


def test_a_fork_of_a_process_with_tensorflow_is_refused(photo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "_loaded_in", -1)
    with pytest.raises(DeepDreamError, match="was forked"):
        deepdream.dream(photo)


def test_notes_become_warnings(photo: str) -> None:
    with pytest.warns(UserWarning, match="stands in for mixed4"):
        deepdream.dream(photo, layer="mixed4", octaves=1, steps=1, jitter=0)


def test_the_package_shows_its_modes() -> None:
    assert {"dream", "style", "Picture", "load", "__version__"} <= set(dir(deepdream))
    signature = inspect.signature(deepdream.style)
    assert list(signature.parameters)[:2] == ["image", "style"]
    for name in ("image", "style", "start_picture"):
        shown = str(signature.parameters[name].annotation)
        assert all(kind in shown for kind in ("str", "Path", "Picture", "Image", "ndarray"))
    assert signature.parameters["start_picture"].annotation == signature.parameters["image"].annotation | None
    assert signature.parameters["style_layer"].annotation == str | list[str] | None
    assert signature.parameters["size"].default == 512
    assert deepdream.dream.__name__ == "dream" and "Examples" in (deepdream.dream.__doc__ or "")
    assert not {"annotations", "Any", "import_module", "find_spec", "_HOMES"} & set(dir(deepdream))
    names: dict[str, Any] = {}
    exec("from deepdream import *", names)
    assert set(names) - {"__builtins__"} == set(dir(deepdream))
    with pytest.raises(AttributeError, match="no attribute 'nightmare'"):
        deepdream.nightmare  # noqa: B018


def test_the_help_of_a_function_explains_every_parameter() -> None:
    for function in (deepdream.dream, deepdream.style):
        text = (function.__doc__ or "").partition("Parameters:\n")[2]
        lines = dict(line.strip().split(": ", 1) for line in text.splitlines())
        assert list(lines) == list(inspect.signature(function).parameters)
        assert lines["octave_scale"].endswith("(1.01 to 10)") and lines["size"].startswith("Longest side")
