"""Curves of a run: what the objective and its terms were at every step, as JSON and as a plot.

Importing this module loads neither NumPy nor matplotlib.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepdream.climb.events import Step
from deepdream.errors import UsageError
from deepdream.pictures.saving import check_writable, exists, write_bytes

__all__ = ["Curves", "check_report", "curves_path"]

_BEGINNING = b'{"input": '
"""How a report begins, and hardly another file."""


def curves_path(path: str, image: str | None, images: Sequence[str]) -> Path:
    """Where the curves of a picture go: `path`, with the picture's name in it if there are several.

    A UsageError unless it ends in .json.
    """
    place = Path(path)
    if place.suffix.lower() != ".json":
        raise UsageError(
            f"--report writes JSON, and '{path}' does not end in .json", "for example: --report curves.json"
        )
    if image is None or len(images) < 2:
        return place
    alike = [other for other in images if Path(other).stem == Path(image).stem]
    number = alike.index(image)
    return place.with_suffix(f".{Path(image).stem}{f'-{number + 1}' if number else ''}.json")


def check_report(path: Path, *, overwrite: bool = False) -> None:
    """Find out whether a report can be written at `path`, and the plot beside it.

    A DeepDreamError for what is in the way: a report gives way to that of the next run, and other files
    where they may be `overwrite`n.
    """
    check_writable(path, True, suffixes={".json": "JSON"})
    check_writable(plot := _plot_path(path), True)
    earlier = overwrite or (path.is_file() and _begins(path) == _BEGINNING)
    for place in (path, plot):
        if place.exists() and not earlier:
            raise exists(place)


def _begins(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_BEGINNING))


def _plot_path(path: Path) -> Path:
    """Where the plot goes; `x.png` is rather the result that the report `x.json` tells of."""
    return path.with_suffix(".plot.png")


@dataclass
class Curves:
    """A listener that writes down every step."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, step: Step) -> None:
        self.rows.append(
            {
                "step": len(self.rows) + 1,
                "octave": step.octave,
                "size": list(step.size),
                "seconds": step.seconds,
                "objective": step.objective,
                "terms": dict(step.terms),
            }
        )

    def save(self, path: Path, about: dict[str, Any]) -> list[Path]:
        """Write `path`, and a plot beside it where matplotlib is installed; the files written.

        What was at these paths is replaced, as a report is always of the last run: `check_report` sees that
        it was one. `about` stands before the steps.
        """
        write_bytes(
            path, json.dumps(_finite({**about, "steps": self.rows}), allow_nan=False).encode(), overwrite=True
        )
        picture = self._plot()
        if picture is None:
            return [path]
        plot = _plot_path(path)
        write_bytes(plot, picture, overwrite=True)
        return [path, plot]

    def _plot(self) -> bytes | None:
        """The curves as a PNG file; None without matplotlib, or without a step."""
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        except ImportError:
            return None
        if not self.rows:
            return None
        figure = Figure(figsize=(8, 5), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        steps = [row["step"] for row in self.rows]
        axes.plot(steps, [row["objective"] for row in self.rows], color="black", label="objective")
        for name in dict.fromkeys(name for row in self.rows for name in row["terms"]):
            axes.plot(steps, [row["terms"].get(name) for row in self.rows], linewidth=1, label=name)
        for row, before in zip(self.rows[1:], self.rows, strict=False):
            if row["octave"] != before["octave"]:
                axes.axvline(row["step"] - 0.5, color="grey", linestyle=":", linewidth=1)
        # Losses fall by orders of magnitude, and may have either sign; a decade or two have too few ticks.
        values = [it for row in self.rows for it in (row["objective"], *row["terms"].values())]
        if min(values) * max(values) <= 0 or max(map(abs, values)) > 100 * min(map(abs, values)):
            least = min((abs(row["objective"]) for row in self.rows if row["objective"]), default=1.0)
            axes.set_yscale("symlog", linthresh=max(least / 100, 1e-12))
        axes.set_xlabel("step")
        axes.legend(fontsize="small")
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=120)
        return stream.getvalue()


def _finite(value: Any) -> Any:
    """`value` with null for every number that JSON cannot write: those of an objective that ran away."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
