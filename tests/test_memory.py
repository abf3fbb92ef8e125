"""The predicted memory against peaks that were measured in processes of their own (VmHWM, Linux, 2 cores)."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepdream import backbones
from deepdream.backbones import Precision
from deepdream.climb import memory
from deepdream.climb.tiling import Reach, cut, largest, reach
from deepdream.climb.updates import LBFGS, Ascent
from deepdream.pictures.scales import Size


@pytest.mark.parametrize(
    ("layer", "size", "precision", "measured"),
    [
        ("block4_conv3", (288, 512), "bfloat16", 0.957e9),
        ("block4_conv3", (375, 667), "bfloat16", 1.043e9),
        ("block4_conv3", (750, 1333), "bfloat16", 1.540e9),
        ("block5_conv3", (512, 512), "bfloat16", 1.141e9),
        ("block5_conv3", (750, 1333), "bfloat16", 1.702e9),
        ("block2_conv2", (768, 1024), "bfloat16", 1.415e9),
        ("block4_conv3", (256, 384), "winograd", 1.30e9),
        ("block4_conv3", (683, 1024), "winograd", 2.39e9),
        ("block3_conv3", (427, 640), "winograd", 1.36e9),
        ("block5_conv3", (427, 640), "winograd", 1.89e9),
        ("block5_conv3", (934, 1400), "winograd", 3.93e9),
        ("block4_conv3", (288, 512), "float32", 1.258e9),
        ("block4_conv3", (750, 1333), "float32", 2.313e9),
        ("block5_conv3", (512, 512), "float32", 1.636e9),
        ("block5_conv3", (750, 1333), "float32", 2.686e9),
        ("block2_conv2", (768, 1024), "float32", 1.766e9),
    ],
)
def test_the_prediction_is_within_a_tenth(
    layer: str, size: Size, precision: Precision, measured: float
) -> None:
    need = memory.need(backbones.get("vgg16"), [layer], precision, Ascent())
    assert need.bytes(size) == pytest.approx(measured, rel=0.1)


@pytest.mark.parametrize(
    ("size", "tile", "precision", "measured"),
    [
        ((512, 512), None, "bfloat16", 1.680e9),
        ((504, 896), None, "bfloat16", 2.616e9),
        ((256, 384), None, "winograd", 1.55e9),
        ((512, 768), None, "winograd", 2.42e9),
        ((512, 512), None, "float32", 2.390e9),
        ((341, 512), None, "float32", 2.023e9),
        ((597, 896), None, "float32", 3.299e9),
        ((597, 896), 256, "float32", 3.369e9),
    ],
)
def test_the_prediction_for_a_style_is_within_a_fifth(
    size: Size, tile: int | None, precision: Precision, measured: float
) -> None:
    """Which opens graphs of its own for what it aims at and, in tiles, for the sums over the whole."""
    backbone = backbones.get("vgg16")
    layers = [backbone.content_layer, *backbone.style_layers]
    aligned = [backbone.content_layer]
    need = memory.need(backbone, layers, precision, LBFGS(20), aligned, measured=True, summed=True)
    seen = reach([backbone.layer(name) for name in layers])
    assert seen is not None
    at_once = None if tile is None else (seen.before + tile + seen.after) ** 2
    assert need.bytes(size, at_once) == pytest.approx(measured, rel=0.2)


@pytest.mark.parametrize(
    ("layer", "core", "measured"),
    [
        ("block1_conv2", 783, 2.057e9),
        ("block2_conv2", 868, 1.665e9),
        ("block4_conv3", 728, 1.827e9),
        ("block5_conv3", 688, 2.000e9),
    ],
)
def test_the_prediction_for_a_tiled_dream_is_within_a_tenth(layer: str, core: int, measured: float) -> None:
    """Two octaves of two steps up to 3266x1837 px, in bfloat16."""
    sizes = [(1312, 2333), (1837, 3266)]
    backbone = backbones.get("vgg16")
    layers = [backbone.layer(layer)]
    seen = reach(layers)
    assert seen is not None
    there = memory.need(backbone, [layer], "bfloat16", Ascent()).beside(sizes[-1])
    found = [there.bytes(size, largest(cut(size, layers, seen, core))) for size in sizes]
    assert max(found) == pytest.approx(measured, rel=0.1)


def test_lbfgs_remembers_what_memory_allows() -> None:
    assert memory.affordable(LBFGS(20), (512, 512), 8.0) == LBFGS(20)
    assert memory.affordable(LBFGS(1), (512, 512), 8.0) == LBFGS(1), "no more than are asked for"
    fewer = memory.affordable(LBFGS(20), (2160, 3840), 6.0)
    assert 3 <= fewer.history < 20
    assert memory.affordable(LBFGS(20), (9000, 9000), 2.0) == LBFGS(memory.FEWEST_PAIRS)


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
