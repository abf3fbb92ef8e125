"""A run in words: what it is about to do, what it did, and what it would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from deepdream.console.progress import duration
from deepdream.console.streams import Voice, put
from deepdream.desk.answers import Answers
from deepdream.desk.estimate import seconds_for
from deepdream.runs.results import Result

__all__ = ["details_of", "show_plan", "summary"]


def details_of(report: Mapping[str, Any], voice: Voice) -> None:
    """What `--verbose` tells before the first step."""
    layers = ", ".join(report.get("layers") or [])
    voice.detail(f"network: {report.get('model')} ({_origin(report)} weights), layers {layers}")
    voice.detail(f"precision: {report.get('precision')} ({report.get('precision_reason')})")
    voice.detail(f"device: {report.get('device')}")
    voice.detail(f"objective: {_formula(report)}")
    voice.detail(f"octaves: {_sizes(report.get('octaves'))}, {report.get('steps')} steps in all")
    voice.detail(f"memory: about {_gigabytes(report.get('memory'))}{_tiles(report)}")


def summary(result: Result) -> str:
    report = result.report
    counted = [_number(report[what], what[:-1]) for what in ("frames", "pictures") if what in report]
    counted.append(_number(report["steps"] or 0, "step"))
    words = [f"{', '.join(counted)} in {duration(report['seconds'])}"]
    if report["objective"]:
        start, end = report["objective"]["start"]["total"], report["objective"]["end"]["total"]
        which = "objective" if isinstance(report["formula"], str) else "last objective"
        words.append(f"{which} {start:.4g} to {end:.4g}")
    if report["layers"]:
        words.append(f"{report['model']} {', '.join(report['layers'])}, seed {report['seed']}")
    return ("stopped early: " if result.interrupted else "") + "; ".join(words)


def _number(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def show_plan(result: Result, path: Path, image: str | None, answers: Answers, film: str = "") -> None:
    """The plan of a job on standard output: JSON, or a recipe in TOML under a head of comments."""
    report = dict(result.report)
    if answers.as_json:
        guess = {"estimate": seconds_for(report)}
        return answers.made(image, [path], replace(result, report={**report, **guess}))
    head = {
        "output": path,
        "size": _sizes([report["size"]]),
        "frames": _frames(report),
        "film": film,
        "octaves": _sizes(report["octaves"]),
        "steps": report["steps"],
        "time": _time(report),
        "objective": _formula(report),
        "network": f"{report['model']} ({_origin(report)} weights): {', '.join(report['layers'] or [])}",
        "precision": f"{report['precision']} ({report['precision_reason']})",
        "device": report["device"],
        "memory": f"about {_gigabytes(report['memory'])}{_tiles(report)}",
        "note": "; ".join(report["notes"]),
    }
    for name, value in head.items():
        if value:
            put(f"# {name + ':':<10} {value}")
    put("\n" + result.recipe.to_toml().rstrip())
    return None


def _formula(report: Mapping[str, Any]) -> str:
    """The formula of a run, or those of its climbs."""
    formula = report.get("formula")
    return formula if isinstance(formula, str) else "; ".join(formula or [])


def _time(report: Mapping[str, Any]) -> str:
    seconds = seconds_for(report)
    return f"about {duration(seconds)} on this processor" if seconds else ""


def _frames(report: Mapping[str, Any]) -> str:
    if not report.get("frames"):
        return ""
    seconds = duration(report["frames"] / report["fps"])
    return f"{report['frames']} at {report['fps']:g} per second: {seconds}{', in a loop' * report['loop']}"


def _origin(report: Mapping[str, Any]) -> str:
    return str((report.get("weights") or {}).get("origin", "no"))


def _sizes(sizes: Any) -> str:
    return ", ".join(f"{width}x{height}" for width, height in sizes or [])


def _tiles(report: Mapping[str, Any]) -> str:
    if not report.get("tile"):
        return ""
    exact = "" if report["exact"] else ", less than the layers see (--exact takes it all)"
    return f", in {report['tiles']} tiles of {report['tile']} px with a halo of {report['halo']} px{exact}"


def _gigabytes(number: int | None) -> str:
    return f"{number / 1e9:.1f} GB" if number else "an unknown amount"
