"""The networks that modes are tested on: a tiny one with the layers of VGG16, and VGG16 itself."""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from deepdream.climb.engine import Pool
from deepdream.errors import UsageError
from deepdream.jobs.recipe import Common
from deepdream.silence import silence_tensorflow

__all__ = ["Bench", "check_bench", "tiny_network", "vgg16"]

_BLOCKS = ((2, 4), (2, 6), (3, 8), (3, 8), (3, 8))
"""Convolutions and channels of every block; VGG16 has 64, 128, 256 and twice 512 channels."""


@dataclass(frozen=True)
class Bench:
    """A network to test on; `pool` keeps it open from run to run."""

    common: Common = field(default_factory=Common)
    pool: Pool = field(default_factory=Pool)


@cache
def vgg16() -> Bench:
    """The embedded VGG16 in float32."""
    return Bench(Common(model="vgg16", precision="float32"))


@cache
def tiny_network() -> Bench:
    """A network of 4 to 8 channels in float32: layers, strides and names are VGG16's, the weights are drawn.

    A step takes milliseconds, and its layers `block1_conv1` to `block5_conv3` are there by name. It is made
    once, from the same numbers on every machine.
    """
    path = Path(_folder().name) / "tiny.keras"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras warns of its own use of NumPy
        _save(path)
    return Bench(Common(model=str(path), preprocess="tf", precision="float32"))


def check_bench(bench: object) -> None:
    """A UsageError for what is no `Bench`, such as one of the functions here that make one."""
    if not isinstance(bench, Bench):
        name = getattr(bench, "__name__", None)
        what = f"the function {name}" if name else repr(bench)
        raise UsageError(
            f"bench is a Bench, not {what}",
            "take the fixture tiny_network or vgg16 as an argument of the test, or call tiny_network()",
        )


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="deepdream-testing-")


def _save(path: Path) -> None:
    import numpy as np

    silence_tensorflow()
    import keras

    rng = np.random.default_rng(16)
    canvas = x = keras.Input((None, None, 3))
    for block, (count, channels) in enumerate(_BLOCKS, start=1):
        for number in range(1, count + 1):
            inputs = int(x.shape[-1])
            name = f"block{block}_conv{number}"
            layer = keras.layers.Conv2D(channels, 3, padding="same", activation="relu", name=name)
            x = layer(x)
            # As loud behind a layer as before it (He et al. 2015).
            kernel = rng.normal(0, np.sqrt(2 / (9 * inputs)), (3, 3, inputs, channels))
            layer.set_weights([kernel.astype(np.float32), np.full(channels, 0.05, np.float32)])
        x = keras.layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
    keras.Model(canvas, x).save(path)
