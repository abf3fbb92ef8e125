"""The networks: what they are made of, where their weights come from, and how to open them."""

from deepdream.backbones.catalog import PREPROCESS, Backbone, Layer, WeightsFile, get, names, stand_in
from deepdream.backbones.choice import Choice, resolve
from deepdream.backbones.extractor import Extractor, Precision, open_extractor
from deepdream.backbones.variant import Pooling, Variant
from deepdream.backbones.weights import State, Weights, WeightsMissingError, fetch, locate, state

__all__ = [
    "PREPROCESS",
    "Backbone",
    "Choice",
    "Extractor",
    "Layer",
    "Pooling",
    "Precision",
    "State",
    "Variant",
    "Weights",
    "WeightsFile",
    "WeightsMissingError",
    "fetch",
    "get",
    "locate",
    "names",
    "open_extractor",
    "resolve",
    "stand_in",
    "state",
]
