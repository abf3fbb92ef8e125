"""Colours: what is kept, what is matched, and what a grey picture makes of both."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from deepdream.pictures import colours
from deepdream.testing import picture

Method = Literal["pca", "cholesky"]

PHOTO = picture(24, 20, seed=1).pixels
PAINTING = 0.3 * picture(30, 26, seed=2).pixels + 90  # mild colours: no clip interferes with the statistics


def yiq(pixels: np.ndarray) -> np.ndarray:
    """The NTSC matrix, written out."""
    matrix = [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]]
    return pixels.astype(float) @ np.array(matrix).T


@pytest.mark.parametrize("method", ["pca", "cholesky"])
def test_matched_colours_have_the_mean_and_covariance_of_the_other_picture(method: Method) -> None:
    moved = colours.match_colours(PHOTO, PAINTING, method)
    wanted, got = PAINTING.reshape(-1, 3), moved.reshape(-1, 3)
    np.testing.assert_allclose(got.mean(0), wanted.mean(0), atol=1e-3)
    np.testing.assert_allclose(np.cov(got.T, bias=True), np.cov(wanted.T, bias=True), rtol=5e-3, atol=1.0)


@pytest.mark.parametrize("method", ["pca", "cholesky"])
def test_matching_a_picture_to_itself_changes_nothing(method: Method) -> None:
    np.testing.assert_allclose(colours.match_colours(PHOTO, PHOTO, method), PHOTO, atol=1e-2)


@pytest.mark.parametrize("method", ["pca", "cholesky"])
@pytest.mark.parametrize(
    "kinds", [("grey", "colour"), ("colour", "grey"), ("flat", "colour"), ("colour", "flat")]
)
def test_singular_covariances_give_finite_pictures(method: Method, kinds: tuple[str, str]) -> None:
    made = {"grey": colours.grey(PHOTO), "flat": np.full((8, 8, 3), 77.0, np.float32), "colour": PAINTING}
    moved = colours.match_colours(made[kinds[0]], made[kinds[1]], method)
    assert np.isfinite(moved).all() and moved.min() >= 0 and moved.max() <= 255
    np.testing.assert_allclose(moved.mean((0, 1)), made[kinds[1]].mean((0, 1)), atol=1.0)
    if kinds[1] == "grey":
        assert np.ptp(moved, axis=2).max() < 6, "a grey picture makes the style grey"


def test_chroma_stays_and_luminance_is_the_one_given() -> None:
    bright = colours.luminance(PAINTING[:20, :24])
    moved = colours.with_luminance(0.4 * PHOTO + 70, bright)
    np.testing.assert_allclose(yiq(moved)[..., 0], bright, atol=1e-2)
    np.testing.assert_allclose(yiq(moved)[..., 1:], yiq(0.4 * PHOTO + 70)[..., 1:], atol=2e-2)


def test_where_a_screen_cannot_show_both_the_chroma_gives_way_and_the_hue_stays() -> None:
    red = np.full((1, 2, 3), [250, 10, 10], np.float32)
    moved = colours.with_luminance(red, np.array([[240.0, 8.0]]))
    assert moved.min() >= 0 and moved.max() <= 255
    np.testing.assert_allclose(colours.luminance(moved), [[240.0, 8.0]], atol=1e-2)
    before, after = yiq(red), yiq(moved)
    np.testing.assert_allclose(after[..., 2] / after[..., 1], before[..., 2] / before[..., 1], rtol=1e-3)


def test_black_and_white_can_be_given_as_luminance() -> None:
    moved = colours.with_luminance(PHOTO, np.where(np.arange(24) % 2, 255.0, 0.0)[None].repeat(20, 0))
    np.testing.assert_allclose(moved[:, 1::2], 255, atol=1e-3)
    np.testing.assert_allclose(moved[:, ::2], 0, atol=1e-3)


def test_matched_luminance_is_grey_and_as_bright_and_as_contrasty_as_the_other() -> None:
    moved = colours.match_luminance(PHOTO, PAINTING)
    assert np.ptp(moved, axis=2).max() == 0
    wanted = colours.luminance(PAINTING)
    assert moved[..., 0].mean() == pytest.approx(wanted.mean(), abs=0.1)
    assert moved[..., 0].std() == pytest.approx(wanted.std(), rel=1e-2)
    flat = colours.match_luminance(np.full((4, 4, 3), 9.0), PAINTING)
    np.testing.assert_allclose(flat, wanted.mean(), atol=0.1)


def test_finest_lightness_is_raised_to_that_of_another_within_a_limit() -> None:
    rng = np.random.default_rng(7)
    sharp = rng.uniform(60, 190, (24, 30, 3)).astype(np.float32)
    soft = 125 + 0.95 * (sharp - 125)
    assert colours.crisper(sharp, soft) is sharp
    np.testing.assert_allclose(
        np.ptp(colours.crisper(soft, sharp) - soft, axis=2), 0, atol=1e-3, err_msg="the chroma stays"
    )
    fine = [colours._finest(colours.luminance(it)).std() for it in (colours.crisper(soft, sharp), sharp)]
    assert 0.97 < fine[0] / fine[1] < 1.03
    far = colours.crisper(125 + 0.5 * (sharp - 125), sharp, most=1.1)
    assert colours._finest(colours.luminance(far)).std() < 0.6 * fine[1]
