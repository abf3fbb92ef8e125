"""What goes to standard output: the path of each picture made, or with `--json` an object for every one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepdream.console.failures import Failure, explain
from deepdream.console.streams import put

if TYPE_CHECKING:
    from deepdream.modes.mode import Mode
    from deepdream.runs.session import Result

__all__ = ["Answers"]


class Answers:
    """Answers for `images` as the command line names them; as JSON, each gets one, whatever becomes of it.

    Where a mode works on no picture there is one answer, for None.

    An exception that leaves the `with` block is the answer for all that have none yet.
    """

    def __init__(self, images: Sequence[str | None], *, as_json: bool, modes: Iterable[Mode] = ()) -> None:
        self.as_json = as_json
        self._waiting = list(images) or [None]
        self._modes = modes

    def __enter__(self) -> Answers:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is not None:
            self.all_failed(explain(error, self._modes))

    def made(
        self, image: str | None, paths: Sequence[Path], result: Result, film: Sequence[Path] = ()
    ) -> None:
        """`paths` are, or in a plan would be, what was made of `image`, and `film` shows how."""
        self._settle(image)
        if self.as_json:
            names = [str(path) for path in paths]
            where: dict[str, Any] = {"output": names[0]} if len(names) == 1 else {"outputs": names}
            if film:
                where["film"] = str(film[0]) if len(film) == 1 else list(map(str, film))
            put(json.dumps({"input": image, **where, **result.report, "recipe": result.recipe.to_json()}))
        else:
            for path in (*paths, *film):
                put(str(path))

    def failed(self, image: str | None, failure: Failure) -> None:
        """Nothing was made of `image`, or what was made has been told, and something else went wrong."""
        if self._settle(image) and self.as_json:
            facts = {"input": image, "error": failure.message, "hint": failure.hint}
            put(json.dumps({**facts, "exit_code": failure.code}))

    def _settle(self, image: str | None) -> bool:
        """Count `image` as answered; whether it was not before."""
        waiting = image in self._waiting
        if waiting:
            self._waiting.remove(image)
        return waiting

    def all_failed(self, failure: Failure) -> None:
        """Nothing will be made of the pictures that have no answer yet."""
        for image in list(self._waiting):
            self.failed(image, failure)
