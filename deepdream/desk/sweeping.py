"""Sweeps: one recipe with some of its options at several values, and a sheet of what each came to."""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from deepdream.errors import UsageError
from deepdream.jobs.recipe import Common, Recipe
from deepdream.modes.mode import Mode
from deepdream.pictures.picture import Picture
from deepdream.pictures.sheets import Cell, sheet
from deepdream.runs.results import Result

__all__ = ["Axis", "axes_of", "drawn", "joined", "parse_sweep", "sheet_of", "swept_recipe", "variants"]

_SHARED = ("plugin", "model", "weights", "layers", "requested_layers", "precision")
"""What the pictures of a sheet have in common, mostly: those of the last one."""
_OWN = ("size", "tile", "budget", "octave_steps")
"""What each of them has of its own, and another run needs to make it again."""
_WHOLE = re.compile(r"\[[^\]]*\]|@[\d\s.]+,[\d\s.]+")
"""What stays in one piece though it has commas: channels and places, as in `block5_conv1[3,7]@0.25,0.5`."""


@dataclass(frozen=True)
class Axis:
    """An option and the values to try."""

    name: str
    values: tuple[Any, ...]
    common: bool
    """Whether it is an option that all modes share."""


def parse_sweep(texts: Sequence[str], mode: Mode) -> tuple[Axis, ...]:
    """What `strength=0.2,0.5,0.8` means, once or twice; a UsageError says what is wrong with it.

    Semicolons part values that have commas of their own. Each value of an option that may be repeated stands
    for a list of one.
    """
    if len(texts) > 2:
        raise UsageError(f"{len(texts)} options to sweep", "a sheet has rows and columns: two at most")
    axes = [_axis(text, mode) for text in texts]
    if len({axis.name for axis in axes}) < len(axes):
        raise UsageError(f"--sweep names {axes[0].name} twice", "write all its values after one =")
    return tuple(axes)


def _axis(text: str, mode: Mode) -> Axis:
    head, equals, tail = text.partition("=")
    name = head.strip().removeprefix("--").replace("-", "_")
    words = _split(tail)
    if not equals or not name or not all(words):
        raise UsageError(
            f"'{text}' is no sweep", "write an option and its values: --sweep strength=0.2,0.5,0.8"
        )
    common = name in {item.name for item in Common.parameters()}
    return _checked(name, words, mode, common=common)


def _split(text: str) -> list[str]:
    """The values in a text: parted by semicolons if there are any, else by commas."""
    if ";" in text:
        words = text.split(";")
    else:
        kept = _WHOLE.sub(lambda found: found[0].replace(",", "\0"), text)
        words = [word.replace("\0", ",") for word in kept.split(",")]
    return [word.strip() for word in words]


def joined(words: Sequence[str]) -> str:
    """The text that `parse_sweep` takes apart into `words`."""
    text = ",".join(words)
    return text if _split(text) == [*words] else ";".join(words)


def variants(recipe: Recipe, axes: Sequence[Axis]) -> Iterator[tuple[tuple[str, ...], Recipe]]:
    """Every combination, the last axis changing fastest, with its label; all have the same seed.

    Each is what it was on the sheet that `recipe` is of, if it is of one.
    """
    seed, cells = drawn(recipe.seed), recipe.used.get("cells", [])
    combinations = [*product(*(axis.values for axis in axes))]
    if len(cells) != len(combinations):
        cells = [{}] * len(combinations)
    for values, used in zip(combinations, cells, strict=True):
        chosen = list(zip(axes, values, strict=True))
        own: Mapping[str, Any] = {axis.name: value for axis, value in chosen if not axis.common}
        shared: Mapping[str, Any] = {axis.name: value for axis, value in chosen if axis.common}
        yield (
            tuple(f"{axis.name.replace('_', '-')} {_shown(value)}" for axis, value in chosen),
            replace(
                recipe,
                options={**recipe.options, **own},
                common=replace(recipe.common, **shared),
                seed=seed,
                used=used,
            ),
        )


def sheet_of(
    recipe: Recipe,
    axes: Sequence[Axis],
    make: Callable[[tuple[str, ...], Recipe], Cell],
    *,
    title: str | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Picture:
    """A contact sheet of every combination; those that were not made once it is `stopped` stay empty."""
    cells = [
        Cell(None, labels) if stopped() else make(labels, variant)
        for labels, variant in variants(recipe, axes)
    ]
    columns = len(axes[-1].values)
    page: Picture = sheet(cells, columns=columns if len(axes) > 1 else None, side=384, title=title)
    return page


def drawn(seed: int | None) -> int:
    """The seed, one that is drawn if it was left open."""
    return secrets.randbelow(2**31) if seed is None else seed


def swept_recipe(
    recipe: Recipe, axes: Sequence[Axis], results: Sequence[Result], page: Picture, *, stopped: bool = False
) -> Recipe:
    """The recipe of the sheet `page` of `results`: what `replay` makes it of."""
    made = results[-1].recipe
    used = {name: made.used[name] for name in _SHARED if name in made.used}
    known = [{} if it.interrupted else it.recipe.used for it in results]
    cells = [{name: own[name] for name in _OWN if name in own} for own in known]
    cells += [{}] * (math.prod(len(axis.values) for axis in axes) - len(cells))
    if stopped:
        used["interrupted"] = True
    swept = {axis.name: list(axis.values) for axis in axes}
    return replace(
        recipe,
        inputs=made.inputs,
        used={**used, "size": list(page.size), "sweep": swept, "cells": cells},
        versions=made.versions,
    )


def axes_of(swept: Mapping[str, Any], mode: Mode) -> tuple[Axis, ...]:
    """The axes that a sheet's recipe tells of; a UsageError if they are none of the mode's."""
    common = {item.name for item in Common.parameters()}
    return tuple(_checked(name, values, mode, common=name in common) for name, values in swept.items())


def _checked(name: str, values: Sequence[Any], mode: Mode, *, common: bool) -> Axis:
    check = Common.check if common else (lambda given: mode.check(given, partial=True))
    return Axis(name, tuple(check({name: value})[name] for value in values), common)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(_shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
