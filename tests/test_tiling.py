"""Tile geometry against the networks themselves, and tiled gradients against untiled ones."""

from __future__ import annotations

import numpy as np
import pytest

from deepdream import backbones
from deepdream.climb import tiling
from deepdream.climb.tiling import Reach


def layer(model: str, name: str) -> backbones.Layer:
    return backbones.get(model).layer(name)


@pytest.mark.parametrize(
    ("model", "name", "expected"),
    [
        ("vgg16", "block4_conv3", Reach(8, 48, 48)),
        ("vgg16", "block5_conv1", Reach(16, 64, 64)),
        ("vgg16", "block5_conv3", Reach(16, 96, 96)),
        ("inception_v3", "mixed4", Reach(16, 160, 192)),
    ],
)
def test_reach_of_well_known_layers(model: str, name: str, expected: Reach) -> None:
    assert tiling.reach([layer(model, name)]) == expected


def test_tiles_are_as_large_as_allowed_and_about_equal() -> None:
    layers = [layer("vgg16", "block4_conv3")]
    seen = tiling.reach(layers)
    assert seen is not None
    tiles = tiling.cut((64, 800), layers, seen, 384)
    assert [columns for _, columns in (tile.core for tile in tiles)] == [(0, 272), (272, 544), (544, 800)]
    assert tiling.cost(tiles, (64, 800)) == (800 + 4 * 48) / 800


def test_no_tile_is_exact_where_the_grid_depends_on_the_size() -> None:
    network = backbones.get("mobilenet_v3_small")
    assert tiling.reach([network.layers[-1]]) is None


@pytest.mark.parametrize("part", [1.0, 0.5, 0.0])
@pytest.mark.parametrize("size", [(96, 80), (200, 333), (575, 1024), (97, 111)])
@pytest.mark.parametrize("core", [32, 64, 512])
@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("vgg16", ["block5_conv3"]),
        ("vgg16", ["block2_conv2", "block4_conv3"]),
        ("inception_v3", ["mixed0", "mixed4"]),
    ],
)
def test_every_cell_belongs_to_one_tile(
    size: tuple[int, int], core: int, model: str, names: list[str], part: float
) -> None:
    layers = [layer(model, name) for name in names]
    whole = tiling.reach(layers)
    assert whole is not None
    seen = tiling.shortened(whole, layers, part)
    assert (seen == whole) == (part == 1.0)
    tiles = tiling.cut(size, layers, seen, core)
    pixels = np.zeros(size, int)
    for tile in tiles:
        (top, bottom), (left, right) = tile.core
        pixels[top:bottom, left:right] += 1
        for (first, last), (begin, end), side in zip(tile.core, tile.crop, size, strict=True):
            assert 0 <= begin <= first < last <= end <= side
            assert begin % seen.stride == 0
            assert first - begin == min(first, seen.before)
    assert (pixels == 1).all()
    for one in layers:
        answered = np.zeros([tiling.cell_count(one, side) for side in size], int)
        shares = 0.0
        for tile in tiles:
            (rows, columns), share = tiling.cells(tile, one, size)
            top, left = tile.crop[0][0] // one.stride, tile.crop[1][0] // one.stride
            for (_, last), (begin, end) in zip((rows, columns), tile.crop, strict=True):
                assert last <= tiling.cell_count(one, end - begin)
            answered[top + rows[0] : top + rows[1], left + columns[0] : left + columns[1]] += 1
            shares += share
        assert (answered == 1).all()
        assert shares == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("model", "names"),
    [("vgg16", ["block1_conv1", "block5_conv3"]), ("inception_v3", ["mixed0", "mixed4", "mixed10"])],
)
def test_cells_are_counted_as_the_network_makes_them(model: str, names: list[str]) -> None:
    keras = pytest.importorskip("keras")
    function = {"vgg16": keras.applications.VGG16, "inception_v3": keras.applications.InceptionV3}[model]
    network = function(weights=None, include_top=False, input_shape=(None, None, 3))
    network = keras.Model(network.input, [network.get_layer(name).output for name in names])
    for side in (*range(80, 130, 7), 299, 575, 1024):
        for name, shape in zip(names, network.compute_output_shape((1, side, side, 3)), strict=True):
            assert tiling.cell_count(layer(model, name), side) == shape[1], (name, side)


