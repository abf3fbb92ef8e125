"""Clouds, which the network sees and nobody else: what they are, and that flat areas need them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deepdream import objectives as obj
from deepdream.climb.clouds import Clouds, flatness
from deepdream.climb.engine import Engine, Pool
from deepdream.jobs.recipe import Common
from deepdream.modes import registry
from deepdream.modes.mode import slots
from deepdream.pictures.picture import Picture, load

pytest.importorskip("tensorflow")

SIZE, POOL = (120, 180), Pool()
SAMPLES = Path(__file__).resolve().parent.parent / "samples"
FLAT = Picture(np.full((128, 160, 3), (110.0, 150.0, 205.0), np.float32))


def over(size: tuple[int, int], seed: int = 1) -> np.ndarray:
    rows, columns = map(np.arange, size)
    field: np.ndarray = Clouds(FLAT, 1.0, seed).over(rows, columns, size)[0, :, :, 0]
    return field


def test_clouds_are_smooth_of_one_strength_and_of_their_seed() -> None:
    fields = [over(SIZE, seed) for seed in range(8)]
    assert all(0.8 < field.std() < 1.25 for field in fields)
    assert 0.95 < np.sqrt(np.mean(np.square(fields))) < 1.05
    power = np.mean([np.abs(np.fft.rfft2(field)) ** 2 for field in fields], axis=0)
    cycles = np.hypot(
        *np.meshgrid(np.fft.fftfreq(120, 1 / 180), np.fft.rfftfreq(180, 1 / 180), indexing="ij")
    )
    assert power[cycles > 30].sum() < 0.02 * power.sum()
    assert power[cycles < 2].sum() < 0.1 * power.sum()
    assert abs(np.corrcoef(fields[0].ravel(), fields[1].ravel())[0, 1]) < 0.2


def test_clouds_are_in_the_same_place_at_every_size_and_in_every_part() -> None:
    large, small = over((360, 540)), over((120, 180))
    np.testing.assert_allclose(large[1::3, 1::3], small, atol=1e-4)
    rows, columns = np.array([7, 8, 119, 0, 1]), np.arange(60, 90)
    part = Clouds(FLAT, 1.0, 1).over(rows, columns, SIZE)
    assert part.shape == (1, 5, 30, 1) and part.dtype == np.float32
    np.testing.assert_allclose(part[0, :, :, 0], small[rows][:, columns], atol=1e-5)


def test_clouds_are_where_the_photograph_is_flat() -> None:
    """Half of it an even slope with a step in the middle, half grain of one grey level."""
    slope = np.linspace(60, 200, 90, dtype=np.float32)[:, None] + np.zeros((90, 180), np.float32)
    slope[:, 80:] += np.random.default_rng(1).standard_normal((90, 100)).astype(np.float32)
    slope[:, :20] += 30
    photo = Picture(np.repeat(slope[..., None], 3, axis=2))
    flat = flatness(photo)
    assert flat.shape == (11, 22) and flat.dtype == np.float32
    assert (flat[1:-1, 4:9] > 0.999).all() and not flat[:, 2].any() and not flat[:, 10:].any()
    field = Clouds(photo, 10.0, 1).over(np.arange(90), np.arange(180), (90, 180))[0, :, :, 0]
    assert field[:, 36:68].std() > 5 and not field[:, 92:].any()
    for name in ("coffee", "chelsea", "autumn", "rocket"):
        assert not flatness(load(SAMPLES / f"{name}.jpg")).any(), name


def climbed(strength: float, *, steps: int = 3, seed: int = 0) -> np.ndarray:
    engine = Engine(Common(precision="float32"), pool=POOL, seed=seed)
    result = engine.ascend(FLAT, obj.layer("block3_conv1"), steps=steps, jitter=4, clouds=strength)
    change: np.ndarray = (result.pixels - FLAT.pixels).mean(axis=2)
    return change


def repeated(change: np.ndarray, stride: int = 4) -> list[float]:
    """The correlation of the middle, which no border reaches, with what is a stride beside and below it."""
    middle = change[40:-40, 40:-40].ravel()
    beside, below = change[40:-40, 40 + stride : stride - 40], change[40 + stride : stride - 40, 40:-40]
    return [float(np.corrcoef(middle, other.ravel())[0, 1]) for other in (beside, below)]


def test_what_a_flat_area_dreams_has_the_period_of_the_stride_but_not_under_clouds() -> None:
    bare, clouded = climbed(0.0), climbed(8.0)
    assert min(repeated(bare)) > 0.95
    assert max(np.abs(repeated(clouded))) < 0.3
    assert np.abs(clouded).mean() > 2


def test_clouds_are_not_drawn_and_are_those_of_the_seed() -> None:
    assert not climbed(8.0, steps=0).any()
    first, again, other = climbed(8.0), climbed(8.0), climbed(8.0, seed=5)
    np.testing.assert_array_equal(first, again)
    assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.5


def test_a_dream_has_clouds_unless_it_is_told_otherwise_and_grain_needs_none() -> None:
    mode = registry.load({"DEEPDREAM_NO_PLUGINS": "1"}).modes["dream"]

    def dreamt(image: Picture, **options: float) -> np.ndarray:
        engine = Engine(Common(precision="float32"), pool=POOL)
        how = {"layer": ["block3_conv1"], "octaves": 1, "steps": 3, "jitter": 4, **options}
        result: Picture = mode.call(engine, slots({"image": image}), how)
        return result.pixels - image.pixels

    assert max(np.abs(repeated(dreamt(FLAT).mean(axis=2)))) < 0.3
    assert min(repeated(dreamt(FLAT, clouds=0.0).mean(axis=2))) > 0.8
    grainy = load(SAMPLES / "coffee.jpg").fitted(96)
    np.testing.assert_array_equal(dreamt(grainy), dreamt(grainy, clouds=0.0))
    assert Clouds(FLAT, 16.0, 1).anywhere and not Clouds(grainy, 16.0, 1).anywhere


@pytest.mark.parametrize("tile", ["off", "32"])
def test_terms_of_pixels_see_no_clouds(tile: str) -> None:
    values = []
    for strength in (0.0, 20.0):
        steps = []
        engine = Engine(
            Common(precision="float32", tile=tile, exact=True), listeners=[steps.append], pool=POOL
        )
        objective = obj.layer("block1_conv1") - obj.total_variation()
        engine.ascend(FLAT, objective, steps=1, jitter=8, clouds=strength)
        values.append(list(steps[0].terms.values()))
    (bare, rough), (clouded, unmoved) = values
    assert clouded > bare and rough == unmoved == 0


@pytest.mark.parametrize("tile", ["off", "32"])
def test_gains_begin_at_what_the_network_sees_with_the_clouds(tile: str) -> None:
    steps = []
    common = Common(precision="float32", tile=tile, exact=True)
    engine = Engine(common, listeners=[steps.append], pool=POOL)
    objective = obj.layers(["block2_conv1", "block3_conv1"], relative=True)
    engine.ascend(FLAT, objective, steps=1, clouds=16.0)
    assert list(steps[0].terms.values()) == pytest.approx([1.0, 1.0], rel=1e-3)
