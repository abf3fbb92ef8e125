"""The frames of an animation on the disk: numbered PNG files with recipes, which films are made of.

They are the memory of an animation in the making. Nothing else is kept of it, so it may have any length,
and one that was stopped goes on after the last file.
"""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepdream.errors import DeepDreamError
from deepdream.jobs.inputs import digest_of
from deepdream.jobs.recipe import Input, Recipe
from deepdream.pictures.animation import Animation, film_recipe
from deepdream.pictures.picture import Picture, load, read_recipe
from deepdream.pictures.saving import make_folder

if TYPE_CHECKING:
    import PIL.Image

__all__ = ["Reel", "asks", "beside", "fingerprints", "save"]


class Reel:
    """Frames `<stem>.0001.png`, `<stem>.0002.png`, ... in `folder`, which is made for the first.

    With `fresh`, what is there of another animation gives way to the first frame.
    """

    def __init__(self, folder: Path, stem: str, *, fresh: bool = False) -> None:
        self.folder, self.stem = folder, stem
        self._fresh = fresh
        self._count = 0 if fresh else self.found()

    def __len__(self) -> int:
        return self._count

    def found(self) -> int:
        """How many frames there are on the disk."""
        return next(index for index in count() if not os.path.lexists(self.path(index)))

    def path(self, index: int) -> Path:
        """The file of frame `index`, which is counted from 0; the names count from 1."""
        return self.folder / f"{self.stem}.{index + 1:04d}.png"

    @property
    def hold(self) -> Path:
        """The file whose lock the run that makes these frames has."""
        return self.folder / f".{self.stem}.lock"

    @property
    def paths(self) -> list[Path]:
        """The files of all frames that are here."""
        return [self.path(index) for index in range(self._count)]

    def last(self) -> Picture | None:
        """The last frame that is here, with its recipe; None if there is none."""
        if not self._count:
            return None
        path = self.path(self._count - 1)
        try:
            return replace(load(path), recipe=read_recipe(path))
        except DeepDreamError:  # one without a recipe
            return load(path)

    def add(self, frame: Picture) -> None:
        """Write the next frame."""
        if self._fresh:
            self._fresh = False
            self.clear()
        make_folder(self.folder)
        frame.save(self.path(self._count), overwrite=True)
        self._count += 1

    def clear(self) -> None:
        """Delete all frames, and the folder if nothing else is in it."""
        for index in count():
            try:
                self.path(index).unlink()
            except OSError:
                break
        self._count = 0
        with suppress(OSError):
            self.folder.rmdir()

    def image(self, index: int) -> PIL.Image.Image:
        """Frame `index` as a Pillow image, which is RGB or RGBA."""
        return load(self.path(index)).to_pil()

    def begun(self, recipe: Recipe) -> Recipe | None:
        """The recipe that the frames here were made by, if it asks for what `recipe` asks for.

        `recipe` may leave the seed open, and knows its inputs by their hashes. None for another recipe, for
        frames that were made by other software, and for a first one that was stopped half-way.
        """
        if not self._count:
            return None
        try:
            found = Recipe.from_json(read_recipe(self.path(0)))
        except DeepDreamError:
            return None
        return found if not found.used.get("interrupted") and asks(found, recipe) else None

    def whole(self) -> bool:
        """Whether no frame is missing at the end."""
        if not self._count:
            return False
        number, of = read_recipe(self.path(self._count - 1)).get("used", {}).get("frame", (0, 0))
        return bool(number == of == self._count)


def asks(found: Recipe, recipe: Recipe) -> bool:
    """Whether `found`, which was run, asks for what `recipe` asks for, which may leave the seed open."""
    return recipe.seed in (None, found.seed) and _request(found) == _request(recipe)


def beside(path: Path, *, fresh: bool = False) -> Reel:
    """The frames of the film `path` while it is made: in the folder `<path>.frames`."""
    return Reel(path.with_name(path.name + ".frames"), path.stem, fresh=fresh)


def fingerprints(recipe: Recipe) -> Recipe:
    """The recipe with the hash of every input that is a file."""
    inputs = {}
    for name, item in recipe.inputs.items():
        digest = item.sha256
        if digest is None and os.path.isfile(item.path):  # noqa: PTH113 (Path's may raise)
            digest = digest_of(item.path)
        inputs[name] = Input(item.path, digest)
    return replace(recipe, inputs=inputs)


def _request(recipe: Recipe) -> tuple[Any, ...]:
    """What decides the frames, whatever the names of the files and the seed."""
    from deepdream.jobs.versions import versions

    inputs = {name: item.sha256 for name, item in recipe.inputs.items()}
    data = recipe.to_json()
    return inputs, data["mode"], data["options"], data["common"], data["versions"] or versions()


def save(animation: Animation, path: Path, *, overwrite: bool = False) -> tuple[Path, ...]:
    """Make all frames of an animation and write them: see `Animation.save`."""
    from deepdream.pictures.films import check_film, write_film

    if path.is_dir():
        reel = Reel(path, "frame", fresh=overwrite)
        if len(reel):
            raise DeepDreamError(f"{reel.path(0)} exists already", "overwrite=True replaces it")
        for frame in animation:
            reel.add(frame)
        return tuple(reel.paths)
    check_film(path, animation.fps, overwrite=overwrite)
    reel = Reel(path.with_name(f".deepdream-{secrets.token_hex(8)}.frames"), path.stem)
    try:
        for frame in animation:
            reel.add(frame)
        last = reel.last()
        recipe = None if last is None or last.recipe is None else film_recipe(last.recipe, len(reel))
        write_film(
            path,
            reel.image,
            len(reel),
            fps=animation.fps,
            loop=animation.loop,
            recipe=recipe,
            overwrite=overwrite,
        )
    finally:
        shutil.rmtree(reel.folder, ignore_errors=True)
    return (path,)