class Reveal:
    """An optimiser whose next canvas is the gradient."""

    def reset(self, canvas):  # type: ignore[no-untyped-def]
        pass

    def state(self):  # type: ignore[no-untyped-def]
        return ()

    def step(self, evaluate, canvas, mask=None):  # type: ignore[no-untyped-def]
        return evaluate(canvas)[1]


def gradients(network, objective, size, core, jitter, clouds=0.0):  # type: ignore[no-untyped-def]
    """The gradient and the values of the first step: untiled, tiled."""
    tf = pytest.importorskip("tensorflow")
    from deepdream.climb.ascent import Climb
    from deepdream.climb.clouds import Clouds
    from deepdream.climb.updates import Way
    from deepdream.pictures.picture import Picture

    canvas = tf.constant(np.random.default_rng(0).uniform(0, 255, (1, *size, 3)).astype(np.float32))
    layers = [network.extractor.backbone.layer(name) for name in network.extractor.layers]
    seen = tiling.reach(layers)
    results = []
    for tiles in ((), tiling.cut(size, layers, seen, core)):
        climb = Climb(network, objective, Way(jitter=jitter, clouds=clouds))
        climb._optimiser, climb.seed = Reveal(), 3
        climb.clouds = Clouds(Picture(np.zeros((*size, 3), np.float32)), clouds, 1)
        climb.enter(canvas, tiles)
        values = climb.run(1).values[0]
        results.append((climb.canvas.numpy(), values))
        assert climb.traces == 1
        assert climb._traced["tiled"].traces == (1 if tiles else 0)
    assert len(tiles) > 3
    return results


def same(whole, tiled) -> None:  # type: ignore[no-untyped-def]
    (gradient, values), (tiled_gradient, tiled_values) = whole, tiled
    assert np.linalg.norm(tiled_gradient - gradient) < 1e-4 * np.linalg.norm(gradient)
    np.testing.assert_allclose(tiled_values, values, rtol=1e-5)


@pytest.mark.parametrize(("jitter", "clouds"), [pytest.param(0, 0.0, marks=pytest.mark.slow), (32, 20.0)])
def test_tiled_gradient_is_the_gradient_on_vgg16(jitter: int, clouds: float) -> None:
    from deepdream import objectives as obj
    from deepdream.climb.engine import Pool

    objective = (
        obj.layer("block4_conv3", relative=True)
        + 0.3 * obj.mean("block3_conv1")
        - 0.1 * obj.channel("block2_conv2", 7)
        - 1e-6 * obj.total_variation()
        + 1e-5 * obj.match("block4_conv3", np.ones((1, 2, 3, 512), np.float32))
    )
    network = Pool().network(backbones.resolve("vgg16", objective.layers), "float32")
    same(*gradients(network, objective, (107, 150), 64, jitter, clouds))


def test_tiles_leave_no_seams() -> None:
    """The change that a dream makes is no rougher across the tiles' borders than elsewhere."""
    from deepdream import objectives as obj
    from deepdream.climb.engine import Engine
    from deepdream.jobs.recipe import Common
    from deepdream.pictures.picture import Picture

    grain = np.random.default_rng(1).uniform(60, 200, (128, 160, 3)).astype(np.float32)
    start = Picture(grain)
    engine = Engine(Common(precision="float32", tile="32", exact=True), seed=1)
    change = engine.ascend(start, obj.layer("block2_conv2"), steps=4).pixels - start.pixels
    assert engine.report["tiles"] == 20
    across, along = (np.abs(np.diff(change, axis=axis)).mean(axis=(1 - axis, 2)) for axis in (1, 0))
    borders = [np.arange(31, len(lines), 32) for lines in (across, along)]
    seams = np.concatenate([lines[at] for lines, at in zip((across, along), borders, strict=True)])
    others = np.concatenate(
        [np.delete(lines, at) for lines, at in zip((across, along), borders, strict=True)]
    )
    assert 0.9 < seams.mean() / others.mean() < 1.1


