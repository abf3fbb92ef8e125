"""Feature visualisation on the real VGG16."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from deepdream import objectives as obj
from deepdream.climb.engine import Engine, Pool, Step
from deepdream.errors import UsageError
from deepdream.jobs.recipe import Common
from deepdream.modes.registry import load
from deepdream.pictures.picture import Picture
from deepdream.testing import picture

MODE, POOL = load({"DEEPDREAM_NO_PLUGINS": "1"}).get("visualize"), Pool()


def visualize(
    *, seed: int = 0, listeners=(), pool=POOL, towards: Picture | None = None, **options
) -> Picture:  # type: ignore[no-untyped-def]
    """What the mode makes at 48 px."""
    engine = Engine(Common(precision="float32", size=48), seed=seed, listeners=listeners, pool=pool)
    made = MODE.call(engine, {} if towards is None else {"towards": towards}, options)
    assert isinstance(made, Picture)
    return made


def responses(made: Picture, layer: str) -> np.ndarray:
    """The mean activation of every channel."""
    found: np.ndarray = Engine().features(made, [layer])[layer].numpy().mean(axis=(0, 1, 2))
    return found


@pytest.mark.slow
def test_the_channel_that_is_visualised_stands_out_among_all() -> None:
    layer, index = "block4_conv3", 14
    before = responses(Picture.plain(48, 48), layer)
    after = responses(visualize(layer=[f"{layer}[{index}]"], steps=32), layer)
    gain = after - before
    others = np.delete(gain, index)
    assert (gain[index] - others.mean()) / others.std() > 3


def test_how_much_a_single_example_is_to_differ_does_not_count() -> None:
    for options, notes in (
        ({"diversity": 1.0}, ["there is one example, so this does not count: --diversity 1"]),
        ({"diversity": 1.0, "examples": 2}, []),
        ({}, []),
    ):
        engine = Engine(Common(size=48), dry=True)
        MODE.call(engine, {}, {"layer": ["block1_conv2[3]"], **options})
        assert engine.report["notes"] == notes


def test_a_picture_comes_from_its_seed_alone() -> None:
    one, again, other = (visualize(layer=["block1_conv2[3]"], steps=4, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.pixels, again.pixels)
    assert one.size == (48, 48) and abs(one.pixels - other.pixels).max() > 5


@pytest.mark.slow
def test_colours_and_frequencies_are_a_photographs_unless_they_are_the_networks() -> None:
    def fine(made: Picture) -> float:
        """The part of the variance that neighbouring pixels do not share."""
        levels = made.pixels.mean(axis=2)
        return float(np.square(np.diff(levels, axis=1)).mean() / levels.var())

    options = {"layer": ["block3_conv1[40]"], "steps": 24}
    smooth = visualize(**options)
    rough = visualize(**options, parametrisation="pixels", decorrelate=False, robust=False)
    assert fine(smooth) < 0.6 * fine(rough)


def test_a_neuron_draws_around_its_place() -> None:
    made = visualize(layer=["block2_conv2[20]@0.5,0.5"], steps=24, robust=False)
    change = np.abs(made.pixels - 127.5).mean(axis=2)
    assert change[12:36, 12:36].mean() > 1.5 * change[:6].mean()


def test_the_border_is_no_rougher_than_the_rest() -> None:
    made = visualize(layer=["block2_conv2[20]"], steps=24)
    levels = made.pixels.mean(axis=2)
    steps = np.abs(np.diff(levels, axis=0)).mean(axis=1), np.abs(np.diff(levels, axis=1)).mean(axis=0)
    rim = np.mean([it[end] for it in steps for end in (0, -1)])
    assert rim < 1.3 * np.mean([it[8:-8].mean() for it in steps])


def test_a_grid_has_a_cell_for_each_channel_and_shares_what_was_traced() -> None:
    steps: list[Step] = []
    channels = ["block1_conv2[3,7,9]"]
    page = visualize(layer=channels, grid=True, steps=3, listeners=[steps.append], pool=Pool())
    assert page.width > 3 * 48 and page.height > 48, "in a row"
    assert [step.index for step in steps] == [1, 2, 3] * 3
    done = [step.done for step in steps]
    assert done == sorted(done) and done[-1] == pytest.approx(1)
    firsts = [step.seconds for step in steps if step.index == 1]
    assert max(firsts[1:]) < 0.5 * firsts[0], "only the first cell waits for the trace"


def test_a_channel_that_nothing_stirs_is_named() -> None:
    engine = Engine(Common(precision="float32", size=32))
    MODE.call(engine, {}, {"layer": ["block5_conv3[0]"], "steps": 2})
    assert engine.report["notes"] == [
        "grey, for the noise stirs nothing there: block5_conv3[0]; another --seed or --size may"
    ]


@pytest.mark.slow
def test_examples_of_a_feature_all_have_it_and_are_no_twins() -> None:
    def pair(diversity: float) -> tuple[float, float]:
        """How much of the feature the second has beside the first, and how alike the two are but for it."""
        steps: list[Step] = []
        options = {"layer": ["block3_conv3[40]"], "examples": 2, "steps": 24}
        visualize(**options, diversity=diversity, listeners=[steps.append])
        first, second = steps[23].terms, steps[47].terms
        asked = second["channel(block3_conv3, 40)"]
        distance = second["likeness(block3_conv3)"] / diversity / asked
        return asked / first["channel(block3_conv3, 40)"], 1 - distance

    free, apart = pair(1e-3), pair(2.0)
    assert apart[0] > 0.5, "the feature is not given up for the difference"
    assert apart[1] < 0.75 * free[1]


def test_likeness_is_the_mean_cosine_of_gram_matrices() -> None:
    rng = np.random.default_rng(0)
    features = [rng.uniform(size=(1, 3, 4, 5)).astype(np.float32) for _ in range(3)]
    grams = [(f.reshape(12, 5).T @ f.reshape(12, 5)).ravel() for f in features]
    unit = [g / np.linalg.norm(g) for g in grams]
    pictures = [picture(8, 8, seed=1), picture(8, 8, seed=2)]

    class Measured:
        canvas, size = None, (8, 8)

        def channels(self, name):  # type: ignore[no-untyped-def]
            return 5

        def features(self, shown, size):  # type: ignore[no-untyped-def]
            return {"block": features[1 + pictures.index(shown)] if shown in pictures else features[0]}

    (term,) = obj.likeness("block", pictures).terms
    assert term.target is not None
    target = term.target(Measured())  # type: ignore[arg-type]
    found = float(term.value({"block": features[0]}, None, target))
    assert found == pytest.approx(unit[0] @ (unit[1] + unit[2]) / 2, rel=1e-5)

    # Of an objective: without its channel, relative to its value, and no way to win by a smaller value.
    grams = [np.delete(np.delete(g.reshape(5, 5), 2, 0), 2, 1).ravel() for g in grams]
    unit = [g / np.linalg.norm(g) for g in grams]
    aim = 3.0 * obj.channel("block", 2) + 0.0 * obj.channel("block", 4)
    (term,) = obj.likeness("block", pictures, aim).terms
    assert term.target is not None
    target = term.target(Measured())  # type: ignore[arg-type]
    shown = tf.constant(features[0])
    with tf.GradientTape() as tape:
        tape.watch(shown)
        value = term.value({"block": shown}, None, target)
    size = 3 * features[0][..., 2].mean()
    assert float(value) == pytest.approx(size * (unit[0] @ (unit[1] + unit[2]) / 2 - 1), rel=1e-4)
    assert not tape.gradient(value, shown).numpy()[..., 2].any()


def test_a_direction_is_climbed_towards_a_picture() -> None:
    hint = picture(48, 48, seed=4)
    steps: list[Step] = []
    visualize(layer=["block2_conv1"], towards=hint, steps=16, listeners=[steps.append])
    assert steps[-1].objective > 2 * abs(steps[0].objective)
    assert set(steps[0].terms) == {"direction(block2_conv1)"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"layer": ["block1_conv2[64]"]}, "has no channel 64"),
        ({"layer": ["block1_conv9"]}, "block1_conv9"),
        ({"layer": [""]}, "name is missing"),
        ({"layer": ["block1_conv2[top3]"]}, "no picture to find the strongest channels of"),
        ({"layer": ["block1_conv2[top3]"], "grid": True}, "needs a picture"),
        ({"layer": ["block1_conv2"], "steps": 0}, "--steps must be at least 1"),
        ({"layer": ["block1_conv2[1]"], "towards": picture(32, 32)}, "not a whole layer"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict, said: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(UsageError, match=said.replace("[", r"\[")):
        visualize(**options)


def test_a_grid_of_no_channels_is_refused() -> None:
    with pytest.raises(UsageError, match="--grid shows channels, and 'block2_conv2' names none"):
        visualize(layer=["block2_conv2"], grid=True, steps=1)


def test_a_neuron_that_sleeps_through_the_first_noise_is_given_other() -> None:
    steps: list[Step] = []
    visualize(layer=["block3_conv3[7]@0.5,0.5"], steps=6, robust=False, listeners=[steps.append], seed=1)
    woken = [step.objective > 0 for step in steps]
    assert not woken[0] and all(woken[-5:])
    assert steps[-1].objective > steps[-5].objective
