"""What the recipes of `dream` make of one photograph: steps, gain and time, in one run.

    python -m benchmarks.gains samples/coffee.jpg --size 96 --layer block4_conv3

prints the table of docs/recipes.md. The gain is that of mean(a²) of the layer, over three shifts that no
dream had. Every recipe is dreamt twice, from one seed, and the second time is told: nothing is traced in it.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from benchmarks import machine
from deepdream.silence import silence_tensorflow

SHIFTS = ((17, 23), (41, 5), (8, 37))
ROWS: dict[str, dict[str, Any]] = {
    "no recipe, `--smallest 48`": {"smallest": 48},
    "`google-2015`": {"recipe": "google-2015"},
    "`tf1-2016`": {"recipe": "tf1-2016"},
    "`tf1-2016-laplacian`": {"recipe": "tf1-2016-laplacian"},
    "`keras-io`, no limit": {"recipe": "keras-io", "stop_above": None},
    "`tf-tutorial`": {"recipe": "tf-tutorial"},
}


def main() -> None:
    silence_tensorflow()
    from deepdream.backbones import resolve
    from deepdream.climb.engine import Engine, Pool, Step
    from deepdream.jobs.recipe import Common, preset
    from deepdream.modes.registry import load as modes
    from deepdream.pictures.picture import Picture, load

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photo")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--layer", default="block4_conv3")
    given = parser.parse_args()

    photo, pool = load(given.photo).fitted(given.size), Pool()
    common = Common("vgg16", precision="float32")
    network = pool.network(resolve("vgg16", [given.layer]), "float32")
    dream = modes({"DEEPDREAM_NO_PLUGINS": "1"}).modes["dream"]

    def loudness(picture: Picture) -> float:
        rolled = [picture.with_pixels(np.roll(picture.pixels, shift, (0, 1))) for shift in SHIFTS]
        found = [network.features(it, (it.height, it.width))[given.layer].numpy() for it in rolled]
        return float(np.mean(np.square(found)))

    about = machine.describe()
    print(f"{about['cpu']}, {about['cores']} cores, float32, {given.photo} at {photo.width}x{photo.height}\n")
    print(f"| | steps | gain | per step | seconds | gain per second |\n|{' --- |' * 6}")
    for name, changes in ROWS.items():
        options = {"layer": [given.layer]}
        if recipe := changes.get("recipe"):
            options = {**preset(recipe, "dream").options, **options}
        options |= {key: value for key, value in changes.items() if key != "recipe"}
        for _ in range(2):
            steps: list[Step] = []
            engine = Engine(common, seed=1, listeners=[steps.append], pool=pool)
            begin = time.perf_counter()
            made = dream.call(engine, {"image": photo}, options)
            seconds = time.perf_counter() - begin
        gain = loudness(made) / loudness(photo)
        rate = 100 * (gain ** (1 / len(steps)) - 1)
        figures = f"{gain:.1f} | {rate:.1f} % | {seconds:.1f} | {gain / seconds:.1f}"
        print(f"| {name} | {len(steps)} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
