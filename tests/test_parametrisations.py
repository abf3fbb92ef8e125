"""What an optimiser moves instead of pixels: spectra, colours, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from deepdream import objectives
from deepdream.climb.engine import Engine
from deepdream.climb.parametrisations import COLOUR_ROOT, Fourier, Pixels, from_canvas, to_canvas
from deepdream.errors import DeepDreamError
from deepdream.jobs.recipe import Common
from deepdream.testing import picture

SEED = tf.constant([3, 0])
GREY = tf.fill([1, 24, 31, 3], 127.5)
KINDS = [Fourier(), Fourier(decorrelated=False), Pixels(), Pixels(decorrelated=False)]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("width", [30, 31])
def test_a_start_without_noise_decodes_to_its_canvas(kind: Fourier | Pixels, width: int) -> None:
    still = type(kind)(deviation=0.0, decorrelated=kind.decorrelated)
    canvas = tf.constant(20 + 0.8 * picture(width, 23).pixels[None])
    np.testing.assert_allclose(still.decode(still.start(canvas, SEED), (23, width)), canvas, atol=0.02)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_noise_starts_near_grey_and_is_another_for_every_seed(kind: Fourier | Pixels) -> None:
    starts = [
        kind.decode(kind.start(GREY, tf.constant(seed)), (24, 31)).numpy()
        for seed in ([3, 0], [3, 0], [3, 9])
    ]
    np.testing.assert_array_equal(starts[0], starts[1])
    assert abs(starts[0] - starts[2]).max() > 0.1
    assert abs(starts[0].mean() - 127.5) < 5 and 0.1 < starts[0].std() < 20


def test_equal_noise_in_the_spectrum_falls_with_frequency_as_stated() -> None:
    size, kind = (64, 64), Fourier(decorrelated=False)
    power = np.zeros([64, 33])
    for seed in range(20):
        values = from_canvas(
            kind.decode(kind.start(tf.fill([1, *size, 3], 127.5), tf.constant([seed, 0])), size),
            decorrelated=False,
        )
        power += (abs(np.fft.rfft2(values[0].numpy(), axes=(0, 1))) ** 2).mean(axis=-1)
    frequency = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.rfftfreq(64))
    low = power[(frequency > 0.05) & (frequency < 0.1)].mean()
    high = power[(frequency > 0.2) & (frequency < 0.4)].mean()
    expected = np.mean(frequency[(frequency > 0.05) & (frequency < 0.1)] ** -2.0)
    expected /= np.mean(frequency[(frequency > 0.2) & (frequency < 0.4)] ** -2.0)
    assert low / high == pytest.approx(expected, rel=0.15)
    # Unitary but for lucid's 4: at frequency f a coefficient of deviation 0.01 gives 0.01 / (4 f).
    flat = frequency[10, 0]
    rms = np.sqrt(power[10, 0] / 20) / 64
    assert rms == pytest.approx(np.sqrt(2) * 0.01 / 4 / flat, rel=0.4)


def test_what_is_finer_than_half_a_cycle_in_any_direction_stays_as_it_is() -> None:
    """Equal moves of all coefficients, as Adam makes, draw no checkerboard, and wipe out none."""
    size, kind = (64, 64), Fourier(deviation=0.0, decorrelated=False)
    beyond = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.rfftfreq(64)) > 0.5
    checks = np.indices(size).sum(axis=0)[None, :, :, None] % 2
    canvas = tf.constant(np.broadcast_to(120.0 + 15 * checks, [1, *size, 3]), tf.float32)
    start = kind.start(canvas, SEED)
    moves = np.random.default_rng(0).choice([-0.05, 0.05], start.shape).astype(np.float32)
    made = from_canvas(kind.decode(start + moves, size), decorrelated=False)
    was, now = (np.fft.rfft2(it[0], axes=(0, 1)) for it in (from_canvas(canvas, decorrelated=False), made))
    grown = np.square(abs(now - was)).mean(axis=-1)
    assert grown[beyond].mean() < 1e-4 * grown[~beyond].mean()
    assert abs(now[32, 32] / was[32, 32] - 1).max() < 0.01


def test_independent_numbers_have_the_colour_covariance_of_imagenet() -> None:
    # Small ones, for which the sigmoid is straight: 255 / 4 grey levels for each unit.
    numbers = tf.random.stateless_normal([1, 300, 300, 3], [1, 2]) * 0.01
    colours = (to_canvas(numbers, decorrelated=True).numpy() - 127.5).reshape(-1, 3) * 4 / 255 / 0.01
    root = np.array(COLOUR_ROOT)
    wanted = root @ root.T / np.square(root).sum(axis=0).max()
    np.testing.assert_allclose(np.cov(colours.T), wanted, atol=0.02)
    # Red, green and blue of photographs go together: lightness is most of what varies.
    np.testing.assert_allclose(wanted[0, 1] / np.sqrt(wanted[0, 0] * wanted[1, 1]), 0.93, atol=0.03)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_parameter_that_counts_has_a_gradient(kind: Fourier | Pixels) -> None:
    params = kind.start(GREY, SEED)
    weights = tf.constant(np.random.default_rng(0).standard_normal([1, 24, 31, 3]), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(params)
        value = tf.reduce_sum(weights * kind.decode(params, (24, 31)))
    gradient = tape.gradient(value, params).numpy()
    assert np.isfinite(gradient).all() and np.count_nonzero(gradient) > 0.9 * gradient.size
    move = 1e-2 * gradient / np.linalg.norm(gradient)
    there = tf.reduce_sum(weights * kind.decode(params + move, (24, 31)))
    assert float(there - value) == pytest.approx(np.sum(gradient * move), rel=0.05)


@pytest.mark.parametrize(
    ("start", "decode", "said"),
    [
        (lambda canvas, seed: canvas.numpy(), lambda x, size: x, "start gave ndarray, not a tensor"),
        (lambda canvas, seed: canvas, lambda x, size: tf.sqrt(-1.0 - x), "a canvas that is no number"),
    ],
)
def test_what_is_no_start_and_no_canvas_is_said_to_be(
    start: Callable[..., Any], decode: Callable[..., Any], said: str
) -> None:
    way = type("Own", (), {"start": staticmethod(start), "decode": staticmethod(decode)})()
    with pytest.raises(DeepDreamError, match=said):
        Engine(Common(precision="float32")).ascend(
            picture(), objectives.layer("block1_conv1"), steps=1, parametrisation=way
        )


def test_a_mask_is_of_pixels_alone() -> None:
    mask = picture(31, 24)
    objective = objectives.layer("block1_conv1")
    engine = Engine(Common(precision="float32"))
    with pytest.raises(DeepDreamError, match=r"a mask is of pixels, and this parametrisation climbs \["):
        engine.ascend(picture(31, 24), objective, steps=1, parametrisation=Fourier(), mask=mask)
    made = engine.ascend(picture(31, 24), objective, steps=1, parametrisation=Pixels(), mask=mask)
    assert made.size == mask.size
