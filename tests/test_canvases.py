"""Canvases between the octaves: the numbers of TensorFlow's interpolation, in memory of their own."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from deepdream.climb.canvases import canvas_of, resized
from deepdream.pictures.scales import Size


@pytest.mark.parametrize(
    ("old", "new"),
    [((30, 40), (42, 57)), ((410, 731), (575, 1024)), ((575, 300), (411, 214)), ((3, 2), (300, 11))],
)
def test_resizing_gives_the_numbers_of_tensorflow(old: Size, new: Size) -> None:
    rng = np.random.default_rng(0)
    pixels, onto = (rng.uniform(0, 255, (*size, 3)).astype(np.float32) for size in (old, new))
    expected = tf.image.resize(pixels[np.newaxis], new, "bilinear")[0].numpy()
    np.testing.assert_array_equal(resized(pixels, new), expected)
    np.testing.assert_array_equal(resized(pixels, new, onto), onto + expected)


@pytest.mark.parametrize(("old", "new"), [((30, 40), (42, 57)), ((575, 300), (411, 214)), ((3, 2), (1, 11))])
def test_corners_are_those_of_scipy_and_the_origin_that_of_tensorflow_1(old: Size, new: Size) -> None:
    pixels = np.random.default_rng(0).uniform(0, 255, (*old, 3)).astype(np.float32)
    for anchor, aligned in (("corners", True), ("origin", False)):
        there = tf.compat.v1.image.resize_bilinear(pixels[np.newaxis], new, align_corners=aligned)[0]
        np.testing.assert_allclose(resized(pixels, new, anchor=anchor), there, atol=1e-3)
    ndimage = pytest.importorskip("scipy.ndimage")
    ratios = (new[0] / old[0], new[1] / old[1], 1)
    zoomed = ndimage.zoom(pixels.astype(float), ratios, order=1)
    assert zoomed.shape[:2] == new
    np.testing.assert_allclose(resized(pixels, new, anchor="corners"), zoomed, atol=1e-2)


def test_a_canvas_shares_memory_only_where_nobody_else_reads_it() -> None:
    pixels = np.ones((5, 7, 3), np.float32)
    made = resized(pixels, (10, 14))
    shared = canvas_of(made)
    made[:] = 2
    assert float(tf.reduce_max(shared)) == 2.0
    pixels.flags.writeable = False
    apart = canvas_of(pixels)
    assert not np.shares_memory(np.asarray(apart), pixels)
    np.testing.assert_array_equal(apart[0], pixels)
