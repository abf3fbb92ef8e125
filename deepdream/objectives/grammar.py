"""From the words of `--layer` to an objective; the grammar itself is in `deepdream.objectives.layerspec`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from deepdream.errors import UsageError, misfit
from deepdream.objectives.algebra import Objective, total
from deepdream.objectives.layerspec import LayerSpec, Ranked, check_rank, parse
from deepdream.objectives.seeing import Metric, response
from deepdream.objectives.terms import several

__all__ = ["Seen", "layers", "parse_layer", "ranking"]

Seen = Callable[[Sequence[str]], Mapping[str, Any]]
"""Layer names -> the activations `[1, h, w, C]` of the picture at hand; without a shape in a dry run."""


def parse_layer(text: str) -> tuple[str, float]:
    """`"mixed4"` or `"mixed4:0.5"` as a layer's name and weight, where only whole layers will do.

    Raises UsageError, pointing at the part that cannot be read or used.
    """
    spec = parse(text)
    if not spec.whole:
        column = 1 + len(text) - len(text.lstrip()) + len(str(LayerSpec(spec.layer)))
        raise UsageError(
            f"'{text}' is not a whole layer",
            "write NAME or NAME:WEIGHT, for instance mixed4:0.5",
            column=column,
        )
    return spec.layer, spec.weight


def layers(
    specs: Iterable[str | LayerSpec],
    *,
    metric: Metric | None = None,
    relative: bool | None = None,
    border: int = 0,
    seen: Seen | None = None,
) -> Objective:
    """The sum of what `specs` name, in the grammar of `--layer`: layers, channels, neurons, weights.

    Whole layers are measured by mean(a²), channels by mean(a), all of them by `metric` if one is
    given. One spec is taken as it is; several are taken relative to the start, so that the weights mean what
    they say although deep layers respond far more softly than shallow ones; `relative` says otherwise.
    `border` is as for `response`. `seen` gives the activations of the picture at hand, whose strongest or
    weakest channels `mixed4[top5]` asks for.
    """
    named = several("layers", specs, "layers")
    if wrong := [it for it in named if not isinstance(it, str | LayerSpec)]:
        raise misfit(f"layers takes texts, not {wrong[0]!r}", "a weight stands in the text: 'mixed4:0.5'")
    aims = [spec if isinstance(spec, LayerSpec) else parse(spec) for spec in named]
    if not any(aim.weight for aim in aims):
        raise UsageError("no layer has a weight other than 0", "name a layer, for instance --layer mixed4")
    relative = len(aims) > 1 if relative is None else relative
    activations: Mapping[str, Any] = {}
    if any(aim.ranked for aim in aims):
        if seen is None:
            raise UsageError(
                "there is no picture to find the strongest channels of", "name channels by number"
            )
        activations = seen(tuple(dict.fromkeys(aim.layer for aim in aims)))
    terms = []
    for aim in aims:
        channels, listed = aim.channels, None
        if aim.ranked:
            known = activations[aim.layer]
            ranks = aim.ranked if hasattr(known, "shape") else ()  # in a dry run there are none
            found = [c for rank in ranks for c in ranking(known, rank)]
            channels = tuple(dict.fromkeys([*channels, *found]))
            listed = " ".join([*map(str, aim.ranked), *(["="] if channels else []), *map(str, channels)])
        few = bool(channels or listed)
        terms.append(
            aim.weight
            * response(
                aim.layer,
                metric=metric or ("mean" if few else "l2"),
                channels=channels,
                place=aim.place,
                relative=relative,
                border=border,
                listed=listed,
                ranked=aim.ranked,
            )
        )
    return total(terms)


def ranking(activations: Any, rank: Ranked) -> list[int]:
    """The channels that respond most, strongest first, or least, weakest first, by their mean over all cells.

    Channels that do not respond at all have no gradient to follow: they are not among the weakest, unless
    no others are left.
    """
    import numpy as np

    values = np.asarray(activations)
    strengths = values.reshape(-1, values.shape[-1]).mean(axis=0)
    count = len(strengths)
    check_rank(rank, count)
    order = np.argsort(-strengths, kind="stable")
    if rank.end == "bottom":
        alive = [index for index in order[::-1] if strengths[index] != 0]
        silent = [index for index in order[::-1] if strengths[index] == 0]
        order = np.asarray([*alive, *silent])
    return [int(index) for index in order[: rank.count]]
