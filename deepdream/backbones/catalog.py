"""Tables of networks as frozen data: names, layers, geometry, preprocessing, where their weights come from.

No TensorFlow here. Every network of `keras.applications` has one JSON file in `tables/`, read when asked for.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepdream.errors import UsageError, did_you_mean

__all__ = ["PREPROCESS", "Backbone", "Layer", "WeightsFile", "get", "is_path", "names", "stand_in"]

TABLES = Path(__file__).resolve().parent / "tables"
FIRST = ("inception_v3", "vgg16", "vgg19")
"""The networks people dream with; their names and layers win over those of any other."""
PREPROCESS = ("tf", "caffe", "torch", "none", "efficientnet")
_CHOSEN = {
    "vgg16": {
        "dream_layers": ("block5_conv3",),
        "style_layers": tuple(f"block{i}_conv1" for i in range(1, 6)),
        "content_layer": "block4_conv2",
    },
    "vgg19": {
        "dream_layers": ("block5_conv4",),
        "style_layers": tuple(f"block{i}_conv1" for i in range(1, 6)),
        "content_layer": "block4_conv2",
    },
    "inception_v3": {
        "dream_layers": ("mixed4",),
        "style_layers": ("activation", "activation_2", "activation_4", "mixed1", "mixed4"),
        "content_layer": "mixed2",
    },
}


@dataclass(frozen=True)
class Layer:
    """One place in a network to dream on; lengths in pixels of the network's input."""

    name: str
    kind: str
    channels: int
    stride: int
    receptive_field: int | None
    """Side of the square that one cell sees; None if it is the whole picture."""
    min_size: int
    """Side of the smallest square picture that gives a cell."""
    start: int | None = None
    """Where the field of the first cell begins, 0 or less; the others follow at every `stride`. None where
    the layer's grid depends on the size of the picture."""


@dataclass(frozen=True)
class WeightsFile:
    """A weights file as Keras offers it."""

    filename: str
    url: str
    hash: str
    """MD5 or SHA-256, whichever Keras has; empty if it has none."""
    size: int
    """Bytes, nearly: four per parameter."""


