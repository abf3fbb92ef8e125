"""Modes: how they are declared, how their options are checked, how they are called."""

from __future__ import annotations

import re
import subprocess
import sys
from enum import Enum
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from plugin_files import ROOT

from deepdream.api import Engine, Option, Picture, mode
from deepdream.errors import DeepDreamError, UsageError
from deepdream.jobs.recipe import Input, Preset
from deepdream.modes.registry import Mode, declare


class Kind(Enum):
    SOFT = "soft"
    HARD = "hard"


@mode("sample", api=1, defaults={"size": 256})
def sample(
    image: Picture,
    engine: Engine,
    *,
    hint: Annotated[Picture | None, Option(help="Another picture.")] = None,
    steps: Annotated[int, Option(min=0, max=100)] = 10,
    step_size: Annotated[float, Option(min=0)] = 1.5,
    fraction: Annotated[float, Option(min=0, max=1, clamp=True)] = 0.5,
    layer: list[str] | None = None,
    weights_of: list[float] = [1.0, 2.0],  # noqa: B006
    start: Literal["content", "noise"] = "content",
    kind: Kind = Kind.SOFT,
    sharp: bool = False,
    channel: int | None = None,
) -> Picture:
    """Try every kind of option.

    More about it.
    """
    assert isinstance(kind, Kind)
    return image if kind is Kind.SOFT else engine  # type: ignore[return-value]


@pytest.fixture
def mode_() -> Mode:
    return declare(sample, "sample.py")


def test_a_mode_says_what_its_function_declares(mode_: Mode) -> None:
    assert (mode_.name, mode_.summary) == ("sample", "Try every kind of option.")
    assert mode_.help.endswith("More about it.")
    assert mode_.defaults == {"size": 256}
    assert [item.name for item in mode_.pictures] == ["image", "hint"]
    by_name = {item.name: item for item in mode_.parameters}
    assert by_name["image"].flag == "IMAGE" and by_name["image"].required
    assert by_name["step_size"].flag == "--step-size"
    assert by_name["kind"].choices == ("soft", "hard")
    assert by_name["layer"].multiple and by_name["layer"].optional


def test_the_decorated_function_is_still_a_function() -> None:
    picture = Picture.from_array(np.zeros((4, 4, 3)))
    assert sample(picture, Engine()) is picture


