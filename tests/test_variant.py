"""Networks with another pooling or padding, on VGG16's first block."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from deepdream import backbones
from deepdream.backbones import Variant
from deepdream.climb.engine import Engine
from deepdream.jobs.recipe import Common
from deepdream.testing import picture

tf = pytest.importorskip("tensorflow")
PHOTO = picture(16, 12, seed=3)


def features(layer: str, **changes: Any) -> np.ndarray:
    engine = Engine(Common(precision="float32"))
    engine.alter(**changes)
    found: np.ndarray = engine.features(PHOTO, [layer])[layer].numpy()
    return found


def next_layer(pooled: np.ndarray) -> np.ndarray:
    """block2_conv1 of what the first pooling gives."""
    network = backbones.open_extractor(backbones.resolve("vgg16", ["block2_conv1"]), ["block2_conv1"])
    kernel, bias = network.network.get_layer("block2_conv1").get_weights()
    return tf.nn.relu(tf.nn.conv2d(pooled, kernel, 1, "SAME") + bias).numpy()


@pytest.mark.parametrize("kind", ["average", "l2"])
def test_pooling_is_the_scaled_mean_or_norm(kind: str) -> None:
    before = features("block1_conv2").astype(float)
    cells = before.reshape(1, 6, 2, 8, 2, 64)
    pooled = 2 * cells.mean((2, 4)) if kind == "average" else 0.78 * np.sqrt((cells**2).sum((2, 4)))
    expected = next_layer(pooled.astype(np.float32))
    np.testing.assert_allclose(features("block2_conv1", pooling=kind), expected, rtol=1e-3, atol=1e-2)
    assert np.abs(features("block2_conv1") - expected).max() > 1


def test_a_replicated_rim_changes_the_rim_alone_and_leaves_a_plain_picture_plain() -> None:
    plain, replicated = features("block1_conv1"), features("block1_conv1", replicate=True)
    assert plain.shape == replicated.shape
    np.testing.assert_allclose(plain[:, 1:-1, 1:-1], replicated[:, 1:-1, 1:-1], rtol=1e-4, atol=1e-3)
    assert np.abs(plain[:, 0] - replicated[:, 0]).max() > 1
    engine = Engine(Common(precision="float32"))
    engine.alter(replicate=True)
    flat = PHOTO.with_pixels(np.full((12, 16, 3), 200, np.float32))
    found = engine.features(flat, ["block1_conv1"])["block1_conv1"].numpy()
    assert np.ptp(found, axis=(1, 2)).max() < 1e-2, "no frame"


def test_a_network_stays_as_it_was_trained_unless_told_otherwise() -> None:
    assert Variant().plain and not Variant("average").plain
    np.testing.assert_array_equal(features("block2_conv1"), features("block2_conv1", pooling="max"))
