"""Devices: what may be named, what is taken where, and pictures shared out over several of them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deepdream import backbones
from deepdream.climb import devices, precision, sharing, tiling
from deepdream.climb.engine import Engine
from deepdream.errors import UsageError
from deepdream.jobs.common import Common
from deepdream.jobs.placement import Device, named_devices
from deepdream.jobs.recipe import Recipe, preset
from deepdream.testing import picture

CPU, FIRST, SECOND = Device("cpu"), Device("gpu"), Device("gpu", 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto", ()),
        ("cpu", (CPU,)),
        ("GPU", (FIRST,)),
        ("gpu:1", (SECOND,)),
        ("gpu:1, gpu:0,cpu", (SECOND, FIRST, CPU)),
    ],
)
def test_devices_are_named_as_tensorflow_counts_them(text: str, expected: tuple[Device, ...]) -> None:
    assert named_devices(text) == expected


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("gpux", "'gpux' is no device", "did you mean 'gpu'?"),
        ("gpu:", "'gpu:' is no device", "did you mean 'gpu' or 'cpu'?"),
        ("gpu0", "'gpu0' is no device", "did you mean 'gpu'?"),
        ("cuda:0", "'cuda:0' is no device", "write auto, cpu, gpu, gpu:1, or several: gpu:0,gpu:1"),
        ("", "'' is no device", "write auto, cpu, gpu, gpu:1, or several: gpu:0,gpu:1"),
        ("cpu,auto", "'auto' is no device", "auto stands alone"),
        ("gpu,gpu:0", "--device names gpu:0 twice", "name each device once"),
    ],
)
def test_what_is_no_device_is_refused_before_anything_is_loaded(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        Common.check({"device": text})
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_graphs_run_as_they_were_traced_in_a_climb_and_nowhere_else() -> None:
    import tensorflow as tf

    from deepdream import objectives as obj

    def rewritten() -> bool:
        return not tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False)

    seen: list[bool] = []
    assert rewritten()
    engine = Engine(Common(precision="float32"), listeners=[lambda step: seen.append(rewritten())])
    engine.ascend(picture(), obj.layer("block1_conv2"), steps=1)
    assert seen == [False]
    assert rewritten()
    with devices.working(devices.Placement(used="gpu:0")):
        assert rewritten(), "it chooses the layout of tensors there"


def test_climbs_that_overlap_in_threads_leave_graphs_to_each_other_as_they_were() -> None:
    import tensorflow as tf

    options = tf.config.optimizer

    def plain() -> bool:
        return bool(options.get_experimental_options().get("disable_meta_optimizer"))

    before = plain()
    one, two = (devices.working(devices.Placement(used="cpu:0")) for _ in range(2))
    one.__enter__()
    two.__enter__()
    one.__exit__(None, None, None)
    assert plain(), "the other still goes on"
    two.__exit__(None, None, None)
    assert plain() == before


def test_auto_is_the_first_gpu_or_the_cpu_and_leaves_placing_to_tensorflow() -> None:
    assert devices.choose("auto", [FIRST, SECOND, CPU]) == devices.Placement((), "gpu:0")
    assert devices.choose("auto", [CPU]) == devices.Placement((), "cpu:0")
    assert devices.choose("auto", [CPU]).first is None


def test_a_device_that_is_not_here_is_refused_and_those_that_are_are_named() -> None:
    with pytest.raises(UsageError) as caught:
        devices.choose("gpu:0,gpu:1", [FIRST, CPU])
    assert caught.value.message == "no gpu:1 on this machine"
    assert caught.value.hint == "it has gpu:0, cpu:0: 'deepdream doctor' lists them"


@pytest.mark.parametrize(
    ("present", "named", "used"),
    [([CPU], (), "cpu:0"), ([FIRST, CPU], (FIRST,), "gpu:0"), ([FIRST, SECOND], (FIRST, SECOND), None)],
)
def test_a_recipe_of_another_machine_takes_what_is_here(
    present: list[Device], named: tuple[Device, ...], used: str | None
) -> None:
    found = devices.choose("gpu:0,gpu:1", present, instead=True)
    assert found.named == named
    if used is None:
        assert found.note is None
    else:
        assert found.note is not None and found.note.endswith(f"on this machine: {used} took over")


class Cards:
    """TensorFlow's answers on a machine with GPUs of these compute capabilities."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *capabilities: tuple[int, int] | None) -> None:
        tf = pytest.importorskip("tensorflow")
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: list(capabilities))
        monkeypatch.setattr(
            tf.config.experimental,
            "get_device_details",
            lambda card: {} if card is None else {"compute_capability": card},
        )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto", "bfloat16"),
        ("gpu:0", "bfloat16"),
        ("gpu:1", "float32"),
        ("gpu:0,gpu:1", "float32"),
        ("gpu:2", "bfloat16"),
        ("gpu:3", "float32"),
        ("cpu", "float32"),
        ("gpu:0,cpu", "float32"),
    ],
)
def test_bfloat16_is_for_gpus_from_compute_capability_8(
    text: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Cards(monkeypatch, (8, 0), (7, 5), (9, 0), None)
    monkeypatch.setattr(precision, "cpu_features", lambda: frozenset({"avx2"}))
    assert precision.choose("auto", named_devices(text)).dtype == expected
    assert precision.choose("bfloat16", named_devices(text)).dtype == "bfloat16"


def test_a_named_device_gives_the_same_bytes_as_auto_and_is_noted() -> None:
    from deepdream import objectives as obj

    shown, made = picture(48, 40), []
    for device in ("auto", "cpu:0"):
        engine = Engine(Common(precision="float32", device=device), seed=4)
        made.append(engine.ascend(shown, obj.layer("block1_conv2"), octaves=2, octave_scale=1.2, steps=2))
        assert engine.report["device"] == "cpu:0"
        assert not engine.report["notes"]
    assert made[0].pixels.tobytes() == made[1].pixels.tobytes()


def test_a_run_on_a_device_that_is_not_here_ends_before_the_first_step() -> None:
    from deepdream import objectives as obj

    with pytest.raises(UsageError, match="no gpu:7 on this machine"):
        Engine(Common(device="gpu:7")).ascend(picture(), obj.layer("block1_conv2"))


def test_a_recipe_made_elsewhere_is_run_again_with_a_note(tmp_path: Path) -> None:
    from deepdream.runs.session import Session

    shown = tmp_path / "a.png"
    picture(40, 40).save(shown)
    options: dict[str, Any] = {"layer": ["block1_conv2"], "octaves": 1, "steps": 1}
    common = Common(device="gpu:5", precision="float32")
    session = Session()
    from deepdream.jobs.recipe import Input

    fresh = Recipe("dream", {"image": Input(str(shown))}, options, common, seed=1)
    with pytest.raises(UsageError, match="no gpu:5"):
        session.run(fresh)
    made_there = Recipe("dream", {"image": Input(str(shown))}, options, common, 1, {"device": "gpu:5"})
    result = session.run(made_there)
    assert result.report["notes"] == ["no gpu:5 on this machine: cpu:0 took over"]
    assert result.recipe.used["device"] == "cpu:0"


def test_a_picture_taken_as_preset_brings_no_device_along(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text(Recipe("dream", common=Common(device="gpu:5", size=64)).to_toml(), "utf-8")
    assert preset(str(file)).common["size"] == 64
    assert "device" not in preset(str(file)).common


def test_a_plan_names_the_device_without_loading_tensorflow() -> None:
    from deepdream import objectives as obj

    for text, shown in (("auto", "auto"), ("gpu", "gpu:0"), ("gpu:1,gpu:0", "gpu:1,gpu:0")):
        engine = Engine(Common(device=text), dry=True)
        engine.ascend(picture(64, 64), obj.layer("block1_conv2"))
        assert json.loads(json.dumps(engine.report))["device"] == shown


# --- several devices ---------------------------------------------------------------------------


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
