"""Objectives: immutable sums of named, weighted terms, always maximised.

A term turns the activations of some layers (and the canvas itself) into one number. Rewards
are added, penalties are positive and subtracted:

    obj.layer("mixed4") + 0.5 * obj.channel("mixed3", 119) - 1e-3 * obj.total_variation()

The layers that the terms name let the engine build one network, cut off behind the deepest of
them; the names and weights feed the progress line, the JSON report and the printed formula.

Shapes: an activation is float32 `[1, h, w, C]`, the canvas float32 `[1, H, W, 3]` in grey
levels 0-255; the value of a term is a float32 scalar.
"""

from __future__ import annotations

from deepdream.objectives.algebra import Objective, Probe, Term, total
from deepdream.objectives.custom import custom
from deepdream.objectives.diversity import likeness
from deepdream.objectives.grammar import layers, parse_layer, ranking
from deepdream.objectives.guiding import cosine, direction, match
from deepdream.objectives.keyframes import Keyframes
from deepdream.objectives.layerspec import LayerSpec
from deepdream.objectives.layerspec import parse as parse_spec
from deepdream.objectives.penalties import (
    absolute_variation,
    deviation,
    graininess,
    roughness,
    total_variation,
)
from deepdream.objectives.seeing import METRICS, Metric, channel, layer, mean, neuron, response
from deepdream.objectives.statistics import gram_matrix
from deepdream.objectives.style import content, gram, moments, wasserstein

__all__ = [
    "METRICS",
    "Keyframes",
    "LayerSpec",
    "Metric",
    "Objective",
    "Probe",
    "Term",
    "absolute_variation",
    "channel",
    "content",
    "cosine",
    "custom",
    "deviation",
    "direction",
    "graininess",
    "gram",
    "gram_matrix",
    "layer",
    "layers",
    "likeness",
    "match",
    "mean",
    "moments",
    "neuron",
    "parse_layer",
    "parse_spec",
    "ranking",
    "response",
    "roughness",
    "total",
    "total_variation",
    "wasserstein",
]
