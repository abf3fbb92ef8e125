"""The process that a contestant lives in; it takes a step when it is told to and sleeps otherwise.

One process for each contestant keeps thread pools and allocators apart. It is told by lines of JSON on
standard input and answers each with one on standard output.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import Any, Protocol

import numpy as np


class Stepper(Protocol):
    """What every contestant can do."""

    def load(self, pixels: np.ndarray) -> None:
        """Begin at this picture, float32 `[H, W, 3]`, RGB grey levels."""

    def gradient(self) -> np.ndarray:
        """The direction of the first step, `[H, W, 3]`; its length does not matter."""

    def run(self, steps: int) -> None:
        """Take steps, and come back when the last is done."""


def serve(stepper: Stepper, command: dict[str, Any]) -> dict[str, Any]:
    """Carry out one command."""
    if "load" in command:
        stepper.load(np.load(command["load"]))
        np.save(command["gradient"], stepper.gradient())
        return {}
    steps = command["run"]
    began, busy = time.perf_counter(), time.process_time()
    stepper.run(steps)
    return {
        "seconds": (time.perf_counter() - began) / steps,
        "cpu": (time.process_time() - busy) / steps,
    }


def main() -> None:
    """`python -m benchmarks.worker MODULE:CLASS '{"option": value}'`"""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints must not look like an answer
    module, _, name = sys.argv[1].partition(":")
    stepper = getattr(importlib.import_module(module), name)(**json.loads(sys.argv[2]))
    print(json.dumps({}), file=answers)
    for line in sys.stdin:
        print(json.dumps(serve(stepper, json.loads(line))), file=answers)


if __name__ == "__main__":
    main()
