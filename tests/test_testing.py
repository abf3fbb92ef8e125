"""What plugin authors test their modes with: as strict as the command line, offline, and quick."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from deepdream.api import Animation, Engine, Picture, Step, mode, objectives
from deepdream.errors import DeepDreamError, UsageError
from deepdream.pictures.animation import as_saved
from deepdream.testing import picture, run_mode, tiny_network

DOCS = Path(__file__).resolve().parent.parent / "docs"


@pytest.fixture
def guide(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Picture]:
    monkeypatch.syspath_prepend(str(DOCS / "examples"))
    return importlib.import_module("guide").guide


@mode("short", api=1)
def short(
    image: Picture, engine: Engine, *, layer: str = "block2_conv2", other: Picture | None = None
) -> Picture:
    """Take two steps."""
    return engine.ascend(image, objectives.layer(layer), steps=2, jitter=4)


def test_the_test_in_the_plugin_guide_passes(guide: object) -> None:
    block = (DOCS / "plugins.md").read_text().partition("from deepdream.testing")[2].partition("```")[0]
    names: dict[str, Callable[[], None]] = {}
    exec("from deepdream.testing" + block, names)
    names["test_the_hint_decides_where_the_picture_goes"]()


def test_a_run_repeats_and_its_steps_can_be_watched() -> None:
    steps: list[Step] = []
    one = run_mode(short, picture(32, 24), seed=5, listeners=[steps.append])
    two = run_mode(short, picture(32, 24), seed=5, other=None)
    assert np.array_equal(one.pixels, two.pixels)
    assert not np.array_equal(one.pixels, run_mode(short, picture(32, 24), seed=6).pixels)
    assert [step.index for step in steps] == [1, 2]
    assert steps[1].objective > steps[0].objective


def test_another_networks_layer_runs_without_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEEPDREAM_OFFLINE")
    assert run_mode(short, picture(64, 64), layer="mixed0").size == (64, 64)
    assert "DEEPDREAM_OFFLINE" not in os.environ


def test_what_a_mode_says_is_a_warning() -> None:
    @mode("chatty", api=1)
    def chatty(image: Picture, engine: Engine) -> Picture:
        """Say something."""
        engine.say(3)  # type: ignore[arg-type]
        assert engine.features(image, "block1_conv1").keys() == {"block1_conv1"}
        return image

    with pytest.warns(UserWarning, match="3"):
        run_mode(chatty, picture())


def test_the_checks_are_those_of_the_command_line(guide: Callable[..., Picture]) -> None:
    with pytest.raises(UsageError, match=r"--strength must be at least 0\.0, not -1"):
        run_mode(guide, picture(), picture(seed=1), strength=-1)
    with pytest.raises(UsageError, match="no option 'strenth' in the mode 'guide'"):
        run_mode(guide, picture(), picture(seed=1), strenth=1)
    with pytest.raises(UsageError, match="the mode 'guide' needs the picture HINT"):
        run_mode(guide, picture())
    with pytest.raises(UsageError, match="the mode 'guide' takes 2 pictures, not 3"):
        run_mode(guide, picture(), picture(), picture())
    with pytest.raises(UsageError, match=r"the picture 'hint' is 'b\.png', not a Picture"):
        run_mode(guide, picture(), "b.png")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="bench is a Bench, not the function tiny_network") as caught:
        run_mode(guide, picture(), picture(seed=1), bench=tiny_network)  # type: ignore[arg-type]
    assert caught.value.hint is not None and "tiny_network()" in caught.value.hint


def test_a_frame_made_alone_is_that_of_the_film_and_what_it_says_is_told() -> None:
    @mode("wander", api=1)
    def wander(image: Picture, engine: Engine) -> Animation:
        """Climb on."""
        aim = objectives.layer("block1_conv2")

        def frame(index: int, previous: Picture | None) -> Picture:
            engine.say(f"frame {index}")
            return engine.ascend(previous or image, aim, steps=1, jitter=8)

        return Animation(frame, 3)

    film = run_mode(wander, picture(32, 24), bench=tiny_network())
    with pytest.warns(UserWarning, match="frame 2"):
        frames = list(film)
    assert len(film) == len(frames) == 3
    again = run_mode(wander, picture(32, 24), bench=tiny_network())
    with pytest.warns(UserWarning, match="frame 1"):
        assert np.array_equal(as_saved(again.frame(1, frames[0])).pixels, frames[1].pixels)


def test_what_is_no_mode_is_refused() -> None:
    with pytest.raises(UsageError, match="is not a mode"):
        run_mode(picture, picture())

    @mode("later", api=2)
    def later(image: Picture, engine: Engine) -> Picture:
        """Come from the future."""
        return image

    with pytest.raises(DeepDreamError, match="written for plugin interface 2"):
        run_mode(later, picture())


def test_pictures_differ_by_seed_and_have_the_size_asked_for() -> None:
    assert picture(40, 30).size == (40, 30)
    assert np.array_equal(picture().pixels, picture().pixels)
    assert np.abs(picture().pixels - picture(seed=1).pixels).mean() > 20
