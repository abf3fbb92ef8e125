"""What the network sees instead of the canvas, against SciPy and NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from deepdream.climb import transforms
from deepdream.testing import picture

CANVAS = tf.constant(picture(40, 30).pixels[None])
SEED = tf.constant([5, 7])
PICTURE = CANVAS[0].numpy()


def test_the_frame_is_grey_and_around_the_canvas() -> None:
    framed = transforms.pad(3)(CANVAS, SEED)[0].numpy()
    np.testing.assert_array_equal(framed, np.pad(PICTURE, [(3, 3), (3, 3), (0, 0)], constant_values=127.5))


def test_a_jitter_is_a_crop_by_a_shift_that_takes_every_value() -> None:
    shifts = set()
    for step in range(60):
        crop = transforms.jitter(2)(CANVAS, tf.constant([1, step]))[0].numpy()
        found = [
            (y, x)
            for y in range(3)
            for x in range(3)
            if np.array_equal(crop, PICTURE[y : y + 28, x : x + 38])
        ]
        assert len(found) == 1
        shifts.update(found)
    assert len(shifts) == 9


def test_a_scale_makes_the_canvas_so_much_larger() -> None:
    for factor, size in ((0.5, (15, 20)), (1.5, (45, 60))):
        assert transforms.scale([factor])(CANVAS, SEED).shape[1:3] == size
    sizes = {tuple(transforms.scale([0.5, 2])(CANVAS, tf.constant([0, n])).shape) for n in range(20)}
    assert len(sizes) == 2
    np.testing.assert_array_equal(transforms.scale([1.0])(CANVAS, SEED), CANVAS)


@pytest.mark.parametrize("degrees", [-10.0, 7.0, 90.0])
def test_a_turn_is_scipys(degrees: float) -> None:
    turned = transforms.rotate([degrees])(CANVAS, SEED)[0].numpy()
    expected = ndimage.rotate(PICTURE, degrees, reshape=False, order=1, mode="constant", cval=127.5)
    # Corners apart, where the two mix the outside in differently.
    inside = ndimage.rotate(np.ones((30, 40)), degrees, reshape=False, order=1) > 0.999
    assert abs(turned - expected)[inside].max() < 0.5
    assert inside.mean() > 0.3


def test_draws_come_from_the_seed_and_the_step_alone_and_differ_within_a_chain() -> None:
    shake = tf.function(transforms.standard())
    one, again, other = (shake(CANVAS, tf.constant(seed)).numpy() for seed in ([5, 7], [5, 7], [5, 8]))
    np.testing.assert_array_equal(one, again)
    assert one.shape != other.shape or abs(one - other).max() > 1
    twice = transforms.compose(transforms.jitter(8), transforms.jitter(8))
    both = [twice(CANVAS, tf.constant([0, n]))[0].numpy() for n in range(12)]
    same = [
        np.array_equal(crop, PICTURE[y : y + 14, y2 : y2 + 24])
        for crop in both
        for y in range(0, 17, 2)
        for y2 in range(0, 17, 2)
    ]
    assert sum(same) < 12  # two equal draws would always give even shifts


def test_gradients_come_through_to_the_pixels() -> None:
    with tf.GradientTape() as tape:
        tape.watch(CANVAS)
        value = tf.reduce_sum(transforms.standard()(CANVAS, SEED))
    gradient = tape.gradient(value, CANVAS).numpy()
    assert np.isfinite(gradient).all()
    assert 0.5 < gradient[0, 5:-5, 5:-5].mean() < 1.5


def test_a_flip_is_a_mirror_or_nothing() -> None:
    seen = {
        "same"
        if np.array_equal(out, PICTURE)
        else "mirrored"
        if np.array_equal(out, PICTURE[:, ::-1])
        else "no"
        for out in (transforms.flip()(CANVAS, tf.constant([0, n]))[0].numpy() for n in range(20))
    }
    assert seen == {"same", "mirrored"}
