"""Where the pictures of a recipe are now: known by what is in their files, not by their names."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from deepdream.errors import DeepDreamError, UsageError
from deepdream.jobs.recipe import Input
from deepdream.pictures.saving import reason

__all__ = ["digest_of", "found"]


def digest_of(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file; a DeepDreamError if it cannot be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DeepDreamError(f"cannot read {os.fspath(path)}: {reason(error)}") from error


def found(
    inputs: Mapping[str, Input], recipe: str | os.PathLike[str], flags: Mapping[str, str]
) -> dict[str, str]:
    """The path of every one of `inputs`: where it was, or beside the file `recipe` that names it.

    An input without a hash is taken as it is. A UsageError names one that is gone or another file now, and
    the flag of `flags` that gives another picture.
    """
    paths = {}
    for name, item in inputs.items():
        flag = flags[name.partition(".")[0]]
        places = [Path(item.path), Path(recipe).parent / Path(item.path).name]
        there = [path for path in places if os.path.isfile(path)]  # noqa: PTH113 (Path's may raise)
        match = [path for path in there if item.sha256 in (None, digest_of(path))]
        if not match:
            wrong = "is not the file it was" if there else "is not there any more"
            raise UsageError(
                f"{flag} of {recipe}: {item.path} {wrong}", f"give it, or another picture, with {flag} PATH"
            )
        paths[name] = str(match[0])
    return paths
