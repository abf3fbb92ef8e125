"""The function that turns a wish (model, layers) into a network, its weights and its layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from deepdream.backbones.catalog import Backbone, get, is_path, names, stand_in
from deepdream.backbones.variant import Variant
from deepdream.backbones.weights import Weights, WeightsMissingError, locate
from deepdream.errors import UsageError, did_you_mean

__all__ = ["Choice", "resolve"]


@dataclass(frozen=True)
class Choice:
    """A network to open."""

    backbone: Backbone
    weights: Weights
    used: Mapping[str, str]
    """Layer asked for -> layer used; they differ where another network stands in."""
    note: str | None = None
    """What the user should know about the choice, in one line."""
    variant: Variant = field(default_factory=Variant)
    """How it differs from the network as it was trained."""


def resolve(
    model: str,
    layers: Sequence[str],
    *,
    weights: Path | None = None,
    preprocess: str | None = None,
    download: bool = True,
    quiet: bool = False,
) -> Choice:
    """The network that `model` means for these layers, with its weights.

    `model` is a name of the catalogue, the path of a saved Keras model or 'auto'. 'auto' goes by the
    names of the layers: VGG16 (embedded, nothing to download) if it has them all or none is named, else
    InceptionV3, else the first network that has them. If the weights of InceptionV3, chosen so, cannot be
    had, VGG16 stands in with the layers that see as much of the picture, and `note` says so; a model that
    was named never falls back.

    With `download=False` nothing is fetched, and weights that only the network has count as had; `note` says
    what would stand in if the download failed. `quiet` hides the progress of a download. Raises UsageError
    for unknown names, WeightsMissingError for weights that cannot be had.
    """
    backbone = _home(layers) if model == "auto" else get(model)
    if preprocess is not None:
        backbone = dataclasses.replace(backbone, preprocess=get("vgg16", preprocess).preprocess)
    wanted = {name: backbone.layer(name).name for name in layers}
    note: str | None = None
    try:
        found = locate(backbone, weights, download=download, quiet=quiet)
    except WeightsMissingError as missing:
        if model != "auto" or backbone.name != "inception_v3":
            raise
        used = _stand_in(backbone, layers)
        note = f"InceptionV3's weights cannot be had ({missing.reason}): VGG16's {_listed(used, 'stands')}"
        return Choice(get("vgg16"), locate(get("vgg16")), used, note)
    if found.path is None and model == "auto" and backbone.name == "inception_v3":
        instead = _listed(_stand_in(backbone, layers), "would stand")
        note = f"InceptionV3's weights are not here yet; if they cannot be downloaded, VGG16's {instead}"
    if is_path(model) and preprocess is None:
        note = (
            f"{model} gets grey levels 0..255 as they are; the other preprocessings are tf, caffe and torch"
        )
    return Choice(backbone, found, MappingProxyType(wanted), note)


def _stand_in(backbone: Backbone, layers: Iterable[str]) -> Mapping[str, str]:
    """Each layer, and the one of VGG16 that takes its place."""
    return MappingProxyType({name: stand_in(backbone.layer(name)).name for name in layers})


def _listed(used: Mapping[str, str], stands: str) -> str:
    places: dict[str, list[str]] = {}
    for name, own in used.items():
        places.setdefault(own, []).append(name)
    pairs = ", ".join(f"{own} for {' and '.join(names)}" for own, names in places.items())
    return pairs.replace(" for", f" {stands} in for", 1)


def _home(layers: Sequence[str]) -> Backbone:
    """The first network that has all the layers."""
    order = ["vgg16", *(name for name in names() if name != "vgg16")]
    owners: dict[str, str] = {}
    for name in order:
        backbone = get(name)
        own = {layer.name for layer in backbone.layers}
        if own.issuperset(layers):
            return backbone
        owners.update({layer: name for layer in layers if layer in own and layer not in owners})
    for layer in layers:
        if layer not in owners:
            known = [own.name for name in ("vgg16", "inception_v3") for own in get(name).layers]
            raise UsageError(
                f"no layer '{layer}' in any model",
                did_you_mean(layer, known, otherwise="see 'deepdream layers'"),
            )
    by_owner = {owner: [it for it in layers if owners[it] == owner] for owner in owners.values()}
    fewest = sorted(by_owner, key=lambda owner: len(by_owner[owner]))
    listed = [f"'{', '.join(by_owner[owner])}' of {owner}" for owner in fewest[:-1]]
    listed.append(f"{_few(by_owner[fewest[-1]])} of {fewest[-1]}")
    raise UsageError(
        f"no network has all these layers: {' and '.join(listed)}",
        f"a run has one network: name layers of {fewest[-1]} only, or of {fewest[0]}",
    )


def _few(layers: Sequence[str]) -> str:
    """One name, or how many there are like it."""
    return f"'{layers[0]}'" + (f" and {len(layers) - 1} more" if len(layers) > 1 else "")
