"""Networks and what to show them, for the tests of `backbones`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from deepdream import backbones


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 255, (1, height, width, 3)).astype(np.float32)


def vgg16(*layers: str, precision: Any = "float32", **options: Any) -> backbones.Extractor:
    return backbones.open_extractor(backbones.resolve("vgg16", layers, **options), layers, precision)


def vgg16_file() -> Path:
    path = backbones.locate(backbones.get("vgg16")).path
    assert path is not None
    return path
