"""Feature visualisation: what a layer, a channel, a neuron or a direction looks for, drawn from noise.

Olah, Mordvintsev & Schubert, "Feature Visualization" (Distill 2017), with the settings of tensorflow/lucid.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

from deepdream.api import (
    Adam,
    Engine,
    Option,
    Picture,
    UsageError,
    mode,
    parametrisations,
    sheets,
    transforms,
)
from deepdream.api import objectives as obj

NOISE = 0.01
"""Deviation of what a picture begins with, in each parameter."""
DIVERSITY = 2.0
DRAWS = 24
"""How often a neuron that sleeps is given other noise."""


@mode("visualize", api=1, defaults={"size": 224})
def visualize(
    engine: Engine,
    *,
    layer: Annotated[
        list[str] | None,
        Option(
            help="What to visualise: LAYER, LAYER[CHANNEL], LAYER[CHANNEL]@X,Y for a neuron; repeat to mix, "
            "or for more cells of a grid. See 'deepdream layers'."
        ),
    ] = None,
    towards: Annotated[
        Picture | None,
        Option(
            help="A picture: visualise the direction of its mean features at the layer.", metavar="PICTURE"
        ),
    ] = None,
    grid: Annotated[
        bool, Option(help="A contact sheet: each channel by itself, as in --layer 'block4_conv3[0-15]'.")
    ] = False,
    examples: Annotated[
        int, Option(min=1, max=100, help="Pictures to make of each feature, all different.")
    ] = 1,
    diversity: Annotated[
        float, Option(min=0, max=100, help="How much the examples must differ; 0 only changes the noise.")
    ] = DIVERSITY,
    steps: Annotated[int, Option(min=1, max=100_000, help="Gradient steps for each picture.")] = 128,
    rate: Annotated[
        float, Option(min=0, max=10, help="Adam's learning rate, in the parameters' units.")
    ] = 0.05,
    parametrisation: Annotated[
        Literal["fourier", "pixels"], Option(help="What is climbed: frequencies of equal energy, or pixels.")
    ] = "fourier",
    decorrelate: Annotated[bool, Option(help="Climb in colours as independent as photographs' are.")] = True,
    robust: Annotated[bool, Option(help="Shift, scale and turn a little before every step.")] = True,
) -> Picture:
    """Draw from noise what excites a part of the network most.

    Examples:

      deepdream visualize --layer "block4_conv3[14]"

      deepdream visualize --layer "block5_conv1[0-15]" --grid --size 128

      deepdream visualize --layer "block5_conv3[40]" --examples 4

      deepdream visualize --layer block5_conv1 --towards samples/chelsea.jpg
    """
    texts = layer or engine.default_layers("dream")
    if examples == 1 and diversity != DIVERSITY:
        engine.say(f"there is one example, so this does not count: --diversity {diversity:g}")
    aims = _aims(engine, texts, towards, grid=grid)
    side = engine.common.size or 224
    blank = Picture.plain(side, side)
    kind = parametrisations.Fourier if parametrisation == "fourier" else parametrisations.Pixels
    shaken = transforms.standard() if robust else None
    # Rolled by any distance the picture has no border, where cells that see half of the frame draw dots.
    placed = any(obj.parse_spec(text).place for text in texts)

    def go(objective: obj.Objective, image: Picture, count: int, noise: float = NOISE) -> Picture:
        return engine.ascend(
            image,
            objective,
            steps=count,
            optimiser=Adam(rate),
            parametrisation=kind(deviation=noise, decorrelated=decorrelate),
            transform=shaken,
            jitter=0 if placed or not robust else side,
        )

    def climb(objective: obj.Objective) -> Picture:
        if not placed or steps < 2:
            return go(objective, blank, steps)
        # A single neuron sleeps through most noise: a first step of each draw finds one that wakes it.
        for draw in range(DRAWS):
            started = go(objective, blank, 1, 5 * NOISE if draw else NOISE)
            if engine.dry or engine.cancelled or engine.report["climb"]["objective"]["start"]["total"]:
                return go(objective, started, steps - 1, 0.0)
        return started

    cells: list[sheets.Cell] = []
    quiet: list[str] = []
    made: list[Picture] = []
    for number in engine.each(range(len(aims) * examples), lambda it: aims[it // examples][0]):
        which, example = divmod(number, examples)
        if example == 0:
            made = []
        objective = aim = _one_of(aims, which)
        if examples > 1 and diversity:
            objective -= diversity * len(made) * obj.likeness(aims[which][1].layers[0], made, aim)
        made.append(climb(objective))
        if (climbed := engine.report["climb"].get("objective")) and not climbed["end"]["total"]:
            quiet.append(aims[which][0] or ", ".join(texts))
        cells.append(sheets.Cell(made[-1], [aims[which][0]] if len(aims) > 1 else []))
    if quiet:
        channels = ", ".join(dict.fromkeys(quiet))
        engine.say(f"grey, for the noise stirs nothing there: {channels}; another --seed or --size may")
    if len(cells) > 1 and not engine.dry:
        return sheets.sheet(
            cells, columns=examples if 1 < examples <= 4 or (examples > 1 and len(aims) > 1) else None
        )
    return made[0] if made else blank


_SHARED = 8
"""Cells of a grid that share a trace; every one of them costs the others a little."""


def _one_of(aims: Sequence[tuple[str, obj.Objective]], which: int) -> obj.Objective:
    """The objective of a cell, and its neighbours of the same layer at weight 0: so they share a trace."""
    begin = which // _SHARED * _SHARED
    near = [(n, aim) for n, (_, aim) in enumerate(aims[begin : begin + _SHARED], start=begin)]
    return obj.total(
        aim if n == which else 0.0 * aim for n, aim in near if aim.layers == aims[which][1].layers
    )


def _aims(
    engine: Engine, texts: Sequence[str], towards: Picture | None, *, grid: bool
) -> list[tuple[str, obj.Objective]]:
    """Label and objective of every cell; without a grid there is one."""
    aims: list[tuple[str, obj.Objective]] = []
    if towards is not None:
        for text in texts:
            name, weight = obj.parse_layer(text)
            seen = engine.features(towards.fitted(min(max(towards.size), 512)), [name])[name]
            aims.append((name, weight * obj.direction(name, seen)))
    elif grid:
        for spec in map(obj.parse_spec, texts):
            if spec.ranked:
                raise UsageError(f"'{spec}' needs a picture to find channels of", "name channels by number")
            if not spec.channels:
                raise UsageError(
                    f"--grid shows channels, and '{spec}' names none", f"for example: {spec.layer}[0-15]"
                )
            for number in range(len(spec.channels)):
                cell = replace(spec, weight=1.0, channels=spec.channels[number : number + 1])
                aims.append((str(cell), obj.layers([cell])))
    else:
        return [("", obj.layers(texts))]
    return aims if grid else [("", obj.total(aim for _, aim in aims))]
