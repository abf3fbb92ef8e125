"""The style race: what deepdream and hand-written PyTorch come to in the same seconds.

    python -m benchmarks.race --size 512 --seconds 10 --seconds 30 --seconds 60

Same weights, pictures and size, on all cores, one after the other. Each program saves a picture after so
many seconds of painting (loading is not counted, compiling is), and `evaluator` judges them all in float64.
PyTorch runs the recipe of jcjohnson/neural-style from its own start and from the content, by Adam and L-BFGS.
Prints a table and writes it to `OUTPUT/race.md` and `race.json`, with the pictures beside it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks import machine
from benchmarks.evaluator import Judge, read
from benchmarks.measure import ROOT, environment

OURS = "benchmarks.race_ours"
TORCH = "benchmarks.peers.torch_style_race"
RACERS = {
    "deepdream style": [OURS],
    "PyTorch johnson, Adam": [TORCH, "--optimiser", "adam", "--start", "mean"],
    "PyTorch johnson, L-BFGS": [TORCH, "--optimiser", "lbfgs", "--start", "mean"],
    "PyTorch johnson, Adam, from the content": [TORCH, "--optimiser", "adam", "--start", "content"],
    "PyTorch johnson, L-BFGS, from the content": [TORCH, "--optimiser", "lbfgs", "--start", "content"],
}


@dataclass(frozen=True)
class Finish:
    """What a program had after so many seconds."""

    racer: str
    seconds: float
    content: float
    style: float
    picture: str


def run(
    racer: str, content: Path, style: Path, size: int, seconds: Sequence[float], folder: Path
) -> list[Path]:
    """Let a program paint; its pictures, one for every number of seconds."""
    stem = "".join(letter if letter.isalnum() else "-" for letter in racer.lower()).strip("-")
    command = [sys.executable, "-m", *RACERS[racer], str(content), str(style), str(folder / stem)]
    times = [word for limit in seconds for word in ("--seconds", str(limit))]
    subprocess.run([*command, "--size", str(size), *times], check=True, env=environment(), cwd=ROOT)
    return [folder / f"{stem}.{limit:g}s.png" for limit in seconds]


def table(finishes: Sequence[Finish], size: int) -> str:
    """The finishes as a page of Markdown."""
    about = machine.describe()
    lines = [
        f"# Style race at {size} px",
        "",
        "content: mean((F - F̂)²) at block4_conv2; style: Σ‖G - Ĝ‖/‖Ĝ‖ over five layers; less is better.",
        "",
        f"`{json.dumps(about)}`",
        "",
        "| program | seconds | content | style |",
        "| --- | --- | --- | --- |",
    ]
    lines += [f"| {it.racer} | {it.seconds:g} | {it.content:,.0f} | {it.style:.3f} |" for it in finishes]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.race", description=__doc__)
    parser.add_argument("--content", type=Path, default=ROOT / "samples/astronaut.jpg")
    parser.add_argument("--style", type=Path, default=ROOT / "samples/swirls.jpg")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--seconds", type=float, action="append", help="repeatable [10, 30, 60]")
    parser.add_argument("--only", action="append", choices=list(RACERS), help="this program; repeatable")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/race")
    args = parser.parse_args(arguments)
    seconds = args.seconds or [10.0, 30.0, 60.0]
    args.output.mkdir(parents=True, exist_ok=True)
    has_torch = importlib.util.find_spec("torch") is not None
    content = read(args.content, args.size)
    judge = Judge(content, read(args.style, args.size))
    finishes = [Finish("the content itself", 0.0, **asdict(judge.score(content)), picture="")]
    for racer in args.only or RACERS:
        if RACERS[racer][0] == TORCH and not has_torch:
            continue
        for limit, path in zip(
            seconds, run(racer, args.content, args.style, args.size, seconds, args.output), strict=True
        ):
            score = judge.score(np.asarray(read(path)))
            finishes.append(Finish(racer, limit, score.content, score.style, path.name))
            print(json.dumps(asdict(finishes[-1])), file=sys.stderr)
    page = table(finishes, args.size)
    (args.output / "race.md").write_text(page, encoding="utf-8")
    (args.output / "race.json").write_text(
        json.dumps([asdict(it) for it in finishes], indent=1), encoding="utf-8"
    )
    print(page)


if __name__ == "__main__":
    main()
