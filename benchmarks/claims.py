"""The figures that the documentation has of dreams, zooms and the atlas, measured anew.

    python -m benchmarks.claims selectivity ladder

prints a table for each of these parts, or for all. It needs no network: VGG16 is in the package, the
photographs are in samples/. With `--output DIR` the tables are written to `DATE-claims.md` there, and
every row to `.json`; rows of other cases, measured on the same day, stay.
With `--quick` the figures say nothing.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import dreams, machine, measure
from benchmarks.measure import ROOT
from benchmarks.parts import Settings

Row = dict[str, Any]
PHOTOGRAPH = str(ROOT / "samples/coffee.jpg")


def zoom(settings: Settings) -> Iterator[Row]:
    """Small zooms as whole processes: does memory grow with the frames?"""
    size, counts = (32, (2, 3)) if settings.quick else (96, (30, 300))
    for frames in counts:
        if settings.wants(case := f"{frames} frames, {size} px"):
            film = str(settings.folder / f"{frames}.webp")
            options = ["--frames", str(frames), "--size", str(size), "--seed", "1", "-o", film]
            yield {"case": case, **process("zoom", PHOTOGRAPH, *options, "--quiet")}


def atlas(settings: Settings) -> Iterator[Row]:
    """VGG16's layers dreamt on a photograph, as a whole process."""
    options = ["--size", "32", "--steps", "1"] if settings.quick else []
    if settings.wants(case := "atlas of VGG16's layers"):
        sheet = str(settings.folder / "atlas.png")
        yield {"case": case, **process("layers", PHOTOGRAPH, "--atlas", sheet, "--seed", "1", *options)}


def process(*words: str) -> Row:
    """What a command needs: seconds by the clock, seconds that all cores worked, MB at the peak."""
    done = measure.process(["-m", "deepdream", *words])
    return {"seconds": done.seconds, "cpu": done.cpu, "memory": done.memory / 1e6}


def processes(rows: Sequence[Row]) -> list[Row]:
    names = {"case": "", "seconds": "seconds", "cpu": "CPU seconds", "memory": "peak memory, MB"}
    return [{name: row[key] for key, name in names.items()} for row in rows]


def selectivity(rows: Sequence[Row]) -> list[Row]:
    """A row for every layer, and one for all."""
    layers = {layer: [it for it in rows if it["layer"] == layer] for layer in dreams.LAYERS}
    return [
        {
            "layer": layer,
            "channels": len(mine),
            "z, least": min(it["z"] for it in mine),
            "median": statistics.median(it["z"] for it in mine),
            "greatest": max(it["z"] for it in mine),
            "first": sum(it["rank"] == 1 for it in mine),
            "lowest rank": max(it["rank"] for it in mine),
        }
        for layer, mine in {**layers, "all": list(rows)}.items()
        if mine
    ]


def guides(rows: Sequence[Row]) -> list[Row]:
    """A row for every guided dream: what is with its guide, and the mean of what is with the others.

    First how much the mean largest cosine grew, then the cosine of the way that the mean feature went.
    """
    table = []
    for row in rows:
        shown = {key: row[key] for key in ("layer", "by", "guide")}
        grown = {name: row["after"][name] - it for name, it in row["before"].items()}
        for key, figures in (("nearer", grown), ("towards", row["towards"])):
            others = [it for name, it in figures.items() if name != row["guide"]]
            shown |= {
                key: f"{figures[row['guide']]:+.2f}",
                f"{key}, others": f"{statistics.mean(others):+.2f}",
            }
        table.append(shown)
    return table


def ladder(rows: Sequence[Row]) -> list[Row]:
    return [{key: it if key == "case" else f"{it:.2f}" for key, it in row.items()} for row in rows]


PARTS: Mapping[str, tuple[Callable[[Settings], Iterator[Row]], Callable[[Sequence[Row]], list[Row]]]] = {
    # Whole processes come first: their memory counts from that of this one, which has no TensorFlow yet.
    "zoom": (zoom, processes),
    "atlas": (atlas, processes),
    "selectivity": (dreams.selectivity, selectivity),
    "guides": (dreams.guides, guides),
    "ladder": (dreams.ladder, ladder),
}
"""What measures a part, and what makes a table of its rows."""


def table(rows: Sequence[Row]) -> str:
    """Rows of the same keys as Markdown, fractions with one decimal."""
    lines = [[*rows[0]], ["---"] * len(rows[0])]
    lines += [[f"{it:.1f}" if isinstance(it, float) else f"{it}" for it in row.values()] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def merged(old: Sequence[Row], new: Sequence[Row]) -> list[Row]:
    """The new rows, and those of the old whose case is not among them."""
    again = {row["case"] for row in new}
    return [*(row for row in old if row["case"] not in again), *new]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.claims", description=__doc__)
    names = [*PARTS, []]  # no part at all has to be a choice up to Python 3.11
    parser.add_argument("parts", nargs="*", choices=names, metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="tiny pictures: does it all work?")
    parser.add_argument(
        "--large", action="store_true", help="also ladders up to 3840 and 7680 px, within 4 GB"
    )
    parser.add_argument("--case", action="append", default=[], help="only cases named so; repeatable")
    parser.add_argument("--output", type=Path, help="folder of the page and its rows")
    parser.add_argument("--pictures", type=Path, help="where the ladder's renders stay [a temporary folder]")
    args = parser.parse_args(arguments)
    kept: dict[str, Any] = {}
    stem = f"{datetime.date.today()}-claims{'-quick' * args.quick}"
    if args.output and (path := args.output / f"{stem}.json").exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
    for part in [it for it in PARTS if it in (args.parts or PARTS)]:
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(
                args.pictures or Path(folder), quick=args.quick, large=args.large, cases=tuple(args.case)
            )
            settings.folder.mkdir(parents=True, exist_ok=True)
            rows = []
            for row in PARTS[part][0](settings):
                rows.append(row)
                print(json.dumps(row), file=sys.stderr, flush=True)
        if rows:
            old = kept.get(part, {"rows": []})
            facts = {"revision": machine.revision(), "load": machine.load(), "machine": machine.describe()}
            kept[part] = {**facts, "rows": merged(old["rows"], rows)}
            if args.output:
                args.output.mkdir(parents=True, exist_ok=True)
                (args.output / f"{stem}.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
                (args.output / f"{stem}.md").write_text(to_markdown(kept), encoding="utf-8")
    print(to_markdown(kept))
    return 0


def to_markdown(kept: Mapping[str, Any]) -> str:
    """All that is kept, as a page."""
    page = "# What dreams come to\n"
    for name, (_, summary) in PARTS.items():
        if part := kept.get(name):
            about = part["machine"]
            page += f"\n## {name}\n\n{about['cpu']}, cores: {about['cores']}; commit {part['revision']}.\n\n"
            page += table(summary(part["rows"]))
    return page


if __name__ == "__main__":
    sys.exit(main())
