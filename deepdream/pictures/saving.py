"""Files on the way out: names, checks made before any work, and writes that never lose a file.

Nothing here decodes or encodes, so it costs nothing to import.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from types import MappingProxyType

from deepdream.errors import DeepDreamError, UsageError, did_you_mean

__all__ = [
    "FILMS",
    "SUFFIXES",
    "check_new_folder",
    "check_writable",
    "exists",
    "format_of",
    "make_folder",
    "output_path",
    "reason",
    "same_file",
    "write_bytes",
    "writing",
]

SUFFIXES: Mapping[str, str] = MappingProxyType(
    {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
)
"""What the name of a file to be written may end in, and the format that is written then."""

FILMS: Mapping[str, str] = MappingProxyType({".gif": "GIF", ".webp": "WEBP", ".mp4": "MP4"})
"""The same for an animation in one file."""

# From the formats themselves: libjpeg stops short of 16 bits, a WebP frame has 14 bits per side, H.264 ends
# at level 6.2.
_LONGEST_SIDE: Mapping[str, int] = MappingProxyType(
    {"JPEG": 65500, "WEBP": 16383, "GIF": 65535, "MP4": 16384}
)


def format_of(path: str | os.PathLike[str], suffixes: Mapping[str, str] = SUFFIXES) -> str:
    """The format that the suffix of `path` asks for; `UsageError` if it is none of `suffixes`."""
    name = Path(path).name
    suffix = Path(path).suffix
    known = "use one of " + ", ".join(suffixes)
    if suffixes is FILMS:
        known += ", or a folder for frames as PNG files: it ends in '/'"
    if not suffix:
        raise UsageError(f"no suffix in '{name}': it decides the format", known)
    try:
        return suffixes[suffix.lower()]
    except KeyError:
        if suffixes is FILMS and suffix.lower() in SUFFIXES:
            raise UsageError(f"'{name}' is a file for one picture, and this is an animation", known) from None
        if suffixes is SUFFIXES and suffix.lower() in FILMS:
            raise UsageError(f"'{name}' is a file for an animation, and this is a picture", known) from None
        guess = did_you_mean(suffix, suffixes)
        raise UsageError(
            f"unknown suffix '{suffix}' in '{name}'", f"{guess} ({known})" if guess else known
        ) from None


def output_path(
    name: str,
    suffix: str = ".png",
    folder: str | os.PathLike[str] = Path(),
    *,
    taken: Callable[[Path], bool] = os.path.lexists,
) -> Path:
    """The first free name: `<name>.png`, then `<name>-2.png`, `-3`, ... in `folder`."""
    for number in count(1):
        path = Path(folder) / f"{name}{'' if number == 1 else f'-{number}'}{suffix}"
        with _said_of(path):
            if not taken(path):
                return path
    raise AssertionError("unreachable: the numbers do not end")


def check_writable(
    path: str | os.PathLike[str],
    overwrite: bool = False,
    *,
    size: tuple[int, int] | None = None,
    suffixes: Mapping[str, str] = SUFFIXES,
) -> None:
    """Find out, before minutes of work, whether a picture could be saved at `path`.

    `size` is (width, height), where it is known: some formats have a longest side. The folder is
    tried by making and removing a file in it, since permission bits tell nothing of read-only disks,
    access lists and quotas. Raises `UsageError` for a suffix that names no format, or one that cannot hold
    the size, `DeepDreamError` for everything else in the way.
    """
    path = Path(path)
    with _said_of(path):
        if path.is_dir():
            example = path / f"dream{next(iter(suffixes))}"
            raise DeepDreamError(f"{path} is a folder", f"name a file in it, such as {example}")
        longest = _LONGEST_SIDE.get(format := format_of(path, suffixes))
        if size is not None and longest is not None and max(size) > longest:
            raise UsageError(
                f"{path}: {format} holds at most {longest} pixels on a side, not {max(size)}",
                "save as .png or .tif",
            )
        target = _target(path)
        if target.parent.exists() and not target.parent.is_dir():
            raise DeepDreamError(
                f"cannot write {path}: {target.parent} is a file, not a folder", "choose another folder"
            )
        if not target.parent.is_dir():
            raise DeepDreamError(f"cannot write {path}: no folder {target.parent}", "create the folder first")
        if os.path.lexists(target):
            if not target.is_file():
                raise DeepDreamError(f"cannot write {path}: it is not a regular file", "choose another name")
            if not overwrite:
                raise exists(path)
            # Renaming over it would succeed all the same; somebody protected this very file.
            if not os.access(target, os.W_OK):
                raise DeepDreamError(f"cannot write {path}: it is read-only", "choose another name")
        with _temporary(target.parent):
            pass


def check_new_folder(folder: str | os.PathLike[str]) -> None:
    """Find out whether a `folder` that does not exist could be made, without making it."""
    folder = Path(folder)
    with _said_of(folder):
        with suppress(FileNotFoundError):
            folder.lstat()  # raises for a name that is too long, and for a file where a folder must be
            raise DeepDreamError(f"{folder} is a file, not a folder", "choose another name")
        with _temporary(next(place for place in folder.parents if place.is_dir())):
            pass


def make_folder(folder: str | os.PathLike[str]) -> None:
    """Make `folder` and those it lies in, where they do not exist."""
    folder = Path(folder)
    with _said_of(folder):
        folder.mkdir(parents=True, exist_ok=True)


def write_bytes(path: str | os.PathLike[str], data: bytes, *, overwrite: bool = False) -> None:
    """Write a whole file or nothing at all.

    See `writing`.
    """
    with writing(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(data)


@contextmanager
def writing(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """The place to write what will be the file `path`, all of it or nothing.

    A temporary file in the same folder, which reaches the disk and only then takes the name. Whatever fails
    before that (a full disk, Ctrl-C) leaves the old file as it was and no other behind. Without `overwrite` a
    file that appeared in the meantime is kept too.
    """
    path = Path(path)
    target = _target(path)
    with _said_of(path), _temporary(target.parent) as temporary:
        yield temporary
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())
        if overwrite:
            with suppress(OSError):  # a first write has no permissions to keep
                shutil.copymode(target, temporary)
            temporary.replace(target)
        else:
            try:
                _take_name(temporary, target)
            except FileExistsError:
                raise exists(path) from None


def same_file(path: Path, other: str | os.PathLike[str]) -> bool:
    """Whether both names are of one file that is there."""
    try:
        return path.samefile(other)
    except (OSError, ValueError):  # one of them is not there
        return False


def reason(error: OSError) -> str:
    """The system's own words for what went wrong, in lower case: `no space left on device`."""
    return (error.strerror or str(error) or type(error).__name__).lower()


