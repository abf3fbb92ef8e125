"""How things are measured: contestants in turns, whole processes with their peak memory, equal gradients."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
COSINE = {"float32": 0.999, "bfloat16": 0.98}
"""How near a gradient must come to the reference before its time counts."""


class BenchmarkError(Exception):
    """A measurement that would mean nothing."""


@dataclass(frozen=True)
class Contestant:
    """A program: its name in the tables, and the class that takes its steps, with options."""

    name: str
    stepper: str
    """`module:class`."""
    options: Mapping[str, Any] = field(default_factory=dict)
    precision: str = "float32"
    nearness: float | None = None
    """How near its gradient must come to the reference, if not what its precision is held to."""


@dataclass(frozen=True)
class Row:
    """What one contestant needed for one case."""

    part: str
    case: str
    contestant: str
    samples: tuple[float, ...]
    """Seconds."""
    memory: int | None = None
    """Bytes at the peak of the process."""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def median(self) -> float:
        return statistics.median(self.samples)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of the angle between two gradients; 1 means the same direction."""
    a, b = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def environment() -> dict[str, str]:
    """What every measured process gets: this checkout, no network, no chatter."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "DEEPDREAM_OFFLINE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


class Worker:
    """A contestant in its own process."""

    def __init__(self, contestant: Contestant) -> None:
        self.contestant = contestant
        command = [sys.executable, "-m", "benchmarks.worker", contestant.stepper]
        self._process = subprocess.Popen(
            [*command, json.dumps(dict(contestant.options))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        self._answer()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process as process:
            if process.stdin:
                process.stdin.close()
            process.terminate()

    def load(self, picture: Path, gradient: Path) -> None:
        """Begin at a picture (`.npy`) and write the gradient there."""
        self._tell({"load": str(picture), "gradient": str(gradient)})

    def run(self, steps: int) -> tuple[float, float]:
        """Take steps; the seconds that one took by the clock, and those that all cores worked for it."""
        answer = self._tell({"run": steps})
        return answer["seconds"], answer["cpu"]

    def _tell(self, command: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise BenchmarkError(f"{self.contestant.name} has ended") from error
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise BenchmarkError(f"{self.contestant.name} has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def workers(contestants: Sequence[Contestant]) -> Iterator[list[Worker]]:
    """All of them, each started when the one before is ready."""
    with ExitStack() as stack:
        yield [stack.enter_context(Worker(contestant)) for contestant in contestants]


def steps(
    part: str,
    case: str,
    crew: Sequence[Worker],
    pixels: np.ndarray,
    rounds: int,
    folder: Path,
    reference: str,
) -> list[Row]:
    """Time one step of every worker on `pixels`, in turns: A B C, A B C, ...

    First all gradients are compared with that of the contestant named `reference`: a program that
    computes something else is not timed, it is an error. A sample is one step, or several where one is
    shorter than 0.3 s.
    """
    picture = folder / "picture.npy"
    np.save(picture, pixels)
    gradients = {}
    for worker in crew:
        path = folder / "gradient.npy"
        worker.load(picture, path)
        gradients[worker.contestant.name] = np.load(path)
    cosines = {name: cosine(gradient, gradients[reference]) for name, gradient in gradients.items()}
    for worker in crew:
        contestant = worker.contestant
        if not cosines[contestant.name] > (contestant.nearness or COSINE[contestant.precision]):
            raise BenchmarkError(
                f"{part} {case}: the gradient of {contestant.name} has a cosine of only "
                f"{cosines[contestant.name]:.4f} to that of {reference}"
            )
    repeats = [max(1, min(10, round(0.3 / worker.run(1)[0]))) for worker in crew]
    samples = [[worker.run(n) for worker, n in zip(crew, repeats, strict=True)] for _ in range(rounds)]
    rows = []
    for worker, times in zip(crew, zip(*samples, strict=True), strict=True):
        name = worker.contestant.name
        facts = {"cosine": cosines[name], "cpu": statistics.median(cpu for _, cpu in times)}
        rows.append(Row(part, case, name, tuple(seconds for seconds, _ in times), facts=facts))
    return rows


def together(rows: Sequence[Row]) -> Row:
    """What several processes of one contestant needed for one case, as one row."""
    cpu = statistics.median(row.facts["cpu"] for row in rows)
    samples = tuple(seconds for row in rows for seconds in row.samples)
    return replace(rows[0], samples=samples, facts={**rows[0].facts, "cpu": cpu})


@dataclass(frozen=True)
class Finished:
    """What a process needed from its start to its end."""

    seconds: float
    cpu: float
    """Seconds that all cores worked for it."""
    memory: int
    """Bytes resident at the peak."""
    output: str


def process(command: Sequence[str]) -> Finished:
    """Run `python COMMAND` in a fresh process and wait for it.

    Linux counts what the parent had resident at the fork towards the child's peak, so whoever calls
    this must be smaller than what it measures: no TensorFlow, no PyTorch in this process.
    """
    began = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT
    )
    assert child.stdout
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stdout.close()
    if child.returncode:
        raise BenchmarkError(f"'python {' '.join(command)}' ended with {child.returncode}")
    cpu = usage.ru_utime + usage.ru_stime
    return Finished(seconds, cpu, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024), output)


def processes(part: str, case: str, commands: Mapping[str, Sequence[str]], runs: int) -> list[Row]:
    """Time whole processes, in turns."""
    finished: dict[str, list[Finished]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            finished[name].append(process(command))
    rows = []
    for name, mine in finished.items():
        facts = {"cpu": statistics.median(one.cpu for one in mine)}
        memory = max(one.memory for one in mine)
        rows.append(Row(part, case, name, tuple(one.seconds for one in mine), memory, facts))
    return rows
