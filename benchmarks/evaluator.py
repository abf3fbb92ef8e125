"""A judge of styled pictures that belongs to no contestant: VGG16 and both distances in float64.

    python -m benchmarks.evaluator content.png style.png made.png...

prints a line of JSON for each picture: `content`, mean((F - F̂)²) at block4_conv2, and `style`, the sum over
five layers of ‖G - Ĝ‖ / ‖Ĝ‖ (Frobenius), G being FᵀF / (h·w). Nothing here comes from deepdream but the file
of weights; the convolutions are TensorFlow's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

WEIGHTS = Path(__file__).resolve().parents[1] / "deepdream/backbones/vgg16_imagenet_notop_f16.weights.h5"
BLOCKS = (2, 2, 3, 3, 1)
"""Convolutions of each block, up to block5_conv1."""
CONTENT = "block4_conv2"
STYLE = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1")
MEAN = (103.939, 116.779, 123.68)


@dataclass(frozen=True)
class Score:
    """Distances; less is better."""

    content: float
    style: float


@cache
def _weights() -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    with h5py.File(WEIGHTS) as file:
        names = ["conv2d", *(f"conv2d_{n}" for n in range(1, sum(BLOCKS)))]
        stored = [file["layers"][name]["vars"] for name in names]
        return tuple((it["0"][()].astype(np.float64), it["1"][()].astype(np.float64)) for it in stored)


def features(pixels: np.ndarray) -> Mapping[str, np.ndarray]:
    """Activations `[h, w, C]` of grey levels `[H, W, 3]` at the layers that count."""
    import tensorflow as tf

    x = tf.constant(pixels[None, ..., ::-1].astype(np.float64) - np.array(MEAN))
    weights, found = iter(_weights()), {}
    for block, count in enumerate(BLOCKS, start=1):
        for number in range(1, count + 1):
            kernel, bias = next(weights)
            x = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME") + bias)
            if (name := f"block{block}_conv{number}") in (CONTENT, *STYLE):
                found[name] = x[0].numpy()
        x = tf.nn.max_pool2d(x, 2, 2, "VALID")
    return found


def gram(activations: np.ndarray) -> np.ndarray:
    """FᵀF / (h·w), `[C, C]`."""
    flat = activations.reshape(-1, activations.shape[-1])
    return flat.T @ flat / len(flat)


class Judge:
    """Scores pictures that were made of one content and one style, each at the size that is given."""

    def __init__(self, content: np.ndarray, style: np.ndarray) -> None:
        self._content = features(content)[CONTENT]
        painted = features(style)
        self._grams = {name: gram(painted[name]) for name in STYLE}

    def score(self, pixels: np.ndarray) -> Score:
        """The distances of a picture as large as the content."""
        found = features(pixels)
        off = [
            np.linalg.norm(gram(found[name]) - aim) / np.linalg.norm(aim) for name, aim in self._grams.items()
        ]
        return Score(float(((found[CONTENT] - self._content) ** 2).mean()), float(sum(off)))


def read(path: str | Path, longest: int | None = None) -> np.ndarray:
    """Grey levels of a picture, its longer side `longest` pixels."""
    with Image.open(path) as picture:
        image = picture.convert("RGB")
    if longest is not None:
        factor = longest / max(image.size)
        width, height = (round(side * factor) for side in image.size)
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(image, np.float64)


def main(paths: Sequence[str]) -> None:
    content, style, *made = paths
    pictures = [read(path) for path in made]
    longest = max(pictures[0].shape[:2])
    judge = Judge(read(content, longest), read(style, longest))
    for path, pixels in zip(made, pictures, strict=True):
        score = judge.score(pixels)
        print(json.dumps({"picture": path, "content": score.content, "style": score.style}))


if __name__ == "__main__":
    main(sys.argv[1:])
