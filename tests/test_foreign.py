"""Functions of plugins in graphs that are traced without AutoGraph: Python's `if` and `for` still work."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from deepdream import objectives as obj
from deepdream.climb import shaping, transforms
from deepdream.climb.engine import Engine, Pool
from deepdream.jobs.common import Common
from deepdream.objectives.foreign import welcome
from deepdream.testing import picture

tf = pytest.importorskip("tensorflow")
POOL = Pool()


def dreamt(objective: Any, **options: Any) -> np.ndarray:
    engine = Engine(Common(precision="float32"), seed=2, pool=POOL)
    return engine.ascend(picture(32, 32), objective, steps=2, **options).pixels


def louder(activations: Any, canvas: Any) -> Any:
    """The mean activation, doubled where it is positive: by a condition that only AutoGraph understands."""
    mean = tf.reduce_mean(activations["block1_conv1"])
    if mean > 0:
        mean *= 2.0
    for _ in tf.range(3):
        mean += 1.0
    return mean


def test_a_term_may_be_written_with_pythons_own_if_and_for() -> None:
    written = dreamt(obj.custom("louder", "block1_conv1", louder))
    np.testing.assert_allclose(written, dreamt(obj.mean("block1_conv1")), atol=1e-3)


def test_a_term_may_call_others_and_count_but_must_set_what_it_uses() -> None:
    def magnitude(number: Any) -> Any:
        if number > 0:
            return number
        return -number

    def counted(activations: Any, canvas: Any) -> Any:
        count = tf.constant(0)
        while count < 3:
            count += 1
        return magnitude(tf.reduce_mean(activations["block1_conv1"])) * tf.cast(count, tf.float32)

    def unset(activations: Any, canvas: Any) -> Any:
        mean = tf.reduce_mean(activations["block1_conv1"])
        if mean > 0:
            extra = mean
        return extra

    written = dreamt(obj.custom("counted", "block1_conv1", counted))
    np.testing.assert_allclose(written, dreamt(obj.mean("block1_conv1")), atol=1e-3)
    with pytest.raises(Exception, match="'extra' must also be initialized"):
        dreamt(obj.custom("unset", "block1_conv1", unset))


def test_shapes_and_transforms_may_be_written_so_too_alone_and_among_others() -> None:
    def only_up(gradient: Any) -> Any:
        if tf.reduce_max(gradient) > -1e9:
            gradient = tf.nn.relu(gradient)
        return gradient

    def mirrored(canvas: Any, seed: Any) -> Any:
        if tf.reduce_max(canvas) > -1.0:
            canvas = tf.reverse(canvas, [2])
        return canvas

    start, term = picture(32, 32).pixels, obj.layer("block1_conv1")
    alone = dreamt(term, shape=only_up, transform=mirrored)
    assert (alone >= start - 1e-3).all() and (alone > start + 0.5).any()
    among = dreamt(term, shape=shaping.chain(None, only_up), transform=transforms.compose(mirrored))
    np.testing.assert_array_equal(among, alone)


def test_functions_of_the_package_are_taken_as_they_are() -> None:
    turned = shaping.quarter_turns
    assert welcome(turned) is turned
    assert welcome(louder) is not louder
