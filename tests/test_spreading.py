"""Pictures shared out over several devices."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from deepdream import backbones
from deepdream.climb import sharing, tiling
from deepdream.climb.engine import Engine
from deepdream.jobs.common import Common
from deepdream.jobs.placement import Device
from deepdream.testing import picture

CPU, FIRST, SECOND = Device("cpu"), Device("gpu"), Device("gpu", 1)


@pytest.mark.parametrize("count", [2, 3, 4, 8])
@pytest.mark.parametrize(("height", "width"), [(683, 1024), (1024, 1024), (1080, 1920)])
def test_a_large_picture_gives_every_device_about_the_same_work(height: int, width: int, count: int) -> None:
    layers = [backbones.get("vgg16").layer("block4_conv3")]
    seen = tiling.reach(layers)
    assert seen is not None
    tiles = sharing.share((height, width), layers, seen, None, count)
    loads = [
        sum((bottom - top) * (right - left) for (top, bottom), (left, right) in (t.crop for t in share))
        for share in (tiles[first::count] for first in range(count))
    ]
    assert min(loads) > 0.7 * max(loads)
    assert height * width / max(loads) > 0.55 * count
    assert len({tuple(last - first for first, last in tile.core) for tile in tiles}) <= 4
    limited = sharing.share((height, width), layers, seen, 256, count)
    assert max(last - first for tile in limited for first, last in tile.core) <= 256 + 8
    assert sum((r[1] - r[0]) * (c[1] - c[0]) for r, c in (tile.core for tile in limited)) == height * width


def test_a_small_picture_stays_on_one_device() -> None:
    """Its halos are as large as it is: every device would do most of the whole."""
    layers = [backbones.get("inception_v3").layer("mixed4")]
    seen = tiling.reach(layers)
    assert seen is not None
    assert sharing.share((192, 256), layers, seen, None, 2) == ()
    assert len(sharing.share((1024, 2048), layers, seen, None, 2)) == 2


def test_a_plan_says_how_devices_share_a_picture_and_why_they_do_not() -> None:
    from deepdream import objectives as obj

    def planned(side: int, device: str, tile: str = "auto") -> dict[str, Any]:
        engine = Engine(Common(device=device, tile=tile, memory=8), dry=True)
        engine.ascend(picture(side, side), obj.layer("block3_conv3"), octaves=2)
        return engine.report

    shared = planned(512, "gpu:0,gpu:1")
    assert shared["tiles"] == 2 and shared["budget"] == 8 and not shared["notes"]
    assert shared["memory"] < planned(512, "gpu:0")["memory"]
    assert planned(48, "gpu:0,gpu:1")["notes"] == [
        "only gpu:0 has work: sharing what is this small would take longer"
    ]
    assert planned(512, "gpu:1,gpu:0", "off")["notes"] == [
        "only gpu:1 has work: this climb is not cut into tiles"
    ]


SEVERAL = """
import hashlib, json, sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 3)
import numpy as np
from deepdream import backbones, objectives as obj
from deepdream.climb import sharing, tiling
from deepdream.climb.ascent import Climb
from deepdream.climb.devices import choose, here, on
from deepdream.climb.engine import Engine, Pool
from deepdream.climb.spreading import OnEach
from deepdream.climb.updates import Way
from deepdream.jobs.common import Common
from deepdream.testing import picture

class Reveal:
    def reset(self, canvas): pass
    def state(self): return ()
    def step(self, evaluate, canvas, mask=None): return evaluate(canvas)[1]

pool, size, style = Pool(), (110, 150), picture(60, 60, seed=2)
dream = obj.layer("block2_conv1", relative=True) - 1e-6 * obj.total_variation()
objective = dream if sys.argv[1] == "dream" else (
    -1e-3 * obj.content("block2_conv1", style) - obj.gram("block1_conv1", style, relative=True)
    - obj.gram("block2_conv1", style, relative=True)
)
rolled = np.random.default_rng(0).uniform(0, 255, (1, *size, 3)).astype("float32")
layers = [backbones.get("vgg16").layer(name) for name in objective.layers]
shared = sharing.share(size, layers, tiling.reach(layers), None, 3)
made = []
for text, tiles in (("cpu:0", ()), ("cpu:0", shared), ("cpu:1,cpu:2,cpu:0", shared)):
    place = choose(text, here())
    with on(place.first):
        network = pool.network(backbones.resolve("vgg16", objective.layers), "float32", place.first)
        climb = Climb(network, objective, Way(jitter=16), place.names)
        climb._optimiser, climb.seed = Reveal(), 3
        climb.enter(tf.constant(rolled), tiles)
        worked = []
        call = OnEach._call
        def watched(self, number, item):
            part = call(self, number, item)
            worked.append(tf.nest.flatten(part)[-1].device.rpartition("/")[2])
            return part
        OnEach._call = watched
        values = climb.run(1).values[0]
        OnEach._call = call
        made.append([climb.canvas.numpy(), values.tolist(), worked])
whole, one, three = (item[0] for item in made)

def run():
    engine = Engine(Common(precision="float32", device="cpu:1,cpu:2", memory=8), seed=5, pool=pool)
    result = engine.ascend(picture(120, 90), dream, octaves=2, octave_scale=2, steps=2, jitter=8)
    report = engine.report
    return hashlib.sha256(result.pixels.tobytes()).hexdigest(), report["device"], report["tiles"]

print(json.dumps({
    "tiles": len(shared),
    "like one": float(np.linalg.norm(three - one) / np.linalg.norm(one)),
    "like whole": float(np.linalg.norm(three - whole) / np.linalg.norm(whole)),
    "values": [item[1] for item in made],
    "worked": made[2][2],
    "runs": [run(), run()] if objective is dream else [],
}))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("name", "passes"), [("dream", 1), ("style", 2)])
def test_several_devices_climb_like_one_and_each_of_them_works(name: str, passes: int) -> None:
    """On logical CPU devices, which a process must ask for before TensorFlow opens its devices."""
    done = subprocess.run([sys.executable, "-c", SEVERAL, name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout.splitlines()[-1])
    assert made["like one"] <= 1e-6
    assert made["like whole"] < 1e-4
    whole, one, three = made["values"]
    assert three == pytest.approx(one, rel=1e-6)
    assert three == pytest.approx(whole, rel=1e-5)
    parts = made["tiles"] * passes  # the threads may end in another order than that of the tiles
    assert Counter(made["worked"]) == Counter(f"device:CPU:{(1, 2, 0)[i % 3]}" for i in range(parts))
    if name == "dream":
        assert made["runs"] == [made["runs"][0]] * 2
        assert made["runs"][0][1:] == ["cpu:1,cpu:2", 2]


def test_a_climb_that_is_called_off_leaves_no_device_at_work() -> None:
    from deepdream.climb.spreading import OnEach

    tf = pytest.importorskip("tensorflow")
    shared = OnEach(lambda x: 2 * x, [tf.TensorSpec([], tf.float32)], ["CPU:0"])
    shared.devices, shared.graphs = (*shared.devices, "CPU:0"), shared.graphs * 2
    before, asked = threading.active_count(), []

    def items() -> Iterator[tuple[float]]:
        for number in range(100):
            asked.append(number)
            yield (float(number),)

    results = shared(items())
    assert [float(next(results)) for _ in range(3)] == [0.0, 2.0, 4.0]
    results.close()
    assert threading.active_count() == before
    assert len(asked) < 8
