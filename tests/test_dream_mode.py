"""What the dream mode promises: how to aim it, where it works and how much, in what time, what it refuses."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepdream.climb.engine import Engine, Pool, Step
from deepdream.errors import DeepDreamError, UsageError
from deepdream.jobs.recipe import Common, preset
from deepdream.modes.mode import slots
from deepdream.modes.registry import load
from deepdream.pictures import colours
from deepdream.pictures.picture import Picture
from deepdream.pictures.picture import load as load_picture
from deepdream.testing import picture

tf = pytest.importorskip("tensorflow")

MODE, POOL = load({"DEEPDREAM_NO_PLUGINS": "1"}).modes["dream"], Pool()
SAMPLES = Path(__file__).resolve().parent.parent / "samples"
PHOTO, GUIDE = picture(64, 48, seed=1), picture(60, 70, seed=2)
QUICK: dict[str, Any] = {"layer": ["block2_conv1"], "octaves": 2, "steps": 2, "jitter": 4}


def made(image: Picture = PHOTO, *, engine: Engine | None = None, **options: Any) -> Picture:
    engine = engine or Engine(Common(precision="float32"), pool=POOL)
    given = {"image": image, **{n: options.pop(n) for n in ("mask", "guide") if n in options}}
    result: Picture = MODE.call(engine, slots(given), {**QUICK, **options})
    return result


def watched(**options: Any) -> tuple[Picture, list[Step]]:
    steps: list[Step] = []
    engine = Engine(Common(precision="float32"), listeners=[steps.append], pool=POOL)
    return made(engine=engine, **options), steps


def change(result: Picture, image: Picture = PHOTO) -> np.ndarray:
    moved: np.ndarray = np.abs(result.pixels - image.pixels)
    return moved


def half(width: int = 64, height: int = 48, white: float = 255) -> Picture:
    pixels = np.zeros((height, width, 3), np.float32)
    pixels[:, width // 2 :] = white
    return Picture(pixels)


# --- how to aim ----------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["l2", "mean", "l1", "relu"])
def test_every_metric_is_raised(metric: str) -> None:
    _, steps = watched(metric=metric, octaves=1, steps=4, jitter=0)
    assert list(steps[0].terms) == [{"l2": "layer"}.get(metric, metric) + "(block2_conv1)"]
    assert steps[-1].objective > steps[0].objective


@pytest.mark.parametrize("way", ["match", "cosine", "direction"])
def test_a_guide_pulls_towards_its_features(way: str) -> None:
    _, steps = watched(guide=GUIDE, guide_by=way, octaves=1, steps=4, jitter=0)
    assert list(steps[0].terms) == [f"{way}(block2_conv1)"]
    assert steps[-1].objective > steps[0].objective


def test_what_a_preset_says_of_activations_is_not_held_against_a_guide() -> None:
    engine = Engine(Common(precision="float32"), pool=POOL)
    options = {**preset("keras-io", "dream").options, "layer": ["block2_conv1"], "steps": 2, "octaves": 1}
    made(engine=engine, guide=GUIDE, **options)
    assert engine.report["formula"] == "match(block2_conv1)"
    assert engine.report["steps"] == 2  # and the limit of another objective does not end it early
    assert engine.report["notes"] == [
        "a guide decides what counts, so these do not: --border 2, --stop-above 15.0"
    ]
    plain = Engine(Common(precision="float32"), dry=True)
    made(engine=plain, guide=GUIDE, **{**preset("google-2015", "dream").options, **QUICK})
    assert plain.report["notes"] == []


def test_a_guide_is_seen_at_the_size_that_is_asked_for() -> None:
    sizes = []

    class Watched(Engine):
        def ascend(self, image: Picture, objective: Any, **how: Any) -> Picture:
            sizes.append(objective.terms[0].guides[0].size)
            return image

    recipe = preset("google-2015", "dream").options["guide_size"]
    for options in ({}, {"guide_size": 100}, {"guide_size": 900}, {"guide_size": recipe}):
        made(engine=Watched(dry=True), guide=picture(600, 300), **options)
    assert sizes == [(512, 256), (100, 50), (600, 300), (600, 300)]


@pytest.mark.parametrize(
    ("options", "note"),
    [
        (
            {"smallest": 40},
            "--octaves counts down from the picture's size, so this does not count: --smallest 40",
        ),
        (
            {"octaves": None, "smallest": 40, "octave_rule": "powers"},
            "it is for --octaves, so this does not count: --octave-rule powers",
        ),
        (
            {"normalise": "none", "epsilon": 0.5, "floor": 2.0},
            "--normalise none divides by nothing, so this does not count: --epsilon 0.5, --floor 2",
        ),
        ({"octaves": None, "smallest": 40}, None),
        ({"octave_rule": "powers", "epsilon": 0.5}, None),
    ],
)
def test_options_that_others_leave_nothing_to_do_are_named(options: dict[str, Any], note: str | None) -> None:
    engine = Engine(Common(precision="float32"), dry=True)
    made(engine=engine, **options)
    assert engine.report["notes"] == ([] if note is None else [note])


@pytest.mark.parametrize("name", ["google-2015", "keras-io", "tf-tutorial", "tf1-2016", "tf1-2016-laplacian"])
def test_no_recipe_has_options_without_effect(name: str) -> None:
    engine = Engine(Common(precision="float32"), dry=True)
    options = {**preset(name, "dream").options, "layer": ["block1_conv2"]}
    MODE.call(engine, {"image": PHOTO.resized(320, 240)}, options)
    assert engine.report["notes"] == []


def test_a_dream_in_grey_says_that_chroma_does_not_count() -> None:
    notes = []
    for options in (
        {"keep_colors": "luminance", "chroma": 1.0},
        {"keep_colors": "luminance"},
        {"chroma": 1.0},
    ):
        engine = Engine(Common(precision="float32"), dry=True)
        made(engine=engine, **options)
        notes.append(engine.report["notes"])
    assert notes == [["the dream is of lightness alone, so this does not count: --chroma 1"], [], []]


@pytest.mark.parametrize("way", ["match", "cosine"])
def test_layers_of_a_guided_dream_weigh_what_they_say(way: str) -> None:
    layers = ["block1_conv2:0.5", "block2_conv1"]
    _, steps = watched(guide=GUIDE, guide_by=way, layer=layers, jitter=0, clouds=0.0)
    assert steps[0].terms == pytest.approx(
        {f"{way}-gain(block1_conv2)": 0.5, f"{way}-gain(block2_conv1)": 1.0}, rel=1e-3
    )


def test_penalties_are_told_and_do_what_they_are_for() -> None:
    noise = np.random.default_rng(4).normal(0, 15, PHOTO.pixels.shape)
    grainy = PHOTO.with_pixels(np.clip(PHOTO.pixels + noise, 0, 255))
    once: dict[str, Any] = {"image": grainy, "steps": 6, "octaves": 1, "jitter": 0}
    plain, _ = watched(**once)
    for flag, term, rough in (
        ("tv_weight", "gain(total_variation)", lambda it: np.square(np.diff(it.pixels, axis=0)).sum()),
        ("grain_weight", "gain(graininess)", lambda it: np.square(np.diff(it.pixels, n=2, axis=0)).sum()),
        ("grey_weight", "gain(l2)", lambda it: np.square(it.pixels - 127.5).sum()),
    ):
        eased, steps = watched(**once, **{flag: 3.0})
        assert steps[0].terms[term] == pytest.approx(-3, rel=1e-3)
        assert rough(eased) < rough(plain), flag


def test_the_gradient_can_be_split_blurred_and_seen_from_all_sides() -> None:
    plain = made()
    for options in ({"laplacian": 3}, {"blur": 2.0}, {"turns": True}, {"normalise": "rms"}):
        other = made(**options)
        assert change(other, plain).max() > 1, options
        assert np.isfinite(other.pixels).all()

    def rough(it: Picture) -> float:
        return float(np.square(np.diff(it.pixels - PHOTO.pixels, axis=0)).mean())

    assert rough(made(blur=2.0)) < 0.5 * rough(made(blur=0.6))


def fringes(it: Picture) -> float:
    """How strong the finest colours are, beside the finest light and dark: what a blur takes away of each."""
    centre = it.pixels[1:-1, 1:-1].astype(float)
    around = [it.pixels[y : y + centre.shape[0], x : x + centre.shape[1]] for y in range(3) for x in range(3)]
    fine = centre - np.mean(around, axis=0)
    grey = fine.mean(axis=2, keepdims=True)
    return float(np.sqrt(np.square(fine - grey).sum() / (3 * np.square(grey).sum())))


def test_a_dream_has_no_fringes_of_colour_unless_all_of_its_chroma_is_asked_for() -> None:
    photo = PHOTO.with_pixels(np.repeat(PHOTO.pixels.mean(axis=2, keepdims=True), 3, axis=2))
    default, full = made(photo, steps=6), made(photo, steps=6, chroma=1.0)
    assert fringes(default) < 0.6 * fringes(full)
    assert fringes(made(photo, steps=6, chroma=0.0)) < 0.05


# --- where, and how much -------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [None, "luminance", "match", "after"])
@pytest.mark.parametrize("reinject", ["before", "after", "never"])
def test_nothing_changes_where_the_mask_is_black(keep: str | None, reinject: str) -> None:
    moved = change(made(mask=half(), keep_colors=keep, reinject=reinject, strength=0.9)).max(axis=2)
    assert moved[:, :32].max() == 0
    assert np.median(moved[:, 32:]) > 0.5


def test_a_grey_mask_holds_back_and_another_size_is_worth_a_word() -> None:
    engine = Engine(Common(precision="float32"), pool=POOL)
    full, soft = made(mask=half()), made(mask=half(128, 96, white=64), engine=engine)
    assert 0.05 < change(soft).mean() / change(full).mean() < 0.6
    assert change(soft)[:, :32].max() == 0
    made(mask=half(129, 97), engine=engine)  # as the photograph's own size may be, rounded to --size
    made(mask=half(64, 64), engine=engine)
    made(mask=half(), engine=engine)
    assert engine.report["notes"] == [
        "the mask of 128x96 px was resized to 64x48",
        "the mask of 129x97 px was resized to 64x48",
        "the mask of 64x64 px is not of the picture's shape: stretched to 64x48",
    ]


def test_strength_goes_from_the_picture_to_the_dream() -> None:
    dreamt = made()
    itself, steps = watched(strength=0.0)
    np.testing.assert_array_equal(itself.pixels, PHOTO.pixels)
    assert not steps
    expected = PHOTO.pixels + 0.25 * (dreamt.pixels - PHOTO.pixels)
    np.testing.assert_allclose(made(strength=0.25).pixels, expected, atol=1e-3)


def test_snapshots_show_what_the_result_is_made_of() -> None:
    result, steps = watched(strength=0.25, keep_colors="after")
    np.testing.assert_allclose(steps[-1].snapshot().pixels, result.pixels, atol=1e-3)


def chroma(it: Picture) -> np.ndarray:
    matrix = np.array([[0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
    found: np.ndarray = it.pixels.astype(float) @ matrix.T
    return found


@pytest.mark.parametrize("keep", ["luminance", "after"])
def test_kept_colours_are_those_of_the_picture(keep: str) -> None:
    calm = PHOTO.with_pixels(90 + 0.3 * PHOTO.pixels)  # no colour reaches the end of its range
    kept, free = made(calm, keep_colors=keep), made(calm)
    off = np.abs(chroma(kept) - chroma(calm)).max()
    assert off < 0.05 < 1 < np.abs(chroma(free) - chroma(calm)).max()
    assert np.abs(colours.luminance(kept.pixels) - colours.luminance(calm.pixels)).mean() > 1


def test_matched_colours_have_the_mean_and_spread_of_the_picture() -> None:
    kept = made(keep_colors="match", steps=4)
    mean, spread = colours.statistics(kept.pixels)
    wanted_mean, wanted_spread = colours.statistics(PHOTO.pixels)
    np.testing.assert_allclose(mean, wanted_mean, atol=4)  # what leaves the range is clipped
    np.testing.assert_allclose(np.diag(spread), np.diag(wanted_spread), rtol=0.15)


# --- sizes and time ------------------------------------------------------------------------------


def octaves_of(width: int, height: int, **options: Any) -> list[list[int]]:
    engine = Engine(Common(precision="float32"), dry=True)
    made(picture(width, height), engine=engine, **{"octaves": None, **options})
    found: list[list[int]] = engine.report["octaves"]
    return found


def test_a_cell_keeps_its_place_where_no_jitter_is_asked_for() -> None:
    cell = {"layer": ["block2_conv1[20]@0.25,0.5"], "octaves": 1, "steps": 4, "jitter": None}
    moved = change(made(**cell))
    assert moved[16:32, 8:24].mean() > 5 * moved[:, 40:].mean()
    # What --step-size says is for what the cell sees: of all the picture it would be some blots.
    steps = moved[moved > 0]
    assert steps.mean() < 4 * 1.5 * 1.5 < 0.3 * change(made(**cell, normalise="mean"))[moved > 0].mean()


@pytest.mark.slow
def test_a_dream_reaches_the_border() -> None:
    photo = load_picture(SAMPLES / "coffee.jpg").fitted(240)

    def rim(jitter: int | None) -> float:
        moved = change(made(photo, layer=["block5_conv3"], octaves=None, steps=10, jitter=jitter), photo)
        inside = moved[8:-8, 8:-8]
        return float((moved.sum() - inside.sum()) / (moved.size - inside.size) / inside.mean())

    assert rim(None) > 1.3 * rim(32)


def test_a_large_picture_begins_with_the_octaves_of_a_small_one() -> None:
    small, large = octaves_of(512, 384), octaves_of(1600, 1200)
    assert small[:-1] == large[: len(small) - 1]
    assert (small[0], large[-1]) == ([187, 140], [1600, 1200])
    assert octaves_of(100, 75) == [[100, 75]]
    assert octaves_of(400, 300, smallest=100, octave_scale=2.0) == [[100, 75], [200, 150], [400, 300]]


def test_beyond_four_octaves_each_gets_fewer_steps() -> None:
    steps = []
    for options in ({"octaves": None}, {"octaves": 7}):
        engine = Engine(Common(precision="float32"), dry=True)
        made(picture(1600, 1200), engine=engine, steps=10, **options)
        assert len(engine.report["octaves"]) == 7
        steps.append(engine.report["steps"])
    assert steps == [40 + 8 + 7 + 6, 70]


def test_a_dream_is_done_in_the_time_it_was_given() -> None:
    made()  # the network is open
    engine = Engine(Common(precision="float32"), pool=POOL)
    made(engine=engine, steps=100_000, time="1.5s")
    assert time.monotonic() - engine.began < 4


def test_a_time_that_is_too_short_is_found_before_the_network_is_loaded_or_after() -> None:
    class Slow(Pool):
        def network(self, *given: Any) -> Any:
            loading.began -= 2
            return POOL.network(*given)

    late = Engine(Common(precision="float32"), pool=Pool(), began=time.monotonic() - 2)
    loading = Engine(Common(precision="float32"), pool=Slow())
    for engine in (late, loading):
        with pytest.raises(UsageError, match="1 second was over before the first step") as caught:
            made(engine=engine, time="1")
        assert "--time" in str(caught.value.hint)
    assert not late.pool._open


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an empty mask": ({"mask": Picture(np.zeros((9, 9, 3), np.float32))}, "black everywhere"),
    "no time": ({"time": "0s"}, "no time to work in"),
    "a time that is none": ({"time": "soon"}, "'soon' is no time"),
    "a guide and a channel": ({"guide": GUIDE, "layer": ["block2_conv1[3]"]}, "not a whole layer"),
    "a way to be guided without a guide": ({"guide_by": "cosine"}, "needs a guide"),
    "a channel out of range": ({"layer": ["block2_conv1[128]"]}, "no channel 128"),
    "weights of nothing": ({"layer": ["block2_conv1:0"]}, "no layer has a weight"),
    "a strength above 1": ({"strength": 1.5}, "--strength"),
    "larger octaves without powers": ({"octave_top": 2}, "--octave-top"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_meant_is_refused_in_one_line(case: str) -> None:
    options, message = REFUSED[case]
    with pytest.raises(UsageError, match=message) as caught:
        made(**options)
    assert "\n" not in caught.value.message


def test_a_guide_too_small_for_the_network_is_refused() -> None:
    with pytest.raises(DeepDreamError, match="4x4 px is too small for block5_conv1"):
        made(picture(64, 64), guide=picture(4, 4), layer=["block5_conv1"])