def test_defaults_are_filled_in_as_json_values(mode_: Mode) -> None:
    assert mode_.check({}) == {
        "steps": 10,
        "step_size": 1.5,
        "fraction": 0.5,
        "layer": None,
        "weights_of": [1.0, 2.0],
        "start": "content",
        "kind": "soft",
        "sharp": False,
        "channel": None,
    }
    assert mode_.check({"steps": 3}, partial=True) == {"steps": 3}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("steps", "12", 12),
        ("steps", 12.0, 12),
        ("steps", np.int64(12), 12),
        ("step_size", 2, 2.0),
        ("step_size", "1e-3", 1e-3),
        ("step_size", np.float32(0.5), 0.5),
        ("fraction", 7, 1.0),
        ("layer", "mixed4", ["mixed4"]),
        ("layer", ("mixed4", "mixed5:0.5"), ["mixed4", "mixed5:0.5"]),
        ("weights_of", ["1", 2], [1.0, 2.0]),
        ("start", "noise", "noise"),
        ("kind", Kind.HARD, "hard"),
        ("kind", "hard", "hard"),
        ("sharp", "yes", True),
        ("sharp", "False", False),
        ("channel", None, None),
        ("channel", "4", 4),
    ],
)
def test_values_become_what_the_annotation_says(mode_: Mode, name: str, value: Any, expected: Any) -> None:
    checked = mode_.check({name: value})[name]
    assert checked == expected
    assert type(checked) is type(expected)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("steps", "four", "--steps must be a whole number, not 'four'"),
        ("steps", 2.5, "--steps must be a whole number, not 2.5"),
        ("steps", True, "--steps must be a whole number, not True"),
        ("steps", None, "--steps must be a whole number, not nothing"),
        ("steps", [1], "--steps must be a whole number, not [1]"),
        ("steps", -1, "--steps must be at least 0, not -1"),
        ("steps", 101, "--steps must be at most 100, not 101"),
        ("steps", 10**70, f"--steps must be at most 100, not 1{'0' * 56}..."),
        ("step_size", float("nan"), "--step-size must be a finite number, not nan"),
        ("step_size", "-inf", "--step-size must be a finite number, not '-inf'"),
        pytest.param(
            "step_size", 10**400, f"--step-size must be a finite number, not 1{'0' * 56}...", id="huge"
        ),
        ("weights_of", [1.0, float("nan")], "--weights-of must be a finite number, not nan"),
        ("layer", [4], "--layer must be text, not 4"),
        ("start", "nosie", "--start must be content or noise, not 'nosie'"),
        ("kind", "medium", "--kind must be soft or hard, not 'medium'"),
        ("sharp", 1, "--sharp must be true or false, not 1"),
        (
            "sharp",
            "true\nand " + "very " * 20,
            f"--sharp must be true or false, not 'true\\nand {'very ' * 9}v...",
        ),
        ("stpes", 1, "no option 'stpes' in the mode 'sample'"),
        ("hint", "a.png", "'hint' is a picture of the mode 'sample', not an option"),
        ("size", 5, "'size' is a common option, not one of the mode 'sample'"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line_that_names_the_flag(
    mode_: Mode, name: str, value: Any, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        mode_.check({name: value})
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("name", "hint"), [("size", r"under \[common\]"), ("seed", "at the top"), ("output", "give --output on")]
)
def test_a_common_option_among_the_modes_own_is_shown_its_place(mode_: Mode, name: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        mode_.check({name: 1})
    assert re.search(hint, str(caught.value.hint))


def test_a_misspelt_picture_of_a_recipe_gets_a_suggestion(mode_: Mode) -> None:
    recipe = Preset("mine", "sample", inputs={"image": Input("a.png"), "hnit": Input("b.png")})
    with pytest.raises(UsageError, match=r"mine\.toml: the mode 'sample' takes no picture 'hnit'") as caught:
        mode_.settings(recipe, (), "mine.toml")
    assert "'hint'" in str(caught.value.hint)


def test_a_misspelt_option_or_choice_gets_a_suggestion(mode_: Mode) -> None:
    for options, hint in (({"step-size": 1}, "'step_size'"), ({"start": "nosie"}, "'noise'")):
        with pytest.raises(UsageError) as caught:
            mode_.check(options)
        assert caught.value.hint is not None and hint in caught.value.hint


def test_calling_checks_the_pictures_the_options_and_the_result(mode_: Mode) -> None:
    picture = Picture.from_array(np.zeros((4, 4, 3)))
    assert mode_.call(Engine(), {"image": picture}, {"kind": "soft"}) is picture
    with pytest.raises(UsageError, match="the mode 'sample' needs the picture IMAGE"):
        mode_.call(Engine(), {}, {})
    with pytest.raises(UsageError, match="takes no picture 'hnit'") as caught:
        mode_.call(Engine(), {"image": picture, "hnit": picture}, {})
    assert caught.value.hint == "did you mean 'hint'?"
    with pytest.raises(DeepDreamError, match="the mode 'sample' returned Engine, not a Picture"):
        mode_.call(Engine(), {"image": picture}, {"kind": "hard"})


@pytest.mark.parametrize("where", ["pixels", "alpha"])
def test_a_picture_that_is_no_number_somewhere_is_refused_not_saved_black(where: str) -> None:
    @mode("holes", api=1)
    def holes(image: Picture, engine: Engine) -> Picture:
        """Divide by nothing."""
        hole = np.full((4, 4), np.nan, np.float32)
        return Picture(np.dstack([hole] * 3)) if where == "pixels" else Picture(image.pixels, hole)

    with pytest.raises(DeepDreamError, match="'holes' returned a picture with NaN or infinity") as caught:
        declare(holes, "holes.py").call(Engine(), {"image": Picture.from_array(np.zeros((4, 4, 3)))}, {})
    assert caught.value.hint == "its author must change that in holes.py"


def test_a_picture_made_for_levels_from_0_to_1_is_noted() -> None:
    @mode("dim", api=1)
    def dim(image: Picture, engine: Engine) -> Picture:
        """Divide by all."""
        return image.with_pixels(image.pixels / 255)

    for level, noted in ((255, True), (0, False)):
        engine = Engine()
        declare(dim, "dim.py").call(engine, {"image": Picture.from_array(np.full((4, 4, 3), level))}, {})
        assert any("levels from 0 to 1" in note for note in engine.report["notes"]) is noted


def test_a_mode_is_declared_with_parentheses() -> None:
    with pytest.raises(TypeError, match=r'write @mode\("high-tide", api=1\)$'):

        @mode  # type: ignore[arg-type]
        def high_tide(image: Picture, engine: Engine) -> Picture:
            """Rise."""
            return image

    @mode("tide")
    def tide(image: Picture, engine: Engine) -> Picture:
        """Rise."""
        return image

    with pytest.raises(DeepDreamError, match="the api None, not a number") as caught:
        declare(tide, "tide.py")
    assert caught.value.hint == 'write @mode("tide", api=1)'


def test_a_mode_cannot_end_the_program() -> None:
    @mode("leaver", api=1)
    def leaver(image: Picture, engine: Engine) -> Picture:
        """Leave."""
        sys.exit(7)

    with pytest.raises(DeepDreamError, match="the mode 'leaver' ended with SystemExit: 7"):
        declare(leaver, "leaver.py").call(Engine(), {"image": Picture.from_array(np.zeros((4, 4, 3)))}, {})


def test_without_docstrings_the_modes_are_still_there() -> None:
    code = "from deepdream.modes.registry import load; r = load({}); print(*r.modes, len(r.problems))"
    done = subprocess.run(
        [sys.executable, "-OO", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.startswith("dream style ") and done.stdout.endswith(" 0\n"), done.stderr


def test_an_option_without_default_must_be_given() -> None:
    @mode("needs", api=1)
    def needs(image: Picture, engine: Engine, *, count: int) -> Picture:
        """Need things."""
        return image

    with pytest.raises(UsageError, match="--count is missing: the mode 'needs' needs it"):
        declare(needs, "needs.py").check({})


def test_the_default_of_a_list_is_a_list() -> None:
    @mode("listed", api=1)
    def listed(
        image: Picture,
        engine: Engine,
        *,
        layer: Annotated[list[str], Option(help="Where.")] = "block1_conv1",  # type: ignore[assignment]
    ) -> Picture:
        """List things."""
        return image

    with pytest.raises(
        DeepDreamError, match="parameter 'layer' is a list, and its default is 'block1_c"
    ) as it:
        declare(listed, "listed.py")
    assert it.value.hint == "write ['block1_conv1']"
