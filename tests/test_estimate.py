"""The guess of how long a climb takes: it follows the work, and is left out where nothing is known."""

from __future__ import annotations

import time

import pytest

from deepdream.estimate import seconds_for
from deepdream.recipe import Common, Input, Recipe
from deepdream.registry import load as load_registry
from deepdream.run import Session
from deepdream.testing import picture

PLAN = {"model": "vgg16", "layers": ["block4_conv3"], "octaves": [[256, 192], [512, 384]], "steps": 40}


def test_a_guess_grows_with_steps_pixels_and_depth() -> None:
    def more(**changes: object) -> float:
        guess, plain = (seconds_for(plan, speed=1e9) for plan in ({**PLAN, **changes}, PLAN))
        assert guess is not None and plain is not None
        return (guess - 8) / (plain - 8)

    assert more(steps=80) == pytest.approx(2)
    assert more(octaves=[[512, 384], [1024, 768]]) == pytest.approx(4)
    assert more(layers=["block5_conv3"]) > 1 > more(layers=["block2_conv2"])


def test_no_guess_is_made_of_a_network_without_a_table_or_of_no_steps() -> None:
    assert seconds_for({**PLAN, "model": "my.keras"}, speed=1e9) is None
    assert seconds_for({**PLAN, "steps": 0}, speed=1e9) is None
    assert seconds_for({**PLAN, "layers": None}, speed=1e9) is None


@pytest.mark.slow
def test_a_guess_is_of_the_right_order() -> None:
    session = Session(load_registry())
    recipe = Recipe(
        "dream",
        inputs={"image": Input("(from memory)")},
        options={"layer": ["block3_conv3"], "octaves": 2, "steps": 4},
        common=Common(precision="float32"),
        seed=1,
    )
    pictures = {"image": picture(192, 160)}
    session.run(recipe, pictures=pictures)
    began = time.monotonic()
    report = session.run(recipe, pictures=pictures).report
    took = time.monotonic() - began
    guess = seconds_for(report)
    assert guess is not None and took / 6 < guess - 8 < took * 6
