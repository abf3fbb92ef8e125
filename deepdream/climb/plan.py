"""The plan of a climb, made before anything is computed: its octaves, its tiles, the memory it needs.

Functions of sizes, the layer table and the objective; what cannot be done is refused here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral

from deepdream import backbones
from deepdream.climb import memory
from deepdream.climb.cutting import Cut, cut
from deepdream.climb.updates import LBFGS, Way
from deepdream.errors import DeepDreamError, UsageError
from deepdream.jobs.placement import Device
from deepdream.jobs.recipe import Common
from deepdream.objectives import Objective
from deepdream.objectives.layerspec import check_rank, runs
from deepdream.pictures.scales import Size, octave_sizes

__all__ = [
    "Plan",
    "check",
    "check_channels",
    "check_size",
    "counts",
    "lost",
    "make",
    "no_number",
    "octaves",
    "silent",
    "too_small",
]


def octaves(
    size: Size, choice: backbones.Choice, count: int, scale: float, wanted: Sequence[Size] | None = None
) -> tuple[tuple[Size, ...], str | None]:
    """The sizes to climb at, small to large, and a note if the network accepts fewer than asked for.

    They are the `wanted` ones, or `count` sizes up to `size`, each `scale` times the one before.
    """
    if (len(wanted) if wanted is not None else count) < 1:
        raise UsageError("a climb has at least one octave")
    deepest = max((choice.backbone.layer(n) for n in choice.used.values()), key=lambda la: la.min_size)
    if wanted is None:
        sizes = octave_sizes(size, count, scale, smallest=deepest.min_size)
    else:
        sizes, count = tuple(each for each in wanted if min(each) >= deepest.min_size), len(wanted)
    if not sizes:
        raise too_small(size, deepest, choice.backbone)
    if len(sizes) == count:
        return sizes, None
    height, width = sizes[0]
    return sizes, (
        f"{len(sizes)} of {count} octaves used: below {width}x{height} px the picture is too small "
        f"for {deepest.name}"
    )


def counts(steps: int | Sequence[int], octaves: int, used: int) -> tuple[int, ...]:
    """Steps of each of the `used` last of `octaves` octaves: one number for all, or one for each."""
    every = [steps] * octaves if not isinstance(steps, Sequence) else list(steps)
    if not all(isinstance(count, Integral) for count in every):
        raise TypeError(f"steps are a whole number, or one for each octave, not {steps!r}")
    if any(count < 0 for count in every):
        raise UsageError(f"{min(every)} steps are fewer than none")
    if len(every) != octaves:
        raise UsageError(f"{len(every)} numbers of steps for {octaves} octaves", "give one for each")
    return tuple(map(int, every[-used:]))


def no_number(terms: Mapping[str, float]) -> DeepDreamError:
    """The error for an objective that is no finite number on the canvas a climb starts from."""
    lost = {label: value for label, value in terms.items() if not math.isfinite(value)} or terms
    what = ", ".join(f"{label} is {value}" for label, value in lost.items())
    return DeepDreamError(
        f"the objective is no number at the first step: {what}",
        "a division by 0 or a logarithm of 0 gives none, in a transform, too; take smaller weights, or "
        "--precision float32",
    )


def silent(figures: Mapping[str, Mapping[str, float]], weights: Mapping[str, float]) -> str | None:
    """The note about rewards of a mix that were 0 at the first step and the last; None if there are none."""
    if not {"start", "end"} <= figures.keys() or figures["start"] == figures["end"]:
        return None
    quiet = [it for it, weight in weights.items() if weight > 0 and not figures["start"][it]]
    quiet = [it for it in quiet if not figures["end"][it]]
    return f"without effect, for it stayed at 0: {', '.join(quiet)}" if quiet else None


def lost(total: float, step: int) -> DeepDreamError:
    """The error for a climb whose objective, or gradient or canvas alone, became no number at `step`."""
    if math.isfinite(total):
        what = f"the gradient of the objective became no number at step {step}"
        hint = "a square root or logarithm of 0 has none, and a shape may lose it; take smaller weights"
        return DeepDreamError(what, hint)
    return DeepDreamError(
        f"the objective became {total} at step {step}",
        "take a smaller --step-size, smaller weights, or --precision float32",
    )


def too_small(size: Size, layer: backbones.Layer, backbone: backbones.Backbone) -> DeepDreamError:
    """The error that a picture of that height and width is too small for a layer."""
    return DeepDreamError(
        f"a picture of {size[1]}x{size[0]} px is too small for {layer.name} of "
        f"{backbone.name}, which needs {layer.min_size} px on the shorter side",
        "enlarge it with --size, or take a shallower layer",
    )


def check_size(size: Size, choice: backbones.Choice, what: str = "picture") -> None:
    """Refuse to measure a picture of that height and width that is too small for the network's layers.

    `what` it is called in the message.
    """
    used = [choice.backbone.layer(name) for name in dict.fromkeys(choice.used.values())]
    smallest = max(layer.min_size for layer in used)
    if min(size) < smallest:
        raise DeepDreamError(
            f"a {what} of {size[1]}x{size[0]} px is too small for {', '.join(layer.name for layer in used)}",
            f"the network needs at least {smallest} px on the shorter side",
        )


def check_time(began: float, seconds: float | None) -> None:
    """Refuse to begin where the limit of time, which counts from `began`, is over before the first step."""
    if seconds is not None and time.monotonic() - began > seconds:
        raise UsageError(
            f"{seconds:g} second{' was' if seconds == 1 else 's were'} over before the first step",
            "give more time, or leave out --time",
        )


def check(objective: Objective, choice: backbones.Choice) -> None:
    """Refuse guides that are too small, channels that a layer lacks, and those of a stand-in's layer."""
    for guide in (guide for term in objective.terms for guide in term.guides):
        check_size((guide.height, guide.width), choice, "guide")
    for term in objective.terms:
        if not term.channels and not term.ranked:
            continue
        wanted = term.layers[0]
        layer = choice.backbone.layer(choice.used[wanted])
        for rank in term.ranked:
            check_rank(rank, layer.channels)
        if not term.channels:
            continue
        if layer.name != wanted:
            listed = ", ".join(runs(term.channels))
            raise DeepDreamError(
                f"channel {listed} of {wanted} has no counterpart in {layer.name} of VGG16",
                f"{choice.note}; name a layer of {choice.backbone.name} instead",
            )
        check_channels(term.channels, layer, choice.backbone)


