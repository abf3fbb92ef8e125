"""What came of a run: the pictures with their recipes, and the figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from deepdream.jobs.checkpoints import Checkpoint
from deepdream.jobs.recipe import Recipe
from deepdream.jobs.versions import versions
from deepdream.pictures.animation import Animation, Made, film_recipe
from deepdream.pictures.picture import Picture

__all__ = ["Frames", "Result", "result_of", "used_of"]

_TILES: Final = ("tile", "halo", "exact")


@dataclass(frozen=True)
class Result:
    """What a run made: pictures, the recipe with `used` and `versions` filled in, and the figures."""

    made: Made
    recipe: Recipe
    report: Mapping[str, Any]
    interrupted: bool = False
    checkpoint: Checkpoint | None = None
    """What the run may have left on the disk, to be removed once the result is saved."""

    @property
    def picture(self) -> Picture:
        """The picture that was made; the first, if there are several."""
        return self.made if isinstance(self.made, Picture) else next(iter(self.made))


class Frames(Protocol):
    """Where the frames of an animation are kept while it is made; what it holds already is not made again."""

    def __len__(self) -> int: ...

    def begin(self, animation: Animation) -> None:
        """Hear what animation it is, before its first frame is made; a DeepDreamError refuses it."""

    def last(self) -> Picture | None:
        """The last frame that is here, with its recipe."""

    def add(self, frame: Picture) -> None: ...


def result_of(
    recipe: Recipe,
    made: Made,
    loaded: Mapping[str, Picture],
    facts: Mapping[str, Any],
    frames: Frames | None = None,
) -> Result:
    """The result of a run that `made` something of the pictures `loaded`, with the `facts` it reported."""
    last = None if frames is None else frames.last()
    used = used_of(
        facts, last if isinstance(made, Animation) else made[0] if isinstance(made, tuple) else made
    )
    if last is not None and last.recipe is not None:
        # Whether it was made in one go or not, the film is that of its last frame.
        used = film_recipe(last.recipe, len(frames or ()))["used"]
    facts = {**used, **facts}
    climbs = facts.get("climbs", ())
    report: dict[str, Any] = {
        "mode": recipe.mode,
        **{name: facts.get(name) for name in ("model", "weights", "layers", "requested_layers", "formula")},
        **{name: facts[name] for name in ("meanings", "rules") if name in facts},
        "objective": facts.get("objective"),
        "size": used.get("size"),
        "octaves": _sizes(climbs) or facts.get("octaves"),
        **{name: facts.get(name) for name in ("steps", "seconds", "precision", "precision_reason")},
        **({"climbs": climbs} if len(climbs) > 1 else {}),
        "seed": recipe.seed,
        **{name: facts.get(name) for name in ("device", "memory", "tiles", *_TILES, "budget")},
        **{name: facts[name] for name in ("octave_steps", "time_limit") if name in facts},
        "notes": list(dict.fromkeys([n for p in loaded.values() for n in p.notes] + list(facts["notes"]))),
        "interrupted": bool(facts.get("interrupted")),
    }
    if isinstance(made, Animation):
        count = made.count if frames is None else len(frames)
        report |= {"frames": count, "fps": made.fps, "loop": made.loop}
    elif isinstance(made, tuple):
        report["pictures"] = len(made)
    if len(climbs) > 1:
        used["octaves"] = report["octaves"]
        used["climbs"] = [{name: it[name] for name in ("octaves", "steps")} for it in climbs]
    if report["interrupted"]:
        used["interrupted"] = True
    recipe = replace(recipe, used=used, versions=versions())
    if isinstance(made, Picture):
        made = replace(made, recipe=recipe.to_json())
    elif isinstance(made, tuple):
        made = tuple(_numbered(recipe, picture, number, len(made)) for number, picture in enumerate(made, 1))
    return Result(made, recipe, report, bool(report["interrupted"]))


def _sizes(climbs: Iterable[Mapping[str, Any]]) -> list[list[int]]:
    """The sizes that were climbed at, each once."""
    sizes = dict.fromkeys((width, height) for climb in climbs for width, height in climb["octaves"])
    return [list(size) for size in sizes]


def _numbered(recipe: Recipe, picture: Picture, number: int, count: int) -> Picture:
    used = {**recipe.used, "size": list(picture.size)}
    if count > 1:
        used["picture"] = [number, count]
    return replace(picture, recipe=replace(recipe, used=used).to_json())


def used_of(facts: Mapping[str, Any], picture: Picture | None) -> dict[str, Any]:
    """What a recipe keeps of the facts of its run."""
    kept = ("plugin", "model", "weights", "layers", "requested_layers", "formula")
    used = {name: facts.get(name) for name in kept}
    used["size"] = facts.get("size") if picture is None else list(picture.size)
    figures = ("octaves", "steps", "octave_steps", "precision", "device", *_TILES, "budget")
    used |= {name: facts.get(name) for name in figures}
    used = {name: value for name, value in used.items() if value is not None}
    # The same bytes must come out whether the weights were just downloaded or lay in the cache.
    used["weights"] = {name: it for name, it in (facts.get("weights") or {}).items() if name != "origin"}
    return used
