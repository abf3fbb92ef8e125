"""A dream is what google/deepdream made in 2015, to the numbers: its loop, stated once more."""

from __future__ import annotations

import numpy as np
import pytest

from deepdream import objectives as obj
from deepdream.backbones import open_extractor, resolve
from deepdream.climb.engine import Engine, Pool
from deepdream.jobs.recipe import Common
from deepdream.pictures.picture import Picture

FLOAT32 = Common(precision="float32")


@pytest.fixture(scope="module")
def pool() -> Pool:
    return Pool()


@pytest.fixture(scope="module")
def photo() -> Picture:
    rng = np.random.default_rng(5)
    small = Picture.from_array(rng.uniform(0, 255, (6, 8, 3)).astype(np.float32))
    return small.resized(96, 72)


def bilinear(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Linear interpolation between pixel centres, in float64."""

    def along(values: np.ndarray, new: int) -> np.ndarray:
        old = values.shape[0]
        at = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, old - 1)
        part = (at - low).reshape(-1, 1, 1)
        return values[low] * (1 - part) + values[high] * part

    return along(along(image, height).transpose(1, 0, 2), width).transpose(1, 0, 2)


def plain_google_2015(
    image: np.ndarray, layer: str, pool: Pool, seed: int, octaves: int, steps: int
) -> np.ndarray:
    """google/deepdream's loop, step by step: ½Σa², roll, 1.5·g/mean|g|, unroll, clip, re-inject."""
    import tensorflow as tf

    extractor = open_extractor(resolve("vgg16", [layer]), [layer], "float32")
    bases = [image.astype(float)]
    for _ in range(octaves - 1):
        h, w = bases[0].shape[:2]
        bases.insert(0, bilinear(bases[0], round(h / 1.4), round(w / 1.4)))
    detail, index = np.zeros_like(bases[0]), 0
    for base in bases:
        detail = bilinear(detail, *base.shape[:2])
        x = base + detail
        for _ in range(steps):
            index += 1
            dy, dx = tf.random.stateless_uniform([2], [seed, index], -32, 33, tf.int32).numpy()
            rolled = tf.constant(np.roll(x, (dy, dx), (0, 1))[None], tf.float32)
            with tf.GradientTape() as tape:
                tape.watch(rolled)
                value = tf.reduce_sum(extractor(rolled)[layer] ** 2) / 2
            g = np.roll(tape.gradient(value, rolled)[0].numpy().astype(float), (-dy, -dx), (0, 1))
            x = np.clip(x + 1.5 / np.abs(g).mean() * g, 0, 255)
        detail = x - base
    return x


def test_dream_is_the_recipe_of_2015(pool: Pool, photo: Picture) -> None:
    layer = "block3_conv3"
    first = Engine(FLOAT32, seed=11, pool=pool).ascend(photo, obj.layer(layer), steps=1, jitter=32).pixels
    plain = plain_google_2015(photo.pixels, layer, pool, seed=11, octaves=1, steps=1)
    assert np.abs(first - plain).max() < 1e-3 * 50  # the largest change of a pixel is some 50 levels
    assert np.sqrt(((first - plain) ** 2).mean()) < 1e-3

    # Few steps: an ascent amplifies the rounding, which differs from one processor to the next.
    engine = Engine(FLOAT32, seed=11, pool=pool)
    many = engine.ascend(photo, obj.layer(layer), octaves=3, steps=2, jitter=32).pixels - photo.pixels
    plain = plain_google_2015(photo.pixels, layer, pool, seed=11, octaves=3, steps=2) - photo.pixels
    cosine = (many * plain).sum() / np.sqrt((many**2).sum() * (plain**2).sum())
    assert cosine >= 0.999
