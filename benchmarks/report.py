"""The figures as Markdown, as JSON and as a plot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.measure import Row
from benchmarks.parts import PARTS

BARS = (
    ("steps", "step", "deepdream bfloat16", "PyTorch bfloat16 channels_last", 1.5),
    ("steps", "step", "deepdream bfloat16", "PyTorch float32", 6.0),
    ("inception", "step", "deepdream bfloat16", "Keras bfloat16", 1.5),
    ("inception", "step", "deepdream float32", "Keras float32", 1.5),
    ("process", "dream", "deepdream bfloat16", "TensorFlow tutorial float32", 5.0),
)
"""Part, beginning of the case, ours, theirs, and how many times as fast we mean to be; on a CPU with AMX."""

NO_AMX = (
    "Set for two cores with AMX, which this machine lacks: whether they are reached cannot be judged here. "
    "This shows where one stands without."
)


@dataclass(frozen=True)
class Results:
    """What was measured on a machine on one day."""

    date: str
    machine: Mapping[str, Any]
    parts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """How each part was measured: rounds, runs, load averages, commit."""
    rows: tuple[Row, ...] = ()

    def with_part(self, part: str, about: Mapping[str, Any], rows: Sequence[Row]) -> Results:
        """The same with this part added, or measured anew."""
        others = tuple(row for row in self.rows if row.part != part)
        return replace(self, parts={**self.parts, part: about}, rows=(*others, *rows))

    def merged(self, newer: Results) -> Results:
        """`newer`, and from here the cases that it lacks; nothing from another machine or version."""
        if (self.date, self.machine) != (newer.date, newer.machine):
            return newer
        measured = {(row.part, row.case) for row in newer.rows}
        kept = tuple(row for row in self.rows if (row.part, row.case) not in measured)
        return replace(newer, parts={**self.parts, **newer.parts}, rows=(*kept, *newer.rows))

    def to_json(self) -> str:
        """Everything, every sample included."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Results:
        data = json.loads(text)
        rows = (Row(**{**row, "samples": tuple(row["samples"])}) for row in data.pop("rows"))
        return cls(**data, rows=tuple(rows))


def to_markdown(results: Results) -> str:
    """A heading, the machine, and a table for each part."""
    machine = results.machine
    features = ", ".join(machine["features"]) or "none of AMX, AVX-512, AVX2"
    versions = (
        f"{name} {machine[name]}" for name in ("deepdream", "tensorflow", "keras", "torch") if name in machine
    )
    lines = [
        f"# Benchmarks, {results.date}",
        "",
        f"{machine['cpu']}, {machine['cores']} cores ({features}), {machine['memory_gb']} GB; "
        f"{machine['system']}; Python {machine['python']}; {', '.join(versions)}.",
        "",
    ]
    for part in PARTS:
        mine = [row for row in results.rows if row.part == part]
        if mine:
            summary = (PARTS[part].__doc__ or part).splitlines()[0]
            lines += [
                f"## {part}",
                "",
                summary,
                "",
                *table(mine),
                "",
                _circumstances(results.parts[part]),
                "",
            ]
    met = bars(results.rows)
    if met:
        amx = any(feature.startswith("amx") for feature in machine["features"])
        about = "Set for two cores with AMX, as these are." if amx else NO_AMX
        lines += ["## Aims", "", about, ""]
        met = met if amx else [(*row[:3], "not judged") for row in met]
        lines += [*_grid(["deepdream against", "aim", "measured", ""], met), ""]
    beaten = slower(results.rows)
    if beaten:
        lines += ["## Where deepdream was slower", "", "Against a program of the same precision.", ""]
        lines += [*(f"- {sentence}" for sentence in beaten), ""]
    return "\n".join(lines)


def table(rows: Sequence[Row]) -> list[str]:
    """The lines of a Markdown table; the columns are those that the rows have figures for."""
    first = {row.case: row for row in reversed(rows)}
    compared = len(first) < len(rows)
    columns = {
        "case": [row.case for row in rows],
        "program": [row.contestant for row in rows],
        "median": [_seconds(row.median) if row.samples else "—" for row in rows],
        "min–max": [_spread(row) for row in rows],
        "× the first": [f"{row.median / first[row.case].median:.2f}" if compared else "" for row in rows],
        "CPU time": [_fact(row, "cpu", "{:.2f} s") for row in rows],
        "s per MP": [_fact(row, "per_megapixel", "{:.2f}") for row in rows],
        "peak memory": [_bytes(row.memory) for row in rows],
        "predicted": [_bytes(row.facts.get("predicted")) for row in rows],
        "cosine": [_fact(row, "cosine", "{:.5f}") for row in rows],
        "in convolutions": [_fact(row, "convolutions", "{:.0%}") for row in rows],
        "GFLOP/s": [_rate(row, "rate") for row in rows],
        "of a matrix product": [_rate(row, "product") for row in rows],
        "tiles": [str(row.facts.get("tiles", "")) for row in rows],
        "note": [str(row.facts.get("note", "")) for row in rows],
    }
    kept = {name: cells for name, cells in columns.items() if any(cells)}
    return _grid(list(kept), zip(*kept.values(), strict=True))