@dataclass(frozen=True)
class Backbone:
    """A network: the order of `layers` is the order of computation."""

    name: str
    preprocess: str
    """How grey levels 0..255 in RGB become the network's input: one of `PREPROCESS`."""
    layers: tuple[Layer, ...]
    weights: WeightsFile | None
    dream_layers: tuple[str, ...]
    style_layers: tuple[str, ...]
    content_layer: str
    function: str | None = None
    """Its constructor in `keras.applications`; None for a model that the user saved."""
    path: Path | None = None
    """The file of a model that the user saved."""

    def layer(self, name: str) -> Layer:
        """The layer `name`; UsageError with the nearest name or the network that has it."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        others = _owners(name)
        if others:
            own = f"; or name one of {self.name}: --layer {self.dream_layers[0]}" if self.dream_layers else ""
            hint: str | None = f"it is a layer of {others[0]}: leave out --model{own}"
        else:
            hint = did_you_mean(name, (layer.name for layer in self.layers), otherwise=self._outline())
        raise UsageError(f"no layer '{name}' in {self.name}", hint)

    def _outline(self) -> str | None:
        return f"its layers are {self.layers[0].name} … {self.layers[-1].name}" if self.layers else None


def names() -> list[str]:
    """Every network known by name, the ones most used first."""

    def by_number(name: str) -> list[str]:
        return [part.zfill(4) if part.isdigit() else part for part in re.split(r"(\d+)", name)]

    found = sorted((path.stem for path in TABLES.glob("*.json")), key=by_number)
    return [*(name for name in FIRST if name in found), *(name for name in found if name not in FIRST)]


def get(model: str, preprocess: str | None = None) -> Backbone:
    """The network of that name, or the Keras model saved at that path (this one needs TensorFlow).

    Spelling is forgiving: `InceptionV3` and `inception-v3` are `inception_v3`. `preprocess` overrides the
    network's own; a saved model without it gets 'none'. UsageError for a name that nothing has.
    """
    if preprocess is not None and preprocess not in PREPROCESS:
        raise UsageError(f"no preprocessing '{preprocess}'", f"there are {', '.join(PREPROCESS)}")
    if is_path(model):
        from deepdream.backbones.saved import read_saved
        from deepdream.silence import silence_tensorflow

        silence_tensorflow()
        layers = read_saved(Path(model))
        return _with_defaults(name=model, preprocess=preprocess or "none", layers=layers, path=Path(model))
    known = {_plain(name): name for name in names()}
    if _plain(model) not in known:
        raise UsageError(
            f"no model '{model}'", did_you_mean(model, names(), otherwise="see 'deepdream models'")
        )
    return _read(known[_plain(model)], preprocess)


def is_path(model: str) -> bool:
    """Whether `model` means a file rather than a name of the catalogue."""
    return "/" in model or "\\" in model or Path(model).suffix in {".keras", ".h5", ".hdf5"}


def stand_in(layer: Layer) -> Layer:
    """The convolution of VGG16 that sees nearly as much of the picture as `layer`, in like steps.

    Nearest in the logarithm of the receptive field, then in that of the stride. A layer that sees the whole
    picture gets the deepest.
    """
    candidates = [candidate for candidate in get("vgg16").layers if candidate.kind == "conv"]
    field = layer.receptive_field or math.inf

    def distance(candidate: Layer) -> tuple[float, float]:
        own = candidate.receptive_field or 1
        apart = abs(math.log(field / own)) if math.isfinite(field) else -float(own)
        return apart, abs(math.log(layer.stride / candidate.stride))

    return min(candidates, key=distance)


def _owners(layer: str) -> list[str]:
    """The networks that have a layer of that name. Text search spares parsing forty tables."""
    return [name for name in names() if f'["{layer}",' in _text(name)]


def _text(name: str) -> str:
    return (TABLES / f"{name}.json").read_text(encoding="utf-8")


def _read(name: str, preprocess: str | None = None) -> Backbone:
    table = json.loads(_text(name))
    return _with_defaults(
        name=name,
        preprocess=preprocess or table["preprocess"],
        layers=[Layer(*row) for row in table["layers"]],
        weights=WeightsFile(**table["weights"]) if table["weights"] else None,
        function=table["function"],
    )


def _with_defaults(*, name: str, layers: Sequence[Layer], **fields: Any) -> Backbone:
    """A backbone with its default layers: chosen by eye for a few networks, by depth for the others.

    By depth means as in the networks chosen by eye: dreams in the middle of the stride-16 stage, content
    in the middle of the stride-8 stage, style at the beginning of every stage.
    """
    chosen: dict[str, Any] = dict(_CHOSEN.get(name, {}))
    if not chosen and layers:
        stages = dict(_stages(layers))
        dream = stages.get(16) or stages[max(stages)]
        content = stages.get(8) or dream
        chosen["dream_layers"] = (dream[len(dream) // 2].name,)
        chosen["content_layer"] = content[len(content) // 2].name
        chosen["style_layers"] = tuple(stage[0].name for stage in list(stages.values())[:5])
    chosen = chosen or {"dream_layers": (), "style_layers": (), "content_layer": ""}
    return Backbone(name=name, layers=tuple(layers), **{"weights": None, **fields, **chosen})


def _stages(layers: Sequence[Layer]) -> Iterator[tuple[int, list[Layer]]]:
    """Layers by stride, in each the ends of blocks (sums, joins) if it has any."""
    for stride in sorted({layer.stride for layer in layers}):
        stage = [layer for layer in layers if layer.stride == stride]
        for kinds in ({"add", "concat"}, {"activation"}, {"conv"}):
            if any(layer.kind in kinds for layer in stage):
                stage = [layer for layer in stage if layer.kind in kinds]
                break
        yield stride, stage


def _plain(name: str) -> str:
    return re.sub(r"[-_ ]", "", name).lower()