@pytest.mark.parametrize("normalise", ["mean", "seen", "rms", "std", "none"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize("scale", [1.0, 1e-30, 0.0])
def test_a_step_in_place_is_the_step(normalise: str, masked: bool, scale: float, bounded: bool) -> None:
    tf = pytest.importorskip("tensorflow")
    from deepdream.climb import bands, optim, updates

    rng = np.random.default_rng(0)
    start = tf.constant(rng.uniform(0, 255, (1, 300, 20, 3)).astype(np.float32))
    gradient = (scale * rng.normal(0.1, 1.0, start.shape)).astype(np.float32)
    gradient[:, 250:] = 0.0
    mask = tf.constant(rng.uniform(0, 1, (1, 300, 20, 1)).astype(np.float32)) if masked else None
    settings = updates.Ascent(2.0, normalise=normalise, bounded=bounded)
    expected = optim.Ascent(settings).step(lambda at: (0.0, tf.constant(gradient)), start, mask)
    assert bands.ascend(settings, gradient, start, mask)
    np.testing.assert_allclose(gradient, expected, atol=2e-4)
    assert bounded == (gradient.min() >= 0 and gradient.max() <= 255) or scale != 1 or normalise == "none"


def test_a_step_in_place_shapes_the_gradient_as_a_whole() -> None:
    tf = pytest.importorskip("tensorflow")
    from deepdream.climb import bands, optim, shaping, updates

    rng = np.random.default_rng(0)
    start = tf.constant(rng.uniform(0, 255, (1, 530, 12, 3)).astype(np.float32))
    gradient = rng.normal(0.1, 1.0, start.shape).astype(np.float32)
    for sigma in (0.6, 100.0):
        shape = shaping.chain(shaping.rimless(), shaping.blurred(sigma), shaping.chroma(0.3))
        assert isinstance(shape, shaping.Local)
        shaped = shape(tf.constant(gradient))
        expected = optim.Ascent(updates.Ascent()).step(lambda at, shaped=shaped: (0.0, shaped), start)
        found = gradient.copy()
        assert bands.ascend(updates.Ascent(), found, start, shape=shape)
        np.testing.assert_allclose(found, expected, atol=1e-3)
    assert not isinstance(shaping.chain(shaping.blurred(1), shaping.laplacian(2)), shaping.Local)


def test_tiled_style_is_the_style() -> None:
    """Statistics of the whole, seen tile by tile: Gram matrices, moments, Gaussians, masked ones."""
    from deepdream import objectives as obj
    from deepdream.climb.engine import Pool
    from deepdream.pictures.picture import Picture
    from deepdream.testing import picture

    rng, style = np.random.default_rng(3), picture(120, 150, seed=2)
    content = Picture(rng.uniform(0, 255, (107, 150, 3)).astype(np.float32))
    mask = np.clip(np.linspace(-0.5, 1.5, 150, dtype=np.float32)[None] + np.zeros((107, 1), np.float32), 0, 1)
    objective = (
        -1e-3 * obj.content("block3_conv2", content)
        - 1e-2 * obj.gram("block1_conv1", style)
        - obj.gram("block3_conv1", style, relative=True)
        - obj.gram("block2_conv1", [(style, 2.0), (picture(90, 90), 1.0)], relative=True, mask=mask)
        - obj.wasserstein("block2_conv1", style, relative=True, mask=1 - mask)
        - obj.wasserstein("block3_conv1", style, relative=True)
        - obj.moments("block3_conv1", style, relative=True)
        - 1e-6 * obj.total_variation()
        - 1e-4 * obj.absolute_variation()
        - obj.roughness()
    )
    network = Pool().network(backbones.resolve("vgg16", objective.layers), "float32")
    same(*gradients(network, objective, (107, 150), 64, 0))


@pytest.mark.parametrize("jitter", [0, 8])
@pytest.mark.parametrize("penalty", ["total_variation", "absolute_variation", "roughness"])
def test_tiled_roughness_counts_every_pair_of_neighbours_once(penalty: str, jitter: int) -> None:
    """With hardly anything else in the objective, so that no other gradient hides this one's."""
    from deepdream import objectives as obj
    from deepdream.climb.engine import Pool

    objective = -getattr(obj, penalty)() + 1e-12 * obj.layer("block1_conv1")
    network = Pool().network(backbones.resolve("vgg16", objective.layers), "float32")
    same(*gradients(network, objective, (75, 90), 32, jitter))


def test_tiled_style_is_traced_once_for_all_octaves() -> None:
    from deepdream import objectives as obj
    from deepdream.climb.engine import Engine
    from deepdream.climb.pool import Pool
    from deepdream.jobs.recipe import Common
    from deepdream.testing import picture

    shown, style, pool = picture(96, 72), picture(60, 60, seed=2), Pool()
    objective = -1e-3 * obj.content("block1_conv2", shown) - obj.gram("block1_conv1", style, relative=True)
    engine = Engine(Common(precision="float32", tile="32", exact=True), pool=pool)
    engine.ascend(shown, objective, octaves=3, steps=1, optimiser="adam", reinject=False)
    (climb,) = pool._climbs.values()
    tiled = climb._traced["tiled"]
    for graph in (*tiled._summarise.graphs, tiled._judge, *tiled._back.graphs):
        assert graph.experimental_get_tracing_count() == 1


def test_what_a_picture_is_known_by_is_the_same_measured_in_tiles() -> None:
    from deepdream.climb.engine import Pool
    from deepdream.climb.network import Probe
    from deepdream.testing import picture

    names, size = ["block1_conv1", "block3_conv1"], (90, 115)
    network = Pool().network(backbones.resolve("vgg16", names), "float32")
    layers = [network.layer(name) for name in names]
    seen, shown = tiling.reach(layers), picture(150, 117)
    assert seen is not None
    whole = Probe(network, None, size)
    tiled = Probe(network, None, size, lambda other: tiling.cut(other, layers, seen, 32))
    for name in names:
        features = whole.features(shown, size)[name]
        close = {"rtol": 1e-3, "atol": 1e-3 * np.abs(features).max()}
        np.testing.assert_allclose(tiled.features(shown, size)[name], features, **close)
        assert tiled.grid(name) == whole.grid(name) == tuple(features.shape[1:3])
        for one, other in zip(whole.sums(shown, size)[name], tiled.sums(shown, size)[name], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5 * np.abs(one).max())


@pytest.mark.slow
def test_tiled_gradient_is_the_gradient_on_a_network_with_unpadded_convolutions() -> None:
    keras = pytest.importorskip("keras")
    from deepdream import objectives as obj
    from deepdream.climb.network import Network

    keras.utils.set_random_seed(1)
    model = keras.applications.InceptionV3(weights=None, include_top=False, input_shape=(None, None, 3))
    outputs = {name: model.get_layer(name).output for name in ("mixed1", "mixed3")}
    extractor = backbones.Extractor(
        backbones.get("inception_v3"), tuple(outputs), "float32", keras.Model(model.inputs[0], outputs)
    )
    objective = 1e3 * obj.layer("mixed1") + 1e3 * obj.layer("mixed3")
    same(*gradients(Network(extractor, {n: n for n in outputs}), objective, (301, 282), 96, 16))


@pytest.mark.slow
def test_a_halo_that_is_too_small_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parity above would notice: with a third of the halo the gradient is another."""
    from deepdream import objectives as obj
    from deepdream.climb.engine import Pool

    network = Pool().network(backbones.resolve("vgg16", ["block4_conv3"]), "float32")
    monkeypatch.setattr(tiling, "reach", lambda layers: Reach(8, 16, 16))
    (gradient, _), (wrong, _) = gradients(network, obj.layer("block4_conv3"), (107, 150), 64, 0)
    assert np.linalg.norm(wrong - gradient) > 1e-2 * np.linalg.norm(gradient)
