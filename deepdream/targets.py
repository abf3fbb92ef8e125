"""Where results go: the names of files, which are checked before any work and never taken twice."""

from __future__ import annotations

import os
from pathlib import Path

from deepdream.errors import DeepDreamError, UsageError
from deepdream.picture import Picture
from deepdream.saving import check_new_folder, check_writable, format_of, make_folder, output_path

__all__ = ["Target"]


class Target:
    """Where results go: one named file, or files named after their pictures in a folder.

    An output that ends in a slash is a folder, which is made for the first picture that is written.
    """

    def __init__(
        self, job_mode: str, output: str | None, *, images: int = 1, overwrite: bool = False
    ) -> None:
        self.mode, self.overwrite = job_mode, overwrite
        self.file: Path | None = None
        self.folder = Path()
        self._written: set[Path] = set()
        if output is None:
            return
        if not output:
            raise UsageError("the output has no name", "leave -o out for a name made of the picture's")
        path = Path(output)
        if os.path.isdir(output) or output.endswith(("/", os.sep)):  # noqa: PTH112 (Path's may raise)
            self.folder = path
        elif images > 1:
            raise UsageError(
                f"{output} is one file for {images} pictures", "name a folder with -o: a new one ends in '/'"
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
        elif self.overwrite and plain not in self._written:
            path = plain
        else:
            path = output_path(name, suffix, self.folder)
        check_writable(path, self._may_replace(path))
        return path

    def save(self, picture: Picture, path: Path, image: str | None) -> Path:
        """Save at `path`; at the next free number if somebody took a name that we chose ourselves."""
        self.make_folder()
        while True:
            try:
                saved = picture.save(path, overwrite=self._may_replace(path))
            except DeepDreamError:
                if self.file is not None or self._may_replace(path) or not os.path.lexists(path):
                    raise
                path = output_path(self._name(image), path.suffix, self.folder)
            else:
                self._written.add(path)
                return saved

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

    def _may_replace(self, path: Path) -> bool:
        return self.overwrite and path not in self._written
