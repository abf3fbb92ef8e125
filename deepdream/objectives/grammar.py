"""The grammar of `--layer`: from the words of the user to an objective."""

from __future__ import annotations

import math

from deepdream.algebra import Objective, total
from deepdream.errors import UsageError
from deepdream.objectives.seeing import layer

__all__ = ["layers", "parse_layer"]


def parse_layer(text: str) -> tuple[str, float]:
    """`"mixed4"` or `"mixed4:0.5"` as a layer's name and weight.

    Raises UsageError, pointing at the part that cannot be read.
    """
    name, colon, number = text.partition(":")
    if not name.strip():
        raise UsageError(f"no layer name in '{text}'", "write NAME or NAME:WEIGHT, for instance mixed4:0.5")
    weight = 1.0
    if colon:
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not math.isfinite(weight):
            raise UsageError(
                f"the weight '{number}' in '{text}' is not a number",
                "write NAME:WEIGHT, for instance mixed4:0.5",
            )
    return name.strip(), weight


def layers(specs: list[str] | tuple[str, ...]) -> Objective:
    """The sum of the layers that `specs` name, each `NAME` or `NAME:WEIGHT`.

    One layer is taken as it is; several are taken relative to their start, so that the weights
    mean what they say although deep layers respond far more softly than shallow ones.
    """
    pairs = [parse_layer(spec) for spec in specs]
    if not any(weight for _, weight in pairs):
        raise UsageError("no layer has a weight other than 0", "name a layer, for instance --layer mixed4")
    relative = len(pairs) > 1
    return total(weight * layer(name, relative=relative) for name, weight in pairs)
