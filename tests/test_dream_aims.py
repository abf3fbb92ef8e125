"""That a dream gets what it was aimed at, and not everything else as well."""

from __future__ import annotations

import numpy as np
import pytest

from deepdream import objectives as obj
from deepdream.backbones import resolve
from deepdream.climb.engine import Engine, Pool
from deepdream.jobs.recipe import Common
from deepdream.pictures.picture import Picture
from deepdream.testing import picture

tf = pytest.importorskip("tensorflow")

LAYER = "block3_conv1"
POOL, PHOTO = Pool(), picture(72, 56, seed=3)


def texture(angle: float, period: float) -> Picture:
    """Coloured stripes."""
    y, x = np.mgrid[:56, :72]
    phase = 2 * np.pi * (np.cos(angle) * x + np.sin(angle) * y) / period
    return Picture(127.5 + 100 * np.sin(phase[..., None] + [0.0, 0.4, 2.0]))


def seen(image: Picture) -> np.ndarray:
    """The features of a picture `[shifts, h, w, C]`, at shifts that a dream never had."""
    network = POOL.network(resolve("vgg16", [LAYER]), "float32")
    rolled = [image.with_pixels(np.roll(image.pixels, s, (0, 1))) for s in ((17, 23), (21, 40), (33, 12))]
    found = [network.features(it, (it.height, it.width))[LAYER].numpy() for it in rolled]
    return np.concatenate(found)


@pytest.mark.parametrize("channel", [5, 33, 77])
def test_a_channel_is_raised_far_more_than_the_others(channel: int) -> None:
    engine = Engine(Common(precision="float32"), pool=POOL)
    dreamt = engine.ascend(PHOTO, obj.channel(LAYER, channel), steps=16, jitter=4)
    gain = (seen(dreamt) - seen(PHOTO)).mean(axis=(0, 1, 2))
    others = np.delete(gain, channel)
    assert (gain[channel] - others.mean()) / others.std() > 3


def match(image: Picture, guide: Picture) -> float:
    """How well the cells of a picture find their like in a guide: the mean of the largest cosine."""
    a, b = (seen(it).reshape(-1, 256) for it in (image, guide))
    a, b = (it / np.linalg.norm(it, axis=1, keepdims=True) for it in (a, b))
    return float((a @ b.T).max(axis=1).mean())


@pytest.mark.parametrize("way", [obj.match, obj.cosine, obj.direction])
def test_a_guided_dream_comes_nearer_to_its_guide_than_to_another(way) -> None:  # type: ignore[no-untyped-def]
    guides = texture(0.3, 9), texture(1.9, 5)
    for guide, other in (guides, guides[::-1]):
        engine = Engine(Common(precision="float32"), pool=POOL)
        dreamt = engine.ascend(PHOTO, way(LAYER, guide), steps=8, jitter=4)
        to_guide, to_other = (match(dreamt, it) - match(PHOTO, it) for it in (guide, other))
        assert to_guide > max(0.0, to_other)
