"""What the style mode promises: strength, colours, mixtures, regions, recipes, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from deepdream.climb.engine import Engine, Pool, Step
from deepdream.errors import UsageError
from deepdream.jobs.recipe import Common, preset
from deepdream.modes.mode import slots
from deepdream.modes.registry import load
from deepdream.pictures import colours
from deepdream.pictures.picture import Picture, Source
from deepdream.testing import picture

MODE, POOL = load({"DEEPDREAM_NO_PLUGINS": "1"}).modes["style"], Pool()
LISTS = {"also", "mask", "start_picture"}
PHOTO, PAINTING, OTHER = picture(64, 48, seed=1), picture(60, 70, seed=2), picture(50, 50, seed=3)
SHALLOW: dict[str, Any] = {"content_layer": ["block2_conv1"], "style_layer": ["block1_conv1", "block2_conv1"]}
QUICK: dict[str, Any] = {**SHALLOW, "octaves": 1, "steps": 8}


def made(*pictures: Picture, **options: Any) -> tuple[Picture, list[Step]]:
    steps: list[Step] = []
    # One pool for all, so that the network is opened once.
    engine = Engine(Common(precision="float32"), listeners=[steps.append], pool=POOL)
    given = slots(
        {"image": pictures[0], "style": pictures[1], **{n: options.pop(n) for n in LISTS & {*options}}}
    )
    return MODE.call(engine, given, {**QUICK, **options}), steps


def change(result: Picture) -> np.ndarray:
    moved: np.ndarray = np.abs(result.pixels - PHOTO.pixels)
    return moved


def test_strength_goes_from_the_content_to_the_style() -> None:
    away = [change(made(PHOTO, PAINTING, strength=s, tv_weight=0)[0]).mean() for s in (0, 0.3, 1)]
    assert away[0] == pytest.approx(0, abs=1e-3) and away[0] < away[1] < away[2]


@pytest.mark.parametrize("statistics", ["gram", "plain-gram", "moments", "wasserstein"])
def test_every_kind_of_statistics_comes_nearer_to_the_style(statistics: str) -> None:
    _, steps = made(PHOTO, PAINTING, statistics=statistics, strength=0.9, start="noise")
    assert steps[-1].objective > 0.5 * steps[0].objective < 0


def test_white_noise_converges_to_both_pictures() -> None:
    _, steps = made(PHOTO, PAINTING, start="noise", steps=30, tv_weight=0)
    assert all(steps[-1].terms[name] > 0.3 * steps[0].terms[name] for name in steps[0].terms)


def np_hue_of(pixels: np.ndarray) -> np.ndarray:
    """I and Q."""
    matrix = np.array([[0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
    found: np.ndarray = pixels.astype(float) @ matrix.T
    return found


def test_a_share_of_one_style_is_refused() -> None:
    with pytest.raises(UsageError, match="there is one"):
        made(PHOTO, PAINTING, share=[2.0])


@pytest.mark.parametrize("way", ["luminance", "after"])
def test_kept_colours_are_those_of_the_content(way: str) -> None:
    kept, plain = (made(PHOTO, PAINTING, keep_colors=keep)[0] for keep in (way, None))

    def off(it: Picture) -> float:
        return float(np.abs(np_hue_of(it.pixels) - np_hue_of(PHOTO.pixels)).mean())

    assert off(kept) < 0.25 * off(plain)
    assert np.abs(colours.luminance(kept.pixels) - colours.luminance(PHOTO.pixels)).mean() > 2


def test_matched_colours_keep_the_mean_colour_of_the_content() -> None:
    red = PAINTING.with_pixels(0.3 * PAINTING.pixels * [1, 0.1, 0.1] + [150, 0, 0])

    def off(it: Picture) -> float:
        return float(np.abs(it.pixels.mean((0, 1)) - PHOTO.pixels.mean((0, 1))).max())

    results = [made(PHOTO, red, keep_colors=keep, strength=0.95)[0] for keep in ("match", None)]
    assert off(results[0]) < 0.6 * off(results[1])


@pytest.mark.slow
def test_a_share_of_everything_is_that_style_and_halves_lie_between() -> None:
    only, _ = made(PHOTO, PAINTING)
    same, _ = made(PHOTO, PAINTING, also=[OTHER], share=[1.0, 0.0])
    np.testing.assert_allclose(same.pixels, only.pixels, atol=1e-2)
    mixed, _ = made(PHOTO, PAINTING, also=[OTHER])
    assert np.abs(mixed.pixels - only.pixels).mean() > 1


def half(width: int, height: int) -> Picture:
    pixels = np.zeros((height, width, 3), np.float32)
    pixels[:, : width // 2] = 255
    return Picture(pixels)


@pytest.mark.parametrize("start", ["content", "noise"])
def test_not_one_bit_changes_where_no_style_goes(start: str) -> None:
    wide = picture(96, 32, seed=1)
    where = half(180, 60)  # its edge is that of a pixel: 90 * 96 / 180
    masked, _ = made(wide, PAINTING, mask=[where], strength=1, steps=5, start=start)
    moved = np.abs(masked.pixels - wide.pixels).max((0, 2))
    assert moved[:40].min() > 0.5
    assert moved[48:].max() == 0


def test_regions_take_their_own_styles() -> None:
    result, steps = made(PHOTO, PAINTING, also=[OTHER], mask=[half(64, 48)], strength=0.9)
    assert {f"style(block1_conv1){n}" for n in ("", "#2")} <= set(steps[0].terms)
    left, _ = made(PHOTO, PAINTING, strength=0.9)
    assert (
        np.abs(result.pixels - left.pixels)[:, 40:].mean()
        > 2 * np.abs(result.pixels - left.pixels)[:, :16].mean()
    )


def test_style_and_dream_share_one_objective() -> None:
    _, steps = made(PHOTO, PAINTING, layer=["block2_conv2"], dream_weight=0.5)
    assert "gain(block2_conv2)" in steps[0].terms
    assert steps[-1].terms["gain(block2_conv2)"] > 0


@pytest.mark.parametrize(
    "options, expected",
    [
        ({}, [10, 12, 12]),
        ({"steps": 3}, [3, 3, 3]),
        ({"first_steps": 11}, [11, 12, 12]),
        ({"octaves": 2}, [12, 12]),
        ({"smallest": 64}, [12]),
        ({"start": "noise"}, [12, 12, 12]),
    ],
)
def test_only_the_smallest_of_many_octaves_gets_few_steps(
    options: dict[str, Any], expected: list[int]
) -> None:
    _, steps = made(PHOTO, PAINTING, **{"octaves": None, "smallest": 32, "steps": 12, **options})
    assert [
        sum(step.octave == number for step in steps) for number in range(1, steps[-1].octaves + 1)
    ] == expected


@pytest.mark.slow
def test_style_scale_pooling_and_a_start_picture_change_the_result() -> None:
    plain, _ = made(PHOTO, PAINTING)
    for options in (
        {"style_scale": 0.5},
        {"pooling": "average"},
        {"start_picture": OTHER},
        {"replicate": True},
    ):
        assert np.abs(made(PHOTO, PAINTING, **options)[0].pixels - plain.pixels).max() > 1, options


@pytest.mark.slow
def test_alpha_stays() -> None:
    alpha = np.linspace(0, 255, 64 * 48, dtype=np.float32).reshape(48, 64)
    see_through = Picture(PHOTO.pixels, alpha)
    for keep in (None, "luminance", "match", "after"):
        result, _ = made(see_through, PAINTING, keep_colors=keep, steps=2)
        np.testing.assert_array_equal(result.alpha, alpha)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gatys", "johnson", "tf-tutorial", "crowson"])
def test_the_presets_run_and_come_nearer(name: str) -> None:
    options = {**preset(name, "style").options, **QUICK, "first_steps": None, "smallest": 32}
    if name == "tf-tutorial":
        options["steps"] = 500  # at its rate Adam leaps away from the photograph first, and then comes back
    result, steps = made(PHOTO, PAINTING, **options)
    assert steps[-1].objective > steps[0].objective
    assert np.isfinite(result.pixels).all()


STRANGE = {
    "the same picture twice": (PHOTO, PHOTO),
    "a style of one colour": (PHOTO, Picture(np.full((40, 40, 3), 200, np.float32))),
    "a black style": (PHOTO, Picture(np.zeros((40, 40, 3), np.float32))),
    "a style of 8x8 pixels": (PHOTO, picture(8, 8, seed=5)),
    "a very wide content": (picture(300, 20, seed=6), PAINTING),
    "a very tall style": (PHOTO, picture(6, 200, seed=7)),
    "a grey content": (Picture(colours.grey(PHOTO.pixels)), PAINTING),
    "a grey style": (PHOTO, Picture(colours.grey(PAINTING.pixels))),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", STRANGE)
@pytest.mark.parametrize("keep", [None, "match"])
def test_strange_pictures_give_sound_ones(case: str, keep: str | None) -> None:
    content, painting = STRANGE[case]
    for statistics in ("gram", "wasserstein"):
        result, _ = made(content, painting, keep_colors=keep, statistics=statistics, steps=3)
        assert result.size == content.size
        assert np.isfinite(result.pixels).all()


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an empty mask": ({"mask": [Picture(np.zeros((9, 9, 3), np.float32))]}, "covers nothing"),
    "more masks than styles": ({"mask": [OTHER, OTHER]}, "2 masks for 1 style"),
    "no place left": (
        {"also": [OTHER], "mask": [Picture(np.full((9, 9, 3), 255, np.float32))]},
        "leave no place",
    ),
    "shares of nothing": ({"also": [OTHER], "share": [0.0, 0.0]}, "share of 0"),
    "shares of masks": ({"also": [OTHER], "mask": [PHOTO], "share": [1.0, 2.0]}, "has its own"),
    "too few shares": ({"also": [OTHER], "share": [1.0]}, "1 weights for 2 styles"),
    "no weights": ({"content_weight": 0.0, "style_weight": 0.0}, "all weights are 0"),
    "a layer to flee from": (
        {"content_layer": ["block2_conv1:-1"]},
        "'block2_conv1:-1' has a weight below 0",
    ),
    "a layer that is none": ({"style_layer": ["block9_conv1"]}, "block9_conv1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_meant_is_refused_in_one_line(case: str) -> None:
    options, message = REFUSED[case]
    with pytest.raises(UsageError, match=message) as caught:
        made(PHOTO, PAINTING, **options)
    assert "\n" not in caught.value.message and caught.value.hint


SOURCE = Source("a.png", "ab" * 32, "png")
REMARKED: dict[str, tuple[Picture, dict[str, Any], str]] = {
    "the same picture twice": (replace(PAINTING, source=SOURCE), {}, "a.png is IMAGE itself"),
    "a style of one colour": (STRANGE["a style of one colour"][1], {}, "of one colour"),
    "a style of 8x8 pixels": (picture(8, 8, seed=5), {}, "8x8 px, enlarged to 64"),
    "a start of another shape": (PAINTING, {"start_picture": OTHER}, "50x50 px, stretched"),
    "a mask of another size": (PAINTING, {"mask": [half(128, 96)]}, "128x96 px, resized to that"),
    "a mask of another shape": (PAINTING, {"mask": [half(96, 32)]}, "96x32 px, stretched"),
    "nothing strange": (PAINTING, {"start_picture": picture(128, 96), "mask": [half(64, 48)]}, ""),
}


@pytest.mark.parametrize("case", REMARKED)
def test_what_may_have_been_meant_otherwise_is_told_in_one_line(case: str) -> None:
    painting, options, words = REMARKED[case]
    engine = Engine(Common(), dry=True)
    given = {"image": replace(PHOTO, source=SOURCE), "style": painting, **options}
    MODE.call(engine, slots(given), QUICK)
    told = [note for note in engine.report["notes"] if "px" in note or "STYLE is" in note or "IMAGE" in note]
    assert len(told) == bool(words) and all(words in note for note in told)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"smallest": 40},
            "--octaves counts down from the picture's size, so this does not count: --smallest 40",
        ),
        ({"smallest": 40, "octaves": None}, None),
        (
            {"dream_weight": 0.4},
            "there is no --layer to dream at, so this does not count: --dream-weight 0.4",
        ),
        ({"dream_weight": 0.4, "layer": ["block1_conv2"]}, None),
        ({"start": "noise"}, "--start-picture is where it starts, so this does not count: --start noise"),
    ],
)
def test_options_that_others_leave_nothing_to_do_are_named(
    options: dict[str, Any], words: str | None
) -> None:
    engine = Engine(Common(), dry=True)
    given = {"image": PHOTO, "style": PAINTING, "start_picture": PHOTO}
    MODE.call(engine, slots(given), {**QUICK, **options})
    assert engine.report["notes"] == ([] if words is None else [words])


STYLE_LAYERS = [f"block{n}_conv1" for n in range(1, 6)]
RECIPES = {
    "gatys": (
        "- content(block4_conv2)" + "".join(f" - 1000·style({name})" for name in STYLE_LAYERS),
        [[512, 384], [1024, 768]],
        500 + 200,
    ),
    "johnson": (
        "- 5·content(block4_conv2)"
        + "".join(f" - 100·style({name})" for name in STYLE_LAYERS)
        + " - 0.001·total_variation",
        [[512, 384]],
        1000,
    ),
    "tf-tutorial": (
        "- 10000·content(block5_conv2)"
        + "".join(f" - 0.002·style({name})" for name in STYLE_LAYERS)
        + f" - {30 / 255:g}·absolute_variation",
        [[512, 384]],
        1000,
    ),
    "crowson": (
        f"- {0.015 / 58.395**2:g}·content(block4_conv2)"
        + "".join(
            f" - {w / 341 / 58.395**2:g}·wasserstein({name})"
            for w, name in zip((256, 64, 16, 4, 1), STYLE_LAYERS, strict=True)
        )
        + " - 2·roughness",
        [[128, 96], [181, 136], [256, 192], [362, 272], [512, 384]],
        1000 + 4 * 500,
    ),
}


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_have_the_terms_weights_sizes_and_steps_of_their_sources(name: str) -> None:
    formula, sizes, steps = RECIPES[name]
    recipe = preset(name, "style")
    engine = Engine(Common(**{**MODE.defaults, **recipe.common}), dry=True)
    content = picture(64, 48).fitted(engine.common.size or 0)
    MODE.call(engine, {"image": content, "style": PAINTING}, recipe.options)
    assert engine.report["formula"] == formula
    assert engine.report["octaves"] == sizes
    assert engine.report["steps"] == steps


def test_the_default_paints_from_128_pixels_up_and_weighs_layers_alike() -> None:
    engine = Engine(Common(size=512), dry=True)
    MODE.call(engine, {"image": picture(64, 48).fitted(512), "style": PAINTING}, {})
    assert [size[0] for size in engine.report["octaves"]] == [128, 181, 256, 362, 512]
    weights = [text.split("·")[0] for text in engine.report["formula"].split(" - ") if "style(" in text]
    assert len(weights) == 5 and len(set(weights)) == 1


@pytest.mark.parametrize(("model", "told"), [("inception_v3", True), ("vgg16", False), ("auto", False)])
def test_another_network_than_a_vgg_is_taken_with_a_word_about_it(
    model: str, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEEPDREAM_OFFLINE")  # a dry run fetches nothing
    engine = Engine(Common(model=model), dry=True)
    MODE.call(engine, {"image": picture(200, 160), "style": PAINTING}, {})
    assert any("better with the features of VGG" in note for note in engine.report["notes"]) == told


def test_the_contents_detail_comes_back_between_octaves_unless_told_otherwise() -> None:
    noise = np.random.default_rng(0).normal(0, 30, PHOTO.pixels.shape)
    busy = PHOTO.with_pixels(np.clip(PHOTO.pixels + noise, 0, 255))
    few: dict[str, Any] = {"octaves": 2, "octave_scale": 2.0, "steps": 1}
    kept, _ = made(busy, PAINTING, **few)
    assert np.abs(kept.pixels - busy.pixels).mean() < 4, "two steps of a grey level"
    blurred, _ = made(busy, PAINTING, reinject=False, **few)
    assert np.abs(blurred.pixels - busy.pixels).mean() > 8


def test_without_any_strength_the_photograph_is_left_as_it_is() -> None:
    result, _ = made(PHOTO, PAINTING, strength=0.0)
    np.testing.assert_array_equal(result.pixels, PHOTO.pixels)
