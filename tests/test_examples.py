"""The plugin guide and the example modes: the code there works, and does what is said of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepdream.api import Engine, Picture, mode
from deepdream.api import objectives as obj
from deepdream.modes.registry import Registry, load
from deepdream.testing import CHECKS, Bench, assert_mode_conforms, picture, run_mode

pytest_plugins = ["deepdream.testing.fixtures"]

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = (DOCS / "plugins.md").read_text("utf-8")
NAMES = sorted(path.stem for path in (DOCS / "examples").glob("*.py"))
OPTIONS: dict[str, dict[str, Any]] = {
    "guide": {"layer": "block2_conv2"},
    "texture": {"steps": 6, "octaves": 2},
    "morph": {"frames": 3, "steps": 4, "layer": "block2_conv2"},
    "stereogram": {"steps": 6, "layer": "block1_conv2", "period": 24, "depth": 6},
}
REASONS: dict[str, dict[str, str]] = {}


@pytest.fixture(scope="module")
def examples() -> Registry:
    return load({"DEEPDREAM_PLUGINS": str(DOCS / "examples")})


def test_the_examples_load_without_a_problem_and_import_only_the_api(examples: Registry) -> None:
    assert examples.problems == () and set(NAMES) <= set(examples.modes)
    for name in NAMES:
        text = (DOCS / "examples" / f"{name}.py").read_text("utf-8")
        assert set(re.findall(r"from (deepdream\S*) import", text)) == {"deepdream.api"}
        assert f"`{name}.py" in PAGE or f"{name}.py`" in PAGE


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_examples_conform(name: str, examples: Registry) -> None:
    assert_mode_conforms(examples.get(name).function, options=OPTIONS[name], skip=REASONS.get(name, {}))


def test_woven_texture_has_the_statistics_of_the_picture_at_another_size(
    examples: Registry, tiny_network: Bench
) -> None:
    steps: list[Any] = []
    cloth = run_mode(
        examples.get("texture").function,
        picture(64, 64),
        width=96,
        height=48,
        octaves=1,
        steps=30,
        layer=["block1_conv1", "block2_conv1"],
        bench=tiny_network,
        listeners=[steps.append],
    )
    assert cloth.size == (96, 48)
    assert steps[-1].objective > 0.3 * steps[0].objective, "much nearer to the statistics than noise is"


def test_a_morph_begins_at_one_picture_and_ends_near_the_other(
    examples: Registry, tiny_network: Bench
) -> None:
    one, two = picture(64, 48, seed=1), picture(80, 80, seed=2)
    film = list(
        run_mode(
            examples.get("morph").function,
            one,
            other=two,
            frames=5,
            steps=4,
            layer="block1_conv2",
            bench=tiny_network,
        )
    )
    end = two.resized(64, 48)
    away = [np.abs(frame.pixels - end.pixels).mean() for frame in film]
    assert np.abs(film[0].pixels - one.pixels).max() <= 0.5
    assert away == sorted(away, reverse=True) and away[-1] < 0.2 * away[0]


def test_the_relief_of_a_stereogram_can_be_measured_in_it(examples: Registry, tiny_network: Bench) -> None:
    """As two eyes do: the right half is near, so its pattern repeats after fewer pixels."""
    pixels = np.zeros((48, 160, 3), np.float32)
    pixels[:, 80:] = 255
    sheet = run_mode(
        examples.get("stereogram").function,
        Picture(pixels),
        period=24,
        depth=6,
        steps=3,
        layer="block1_conv2",
        bench=tiny_network,
    ).pixels
    assert np.abs(sheet[:, 24:80] - sheet[:, :56]).max() < 1e-3
    assert np.abs(sheet[:, 100:] - sheet[:, 82:142]).max() < 1e-3
    assert np.abs(sheet[:, 100:] - sheet[:, 76:136]).mean() > 5
    assert sheet.std() > 10


# --- the page --------------------------------------------------------------------------------------


def blocks(heading: str) -> list[str]:
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.S)


def test_the_page_lists_every_check_with_its_rule() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.M)
    assert {name: check.__doc__ for name, check in CHECKS.items()}.items() <= dict(rows).items()


def test_the_loop_of_the_page_climbs_layer_after_layer(tiny_network: Bench) -> None:
    names: dict[str, Any] = {"mode": mode, "Picture": Picture, "Engine": Engine, "obj": obj}
    loop, _ = blocks("The engine")
    exec(loop, names)
    steps: list[Any] = []
    run_mode(names["layers_in_turn"], picture(), bench=tiny_network, listeners=[steps.append])
    assert len(steps) == 30 and len({name for step in steps for name in step.terms}) == 3


def test_the_parametrisation_of_the_page_mirrors_also_an_odd_width(tiny_network: Bench) -> None:
    names: dict[str, Any] = {}
    _, mirrored = blocks("The engine")
    exec(mirrored, names)

    @mode("sample", api=1)
    def sample(image: Picture, engine: Engine) -> Picture:
        """Climb it."""
        aim, way = obj.layer("block1_conv2"), names["Mirrored"]()
        return engine.ascend(image, aim, steps=2, jitter=4, parametrisation=way)

    made = run_mode(sample, picture(33, 24), bench=tiny_network).pixels
    assert np.array_equal(made, made[:, ::-1]) and np.abs(made - picture(33, 24).pixels)[:, :16].mean() > 1


COOKBOOK: dict[str, tuple[Any, ...]] = {
    "contrast": ("block2_conv2",),
    "agreement": ("block1_conv2", "block2_conv2"),
    "towards": ("block2_conv2", picture(64, 48, seed=5)),
    "darkness": ("block2_conv2",),
}


def test_every_objective_of_the_cookbook_rises(tiny_network: Bench) -> None:
    names: dict[str, Any] = {}
    (code,) = blocks("A cookbook of objectives")
    exec(code, names)
    assert set(COOKBOOK) == {key for key, value in names.items() if callable(value)}
    for name, arguments in COOKBOOK.items():
        objective = names[name](*arguments)

        @mode("sample", api=1)
        def sample(image: Picture, engine: Engine) -> Picture:
            """Climb it."""
            return engine.ascend(image, objective, steps=8)  # noqa: B023

        steps: list[Any] = []
        run_mode(sample, picture(64, 48), bench=tiny_network, listeners=[steps.append])
        assert steps[-1].objective > steps[0].objective, name
