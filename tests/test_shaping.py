"""Shaped gradients against plain NumPy loops."""

from __future__ import annotations

import numpy as np
import pytest

from deepdream.climb import shaping
from deepdream.errors import UsageError

tf = pytest.importorskip("tensorflow")

ROW = np.array([1.0, 4.0, 6.0, 4.0, 1.0])
KERNEL = np.outer(ROW, ROW) / 256


def down(image: np.ndarray) -> np.ndarray:
    """Every second pixel of the image filtered with the kernel, zeros around it, as 'SAME' has it."""
    h, w, _ = image.shape
    oh, ow = -(-h // 2), -(-w // 2)
    top, left = max((oh - 1) * 2 + 5 - h, 0) // 2, max((ow - 1) * 2 + 5 - w, 0) // 2
    padded = np.pad(image, ((top, 5), (left, 5), (0, 0)))
    out = np.zeros((oh, ow, 3))
    for i in range(oh):
        for j in range(ow):
            out[i, j] = np.tensordot(KERNEL, padded[2 * i : 2 * i + 5, 2 * j : 2 * j + 5], 2)
    return out


def up(image: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The transpose of `down`, times 4."""
    h, w, _ = shape
    oh, ow, _ = image.shape
    top, left = max((oh - 1) * 2 + 5 - h, 0) // 2, max((ow - 1) * 2 + 5 - w, 0) // 2
    padded = np.zeros((2 * oh + 10, 2 * ow + 10, 3))
    for i in range(oh):
        for j in range(ow):
            padded[2 * i : 2 * i + 5, 2 * j : 2 * j + 5] += 4 * KERNEL[:, :, None] * image[i, j]
    return padded[top : top + h, left : left + w]


def lap_normalize(image: np.ndarray, levels: int) -> np.ndarray:
    """The notebook of 2016: split, divide each band by its RMS, merge."""
    bands = []
    for _ in range(levels):
        low = down(image)
        bands.append(image - up(low, image.shape))
        image = low
    bands.append(image)
    bands = [band / max(np.sqrt((band**2).mean()), 1e-10) for band in bands]
    out = bands.pop()
    while bands:
        band = bands.pop()
        out = up(out, band.shape) + band
    return out


@pytest.mark.parametrize("size", [(21, 32), (16, 13)])
def test_bands_of_the_pyramid_are_those_of_the_notebook(size: tuple[int, int]) -> None:
    gradient = np.random.default_rng(1).standard_normal((*size, 3)).cumsum(0)
    got = shaping.laplacian(3)(tf.constant(gradient[None]))[0].numpy()
    np.testing.assert_allclose(got, lap_normalize(gradient, 3), atol=1e-9)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_bands_do_not_depend_on_the_strength_of_the_gradient(scale: float) -> None:
    gradient = tf.random.stateless_normal([1, 18, 20, 3], [1, 2])
    shape = shaping.laplacian(2)
    np.testing.assert_allclose(shape(scale * gradient), shape(gradient), atol=1e-4)
    assert np.isfinite(shape(0.0 * gradient)).all()


def test_blur_is_a_gaussian_mean_of_what_is_there() -> None:
    rng = np.random.default_rng(2)
    gradient, sigma = rng.standard_normal((9, 30, 3)), 1.5
    got = shaping.blurred(sigma)(tf.constant(gradient[None]))[0].numpy()
    for i, j in ((0, 0), (4, 15), (8, 3)):
        weights = np.exp(-((np.arange(9)[:, None] - i) ** 2 + (np.arange(30) - j) ** 2) / (2 * sigma**2))
        weights[:, np.abs(np.arange(30) - j) > 5] = 0  # the kernel ends at 3 sigma
        weights[np.abs(np.arange(9) - i) > 5] = 0
        expected = np.tensordot(weights, gradient, 2) / weights.sum()
        np.testing.assert_allclose(got[i, j], expected, atol=1e-9)
    with pytest.raises(UsageError):
        shaping.blurred(0)


def test_the_outermost_pixels_go_with_their_neighbours_inside() -> None:
    gradient = np.random.default_rng(5).standard_normal((1, 7, 9, 3))
    got = shaping.rimless(2)(tf.constant(gradient)).numpy()
    expected = np.pad(gradient[:, 2:-2, 2:-2], ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge")
    np.testing.assert_array_equal(got, expected)
    assert shaping.rimless(2)(tf.constant(gradient[:, :1, :2])).shape == (1, 1, 2, 3)


def test_grey_is_the_mean_of_the_colours() -> None:
    gradient = np.random.default_rng(3).standard_normal((1, 4, 5, 3))
    got = shaping.grey()(tf.constant(gradient)).numpy()
    np.testing.assert_allclose(got, np.repeat(gradient.mean(-1, keepdims=True), 3, -1))


def test_less_chroma_leaves_the_lightness_and_takes_purple_and_green_before_blue_and_orange() -> None:
    gradient = tf.constant(np.random.default_rng(5).standard_normal((1, 4, 5, 3)))
    np.testing.assert_allclose(shaping.chroma(1)(gradient), gradient, atol=1e-12)
    np.testing.assert_allclose(shaping.chroma(0)(gradient), shaping.grey()(gradient), atol=1e-12)
    for colour, share in (((2, 2, 2), 1.0), ((1, 0, -1), 0.3), ((1, -2, 1), 0.3**1.56)):
        got = shaping.chroma(0.3)(tf.constant([[[colour]]], tf.float64))
        np.testing.assert_allclose(got, share * np.array([[[colour]]]), atol=1e-12)
    with pytest.raises(UsageError):
        shaping.chroma(1.1)


def test_photographs_have_the_chroma_that_the_proportions_are_taken_from() -> None:
    """The square root of their covariance that lucid publishes, along the axes that are used here."""
    from deepdream.climb.parametrisations import COLOUR_ROOT

    deviations = np.linalg.norm(np.array(COLOUR_ROOT), axis=0)
    blue, purple = deviations[1:] / deviations[0]
    assert blue == pytest.approx(0.275, abs=1e-3)
    got = shaping.chroma(blue)(tf.constant([[[[1.0, -2.0, 1.0]]]], tf.float64))
    np.testing.assert_allclose(got, purple * np.array([[[[1, -2, 1]]]]), rtol=5e-3)


def test_all_eight_sides_are_seen_and_the_gradient_comes_back() -> None:
    canvas = tf.constant(np.random.default_rng(4).standard_normal((1, 3, 4, 3)))
    seen = set()
    for step in range(60):
        with tf.GradientTape() as tape:
            tape.watch(canvas)
            view = shaping.quarter_turns(canvas, tf.constant([7, step]))
            square = tf.reduce_sum(tf.square(view)) / 2
        np.testing.assert_array_equal(tape.gradient(square, canvas), canvas)
        assert sorted(view.shape[1:3]) == [3, 4]
        seen.add(view.numpy().tobytes())
    assert len(seen) == 8


def test_shapes_follow_each_other() -> None:
    assert shaping.chain(None, None) is None
    both = shaping.chain(lambda g: g + 1, None, lambda g: 2 * g)
    assert both is not None
    assert both(3) == 8
