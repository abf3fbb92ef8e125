"""Where results go: the names of files, which are checked before any work and never taken twice."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from deepdream.errors import DeepDreamError, UsageError
from deepdream.jobs.holds import Hold
from deepdream.jobs.recipe import Recipe
from deepdream.jobs.reel import Reel, asks, beside, fingerprints
from deepdream.jobs.takes import Take
from deepdream.modes.provenance import Plugin
from deepdream.pictures.animation import Kind
from deepdream.pictures.picture import Picture, read_recipe
from deepdream.pictures.saving import (
    FILMS,
    check_new_folder,
    check_writable,
    exists,
    format_of,
    make_folder,
    output_path,
)

__all__ = ["Target"]


class Target:
    """Where results go: one named file, or files named after their pictures in a folder.

    An output that ends in a slash is a folder, which is made for the first picture that is written. Where a
    mode makes several pictures of one, they are numbered: `x.png` stands for `x.01.png`, `x.02.png`, ...
    """

    def __init__(
        self,
        job_mode: str,
        output: str | None,
        *,
        images: int = 1,
        overwrite: bool = False,
        makes: Kind = "picture",
        flag: str = "-o",
        plugin: Plugin | None = None,
    ) -> None:
        self.mode, self.overwrite, self.makes, self.plugin = job_mode, overwrite, makes, plugin
        self.file: Path | None = None
        self.folder = Path()
        self._frames = False
        """Whether the frames of animations are what is wanted, each in a file of its own."""
        self._written: set[Path] = set()
        self._promised: set[Path] = set()
        """Paths that a plan has named."""
        if output is None:
            return
        if not output:
            usual = " for a name made of the picture's" if flag == "-o" else ""
            raise UsageError("the output has no name", f"name a file, or leave {flag} out{usual}")
        path = Path(output)
        if os.path.isdir(output) or output.endswith(("/", os.sep)):  # noqa: PTH112 (Path's may raise)
            self.folder = path
            self._frames = makes == "animation"
        elif images > 1:
            raise UsageError(
                f"{output} is one file for {images} pictures",
                f"name a folder with {flag}: a new one ends in '/'",
            )
        else:
            self.file = path

    def path(self, image: str | None, suffix: str = ".png") -> Path:
        """The path for what is made of `image`, or of nothing; DeepDreamError if it cannot be written."""
        name = self._name(image)
        plain = self.folder / f"{name}{suffix}"
        if not self.folder.is_dir():
            format_of(plain)
            check_new_folder(self.folder)
            return plain
        if self.file is not None:
            path = self.file
        elif self.overwrite and plain not in self._written | self._promised:
            path = plain
        else:
            path = self._free(image, suffix)
        check_writable(path, self._may_replace(path))
        if self.makes == "pictures" and not self._may_replace(path) and (there := _numbered(path)):
            raise exists(there[0])
        return path

    def unnumbered(self, path: Path, image: str | None) -> Path:
        """The path of a result without the number that it got where the name was taken."""
        return path if self.file is not None else self.folder / f"{self._name(image)}{path.suffix}"

    def save(self, picture: Picture, path: Path, image: str | None) -> Path:
        """Save at `path`; at the next free number if somebody took the name in the meantime."""
        self.make_folder()
        while True:
            try:
                saved = picture.save(path, overwrite=self._may_replace(path))
            except DeepDreamError:
                if self._may_replace(path) or not os.path.lexists(path):
                    raise
                if self.file is None:
                    path = self._free(image, path.suffix)
                else:  # the work is worth more than its name
                    path = output_path(self.file.stem, self.file.suffix, self.file.parent)
            else:
                self._written.add(path)
                return saved

    def take(self, image: str | None, recipe: Recipe, suffix: str = ".webp", *, anew: bool = False) -> Take:
        """The place for the animation that `recipe` makes of `image`.

        A file of the kind `suffix`, a named film, or frames in a folder. Frames that the same recipe left are
        continued; those of others are in the way. With `anew`, whatever an unfinished film left is given up:
        a run that was killed leaves the file of its hold.
        """
        recipe = fingerprints(recipe)
        if self.file is not None:
            over = not anew and self._unfinished(self.file, recipe)
            check_writable(self.file, self.overwrite or over, suffixes=FILMS)
            if anew:
                return Take(beside(self.file, fresh=True), self.file, recipe, overwrite=self.overwrite)
            return self._take(beside(self.file), self.file, recipe)
        if self.folder.is_dir():
            check_writable(self.folder / f"{self._name(image)}.png", overwrite=True)
        else:
            check_new_folder(self.folder)
        suffix = "" if self._frames else suffix

        def reel(path: Path) -> Reel:
            return Reel(self.folder, path.name) if self._frames else beside(path)

        def killed(path: Path) -> bool:
            return anew and reel(path).hold.exists()

        def taken(path: Path) -> bool:
            if Hold(reel(path).hold).busy():
                return True
            if self._may_replace(path) or killed(path):
                return False
            if not (anew or self._frames) and self._unfinished(path, recipe):
                return False
            there, begun = reel(path), reel(path).begun(recipe)
            others = begun is None or (self._frames and (there.whole() or self._changed(begun)))
            in_the_way = len(there) and others
            return path in self._written or os.path.lexists(path) or bool(in_the_way)

        path = output_path(self._name(image), suffix, self.folder, taken=taken)
        if killed(path):
            return Take(Reel(self.folder, path.name, fresh=True), None, recipe, overwrite=self.overwrite)
        return self._take(reel(path), None if self._frames else path, recipe)

    def _take(self, reel: Reel, path: Path | None, recipe: Recipe) -> Take:
        begun = reel.begun(recipe)
        changed = self._changed(begun)
        if begun is not None and not changed and not (path is None and reel.whole()):
            recipe = replace(recipe, seed=begun.seed, used=begun.used)
        elif len(reel):
            if not self.overwrite and not (path is not None and (changed or self._unfinished(path, recipe))):
                raise DeepDreamError(
                    f"{reel.folder} holds frames of another animation",
                    "choose another name, or replace them: --overwrite",
                )
            reel = Reel(reel.folder, reel.stem, fresh=True)
        over = self.overwrite or (path is not None and self._unfinished(path, recipe))
        return Take(reel, path, recipe, overwrite=over, changed=changed)

    def _unfinished(self, path: Path, recipe: Recipe) -> bool:
        """Whether the film `path` is what a run of `recipe` had when it was stopped, its frames beside it."""
        if not path.is_file() or path in self._written or not len(beside(path)):
            return False
        with suppress(DeepDreamError):
            shown = Recipe.from_json(read_recipe(path))
            return bool(shown.used.get("interrupted")) and asks(shown, recipe) and not self._changed(shown)
        return False

    def _changed(self, begun: Recipe | None) -> bool:
        """Whether frames of the same recipe were made by another state of the plugin."""
        facts = {} if self.plugin is None else self.plugin.facts()
        return begun is not None and begun.used.get("plugin", {}) != facts

    def promise(self, path: Path) -> None:
        """Let no other result of this command's plan have the name."""
        self._promised.add(path)

    def finished(self, take: Take) -> None:
        """Give the name of an animation to no other."""
        self._written.add(take.path or take.reel.folder / take.reel.stem)

    def save_all(
        self, pictures: Sequence[Picture], path: Path, image: str | None, *, stopped: bool = False
    ) -> list[Path]:
        """Save several pictures under numbered names made of `path`; a single one at `path` itself.

        Where the mode was `stopped`, others might have come: a single one has its number too.
        """
        if len(pictures) == 1 and not stopped:
            return [self.save(pictures[0], path, image)]
        self.make_folder()
        overwrite = self._may_replace(path)
        if not overwrite and self.file is None and (path.exists() or _numbered(path)):
            path = self._free(image, path.suffix)
        self._written.add(path)
        places = numbered(path, len(pictures), single=not stopped)
        return [
            picture.save(place, overwrite=overwrite) for place, picture in zip(places, pictures, strict=True)
        ]

    def save_snapshot(self, picture: Picture, path: Path, step: int) -> Path:
        """Save the picture after `step` beside `path`, which it will be; no file gives way to it unasked."""
        self.make_folder()
        if self.overwrite:
            place = path.with_suffix(f".step{step:04d}{path.suffix}")
        else:
            place = output_path(f"{path.stem}.step{step:04d}", path.suffix, path.parent)
        return picture.save(place, overwrite=self.overwrite)

    def make_folder(self) -> None:
        """Make the folder that results go to, unless it is there."""
        if not self.folder.is_dir():
            make_folder(self.folder)

    def _name(self, image: str | None) -> str:
        """The name of a result without its suffix: `photo.dream`, or `visualize` where there is no photo."""
        return self.mode if image is None else f"{Path(image).stem}.{self.mode}"

    def _free(self, image: str | None, suffix: str) -> Path:
        def taken(path: Path) -> bool:
            there = path in self._promised or os.path.lexists(path)
            return there or (self.makes == "pictures" and bool(_numbered(path)))

        return output_path(self._name(image), suffix, self.folder, taken=taken)

    def _may_replace(self, path: Path) -> bool:
        return self.overwrite and path not in self._written


def numbered(path: Path, count: int, *, single: bool = True) -> list[Path]:
    """The names of `count` pictures after `path`: a `single` one has the name itself."""
    digits = max(2, len(str(count)))
    numbers = [f".{number:0{digits}d}" for number in range(1, count + 1)]
    if count == 1 and single:
        return [path]
    return [path.with_suffix(f"{number}{path.suffix}") for number in numbers]


def _numbered(path: Path) -> list[Path]:
    """The files that pictures numbered after `path` may have left."""
    pattern = re.compile(rf"{re.escape(path.stem)}\.\d{{2,}}{re.escape(path.suffix)}")
    try:
        return sorted(entry for entry in path.parent.iterdir() if pattern.fullmatch(entry.name))
    except OSError:
        return []
