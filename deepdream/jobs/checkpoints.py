"""Checkpoints: what a long run keeps on disk, so that one that was killed goes on to the same bytes.

A checkpoint is a NumPy archive beside the result that is to be: arrays, and a head in JSON that names the
job. So does the file's name, for no job may get at the checkpoint of another; and the run that it is of has
it locked, so that the same job at the same time goes its own way. Importing this module loads no NumPy.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from deepdream.errors import DeepDreamError
from deepdream.jobs.holds import Hold, locked
from deepdream.jobs.recipe import Common, Recipe
from deepdream.pictures.saving import make_folder, writing

if TYPE_CHECKING:
    import numpy as np

__all__ = ["SUFFIX", "Checkpoint", "Kept", "State"]

SUFFIX = ".resume"
"""What the name of a checkpoint ends in."""

FIRST, RARELY = 20.0, 20.0
"""Seconds before the first checkpoint; how many times as long as saving one takes there is none."""


@dataclass(frozen=True)
class State:
    """Where a climb stands: with it, another run goes on as if there had been one."""

    octave: int
    taken: tuple[int, ...]
    """Steps taken in each octave."""
    arrays: tuple[np.ndarray, ...]

    @property
    def index(self) -> int:
        """Steps taken in all."""
        return sum(self.taken)


@dataclass(frozen=True)
class Kept:
    """What a checkpoint holds."""

    seed: int
    first: int
    """Steps of the run before the climb that was going on."""
    state: State
    tile: int | None
    """Side of the tiles; the run must be cut as it was, for tiles change the last bits."""
    budget: float | None
    start: Mapping[str, float] | None
    """What the first step of the run found the objective to be."""
    weights: str | None = None
    """The digest of the weights of the network that was climbed."""

    def common(self, common: Common) -> Common:
        """The common options that cut the picture as it was cut."""
        memory = common.memory if self.budget is None else self.budget
        tile = "off" if common.tile == "auto" and self.tile is None else common.tile
        return replace(common, memory=memory, tile=tile)


@dataclass
class Checkpoint:
    """The checkpoint of one job at one place.

    A file that is not this job's (another recipe, other software, a plugin that was changed, damaged) counts
    as none. One that another run of the job has is left to it, and this run keeps none.
    """

    place: Path
    """The result that is to be, which the file is named after."""
    recipe: Recipe
    """The job, the hashes of its inputs filled in; without a seed where none was asked for."""
    plugin: Mapping[str, str] = field(default_factory=dict)
    """What is known of the plugin that runs the job: name, version, digest."""
    changed: bool = False
    """Whether the checkpoint that was read is the same job's, run by another state of the plugin."""
    trouble: str | None = None
    """Why checkpoints cannot be saved."""
    _next: float = field(default_factory=lambda: time.monotonic() + FIRST)
    _ours: bool = False
    """Whether the file is this run's, to be written over and removed."""
    _held: BinaryIO | None = None
    """The file, locked; where files that are open cannot be replaced, it is not."""

    @property
    def path(self) -> Path:
        """The file: `photo.dream.png.1b2c3d4e.resume`, the digits being the job's."""
        return self.place.with_name(f"{self.place.name}.{self._job()[:8]}{SUFFIX}")

    def read(self) -> Kept | None:
        """What an earlier run of the same job left."""
        import numpy as np

        try:
            if not self._free():
                return None
            with np.load(self.path, allow_pickle=False) as archive:
                head = json.loads(str(archive["head"]))
                if head["job"] != self._job():
                    return None
                self.changed = head["plugin"] != dict(self.plugin)
                if self.changed:
                    return None
                arrays = tuple(archive[f"array{number}"] for number in range(head["arrays"]))
            state = State(head["octave"], tuple(head["taken"]), arrays)
            return Kept(
                head["seed"],
                head["first"],
                state,
                head["tile"],
                head["budget"],
                head["start"],
                head["weights"],
            )
        except Exception:  # of a damaged archive, anything may be raised
            return None

    def due(self) -> bool:
        """Whether it is time for another."""
        return self.trouble is None and time.monotonic() >= self._next

    def save(self, seed: int, first: int, state: State, report: Mapping[str, Any]) -> None:
        """Keep `state`, whole or not at all; what prevents it is left in `trouble`."""
        import numpy as np

        began = time.monotonic()
        head = {
            "job": self._job(),
            "plugin": dict(self.plugin),
            "seed": seed,
            "first": first,
            "octave": state.octave,
            "taken": list(state.taken),
            "arrays": len(state.arrays),
            "tile": report.get("tile"),
            "budget": report.get("budget"),
            "start": report.get("climb", {}).get("objective", {}).get("start"),
            "weights": report.get("weights", {}).get("sha256"),
        }
        arrays = {f"array{number}": array for number, array in enumerate(state.arrays)}
        try:
            make_folder(self.path.parent)
            if self._ours or self._free():
                with writing(self.path, overwrite=True) as place, ExitStack() as closing:
                    file = closing.enter_context(place.open("wb"))
                    np.savez(file, allow_pickle=False, head=np.array(json.dumps(head)), **arrays)
                    file.flush()
                    if sys.platform != "win32" and locked(file):  # before it has the name
                        closing.pop_all()
                self._hold(None if file.closed else file)
        except DeepDreamError as error:
            self.trouble = error.message
        now = time.monotonic()
        self._next = now + max(FIRST, RARELY * (now - began))

    def remove(self) -> None:
        """Delete the file, if it is this run's."""
        if self._ours:
            with suppress(OSError):
                self.path.unlink()
            self._hold(None)
            self._ours = False

    def others(self) -> list[Path]:
        """The checkpoints that other jobs left at this place; those that a run has are not left."""
        here, name = self.place.parent, self.place.name
        found = sorted(here.glob(f"{glob.escape(name)}.{'[0-9a-f]' * 8}{SUFFIX}"))
        return [path for path in found if path != self.path and not Hold(path).busy()]

    def _free(self) -> bool:
        """Whether no other run has the file; from now on this one has it, if it is there."""
        with suppress(OSError):
            file = self.path.open("rb")
            if not locked(file) or not os.path.samestat(os.fstat(file.fileno()), self.path.stat()):
                file.close()
                return False
            if sys.platform == "win32":
                file.close()
            self._hold(None if file.closed else file)
        return True

    def _hold(self, file: BinaryIO | None) -> None:
        """Have the file, which is locked if it is given."""
        if self._held is not None:
            self._held.close()
        self._held, self._ours = file, True

    def _job(self) -> str:
        from deepdream.jobs.versions import versions

        data = {**self.recipe.to_json(), "versions": versions(), "used": {}}
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
