"""The predicted memory against peaks that were measured in processes of their own (VmHWM, Linux, 2 cores)."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepdream import backbones, memory
from deepdream.tiling import Reach
from deepdream.updates import named

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
    need = memory.need(backbones.get("vgg16"), layers, precision, named(optimiser, 1.0, 20))
    assert need.bytes((side, side)) == pytest.approx(measured, rel=0.2)


def test_the_largest_side_fills_the_budget() -> None:
    need = memory.Need(canvas=100.0, activations=900.0)
    side = need.largest_side((300, 400), 3e9)
    assert need.bytes((side * 3 // 4, side)) == pytest.approx(3e9, rel=0.01)
    assert need.largest_side((300, 400), 1e6) == 0


def test_tiles_fill_the_budget_and_no_more() -> None:
    need, seen, size = memory.Need(canvas=72.0, activations=700.0), Reach(16, 96, 96), (4320, 7680)
    core = need.core(size, seen, 4e9)
    assert core is not None
    assert core % 16 == 0
    assert need.bytes(size, (core + 192) ** 2) <= 4e9 < need.bytes(size, (core + 16 + 192) ** 2)
    assert need.core(size, seen, 64e9) == 2048
    assert need.core(size, seen, 3e9) is None


def test_free_memory_is_read_where_linux_says_it(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9000000 kB\nMemAvailable:  1000000 kB\n")
    assert memory.available(tmp_path / "meminfo") == 1.024
    assert memory.available(tmp_path / "none") is None
