"""The predicted memory against peaks that were measured in processes of their own (VmHWM, Linux, 2 cores)."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepdream import backbones, memory

STYLE = [*(f"block{i}_conv1" for i in range(1, 6)), "block4_conv2"]


@pytest.mark.parametrize(
    ("layers", "precision", "side", "optimiser", "measured"),
    [
        (["block5_conv3"], "bfloat16", 512, "ascent", 816e6 * 1.024),
        (["block5_conv3"], "bfloat16", 1024, "ascent", 1424e6 * 1.024),
        (["block5_conv3"], "float32", 1024, "ascent", 2077e6 * 1.024),
        (["block3_conv3"], "bfloat16", 1024, "ascent", 1472e6 * 1.024),
        (STYLE, "bfloat16", 512, "lbfgs", 1226e6 * 1.024),
        (STYLE, "bfloat16", 768, "lbfgs", 2021e6 * 1.024),
    ],
)
def test_the_prediction_is_within_a_fifth(
    layers: list[str], precision: backbones.Precision, side: int, optimiser: str, measured: float
) -> None:
    each = memory.per_pixel(backbones.get("vgg16"), layers, precision, optimiser, 20)
    assert memory.predict((side, side), each) == pytest.approx(measured, rel=0.2)


def test_the_largest_side_fills_the_budget() -> None:
    side = memory.largest_side((300, 400), 1000.0, 3e9)
    assert memory.predict((side * 3 // 4, side), 1000.0) == pytest.approx(3e9, rel=0.01)
    assert memory.largest_side((300, 400), 1000.0, 1e6) == 0


def test_free_memory_is_read_where_linux_says_it(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 2000 kB\nMemAvailable:  1000 kB\n")
    assert memory.available(tmp_path / "meminfo") == 1024_000
    assert memory.available(tmp_path / "none") is None
