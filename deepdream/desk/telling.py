"""A run in words: what it is about to do, what it did, and what it would do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from deepdream.console.progress import duration
from deepdream.console.streams import printable, put
from deepdream.desk.answers import Answers
from deepdream.desk.estimate import LOADING, seconds_for, seconds_instead
from deepdream.runs.results import Result

__all__ = ["climbs_said", "details_of", "long_run", "show_plan", "show_sweep", "summary"]

_MANY = 4
"""Climbs whose objectives are told."""
_LONG, _LARGE = 20 * 60.0, 6e6
"""Seconds and pixels above which a run is worth a word beforehand."""


def details_of(report: Mapping[str, Any]) -> Iterator[str]:
    """What `--verbose` tells before the first step of a climb; what of it is known is not said again."""
    layers = ", ".join(report.get("layers") or [])
    climb = report.get("climb", report)
    yield f"network: {report.get('model')} ({_origin(report)} weights), layers {layers}"
    yield f"precision: {report.get('precision')} ({report.get('precision_reason')})"
    yield f"device: {report.get('device')}"
    yield f"objective: {_formula(climb)}"
    yield from (f"where {words}" for words in report.get("meanings", ()))
    yield from (f"step: {words}" for words in report.get("rules", ()))
    yield f"octaves: {_sizes(climb.get('octaves'))}, {_number(climb.get('steps') or 0, 'step')} in all"
    yield f"memory: about {_gigabytes(report.get('memory'))}{_tiles(report)}"


def summary(result: Result) -> str:
    report = result.report
    counted = [_number(report[what], what[:-1]) for what in ("frames", "pictures") if what in report]
    counted.append(_number(report["steps"] or 0, "step"))
    words = [f"{', '.join(counted)} in {duration(report['seconds'])}"]
    if report["objective"]:
        climbs = [it["objective"] for it in report.get("climbs", [report]) if it.get("objective")]
        which = "objective" if isinstance(report["formula"], str) or len(climbs) > 1 else "last objective"
        ends = [f"{it['start']['total']:.4g} to {it['end']['total']:.4g}" for it in climbs[:_MANY]]
        more = f" and {len(climbs) - _MANY} more" if len(climbs) > _MANY else ""
        words.append(f"{which} {', '.join(ends)}{more}")
    if report["layers"]:
        words.append(f"{report['model']} {', '.join(report['layers'])}, seed {report['seed']}")
    return ("stopped early: " if result.interrupted else "") + "; ".join(words)


def _number(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def show_plan(
    result: Result, paths: Sequence[Path], image: str | None, answers: Answers, film: str = ""
) -> None:
    """The plan of a job on standard output: JSON, or a recipe in TOML under a head of comments."""
    report = dict(result.report)
    if answers.as_json:
        guess = {"estimate": _estimate(report)}
        return answers.made(image, paths, replace(result, report={**report, **guess}))
    head = {
        "output": paths[0] if len(paths) == 1 else f"{paths[0]} to {paths[-1].name}",
        "size": _sizes([report["size"]]),
        "frames": _frames(report),
        "film": film,
        "climbs": climbs_said(report.get("climbs", [])),
        "octaves": "" if "climbs" in report else _sizes(report["octaves"]),
        "steps": report["steps"],
        "time": _time(report, auto=result.recipe.common.model == "auto"),
        "objective": _formula(report),
        "where": report.get("meanings"),
        "step": report.get("rules"),
        "network": f"{report['model']} ({_origin(report)} weights): {', '.join(report['layers'] or [])}",
        "precision": f"{report['precision']} ({report['precision_reason']})",
        "device": report["device"],
        "memory": f"about {_gigabytes(report['memory'])}{_tiles(report)}",
        "note": "; ".join(report["notes"]),
    }
    _put_head(head)
    put(
        f"\n# The whole recipe: keep it in a file, change it, and run it with --recipe FILE.\n{_toml(result)}"
    )
    return None


def _formula(report: Mapping[str, Any]) -> str:
    """The formula of a run, or those of its climbs."""
    formula = report.get("formula")
    return formula if isinstance(formula, str) else "; ".join(formula or [])


def climbs_said(climbs: Iterable[Mapping[str, Any]]) -> str:
    """Sizes and steps of climbs, those alike and in a row put together."""
    words = [f"{_sizes(it['octaves'])}: {_number(it['steps'], 'step')}" for it in climbs]
    runs = [(len([*same]), said) for said, same in groupby(words)]
    return "; ".join(f"{said}, {count} times" if count > 1 else said for count, said in runs)


def show_sweep(
    cells: Sequence[tuple[Sequence[str], Result]], path: Path, image: str | None, answers: Answers
) -> None:
    """The plan of a sweep on standard output: what is on the sheet, and the time of all together."""
    guesses = [_estimate(result.report, loaded=number > 0) for number, (_, result) in enumerate(cells)]
    known = [guess for guess in guesses if guess is not None]
    whole = sum(known) if len(known) == len(guesses) else None
    result = cells[0][1]
    if answers.as_json:
        sheet = [", ".join(labels) for labels, _ in cells]
        report = {**result.report, "estimate": whole, "sheet": sheet}
        return answers.made(image, [path], replace(result, report=report))
    _put_head(
        {
            "output": path,
            "sheet": _number(len(cells), "picture"),
            "time": _about(whole) and f"{_about(whole)}, longer while it is busy",
        }
    )
    for (labels, cell), guess in zip(cells, guesses, strict=True):
        steps = _number(cell.report["steps"] or 0, "step")
        words = [f"{_sizes([cell.report['size']])} px", steps, _about(guess)]
        put(f"#   {', '.join(labels)}: {'; '.join(filter(None, words))}")
    put(f"\n# The whole recipe of the first picture:\n{_toml(result)}")
    return None


def long_run(report: Mapping[str, Any]) -> list[str]:
    """A word to whoever gave a large picture, as cameras make them, and will wait long."""
    width, height = (report.get("octaves") or [(0, 0)])[-1]
    if width * height < _LARGE or report.get("time_limit"):
        return []
    seconds = seconds_for(report)
    if seconds is None or seconds < _LONG:
        return []
    return [
        f"{width}x{height} px will take about {duration(seconds)} on this processor; a preview: --size 1024"
    ]


def _put_head(head: Mapping[str, Any]) -> None:
    for name, value in head.items():
        for line in value if isinstance(value, list) else [value] if value else []:
            put(f"# {name + ':':<10} {printable(str(line))}")


def _toml(result: Result) -> str:
    return result.recipe.to_toml().rstrip()


def _estimate(report: Mapping[str, Any], *, loaded: bool = False) -> float | None:
    """Seconds that a plan will take: no more than its limit of time, and less if the network is `loaded`."""
    seconds, limit = seconds_for(report), report.get("time_limit")
    if seconds is not None and loaded:
        seconds -= LOADING
    return seconds if limit is None else min(limit, seconds or limit)


def _about(seconds: float | None) -> str:
    return f"about {duration(seconds)} on this processor" if seconds else ""


def _time(report: Mapping[str, Any], *, auto: bool) -> str:
    seconds, limit = seconds_for(report), report.get("time_limit")
    if limit is None or (seconds is not None and seconds <= limit):
        instead = seconds_instead(report) if auto else None
        more = f"; with the stand-in about {duration(instead)}" if instead else ""
        return _about(seconds) and f"{_about(seconds)}, longer while it is busy{more}"
    most = f"{duration(limit)} at most"
    return (
        most
        if seconds is None
        else f"{most}, so steps are left out: all would take about {duration(seconds)}"
    )


def _frames(report: Mapping[str, Any]) -> str:
    if not report.get("frames"):
        return ""
    seconds = duration(report["frames"] / report["fps"])
    again = ", played over and over" if report["loop"] else ""
    return f"{report['frames']} at {report['fps']:g} per second: {seconds}{again}"


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
