"""The command: `python -m benchmarks` measures, prints a table and writes it to benchmarks/results/."""

from __future__ import annotations

import argparse
import datetime
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # for `python benchmarks/run.py`

from benchmarks import machine, report
from benchmarks.measure import BenchmarkError, Row
from benchmarks.parts import PARTS, Settings

RESULTS = Path(__file__).resolve().parent / "results"


BUSY = 0.5
"""Load average before we start, above which other programs count as running beside us."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the arguments ask for; 1 if anything would have been measured wrongly."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(PARTS), help="this part; repeatable")
    parser.add_argument("--rounds", type=int, default=5, help="samples of every step [5]")
    parser.add_argument("--runs", type=int, default=3, help="runs of every whole process [3]")
    parser.add_argument("--quick", action="store_true", help="tiny pictures, once: does it all work?")
    parser.add_argument("--large", action="store_true", help="scaling up to 33 megapixels")
    parser.add_argument("--case", action="append", default=[], help="only cases named so; repeatable")
    parser.add_argument("--skip", action="append", default=[], help="leave out this program; repeatable")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results")
    args = parser.parse_args(arguments)
    rounds, runs = (1, 1) if args.quick else (args.rounds, args.runs)
    busy = (machine.load() or 0.0) > BUSY
    if busy:
        # OpenMP's threads spin while they wait for each other: on shared cores that doubles PyTorch's time.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    measured = report.Results(f"{datetime.date.today()}", machine.describe())
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        skip, cases = tuple(args.skip), tuple(args.case)
        settings = Settings(Path(folder), rounds, runs, args.quick, args.large, skip, cases)
        for part in args.only or PARTS:
            about = {"rounds": rounds, "runs": runs, "quick": args.quick, "busy": busy}
            about |= {"revision": machine.revision(), "load": [machine.load()]}
            rows: list[Row] = []
            began = time.monotonic()
            try:
                for row in PARTS[part](settings):
                    rows.append(row)
                    print(f"{part}: {row.case}, {row.contestant}", file=sys.stderr)
            except BenchmarkError as error:
                print(f"error: {error}", file=sys.stderr)
                failed = True
            print(f"{part}: {time.monotonic() - began:.0f} s", file=sys.stderr)
            about["load"].append(machine.load())
            if rows:
                measured = measured.with_part(part, about, rows)
    path = write(measured, args.output)
    print(path.read_text(encoding="utf-8"))
    return int(failed)


def write(measured: report.Results, folder: Path) -> Path:
    """Write `<date>-<machine>.json`, `.md` and `.png`; the path of the Markdown.

    What these files say of other cases, from an earlier run on the same day and versions, stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{measured.date}-{machine.slug(measured.machine)}"
    data, picture = folder / f"{stem}.json", f"{stem}.png"
    if data.exists():
        measured = report.Results.from_json(data.read_text(encoding="utf-8")).merged(measured)
    data.write_text(measured.to_json(), encoding="utf-8")
    page = report.to_markdown(measured)
    if report.plot(measured, folder / picture):
        page += f"\n![The same as a plot]({picture})\n"
    path = folder / f"{stem}.md"
    path.write_text(page, encoding="utf-8")
    return path


if __name__ == "__main__":
    sys.exit(main())
