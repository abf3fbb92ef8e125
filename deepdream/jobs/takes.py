"""An animation on its way to the disk: its frames as they are made, and the film that is made of them."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

from deepdream.errors import DeepDreamError
from deepdream.jobs.holds import Hold
from deepdream.jobs.recipe import Recipe
from deepdream.jobs.reel import Reel
from deepdream.pictures.animation import Animation, Ended
from deepdream.pictures.picture import Picture
from deepdream.pictures.saving import FILMS, check_writable, format_of, make_folder

__all__ = ["Take", "Until"]


class Take:
    """Keeps the frames of a run (`results.Frames`) in a reel, and makes the film `path` of them.

    Without `path` the frames are the result. `recipe` is what to run: where there are frames already, the
    one that made them.
    """

    def __init__(
        self, reel: Reel, path: Path | None, recipe: Recipe, *, overwrite: bool = False, changed: bool = False
    ) -> None:
        self.reel, self.path, self.recipe = reel, path, recipe
        self.changed = changed
        """Whether the frames that lay here were made before the plugin was changed, and give way."""
        self.lock = threading.Lock()
        """Held while a frame is written."""
        self._overwrite = overwrite
        self._animation: Animation | None = None
        self._kept = self._discarded = False
        self._hold = Hold(reel.hold)
        self._before = reel.found()
        self._shown: Picture | None = None

    def __len__(self) -> int:
        return len(self.reel)

    @property
    def shown(self) -> Path:
        """What to call the result before it is there: the film, or the folder with the first frame."""
        return self.path or self.reel.path(0)

    def begin(self, animation: Animation) -> None:
        """Take the animation on, unless the film cannot show it."""
        if self.path is not None:
            from deepdream.pictures.films import check_film

            check_film(self.path, animation.fps, overwrite=self._overwrite)
        self._animation = animation

    def hold(self) -> None:
        """Keep other runs from this place until `release`; a DeepDreamError if one is there already."""
        make_folder(self.reel.folder)
        if not self._hold.take() or self.reel.found() != self._before:
            self._hold.release()
            raise DeepDreamError(
                f"another run makes frames in {self.reel.folder} at this moment",
                "wait for it, or choose another name with -o",
            )

    def release(self) -> None:
        """Let others in; the folder of a film goes if nothing is in it."""
        self._hold.release()
        if self.path is not None:
            with suppress(OSError):
                self.reel.folder.rmdir()

    def begins(self) -> str | None:
        """How it begins, unless with the first frame as usual."""
        if len(self):
            return f"going on after frame {len(self)}, {self.reel.paths[-1]}"
        folder = self.reel.folder
        return f"begun anew: the plugin was changed after the frames in {folder}" if self.changed else None

    def last(self) -> Picture | None:
        return self.reel.last()

    def add(self, frame: Picture) -> None:
        if self.path is not None and not len(self.reel):
            check_writable(self.path, self._overwrite, size=frame.size, suffixes=FILMS)
        with self.lock:
            if not self._discarded:
                self.reel.add(frame)

    def discard(self) -> None:
        """Delete the frames, and take no more."""
        with self.lock:
            self._discarded = True
            if len(self.reel):
                self.reel.clear()

    def notes(self) -> list[str]:
        """What the film cannot hold of its frames, and what became of them."""
        if self.path is None or self._animation is None:
            return []
        notes, name, format = [], self.path.name, format_of(self.path, FILMS)
        last = self._shown
        if last is not None and last.alpha is not None and format in ("GIF", "MP4"):
            notes.append(f"{name}: {format} has no transparency, white shows; WebP keeps it")
        if last is not None and format == "MP4" and (last.width % 2 or last.height % 2):
            notes.append(f"{name}: MP4 has even sides, so one row or column of pixels is left out")
        if self._kept:
            goes = "begins anew" if self._half() else "goes on with them"
            notes.append(f"{self.reel.folder} keeps the frames: the same command {goes}")
        return notes

    def _half(self) -> bool:
        """Whether there is no more than a first frame that was stopped half-way, and is made again."""
        last = self.last()
        return (
            len(self) == 1
            and last is not None
            and bool(last.recipe and last.recipe["used"].get("interrupted"))
        )

    def finish(self, recipe: Recipe, *, whole: bool, rest: float = 0.0) -> list[Path]:
        """Make the film, with `recipe` in it, and return the files of the result.

        The last frame stays for `rest` seconds more. The frames are kept, to go on with, unless the animation
        is `whole`.
        """
        if self._animation is None or not len(self.reel):
            raise DeepDreamError("the animation has no frame")
        if self.path is None:
            return self.reel.paths
        from deepdream.pictures.films import write_film

        self._shown = self.last()
        if self._half() and self.path.exists():
            raise DeepDreamError(
                f"stopped in the first frame: {self.path} stays as it was", "the same command begins anew"
            )
        write_film(
            self.path,
            self.reel.image,
            len(self.reel),
            fps=self._animation.fps,
            loop=self._animation.loop,
            rest=rest,
            recipe=recipe.to_json(),
            overwrite=self._overwrite,
        )
        whole = whole or self._animation.ready  # of ready frames, one that was stopped has none to go on with
        if whole:
            self.reel.clear()
        self._kept = not whole
        return [self.path]


class Until:
    """Frames that are forgotten, up to the one of a number."""

    def __init__(self, number: int) -> None:
        self._number, self._count = number, 0
        self._last: Picture | None = None

    def __len__(self) -> int:
        return self._count

    def begin(self, animation: Animation) -> None:
        pass

    def last(self) -> Picture | None:
        return self._last

    def add(self, frame: Picture) -> None:
        self._last = frame
        self._count += 1
        if self._count == self._number:
            raise Ended
