"""The style race: what deepdream and hand-written PyTorch come to in the same seconds.

    python -m benchmarks.race --size 512 --seconds 10 --seconds 30 --seconds 60 --rounds 3

Same weights, pictures and size, on all cores, in turns. Each program saves a picture after so many seconds of
painting (loading is not counted, compiling is), and `evaluator` judges them all in float64.
PyTorch runs the recipe of jcjohnson/neural-style from its own start and from the content, by Adam and L-BFGS.
Prints a table of medians and writes it to `OUTPUT/DATE-style-race-SIZE-px.md`, every score to `.json` and a
plot to `.png`. The pictures stay in the folder `--pictures`: with `--keep`, those of a race that was broken
off are not painted again, so that one can be run in parts.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import machine
from benchmarks.evaluator import Judge, Score, read
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
CONTENT = "the content itself"


@dataclass(frozen=True)
class Finish:
    """What a program had after so many seconds, in every round."""

    racer: str
    seconds: float
    scores: tuple[Score, ...]

    @property
    def content(self) -> float:
        return statistics.median(score.content for score in self.scores)

    @property
    def style(self) -> float:
        return statistics.median(score.style for score in self.scores)


def stem(racer: str) -> str:
    """What the names of a program's pictures begin with."""
    return "-".join("".join(c if c.isalnum() else " " for c in racer.lower()).split())


def paint(racer: str, args: argparse.Namespace, folder: Path) -> list[Path]:
    """Let a program paint; its pictures, one for every number of seconds."""
    paths = [folder / f"{stem(racer)}.{limit:g}s.png" for limit in args.seconds]
    if args.keep and all(path.is_file() for path in paths):
        return paths
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", *RACERS[racer], str(args.content), str(args.style)]
    times = [word for limit in args.seconds for word in ("--seconds", str(limit))]
    options = [str(folder / stem(racer)), "--size", str(args.size), *times]
    subprocess.run([*command, *options], check=True, env=environment(), cwd=ROOT)
    return paths


def race(args: argparse.Namespace) -> list[Finish]:
    """All programs in turns, as often as there are rounds; then all pictures before the judge."""
    has_torch = importlib.util.find_spec("torch") is not None
    racers = [it for it in args.only or RACERS if has_torch or args.keep or RACERS[it][0] != TORCH]
    made: dict[tuple[str, float], list[Path]] = {}
    for number in range(1, args.rounds + 1):
        for racer in racers:
            for limit, path in zip(
                args.seconds, paint(racer, args, args.pictures / f"{number}"), strict=True
            ):
                made.setdefault((racer, limit), []).append(path)
    content = read(args.content, args.size)
    judge = Judge(content, read(args.style, args.size))
    finishes = [Finish(CONTENT, 0.0, (judge.score(content),))]
    for (racer, limit), paths in made.items():
        finishes.append(Finish(racer, limit, tuple(judge.score(read(path)) for path in paths)))
        print(json.dumps(asdict(finishes[-1])), file=sys.stderr)
    return finishes


def to_markdown(finishes: Sequence[Finish], args: argparse.Namespace) -> str:
    """The medians as a page."""
    lines = [
        f"# Style race at {args.size} px",
        "",
        f"{time.strftime('%Y-%m-%d')}; `{args.content.name}` in the style of `{args.style.name}`; "
        + (f"medians of {args.rounds} rounds." if args.rounds > 1 else "one round."),
        "content: mean((F - F̂)²) at block4_conv2; style: Σ‖G - Ĝ‖/‖Ĝ‖ over five layers; less is better.",
        "",
        f"`{json.dumps(machine.describe())}`",
        "",
        "| program | seconds | content | style |",
        "| --- | --- | --- | --- |",
    ]
    lines += [f"| {it.racer} | {it.seconds:g} | {it.content:,.0f} | {it.style:.3f} |" for it in finishes]
    return "\n".join(lines) + "\n"


def plot(finishes: Sequence[Finish], path: Path) -> bool:
    """Both distances against each other, a line for every program; False without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(8, 6), layout="constrained")
    axes = figure.add_subplot()
    for racer in dict.fromkeys(it.racer for it in finishes):
        own = [it for it in finishes if it.racer == racer]
        axes.plot([it.content for it in own], [it.style for it in own], "o-", label=racer)
        for it in own:
            if it.seconds:
                axes.annotate(f" {it.seconds:g} s", (it.content, it.style))
    axes.set(xlabel="distance from the content", ylabel="distance from the style")
    figure.legend(loc="outside lower center", ncols=2)
    figure.savefig(path, dpi=120)
    return True


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.race", description=__doc__)
    parser.add_argument("--content", type=Path, default=ROOT / "samples/astronaut.jpg")
    parser.add_argument("--style", type=Path, default=ROOT / "samples/swirls.jpg")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--seconds", type=float, action="append", help="repeatable [10, 30, 60]")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=list(RACERS), help="this program; repeatable")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks/results")
    parser.add_argument("--pictures", type=Path, help="where the pictures stay [a temporary folder]")
    parser.add_argument("--keep", action="store_true", help="paint no picture that is in --pictures already")
    args = parser.parse_args(arguments)
    args.seconds = args.seconds or [10.0, 30.0, 60.0]
    args.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        args.pictures = args.pictures or Path(folder)
        finishes = race(args)
    path = args.output / f"{time.strftime('%Y-%m-%d')}-style-race-{args.size}-px.md"
    page = to_markdown(finishes, args)
    path.write_text(page, encoding="utf-8")
    path.with_suffix(".json").write_text(
        json.dumps([asdict(it) for it in finishes], indent=1) + "\n", encoding="utf-8"
    )
    plot(finishes, path.with_suffix(".png"))
    print(page)


if __name__ == "__main__":
    main()
