"""The command that lists layers, and shows on a photograph what each of them does."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from deepdream import backbones
from deepdream.climb.engine import Engine
from deepdream.climb.plan import check_channels, too_small
from deepdream.console.failures import Failure
from deepdream.console.interrupts import Interrupts, in_background
from deepdream.console.progress import duration, progress
from deepdream.console.streams import Voice, put, table
from deepdream.desk.answers import Answers
from deepdream.desk.batch import given_up
from deepdream.desk.completion import complete_layers, complete_models
from deepdream.desk.estimate import seconds_of_cells
from deepdream.errors import UsageError
from deepdream.jobs.recipe import Common
from deepdream.objectives.layerspec import check_rank, parse
from deepdream.pictures.picture import Picture, check_writable, load
from deepdream.pictures.saving import SUFFIXES, same_file
from deepdream.pictures.scales import octave_sizes
from deepdream.runs.results import Result
from deepdream.tools import atlas

__all__ = ["layers"]

_INTERRUPTED = 130
_INSIDE = re.compile(r"mixed\d+_\d|concatenate(_\d+)?")
"""Layers that join branches within a block of InceptionV3; its end joins them with the others."""


def layers(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL|PHOTO]",
            help="A network; see 'deepdream models'. With --atlas, the photograph to dream on.",
            autocompletion=complete_models,
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All layers, not only the rewarding ones.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    sheet: Annotated[
        str | None,
        typer.Option(
            "--atlas",
            metavar="PATH",
            help="Dream on PHOTO at every layer, and save all on one contact sheet.",
        ),
    ] = None,
    network: Annotated[
        str,
        typer.Option("--model", metavar="TEXT", help="Network of the atlas.", autocompletion=complete_models),
    ] = "vgg16",
    layer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="Layers of the atlas, or channels as in 'block4_conv3[0-31]'. One whole layer "
            "stands for those of its channels that answer most to PHOTO.",
            autocompletion=complete_layers,
        ),
    ] = None,
    size: Annotated[
        int, typer.Option(min=16, max=1024, help="Longest side of each picture of the atlas in pixels.")
    ] = atlas.Settings.size,
    steps: Annotated[
        int, typer.Option(min=1, max=1000, help="Gradient steps in each of the atlas's octaves.")
    ] = atlas.Settings.steps,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of the atlas's random draws.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the atlas if it exists.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Say what the atlas would show, and make none.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
) -> None:
    """List the layers of a network, shallow to deep: what --layer may name; or show them all on a photograph.

    Without MODEL, those of VGG16 (in this package) and InceptionV3. Under each picture of an atlas stand the
    layer, its channels, how much of a picture it sees and how long a step takes; Ctrl-C saves what is there.

    Examples:

      deepdream layers inception_v3

      deepdream layers photo.jpg --atlas atlas.png

      deepdream layers photo.jpg --atlas channels.png --layer block4_conv3
    """
    if sheet is not None:
        settings = atlas.Settings(size=size, steps=steps)
        answers = Answers([model], as_json=as_json)
        raise typer.Exit(
            _atlas(
                model,
                sheet,
                network,
                layer or [],
                every,
                settings,
                seed,
                answers,
                overwrite=overwrite,
                quiet=quiet,
                dry_run=dry_run,
            )
        )
    if layer:
        raise UsageError("--layer is for an atlas", "name the file it goes to: --atlas atlas.png")
    if model and Path(model).suffix.lower() in SUFFIXES:
        raise UsageError(f"{model} is no network", "to see layers on a photograph, add --atlas atlas.png")
    rows: list[dict[str, Any]] = []
    for name in [model] if model else ["vgg16", "inception_v3"]:
        backbone = backbones.get(name)
        for row in backbone.layers if every else _rewarding(backbone):
            rows.append({"model": backbone.name, **asdict(row), "default": _default_for(backbone, row.name)})
    if as_json:
        return put(json.dumps(rows))
    head = ["layer", "kind", "channels", "stride", "sees", "smallest picture", "default for", "model"]
    table(
        head,
        (
            [
                it["name"],
                it["kind"],
                it["channels"],
                it["stride"],
                f"{it['receptive_field']} px" if it["receptive_field"] else "everything",
                f"{it['min_size']} px",
                ", ".join(it["default"]),
                it["model"],
            ]
            for it in rows
        ),
    )
    return None


def _atlas(
    photo: str | None,
    path: str,
    model: str,
    texts: list[str],
    every: bool,
    settings: atlas.Settings,
    seed: int,
    answers: Answers,
    *,
    overwrite: bool,
    quiet: bool,
    dry_run: bool,
) -> int:
    """Make an atlas and say where it is; the exit code."""
    if photo is None:
        raise UsageError(
            "an atlas needs a photograph", "for example: deepdream layers photo.jpg --atlas atlas.png"
        )
    backbone = backbones.get(model)
    check_writable(path, overwrite)
    if same_file(Path(path), photo):
        raise UsageError(f"{path} is the photograph itself", "give the atlas another name")
    for text in texts:
        spec = parse(text)
        layer = backbone.layer(spec.layer)
        check_channels(spec.channels, layer, backbone)
        for rank in spec.ranked:
            check_rank(rank, layer.channels)
    picture = load(photo)
    small = picture.fitted(settings.size)
    names = [layer.name for layer in (backbone.layers if every else _rewarding(backbone))]
    counts = atlas.cells_for(backbone, texts, names)
    for layer in (backbone.layer(name) for name, _ in counts):
        if min(small.size) < layer.min_size:
            raise too_small((small.height, small.width), layer, backbone)
    check_writable(path, overwrite, size=atlas.page_size(backbone, small.size, texts, names))
    asked = {"layer": texts, "all": every}
    if dry_run:
        sizes = octave_sizes(small.size, settings.octaves, settings.octave_scale)
        seconds = seconds_of_cells(backbone.name, counts, sizes, settings.steps)
        if answers.as_json:
            plan = atlas.recipe(Engine(Common(model=model), seed=seed), picture, asked, settings, [])
            facts = {
                "model": backbone.name,
                "layers": texts or names,
                "size": list(small.size),
                "estimate": seconds,
            }
            answers.made(photo, [Path(path)], Result(small, replace(plan, used={}), facts))
            return 0
        return _planned(path, backbone, small, texts or names, settings, seconds)
    voice = Voice(quiet=quiet)
    try:
        with Interrupts(voice) as interrupts:
            with contextlib.redirect_stdout(sys.stderr), progress(voice, photo) as shown:

                def watch(step: Any) -> None:
                    interrupts.loading = False
                    shown(step)

                engine = Engine(Common(model=model), seed=seed, listeners=(watch,), cancel=interrupts.cancel)

                def work() -> tuple[list[atlas.Dreamt], int]:
                    specs = atlas.specs_for(engine, small, texts, names)
                    return atlas.dream_cells(engine, small, specs, settings), len(specs)

                began = engine.began
                cells, count = in_background(work)
            interrupts.loading = False
            for note in [*picture.notes, *engine.report["notes"]]:
                voice.note(note)
            if not cells:
                raise KeyboardInterrupt
            title = atlas.title(backbone.name, cells, Path(photo).name)
            made = atlas.recipe(engine, picture, asked, settings, cells)
            page = replace(atlas.page(engine, cells, count, title), recipe=made.to_json())
            saved = page.save(path, overwrite=overwrite)
            stopped = interrupts.cancel.is_set()
            voice.say(f"{'stopped early: ' if stopped else ''}{len(cells)} pictures in {_since(began)}")
            told = ("model", "weights", "notes", "interrupted")
            facts = {name: engine.report[name] for name in told if name in engine.report}
            facts |= {"layers": [str(cell.spec) for cell in cells], "size": list(small.size)}
            answers.made(photo, [saved], Result(page, made, facts, interrupted=stopped))
            return _INTERRUPTED if stopped else 0
    except KeyboardInterrupt:
        answers.all_failed(Failure("interrupted", None, _INTERRUPTED))
        return given_up(voice)
    finally:
        voice.close()


def _planned(
    path: str,
    backbone: backbones.Backbone,
    small: Picture,
    texts: Sequence[str],
    settings: atlas.Settings,
    seconds: float | None,
) -> int:
    """Say what an atlas would show; the exit code."""
    put(f"# output: {path}")
    put(f"# dreams: {', '.join(texts)} of {backbone.name}")
    put(f"# each:   {small.width}x{small.height} px, {settings.octaves} octaves of {settings.steps} steps")
    if seconds is not None:
        put(f"# time:   about {duration(seconds)} on this processor, longer while it is busy")
    return 0


def _since(began: float) -> str:
    return duration(time.monotonic() - began)


def _rewarding(backbone: backbones.Backbone) -> Sequence[backbones.Layer]:
    """The ends of a network's blocks, where it has blocks that join or add up; else its convolutions."""
    for kinds in ({"concat", "add"}, {"conv"}):
        found = [
            layer for layer in backbone.layers if layer.kind in kinds and not _INSIDE.fullmatch(layer.name)
        ]
        if found:
            return found
    return backbone.layers


def _default_for(backbone: backbones.Backbone, layer: str) -> list[str]:
    roles = {
        "dream": backbone.dream_layers,
        "content": (backbone.content_layer,),
        "style": backbone.style_layers,
    }
    return [role for role, layers in roles.items() if layer in layers]