def _borders(objective: Objective, choice: backbones.Choice, sizes: Sequence[Size]) -> list[str]:
    """What becomes of borders at `sizes` where their layers have too few cells for them."""
    cropped: dict[tuple[int, str], list[str]] = {}
    for border, name in dict.fromkeys((t.border, t.layers[0]) for t in objective.terms if t.border):
        layer = choice.backbone.layer(choice.used[name])
        cells = [max(1, (min(size) - layer.min_size) // layer.stride + 1) for size in sizes]
        if narrow := sum(count <= 2 * border for count in cells):
            height, width = sizes[narrow - 1]
            where = "at any size" if narrow == len(sizes) else f"up to {width}x{height} px"
            cropped.setdefault((border, where), []).append(layer.name)
    return [
        f"a border of {border} cells leaves only the middle of {', '.join(dict.fromkeys(names))} {where}"
        for (border, where), names in cropped.items()
    ]


def check_channels(channels: Iterable[int], layer: backbones.Layer, backbone: backbones.Backbone) -> None:
    """Refuse channels that a layer lacks."""
    for channel in channels:
        if not 0 <= channel < layer.channels:
            raise UsageError(
                f"{layer.name} of {backbone.name} has no channel {channel}",
                f"its channels are 0 to {layer.channels - 1}",
            )


@dataclass(frozen=True)
class Plan:
    """How an objective is climbed at some sizes, and what was changed about how it was asked for."""

    way: Way
    cut: Cut
    notes: tuple[str, ...]
    bound: bool
    """Whether memory decided how it is climbed, so that another budget would give another picture."""


def make(
    choice: backbones.Choice,
    objective: Objective,
    sizes: Sequence[Size],
    way: Way,
    common: Common,
    dtype: backbones.Precision,
    *,
    devices: Sequence[Device] = (),
) -> Plan:
    """Plan the climb of `objective` through `sizes`; DeepDreamError for what does not fit into memory.

    Several `devices` share the octaves for which that pays.
    """
    notes, update = _borders(objective, choice, sizes), way.update
    budget = common.memory or memory.available()
    # A run that stays whole with no limit of its own remembers what it was told to, then as now.
    limited = common.tile != "off" or common.memory is not None
    if isinstance(update, LBFGS) and budget is not None and limited:
        update = memory.affordable(update, sizes[-1], budget)
        if update != way.update:
            notes.append(f"L-BFGS remembers {update.history} pairs here: memory allows no more")
    if way.stop_above is not None and any(name != used for name, used in choice.used.items()):
        notes.append(f"no octave ends early: {way.stop_above:g} says nothing about {choice.backbone.name}")
        way = replace(way, stop_above=None)
    at_once = bool(way.transform or way.parametrisation)
    if at_once and common.tile not in ("auto", "off"):
        what = "a parametrisation" if way.parametrisation else "what a transform gives"
        notes.append(f"not cut into tiles: {what} goes through the network in one piece")
    aligned = [choice.used[name] for term in objective.terms for name in term.aligned]
    need = memory.need(
        choice.backbone,
        choice.used.values(),
        dtype,
        update,
        aligned,
        measured=any(term.target is not None and term.layers for term in objective.terms),
        summed=any(term.parts == "summary" for term in objective.terms),
        single=len(sizes) == 1,
    )
    # Every GPU has memory of its own; CPUs have the same, and work at the same time.
    together = max(1, sum(device.kind == "cpu" for device in devices))
    found = cut(
        choice,
        objective,
        sizes,
        replace(need, activations=need.activations * together),
        tile="off" if at_once else common.tile,
        exact=common.exact,
        budget=budget,
        devices=max(1, len(devices)),
    )
    if common.tile not in ("auto", "off") and budget and found.memory > budget * 1e9:
        what = f"tiles of {common.tile} px need about {found.memory / 1e9:.1f} GB of memory"
        if common.memory is not None:
            raise DeepDreamError(
                f"{what}, and may take {budget:.1f}", "take smaller tiles, or --tile auto, which fits them"
            )
        notes.append(f"{what}, and {budget:.1f} are free")
    if len(devices) > 1 and not any(map(found.tiles, sizes)):
        whole = found.devices == 1 or found.reach is None
        why = "this climb is not cut into tiles" if whole else "sharing what is this small would take longer"
        notes.append(f"only {devices[0]} has work: {why}")
    bound = update != way.update or (common.tile == "auto" and bool(found.tiles(sizes[-1])))
    return Plan(replace(way, update=update), found, tuple(notes), bound)
