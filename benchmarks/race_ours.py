"""deepdream's side of the style race: the mode with its defaults, once for every number of seconds."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepdream.climb.engine import Engine, Pool
from deepdream.jobs.recipe import Common
from deepdream.modes.mode import slots
from deepdream.modes.registry import load as load_registry
from deepdream.pictures.picture import Picture, load

PLENTY = 10_000
"""Steps of every octave, of which the time leaves out all but as many as fit."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("content")
    parser.add_argument("style")
    parser.add_argument("target", help="<target>.10s.png and so on are written")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--seconds", type=float, action="append", required=True)
    args = parser.parse_args()
    mode, pool = load_registry({"DEEPDREAM_NO_PLUGINS": "1"}).modes["style"], Pool()
    pictures = slots({"image": load(args.content).fitted(args.size), "style": load(args.style)})
    # The network is opened before the clock starts, as PyTorch's is.
    paint(mode.call, pictures, pool, 60.0, {"steps": 1, "octaves": 1})
    for limit in args.seconds:
        made = paint(mode.call, pictures, pool, limit, {"steps": PLENTY})
        made.save(Path(f"{args.target}.{limit:g}s.png"), overwrite=True)


def paint(
    call: Any, pictures: Mapping[str, Picture], pool: Pool, seconds: float, options: Mapping[str, Any]
) -> Picture:
    """What the mode makes within `seconds`."""
    engine = Engine(Common(), seed=0, pool=pool)  # its clock starts here
    made: Picture = call(engine, pictures, {**options, "time": f"{seconds:g}s"})
    return made


if __name__ == "__main__":
    main()
