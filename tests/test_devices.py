"""Devices: what may be named, and what is taken where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deepdream.climb import devices, precision
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
        ("cpu", "winograd"),
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
