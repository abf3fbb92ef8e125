"""Checkpoints: what a long run keeps on disk, so that one that was killed goes on to the same bytes.

A checkpoint is a NumPy archive beside the result that is to be: arrays, and a head in JSON that names the
job. Importing this module loads no NumPy.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepdream.errors import DeepDreamError
from deepdream.jobs.recipe import Common, Recipe
from deepdream.pictures.saving import writing

if TYPE_CHECKING:
    import numpy as np

__all__ = ["SUFFIX", "Checkpoint", "Kept", "State"]

SUFFIX = ".resume"
"""What the name of a result gets for its checkpoint."""

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
        if common.tile != "auto":
            return common
        memory = common.memory if self.budget is None else self.budget
        return replace(common, memory=memory, tile="off" if self.tile is None else "auto")


@dataclass
class Checkpoint:
    """The checkpoint of one job at one place.

    A file that is not this job's (another recipe, other software, a plugin that was changed, damaged) counts
    as none, and is written over.
    """

    path: Path
    recipe: Recipe
    """The job, the hashes of its inputs filled in; without a seed where none was asked for."""
    plugin: Mapping[str, str] = field(default_factory=dict)
    """What is known of the plugin that runs the job: name, version, digest."""
    changed: bool = False
    """Whether the checkpoint that was read is the same job's, run by another state of the plugin."""
    trouble: str | None = None
    """Why checkpoints cannot be saved."""
    _next: float = field(default_factory=lambda: time.monotonic() + FIRST)

    def read(self) -> Kept | None:
        """What an earlier run of the same job left."""
        import numpy as np

        try:
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
            with writing(self.path, overwrite=True) as place, place.open("wb") as file:
                np.savez(file, allow_pickle=False, head=np.array(json.dumps(head)), **arrays)
        except DeepDreamError as error:
            self.trouble = error.message
        now = time.monotonic()
        self._next = now + max(FIRST, RARELY * (now - began))

    def _job(self) -> str:
        from deepdream.jobs.versions import versions

        data = {**self.recipe.to_json(), "versions": versions(), "used": {}}
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