def bars(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """How far each aim was reached, case by case; only those whose programs ran."""
    found: list[tuple[str, ...]] = []
    for part, case, ours, theirs, aim in BARS:
        measured = {(r.case, r.contestant): r for r in rows if r.part == part and r.case.startswith(case)}
        pairs = [(row, measured.get((name, theirs))) for (name, who), row in measured.items() if who == ours]
        ratios = [(our, their, their.median / our.median) for our, their in pairs if their is not None]
        if ratios:
            texts = [
                f"{ratio:.2f}× ({our.case}; {their.facts['cpu'] / our.facts['cpu']:.2f}× by CPU time)"
                for our, their, ratio in ratios
            ]
            verdict = "met" if min(ratio for *_, ratio in ratios) >= aim else "missed"
            found.append((f"{theirs}, {part}", f"{aim:g}×", "<br>".join(texts), verdict))
    shares = [row for row in rows if "convolutions" in row.facts]
    if shares:
        texts = [
            f"{row.facts['convolutions']:.0%} ({row.case}, {row.contestant.split()[-1]})" for row in shares
        ]
        verdict = "met" if min(row.facts["convolutions"] for row in shares) >= 0.75 else "missed"
        found.append(("the whole step, inside convolutions", "75%", "<br>".join(texts), verdict))
    return found


def slower(rows: Sequence[Row]) -> list[str]:
    """A sentence for every program that took less time by the clock than deepdream in the same precision."""
    found = []
    for our in rows:
        name, _, precision = our.contestant.rpartition(" ")
        for their in rows if name == "deepdream" else ():
            same = (their.part, their.case) == (our.part, our.case) and precision in their.contestant.split()
            if same and their.median < our.median:
                found.append(
                    f"{our.case} ({our.part}): {their.contestant} {_seconds(their.median)}, deepdream "
                    f"{_seconds(our.median)}; by CPU time {_seconds(their.facts['cpu'])} and "
                    f"{_seconds(our.facts['cpu'])}"
                )
    return found


def plot(results: Results, path: Path) -> bool:
    """Draw the figures as PNG; False where matplotlib is not installed.

    Bars are the clock's median, whiskers its spread; diamonds are the CPU time shared out over the cores.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    rows = results.rows
    cases = list(dict.fromkeys((r.part, r.case) for r in rows if r.part not in ("scaling", "kernels")))
    growth = [r for r in rows if r.part == "scaling" and r.samples]
    panels = len(cases) + 2 * bool(growth)
    if not panels:
        return False
    columns = min(3, panels)
    lines = -(-panels // columns)
    figure = Figure(figsize=(5.2 * columns, 2.6 * lines), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for axis, (part, case) in zip(axes, cases, strict=False):
        mine = [r for r in rows if (r.part, r.case) == (part, case)][::-1]
        middle = [r.median for r in mine]
        spread = [[r.median - min(r.samples) for r in mine], [max(r.samples) - r.median for r in mine]]
        colours = ["tab:orange" if r.contestant.startswith("deepdream") else "tab:gray" for r in mine]
        axis.barh([r.contestant for r in mine], middle, xerr=spread, color=colours, capsize=2)
        share = [r.facts["cpu"] / results.machine["cores"] for r in mine]
        axis.plot(share, [r.contestant for r in mine], "D", color="black", markersize=4)
        axis.set_title(f"{part}: {case}", fontsize=9)
        axis.set_xlabel("seconds; ◆ CPU time / cores", fontsize=8)
    if growth:
        size = [r.facts["megapixels"] for r in growth]
        time_axis, memory_axis = axes[len(cases) : len(cases) + 2]
        time_axis.plot(size, [r.facts["per_megapixel"] for r in growth], "o-", color="tab:orange")
        time_axis.set(title="scaling: seconds per megapixel", xscale="log", ylim=(0, None))
        memory_axis.plot(
            size, [(r.memory or 0) / 1e9 for r in growth], "o-", color="tab:orange", label="measured"
        )
        predicted = [r.facts["predicted"] / 1e9 for r in growth]
        memory_axis.plot(size, predicted, "x--", color="tab:gray", label="predicted")
        memory_axis.set(title="scaling: peak memory, GB", xscale="log", ylim=(0, None))
        memory_axis.legend(fontsize=7)
        for axis in (time_axis, memory_axis):
            axis.set_xlabel("megapixels", fontsize=8)
            axis.title.set_fontsize(9)
    for axis in axes:
        axis.tick_params(labelsize=7)
    for axis in axes[panels:]:
        axis.set_visible(False)
    figure.savefig(path, dpi=100)
    return True


def _circumstances(about: Mapping[str, Any]) -> str:
    start, end = about["load"]
    text = f"{about['rounds']} rounds of steps, {about['runs']} of whole processes, in turns"
    text += f"; commit {about['revision']}." if about["revision"] else "."
    if start is not None:
        text += f" Load average {start} at the start, {end} at the end."
    if about["busy"]:
        text += (
            " Other programs ran beside this: CPU time says more than the clock. PyTorch's threads were told "
            "to sleep while they wait (OMP_WAIT_POLICY=passive); else it would take twice as long."
        )
    if about["quick"]:
        text += " Tiny pictures: these figures say nothing about speed."
    return text


def _grid(head: Sequence[str], body: Iterable[Sequence[str]]) -> list[str]:
    cells = [head, ["---"] * len(head), *body]
    return [f"| {' | '.join(row)} |" for row in cells]


def _seconds(value: float) -> str:
    return f"{value:.3f} s" if value < 10 else f"{value:.1f} s"


def _spread(row: Row) -> str:
    if len(row.samples) < 2:
        return ""
    return f"{_seconds(min(row.samples)).removesuffix(' s')}–{_seconds(max(row.samples))}"


def _bytes(value: Any) -> str:
    return f"{value / 1e9:.2f} GB" if value else ""


def _fact(row: Row, name: str, form: str) -> str:
    return form.format(row.facts[name]) if name in row.facts else ""


def _rate(row: Row, name: str) -> str:
    return f"{row.facts[name] / 1e9:.0f}" if name in row.facts else ""
