"""The command that keeps a style in a file, with its statistics; and what such a file holds."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from deepdream.backbones import Pooling
from deepdream.climb import memory
from deepdream.climb.engine import Engine
from deepdream.console.progress import Pace, duration
from deepdream.console.streams import Voice, put
from deepdream.desk.completion import complete_layers, complete_models
from deepdream.errors import DeepDreamError, UsageError
from deepdream.jobs.common import Common, Preprocess
from deepdream.pictures.picture import Picture, load
from deepdream.pictures.saving import check_writable, same_file, write_bytes
from deepdream.pictures.scales import Size, fit, ladder
from deepdream.pictures.styles import SUFFIX, Origin, Statistics, StyleFile, pack

__all__ = ["facts", "measure", "style_file"]


def style_file(
    picture: Annotated[Path, typer.Argument(metavar="STYLE", help="The style picture.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help=f"File to write. (default: STYLE's name with {SUFFIX}, here)"),
    ] = None,
    size: Annotated[
        int,
        typer.Option(
            min=32, help="Longest side at which the picture is kept, and measured up to, in pixels."
        ),
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
    preprocess: Annotated[
        Preprocess | None, typer.Option(help="What the network gets, as in 'deepdream style'.")
    ] = None,
    pooling: Annotated[Pooling, typer.Option(help="How the network pools, as in 'deepdream style'.")] = "max",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
) -> None:
    """Keep a style picture and its statistics in a file, to paint many pictures with.

    The file takes the picture's place, and gives the same result without measuring the style for every
    picture: deepdream style *.jpg monet.style
    """
    path = output or Path(picture.stem + SUFFIX)
    if path.suffix.lower() != SUFFIX:
        raise UsageError(f"'{path}' does not end in {SUFFIX}", "deepdream knows style files by that")
    check_writable(path, overwrite, suffixes={SUFFIX: "style"})
    if same_file(path, picture):
        raise UsageError(f"{path} is the style picture itself", "give the file another name: -o PATH")
    painting = load(picture)
    voice = Voice(quiet=quiet)
    engine = Engine(
        Common(model=model, weights=None if weights is None else str(weights), preprocess=preprocess)
    )
    engine.alter(pooling=pooling)
    layers = layer or engine.default_layers("style")
    statistics = measure(painting, engine, layers, size, said=voice.say)
    kept = painting if max(painting.size) <= size else _whole(painting.fitted(size))
    write_bytes(path, pack(statistics, kept), overwrite=overwrite)
    for note in engine.report["notes"]:
        voice.note(note)
    voice.close()
    put(str(path))


def measure(
    painting: Picture,
    engine: Engine,
    layers: list[str],
    size: int,
    said: Callable[[str], None] = lambda words: None,
) -> Statistics:
    """The moments of `layers` at the sizes that the mode `style` goes through up to `size` pixels.

    `said` is told of every size that is done.
    """
    from deepdream.objectives.statistics import feature_sums, moments_of
    from deepdream.objectives.style import longest_side

    moments, done, pace = {}, 0, Pace()
    own = (painting.height, painting.width)
    sides = list(dict.fromkeys(longest_side(own, max(it)) for it in ladder((size, size), 2**0.5, 64)))
    for number, side in enumerate(sides, start=1):
        found = engine.features(painting.fitted(side), layers)
        if number == 1:
            cells = sum(math.prod(features.shape) for features in found.values())
            _check_memory(_COPIES * 4 * cells / math.prod(fit(own, side)), fit(own, sides[-1]))
        for name in layers:
            kept = moments_of(feature_sums(found[name]))
            moments[name, side] = (kept.second.numpy(), kept.mean.numpy())
        done += side**2
        left = pace.left(done / sum(side**2 for side in sides))
        said(
            f"size {number}/{len(sides)}  measured at {side} px"
            + (f"  {duration(left)} left" if left else "")
        )
    used = engine.report["weights"].get("sha256")
    fitted = engine.report["preprocess"]
    return Statistics(Origin(str(engine.report["model"]), used, engine.variant.pooling, fitted), moments)


_COPIES = 2.2
"""How often what the layers see is in float32 at the peak; measured on VGG16 at 0.8 to 6.8 megapixels."""


def _check_memory(each: float, largest: Size) -> None:
    """Refuse to measure at the size `largest` if `each` byte for its pixels are not free."""
    free, pixels = memory.available(), math.prod(largest)
    if free is not None and each * pixels > free * 1e9:
        fits = int(0.95 * max(largest) * math.sqrt(free * 1e9 / (each * pixels)))
        raise DeepDreamError(
            f"measuring at {largest[1]}x{largest[0]} px takes about {each * pixels / 1e9:.1f} GB of memory, "
            f"and {free:.1f} are free",
            f"--size {fits} fits",
        )


def _whole(picture: Picture) -> Picture:
    """The picture in whole grey levels: what is shrunk is not the same anyway, and takes less room."""
    import numpy as np

    return picture.with_pixels(np.round(picture.pixels))


def facts(file: StyleFile) -> dict[str, Any]:
    """What a style file holds, for `deepdream show`."""
    kept = file.statistics
    assert kept is not None
    return {
        "style": None if file.source is None else file.source.path,
        "picture": list(file.size),
        "model": kept.origin.model,
        "weights": kept.origin.weights,
        "pooling": kept.origin.pooling,
        "preprocess": kept.origin.preprocess,
        "layers": list(dict.fromkeys(layer for layer, _ in kept.moments)),
        "sizes": sorted({size for _, size in kept.moments}),
    }
