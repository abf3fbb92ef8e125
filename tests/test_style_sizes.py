"""A strength means the same at every size: what the terms of style make of one picture, small and large."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deepdream.climb.engine import Engine, Pool, Step
from deepdream.jobs.recipe import Common
from deepdream.modes.mode import slots
from deepdream.modes.registry import load as load_registry
from deepdream.pictures.picture import load

SAMPLES = Path(__file__).parents[1] / "samples"
MODE, POOL = load_registry({"DEEPDREAM_NO_PLUGINS": "1"}).modes["style"], Pool()


def terms(longest: int, **options: Any) -> dict[str, float]:
    """Those of the default objective for a photograph half way to a painting, before the first step."""
    photo, painting = (load(SAMPLES / name).fitted(longest) for name in ("coffee.jpg", "swirls.jpg"))
    half = 0.5 * photo.pixels + 0.5 * painting.resized(*photo.size).pixels
    given = {"image": photo, "style": painting, "start_picture": photo.with_pixels(half)}
    steps: list[Step] = []
    engine = Engine(Common(precision="float32"), listeners=[steps.append], pool=POOL)
    MODE.call(engine, slots(given), {"octaves": 1, "steps": 1, "optimiser": "adam", **options})
    return steps[0].terms


@pytest.mark.slow
def test_no_term_of_the_default_depends_on_the_size() -> None:
    """Twice the side is four times the pixels and cells: what counted them would be four times off.

    Measured: 0.80 to 1.25 times as much for each term, 0.97 for their sum.
    """
    small, large = terms(96), terms(192)
    del small["roughness"], large["roughness"]  # a larger picture is smoother from pixel to pixel
    assert len(small) == 6
    for name, value in small.items():
        assert 0.6 < large[name] / value < 1.6, name
    assert 0.85 < sum(large.values()) / sum(small.values()) < 1.15