def _target(path: Path) -> Path:
    """What `path` stands for: behind a symbolic link the file changes, not the link."""
    return Path(os.path.realpath(path))


def _take_name(temporary: Path, target: Path) -> None:
    """Rename, but never over a file that exists (`FileExistsError`)."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:  # no hard links on this file system: claim the name, then replace the claim
        target.open("xb").close()
        try:
            temporary.replace(target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise


@contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    """A new empty file in `folder`, with the permissions of any new file; gone afterwards."""
    path = folder / f".deepdream-{secrets.token_hex(8)}.tmp"
    path.open("xb").close()
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _said_of(path: Path) -> Iterator[None]:
    """Turn what the system refuses into one line about `path`."""
    try:
        yield
    except OSError as error:
        hints = {
            errno.ENOSPC: "free some space, or save to another disk",
            errno.ENAMETOOLONG: "choose a shorter name: -o names the result",
        }
        hint = hints.get(error.errno or 0, "choose another folder")
        raise DeepDreamError(f"cannot write {path}: {reason(error)}", hint) from error


def exists(path: Path) -> DeepDreamError:
    """The error that `path` is there already and may not be replaced."""
    return DeepDreamError(
        f"{path} exists already",
        "choose another name, or replace it: --overwrite, or overwrite=True in Python",
    )
