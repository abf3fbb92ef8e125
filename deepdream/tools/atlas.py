"""The atlas: a photograph dreamt on at every layer of a network, or by channels of a layer, on one sheet."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from deepdream import backbones
from deepdream import objectives as obj
from deepdream.climb import shaping
from deepdream.climb.engine import Engine
from deepdream.climb.events import Step
from deepdream.console.progress import duration
from deepdream.jobs.common import Common
from deepdream.jobs.recipe import Input, Recipe
from deepdream.jobs.versions import versions
from deepdream.objectives.layerspec import LayerSpec, parse
from deepdream.pictures import sheets
from deepdream.pictures.picture import Picture
from deepdream.pictures.sheets import Cell
from deepdream.runs.results import used_of

__all__ = [
    "Dreamt",
    "Settings",
    "cells_for",
    "command",
    "dream_cells",
    "labels",
    "page",
    "page_size",
    "recipe",
    "specs_for",
    "title",
]

_STRONGEST = 24
"""Channels of a layer that is named as a whole: those that answer most to the photograph."""

_SHARED = 8
"""Channels that share a trace; every one of them costs the others a little."""


@dataclass(frozen=True)
class Settings:
    """How each cell is dreamt: as by 'dream', but small and in few steps, since there are many."""

    size: int = 192
    octaves: int = 3
    octave_scale: float = 1.4
    steps: int = 14
    step_size: float = 1.5
    jitter: int = 512
    chroma: float = 0.3
    blur: float = 1.0


@dataclass(frozen=True)
class Dreamt:
    """One cell: what was dreamt, the picture, and the seconds that a step at full size took."""

    spec: LayerSpec
    picture: Picture
    seconds: float | None


def specs_for(
    engine: Engine, photo: Picture, texts: Sequence[str], rewarding: Sequence[str]
) -> list[LayerSpec]:
    """What to dream: `texts` in the grammar of `--layer`, channel by channel, or the `rewarding` layers.

    One layer without channels stands for the channels of it that answer most strongly to `photo`.
    """
    if not texts:
        return [LayerSpec(name) for name in rewarding]
    specs = [parse(text) for text in texts]
    found: list[LayerSpec] = []
    for spec in specs:
        if (spec.whole and len(specs) > 1) or (spec.place and not (spec.channels or spec.ranked)):
            found.append(spec)
            continue
        ranked = spec.ranked
        if spec.whole:
            count = min(_STRONGEST, _layer(engine, spec.layer).channels)
            ranked = parse(f"x[top{count}]").ranked
        channels = dict.fromkeys(spec.channels)
        if ranked:
            seen = engine.features(photo, [spec.layer])[spec.layer]
            channels |= dict.fromkeys(c for rank in ranked for c in obj.ranking(seen, rank))
        found += [replace(spec, channels=(c,), ranked=(), weight=1.0) for c in channels]
    return found


def page_size(
    backbone: backbones.Backbone, size: tuple[int, int], texts: Sequence[str], rewarding: Sequence[str]
) -> tuple[int, int]:
    """Width and height of the sheet of what `specs_for` finds, its pictures being of `size`.

    Less of it, perhaps: a strongest channel may be one that is named, too.
    """
    counts = cells_for(backbone, texts, rewarding)
    whole = not texts or (len(texts) > 1 and any(parse(text).whole for text in texts))
    return sheets.page_size(size, sum(count for _, count in counts), 3 if whole else 2, titled=True)


def cells_for(
    backbone: backbones.Backbone, texts: Sequence[str], rewarding: Sequence[str]
) -> list[tuple[str, int]]:
    """The layers of what `specs_for` finds, and how many cells each has at most."""
    specs = [parse(text) for text in texts] or [LayerSpec(name) for name in rewarding]
    if len(texts) == 1 and specs[0].whole:
        return [(specs[0].layer, min(_STRONGEST, backbone.layer(specs[0].layer).channels))]
    return [(spec.layer, max(1, len(spec.channels) + len(spec.ranked))) for spec in specs]


def dream_cells(
    engine: Engine, photo: Picture, specs: Sequence[LayerSpec], settings: Settings
) -> list[Dreamt]:
    """Dream every cell; those that were begun when the engine is cancelled, and none after them."""
    aims = [obj.layers([spec]) for spec in specs]
    shape = shaping.chain(shaping.rimless(), shaping.blurred(settings.blur), shaping.chroma(settings.chroma))
    timer = _Timer()
    engine.listeners = (timer, *engine.listeners)
    made = []
    for number in engine.each(range(len(specs)), lambda it: str(specs[it])):
        begin = number // _SHARED * _SHARED
        near = [(n, aim) for n, aim in enumerate(aims[begin : begin + _SHARED], start=begin)]
        timer.seconds = None
        picture = engine.ascend(
            photo,
            # The neighbours at weight 0: cells that differ in their weights alone share what was traced.
            obj.total(
                aim if n == number else 0.0 * aim for n, aim in near if aim.layers == aims[number].layers
            ),
            octaves=settings.octaves,
            octave_scale=settings.octave_scale,
            steps=settings.steps,
            step_size=settings.step_size,
            jitter=settings.jitter,
            shape=shape,
        )
        made.append(Dreamt(specs[number], picture, timer.seconds))
    return made


def page(engine: Engine, cells: Sequence[Dreamt], count: int, title: str) -> Picture:
    """The contact sheet: the cells with their labels, and empty places up to `count`."""
    shown = [Cell(cell.picture, labels(engine, cell)) for cell in cells]
    missing = [Cell(None)] * (count - len(cells))
    return sheets.sheet([*shown, *missing], title=title)


def title(model: str, cells: Sequence[Dreamt], photo: str) -> str:
    """What stands above the cells: network, its layer if there is one, photograph, and at what size."""
    layers = {cell.spec.layer for cell in cells}
    where = f"{model} {layers.pop()}" if len(layers) == 1 else model
    width, height = cells[0].picture.size
    return f"{where} on {photo} at {width}x{height} px"


def recipe(
    engine: Engine, photo: Picture, asked: Mapping[str, Any], settings: Settings, cells: Sequence[Dreamt]
) -> Recipe:
    """How the atlas was made; `asked` is what chose its cells."""
    source = photo.source
    used = used_of({**engine.report, "layers": [str(cell.spec) for cell in cells]}, None)
    return Recipe(
        "layers",
        inputs={} if source is None else {"photo": Input(source.path, source.sha256)},
        options={**asked, **asdict(settings)},
        common=Common(model=engine.common.model),
        seed=engine.seed,
        used={name: used[name] for name in ("model", "weights", "layers", "precision") if name in used},
        versions=versions(),
    )


def command(recipe: Recipe, path: str) -> str:
    """What to type to make the atlas of `recipe` again, at `path`."""
    options = recipe.options
    words = ["deepdream", "layers", *(item.path for item in recipe.inputs.values()), "--atlas", path]
    words += ["--model", recipe.common.model, *(["--all"] if options.get("all") else [])]
    for layer in options.get("layer") or []:
        words += ["--layer", layer]
    for name in ("size", "steps"):
        words += [f"--{name}", str(options.get(name))]
    return shlex.join([*words, "--seed", str(recipe.seed)])


def labels(engine: Engine, cell: Dreamt) -> list[str]:
    """What stands below a cell: layer, channels, the part of a picture it sees, the cost of a step."""
    layer = _layer(engine, cell.spec.layer)
    sees = f"sees {layer.receptive_field} px" if layer.receptive_field else "sees everything"
    cost = "" if cell.seconds is None else f"{duration(cell.seconds)}/step"
    if not cell.spec.whole:
        return [str(cell.spec), cost]
    return [cell.spec.layer, f"{layer.channels} channels", " · ".join(filter(None, [sees, cost]))]


def _layer(engine: Engine, name: str) -> backbones.Layer:
    model = engine.common.model
    return backbones.get("vgg16" if model == "auto" else model).layer(name)


class _Timer:
    """A listener that knows how long the last step took."""

    seconds: float | None = None

    def __call__(self, step: Step) -> None:
        self.seconds = step.seconds
