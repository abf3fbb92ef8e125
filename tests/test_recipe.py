"""Recipes and presets: what is written is read back, and what is wrong is said in one line."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepdream.errors import DeepDreamError
from deepdream.jobs import recipe
from deepdream.jobs.recipe import Common, Input, Recipe, preset, preset_names
from deepdream.modes import registry
from deepdream.pictures.picture import Picture

FULL = Recipe(
    mode="style",
    inputs={"image": Input('a "b"\\c.jpg', "00ff"), "style": Input("größe 画.png")},
    options={"layer": ["mixed4:0.5", "x\ty\n\x7f"], "rate": 1e-07, "steps": 3, "on": True, "off": False},
    common=Common(model="vgg19", precision="float32", size=512),
    seed=2**53 + 1,
    used={"weights": {"sha256": "ab", "a.b c": 1.0}, "octaves": [[3, 4], [5, 6]], "terms": [{"x": 1e30}]},
    versions={"tensorflow": "2.21.0"},
)


def refusal(read: Any, *arguments: Any) -> DeepDreamError:
    with pytest.raises(DeepDreamError) as caught:
        read(*arguments)
    assert "\n" not in caught.value.message
    return caught.value


# --- writing and reading -----------------------------------------------------------------------


def test_a_recipe_comes_back_from_json_and_from_toml() -> None:
    assert Recipe.from_json(json.loads(json.dumps(FULL.to_json()))) == FULL
    assert Recipe.from_toml(FULL.to_toml()) == FULL
    assert Recipe.from_toml(Recipe("dream").to_toml()) == Recipe("dream")


def test_toml_reads_as_a_person_would_write_it() -> None:
    text = Recipe("dream", {"image": Input("a.jpg")}, {"layer": ["mixed4"], "steps": 5}, seed=1).to_toml()
    assert text == (
        'format = 1\nmode = "dream"\nseed = 1\n'
        '\n[inputs.image]\npath = "a.jpg"\n'
        '\n[options]\nlayer = ["mixed4"]\nsteps = 5\n'
        '\n[common]\nmodel = "auto"\nprecision = "auto"\ndevice = "auto"\ntile = "auto"\nexact = false\n'
    )


@pytest.mark.parametrize(
    "used",
    [
        {"plugin": 3},
        {"plugin": {"name": 5}},
        {"weights": 7},
        {"frame": 3},
        {"frame": ["a", "b"]},
        {"picture": [3, 2]},
        {"sweep": {"steps": []}},
        {"octave_steps": {"0": [3, "x"]}},
        {"octave_steps": {"0": [-1]}},
        {"budget": "x"},
        {"budget": -1},
    ],
)
def test_what_no_run_can_have_been_made_with_is_refused(used: dict[str, Any]) -> None:
    assert (
        f"[used]: '{next(iter(used))}' cannot be"
        in refusal(Recipe.from_json, {"format": 1, "mode": "dream", "used": used}).message
    )


def test_what_json_cannot_hold_is_not_written() -> None:
    for value in (float("nan"), {1, 2}, np.float32(1)):
        with pytest.raises(TypeError):
            Recipe("dream", options={"x": value}).to_json()


SAMPLE = "'deepdream show PICTURE --toml' prints a recipe to begin with"
DRAWN = "leave the line out, and a seed is drawn"


@pytest.mark.parametrize(
    ("change", "message", "hint"),
    [
        ({"mdoe": 1}, "unknown key 'mdoe' in the recipe", "did you mean 'mode'?"),
        ({"format": "1"}, "the recipe is not a deepdream recipe (format '1')", SAMPLE),
        ({"mode": None}, "the recipe lacks the key 'mode'", 'for example: mode = "dream"'),
        ({"seed": 1.5}, "the recipe: the seed must be a whole number from 0, not 1.5", DRAWN),
        ({"seed": -1}, "the recipe: the seed must be a whole number from 0, not -1", DRAWN),
        (
            {"options": [1]},
            "the recipe, [options] must be a table of names and values, not [1]",
            "write each as: name = value",
        ),
        (
            {"inputs": {"image": {"path": 1}}},
            "the recipe, [inputs.image]: 'path' must be text, not 1",
            'text stands in "quotes"',
        ),
        (
            {"common": {"precison": "auto"}},
            "the recipe: no option 'precison' in the common options",
            "did you mean 'precision'?",
        ),
        (
            {"common": {"precision": "float64"}},
            "the recipe: --precision must be auto, float32, winograd or bfloat16, not 'float64'",
            "did you mean 'bfloat16' or 'float32'?",
        ),
        ({"common": {"size": 0}}, "the recipe: --size must be at least 1, not 0", None),
    ],
)
def test_a_wrong_recipe_is_refused_by_name(change: dict[str, Any], message: str, hint: str | None) -> None:
    error = refusal(Recipe.from_json, {**FULL.to_json(), **change})
    assert (error.message, error.hint) == (message, hint)


def test_a_recipe_of_a_newer_deepdream_says_so() -> None:
    error = refusal(Recipe.from_json, {"format": 2, "who": "knows"})
    assert error.message == "the recipe has format 2, and this deepdream reads up to 1"
    assert error.hint is not None and "upgrade" in error.hint


def test_common_options_come_in_layers_and_the_later_wins() -> None:
    assert Common.of({"size": 512, "model": "vgg16"}, {}, {"size": "256"}) == Common("vgg16", size=256)


def test_a_tile_is_a_number_in_python() -> None:
    assert Common.of({"tile": 64}) == Common(tile="64")


# --- presets -----------------------------------------------------------------------------------


def test_google_2015_is_the_recipe_of_the_first_notebook() -> None:
    found = preset("google-2015", "dream")
    assert found.mode == "dream"
    assert dict(found.options) == {
        "layer": ["mixed4"],
        "metric": "l2",
        "guide_size": 0,
        "balanced": False,
        "octaves": 4,
        "octave_scale": 1.4,
        "octave_rule": "rounded",
        "octave_anchor": "corners",
        "reinject": "before",
        "steps": 10,
        "step_size": 1.5,
        "normalise": "mean",
        "jitter": 32,
        "clouds": 0.0,
        "chroma": 1.0,
        "blur": 0.0,
    }


BUILT_IN = sorted((path.parent.name, path.stem) for path in recipe.PRESETS.glob("*/*.toml"))


@pytest.mark.parametrize(("mode", "name"), BUILT_IN)
def test_every_built_in_preset_suits_its_mode(mode: str, name: str) -> None:
    found = preset(name, mode)
    assert registry.load({}).get(mode).check(found.options, partial=True) == found.options
    assert found.mode == mode and found.description and name in preset_names(mode)


def test_a_mode_gets_its_own_preset_where_modes_share_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for mode in ("dream", "style"):
        (tmp_path / mode).mkdir()
        (tmp_path / mode / "shared.toml").write_text(f'mode = "{mode}"\n', "utf-8")
    monkeypatch.setattr("deepdream.jobs.recipe.PRESETS", tmp_path)
    assert preset("shared", "style").mode == "style"
    assert preset("shared", "dream").mode == "dream"
    assert preset_names() == preset_names("style") == ["shared"]


def test_an_unknown_preset_gets_a_suggestion_from_its_mode() -> None:
    error = refusal(preset, "gogle-2015")
    assert (error.message, error.hint) == ("no preset 'gogle-2015'", "did you mean 'google-2015'?")
    assert "google-2015" in str(refusal(preset, "zzz", "dream").hint)
    assert "google-2015" not in str(refusal(preset, "google-2016", "guide").hint)


def test_a_preset_of_another_mode_is_refused() -> None:
    error = refusal(preset, "google-2015", "style")
    assert error.message == "preset 'google-2015' is for the mode 'dream', not 'style'"


def test_a_preset_may_be_a_file_a_recipe_or_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('\ufeffmode = "dream"\n[options]\nsteps = 3\n[common]\nsize = 300\n', "utf-8")
    assert (preset(path).name, preset(path).options, preset(path).common) == (
        "mine",
        {"steps": 3},
        {"size": 300},
    )
    path.write_text(FULL.to_toml(), "utf-8")
    assert preset(path, "style").options == FULL.options
    made = Picture(np.zeros((8, 8, 3), np.float32), recipe=FULL.to_json()).save(tmp_path / "made.png")
    assert preset(made).options == FULL.options
    assert preset(made).common["model"] == "vgg19"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mode = \n", "mine.toml is not valid TOML: invalid value (at line 1, column 8)"),
        ('mode = "dream"\noptoins = 1', "unknown key 'optoins' in mine.toml"),
        ("[options]", "mine.toml lacks the key 'mode'"),
        ('mode = "dream"\n[common]\nsize = "big"', "mine.toml: --size must be a whole number, not 'big'"),
        ("a = " + "[" * 20_000, "mine.toml is not valid TOML: nested too deeply"),
        ("mode = \xe9", "is not a TOML file: it is not UTF-8 text"),
    ],
)
def test_a_damaged_preset_is_one_clear_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(text.encode("latin-1"))
    error = refusal(preset, path)
    assert error.message.endswith(message)
    assert error.exit_code == 2


def test_a_preset_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    error = refusal(preset, str(tmp_path / "gone.toml"))
    assert error.message == f"cannot read the preset {tmp_path / 'gone.toml'}: no such file or directory"


def test_the_built_in_presets_are_sorted_toml_files() -> None:
    assert preset_names() == sorted(preset_names())
    for mode, name in BUILT_IN:
        tomllib.loads((recipe.PRESETS / mode / f"{name}.toml").read_text("utf-8"))
