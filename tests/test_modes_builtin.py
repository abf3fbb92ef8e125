"""The two built-in modes on the real VGG16, called as any plugin is."""

from __future__ import annotations

import numpy as np
import pytest

from deepdream.climb.engine import Step
from deepdream.errors import UsageError
from deepdream.modes.registry import load
from deepdream.pictures.picture import Picture
from deepdream.testing import picture, run_mode

MODES = load({"DEEPDREAM_NO_PLUGINS": "1"}).modes
dream, style = MODES["dream"].function, MODES["style"].function


def recorded(function, *pictures: Picture, **options) -> tuple[Picture, list[Step]]:  # type: ignore[no-untyped-def]
    steps: list[Step] = []
    result = run_mode(function, *pictures, listeners=[steps.append], **options)
    return result, steps


def test_dream_raises_what_its_layers_see() -> None:
    _, steps = recorded(
        dream,
        picture(80, 64),
        layer=["block3_conv1", "block2_conv2:0.5"],
        octaves=1,
        steps=10,
        jitter=0,
        clouds=0,
    )
    assert set(steps[0].terms) == {"gain(block3_conv1)", "gain(block2_conv2)"}
    # Relative to the photograph, so that the weights mean what they say.
    assert steps[0].terms["gain(block2_conv2)"] == pytest.approx(0.5, rel=1e-3)
    assert steps[0].terms["gain(block3_conv1)"] == pytest.approx(1.0, rel=1e-3)
    assert all(steps[-1].terms[name] > 1.2 * value for name, value in steps[0].terms.items())


def test_style_comes_nearer_to_both_pictures() -> None:
    _, steps = recorded(
        style, picture(72, 56, seed=1), picture(60, 90, seed=2), start="noise", octaves=1, steps=20
    )
    first, last = steps[0].terms, steps[-1].terms
    for number in range(1, 6):
        layer = f"style(block{number}_conv1)"
        assert 0.7 * first[layer] < last[layer] < 0, layer
    assert first["content(block4_conv2)"] < last["content(block4_conv2)"] < 0
    assert steps[-1].objective > 0.3 * steps[0].objective


@pytest.mark.slow
@pytest.mark.parametrize("optimiser", ["lbfgs", "adam"])
def test_style_keeps_size_and_grey_levels(optimiser: str) -> None:
    result, steps = recorded(
        style, picture(70, 50), picture(40, 64, seed=4), optimiser=optimiser, octaves=1, steps=15
    )
    assert result.size == (70, 50)
    assert result.pixels.min() >= 0
    assert result.pixels.max() <= 255
    assert steps[-1].objective > steps[0].objective


@pytest.mark.slow
def test_style_starts_where_it_is_told() -> None:
    photo, painting, other = picture(64, 48, seed=1), picture(64, 48, seed=2), picture(30, 30, seed=3)
    same = run_mode(style, photo, painting, steps=0, octaves=1)
    np.testing.assert_array_equal(same.pixels, photo.pixels)
    begun = run_mode(style, photo, painting, start_picture=other, steps=0, octaves=1)
    np.testing.assert_array_equal(begun.pixels, other.resized(64, 48).pixels)
    noise = run_mode(style, photo, painting, start="noise", steps=0, octaves=1)
    assert noise.pixels.std() > 30


def test_wrong_layers_are_refused_with_the_right_one() -> None:
    with pytest.raises(UsageError) as caught:
        run_mode(dream, picture(), layer=["blok4_conv3"])
    assert "blok4_conv3" in caught.value.message
    assert "block4_conv3" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="weight must be a finite number"):
        run_mode(dream, picture(), layer=["block4_conv3:x"])
