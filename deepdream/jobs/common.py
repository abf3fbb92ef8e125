"""The options that every mode shares, as data, and the checks that they pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_type_hints

import typer

from deepdream.errors import UsageError
from deepdream.jobs.options import Parameter, check_values, parameter
from deepdream.jobs.placement import named_devices

__all__ = ["Common", "Preprocess"]

Preprocess = Literal["tf", "caffe", "torch", "none"]
"""What a network is given of grey levels, by the names of `keras.applications`."""


@dataclass(frozen=True)
class Common:
    """The options that every mode shares and that shape the picture.

    `size` is its longest side in pixels; `tile` is 'auto', 'off' or the side of a tile in pixels; `memory` is
    what a run may use, in GB; `exact` keeps the halo of tiles as wide as the layers see, whatever it costs.
    """

    model: str = "auto"
    weights: str | None = None
    preprocess: Preprocess | None = None
    precision: Literal["auto", "float32", "winograd", "bfloat16"] = "auto"
    device: str = "auto"
    size: int | None = None
    tile: str = "auto"
    memory: float | None = None
    exact: bool = False

    @classmethod
    def parameters(cls) -> tuple[Parameter, ...]:
        """The common options as the parameters that check them."""
        hints = get_type_hints(cls)
        infos = {
            "model": typer.Option(
                help="Network: a name from 'deepdream models', or a saved Keras model. "
                "'auto' goes by the layers."
            ),
            "weights": typer.Option(help="File with other weights for the network.", metavar="FILE"),
            "preprocess": typer.Option(
                help="What a saved model wants: tf -1..1, caffe BGR less mean, torch normalised, none 0..255."
            ),
            "precision": typer.Option(
                help="Arithmetic of the network; winograd is float32 with fewer multiplications. "
                "'auto' takes what is fastest here."
            ),
            "device": typer.Option(
                help="Where to compute: cpu, gpu, gpu:1, or several, gpu:0,gpu:1, that share large pictures. "
                "'auto' takes the first GPU, if there is one."
            ),
            "size": typer.Option(help="Longest side of the result in pixels.", min=1),
            "tile": typer.Option(
                help="Side of the tiles that large pictures are cut into, 'off', or 'auto': as memory allows."
            ),
            "memory": typer.Option(help="Memory the run may use, in GB. (default: what is free)", min=0.1),
            "exact": typer.Option(
                help="Let tiles look as far around them as the layers see, even where less is right to 1 %."
            ),
        }
        return tuple(
            parameter(item.name, hints[item.name], item.default, info=infos[item.name])
            for item in fields(cls)
        )

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """`values` checked, and nothing filled in: what a preset or a mode's defaults may hold."""
        if type(values.get("tile")) is int:
            values = {**values, "tile": str(values["tile"])}
        checked = check_values(cls.parameters(), values, where="the common options", partial=True)
        if checked.get("weights") == "":  # a script's empty variable; a Path would be the current folder
            raise UsageError("--weights names no file", "leave it out, or give the name of a file")
        named_devices(checked.get("device", "auto"))
        tile = checked.get("tile", "auto")
        if tile not in ("auto", "off") and not (tile.isascii() and tile.isdigit() and int(tile)):
            raise UsageError(
                f"--tile must be auto, off or a number of pixels, not {tile!r}", "for example: --tile 512"
            )
        return checked

    @classmethod
    def of(cls, *layers: Mapping[str, Any]) -> Common:
        """The common options that `layers` give together, the later ones winning."""
        return cls(**{name: value for layer in layers for name, value in cls.check(layer).items()})
