"""The guess of how long a climb takes: it follows the work, and is left out where nothing is known."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from deepdream.backbones import get
from deepdream.desk import estimate
from deepdream.desk.estimate import check_time, seconds_for, seconds_instead
from deepdream.errors import UsageError

PLAN = {"model": "vgg16", "layers": ["block4_conv3"], "octaves": [[256, 192], [512, 384]], "steps": 40}


def test_a_guess_grows_with_steps_pixels_and_depth() -> None:
    def more(**changes: object) -> float:
        guess, plain = (seconds_for(plan, speed=1e9) for plan in ({**PLAN, **changes}, PLAN))
        assert guess is not None and plain is not None
        return (guess - 8) / (plain - 8)

    assert more(steps=80) == pytest.approx(2)
    assert more(octaves=[[512, 384], [1024, 768]]) == pytest.approx(4)
    assert more(layers=["block5_conv3"]) > 1 > more(layers=["block2_conv2"])


def test_a_guess_is_shorter_where_the_processor_has_the_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "_speed", lambda: 1e9)
    guesses = []
    for features in (
        {"avx2"},
        {"avx512f"},
        {"avx512f", "avx512_bf16"},
        {"avx512f", "avx512_bf16", "amx_bf16"},
    ):
        monkeypatch.setattr(estimate, "cpu_features", lambda features=features: frozenset(features))
        guesses.append([seconds_for({**PLAN, "precision": it}) for it in ("float32", "bfloat16")])
    floats, brains = zip(*guesses, strict=True)
    assert floats[0] > floats[1] == floats[2] == floats[3]
    assert brains[1] > brains[2] > brains[3] and floats[:2] == brains[:2]


def test_no_guess_is_made_of_a_network_without_a_table_or_of_no_steps() -> None:
    assert seconds_for({**PLAN, "model": "my.keras"}, speed=1e9) is None
    assert seconds_for({**PLAN, "steps": 0}, speed=1e9) is None
    assert seconds_for({**PLAN, "layers": None}, speed=1e9) is None


def test_the_stand_in_of_a_network_that_is_not_here_has_a_guess_of_its_own() -> None:
    plan = {**PLAN, "model": "inception_v3", "layers": ["mixed4"], "weights": {"origin": "download"}}
    other = {**PLAN, "layers": ["block5_conv3"]}
    assert seconds_instead(plan, speed=1e9) == seconds_for(other, speed=1e9) != seconds_for(plan, speed=1e9)
    assert seconds_instead({**plan, "weights": {"origin": "cache"}}, speed=1e9) is None


def test_a_guess_is_the_same_on_a_busy_machine() -> None:
    """Whether some of the cores are busy, or all of them."""
    idle = estimate._speed.__wrapped__()
    spinning = [
        subprocess.Popen([sys.executable, "-Sc", "while True: pass"]) for _ in range(os.cpu_count() or 1)
    ]
    try:
        busy = [estimate._speed.__wrapped__() for _ in range(3)]
    finally:
        for process in spinning:
            process.kill()
            process.wait()
    assert max(idle, *busy) / min(idle, *busy) < 3


def test_a_limit_of_time_that_may_be_too_short_is_told_and_one_that_is_refused() -> None:
    assert check_time(PLAN) == check_time({**PLAN, "time_limit": 60.0}) == []
    (said,) = check_time({**PLAN, "time_limit": 3.0})
    assert said.startswith("3 seconds may be over before the first step")
    with pytest.raises(UsageError, match=r"0\.2 seconds are over before the first step"):
        check_time({**PLAN, "time_limit": 0.2})


@pytest.mark.parametrize("layer", ["block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3"])
def test_a_guess_is_of_the_right_order(layer: str) -> None:
    """The operations of VGG16's 3x3 convolutions counted one by one: 2 for each product, there and back."""
    operations, channels = 0.0, 3
    for it in get("vgg16").layers:
        if it.kind == "conv":
            operations += 2 * 2 * 9 * channels * it.channels / it.stride**2
            channels = it.channels
        if it.name == layer:
            break
    guess = seconds_for({**PLAN, "layers": [layer], "octaves": [[1000, 1000]], "steps": 1}, speed=1e6)
    assert guess is not None
    assert 1 / 2.5 < (guess - 8) / operations < 2.5
