"""The command that keeps a style's statistics in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deepdream.backbones import Pooling
from deepdream.climb.engine import Engine
from deepdream.console.streams import Voice, put
from deepdream.desk.commands import complete_layers, complete_models
from deepdream.errors import UsageError
from deepdream.jobs.recipe import Common
from deepdream.pictures.picture import Picture, load
from deepdream.pictures.saving import exists, write_bytes
from deepdream.pictures.scales import ladder
from deepdream.pictures.styles import SUFFIX, Origin, Statistics, pack

__all__ = ["measure", "style_file"]

_PREVIEW = 128


def style_file(
    picture: Annotated[Path, typer.Argument(metavar="STYLE", help="The style picture.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help=f"File to write. (default: STYLE's name with {SUFFIX}, here)"),
    ] = None,
    size: Annotated[
        int, typer.Option(min=32, help="Longest side of the largest picture that will be painted with it.")
    ] = 1024,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            help="Layer to measure; repeatable. (default: those of 'style')", autocompletion=complete_layers
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(help="Network, as in 'deepdream style'.", autocompletion=complete_models)
    ] = "auto",
    weights: Annotated[
        Path | None, typer.Option(help="File with other weights, as in 'deepdream style'.", metavar="FILE")
    ] = None,
    pooling: Annotated[Pooling, typer.Option(help="How the network pools, as in 'deepdream style'.")] = "max",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")] = False,
) -> None:
    """Keep the statistics of a style in a file, to paint many pictures with or to share.

    The file takes the picture's place: deepdream style photo.jpg monet.style
    """
    path = output or Path(picture.stem + SUFFIX)
    if path.suffix.lower() != SUFFIX:
        raise UsageError(f"'{path}' does not end in {SUFFIX}", "deepdream knows style files by that")
    if path.exists() and not overwrite:
        raise exists(path)
    painting = load(picture)
    voice = Voice()
    engine = Engine(Common(model=model, weights=None if weights is None else str(weights)))
    engine.alter(pooling=pooling)
    statistics = measure(painting, engine, layer or engine.default_layers("style"), size)
    write_bytes(path, pack(statistics, painting.fitted(_PREVIEW)), overwrite=overwrite)
    for note in engine.report["notes"]:
        voice.note(note)
    voice.close()
    put(str(path))


def measure(painting: Picture, engine: Engine, layers: list[str], size: int) -> Statistics:
    """The moments of `layers` at the sizes that the mode `style` goes through up to `size` pixels."""
    from deepdream.objectives.statistics import feature_sums, moments_of

    moments = {}
    for side in (max(it) for it in ladder((size, size), 2**0.5, 64)):
        found = engine.features(painting.fitted(side), layers)
        for name in layers:
            kept = moments_of(feature_sums(found[name]))
            moments[name, side] = (kept.second.numpy(), kept.mean.numpy())
    used = engine.report["weights"].get("sha256")
    return Statistics(Origin(str(engine.report["model"]), used, engine.variant.pooling), moments)
