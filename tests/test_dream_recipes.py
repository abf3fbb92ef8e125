"""The named recipes of the dream mode against plain loops of what was published, in grey levels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepdream import cli
from deepdream.backbones import open_extractor, resolve
from deepdream.climb.engine import Engine, Pool, Step
from deepdream.jobs.recipe import Common, preset
from deepdream.modes.registry import load
from deepdream.pictures.picture import Picture
from deepdream.testing import picture

tf = pytest.importorskip("tensorflow")

MODE, POOL, SEED = load({"DEEPDREAM_NO_PLUGINS": "1"}).modes["dream"], Pool(), 11
PHOTO = picture(72, 54, seed=2)
LAYERS = ("block1_conv2", "block2_conv1")
Gradient = Callable[[np.ndarray], tuple[float, np.ndarray]]
Look = Callable[[Any], dict[str, Any]]
"""A network: the canvas in grey levels to the activations of its layers."""
Sizes = list[tuple[int, int]]


def made(
    name: str, *, photo: Picture = PHOTO, common: Common | None = None, **changes: Any
) -> tuple[Picture, list[Step]]:
    """What the mode makes of the photo by a preset, at layers that a small photo is large enough for."""
    steps: list[Step] = []
    common = common or Common(precision="float32")
    engine = Engine(common, seed=SEED, listeners=[steps.append], pool=POOL)
    options = {**preset(name, "dream").options, **changes}
    return MODE.call(engine, {"image": photo}, options), steps


def centres(old: int, new: int) -> np.ndarray:
    """Where each of `new` pixels lies among `old` ones in TensorFlow 2."""
    return (np.arange(new) + 0.5) * old / new - 0.5


def corners(old: int, new: int) -> np.ndarray:
    """The same in `scipy.ndimage.zoom`."""
    return np.linspace(0, old - 1, new)


def origin(old: int, new: int) -> np.ndarray:
    """The same in TensorFlow 1."""
    return np.arange(new) * old / new


def bilinear(
    image: np.ndarray, size: tuple[int, int], places: Callable[[int, int], np.ndarray] = centres
) -> np.ndarray:
    """Linear interpolation in float64."""

    def along(values: np.ndarray, new: int) -> np.ndarray:
        old = values.shape[0]
        at = np.clip(places(old, new), 0, old - 1)
        low = np.floor(at).astype(int)
        part = (at - low).reshape(-1, 1, 1)
        return values[low] * (1 - part) + values[np.minimum(low + 1, old - 1)] * part

    return along(along(image, size[0]).transpose(1, 0, 2), size[1]).transpose(1, 0, 2)


@cache
def extractor() -> Any:
    return open_extractor(resolve("vgg16", LAYERS), LAYERS, "float32")


def vgg16(canvas: Any) -> dict[str, Any]:
    found: dict[str, Any] = extractor()(canvas)
    return found


def gradient_of(score: Callable[[dict[str, Any]], Any], look: Look) -> Gradient:
    def gradient(x: np.ndarray) -> tuple[float, np.ndarray]:
        canvas = tf.constant(x[None], tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(canvas)
            value = score(look(canvas))
        return float(value), tape.gradient(value, canvas)[0].numpy().astype(float)

    return gradient


def rolled(gradient: Gradient, x: np.ndarray, index: int, jitter: int) -> np.ndarray:
    """The gradient of the picture shifted by the draw of that step, shifted back."""
    dy, dx = tf.random.stateless_uniform([2], [SEED, index], -jitter, jitter + 1, tf.int32).numpy()
    return np.roll(gradient(np.roll(x, (dy, dx), (0, 1)))[1], (-dy, -dx), (0, 1))


# --- what was published --------------------------------------------------------------------------


def google_2015(
    image: np.ndarray, octaves: int, steps: int, look: Look = vgg16, layer: str = LAYERS[0]
) -> np.ndarray:
    gradient = gradient_of(lambda a: tf.reduce_sum(a[layer] ** 2) / 2, look)
    bases, index = [image], 0
    for _ in range(octaves - 1):
        h, w = bases[0].shape[:2]
        bases.insert(0, bilinear(bases[0], (round(h / 1.4), round(w / 1.4)), corners))
    detail = np.zeros_like(bases[0])
    for base in bases:
        x = base + bilinear(detail, base.shape[:2], corners)
        for _ in range(steps):
            index += 1
            g = rolled(gradient, x, index, 32)
            x = np.clip(x + 1.5 / np.abs(g).mean() * g, 0, 255)
        detail = x - base
    return x


def tf1(image: np.ndarray, octaves: int, steps: int, move: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The notebook splits the photograph into bands first, and adds one whenever it goes up."""
    gradient = gradient_of(lambda a: tf.reduce_mean(a[LAYERS[0]] ** 2), vgg16)
    x, bands, index = image, [], 0
    for _ in range(octaves - 1):
        low = bilinear(x, (int(x.shape[0] / 1.4), int(x.shape[1] / 1.4)), origin)
        bands.append(x - bilinear(low, x.shape[:2], origin))
        x = low
    for octave in range(octaves):
        if octave:
            x = bilinear(x, bands[-octave].shape[:2], origin) + bands[-octave]
        for _ in range(steps):
            index += 1
            x = x + move(rolled(gradient, x, index, 256))
    return np.clip(x, 0, 255)


def tf1_2016(image: np.ndarray, octaves: int, steps: int) -> np.ndarray:
    return tf1(image, octaves, steps, lambda g: g * (1.5 / (np.abs(g).mean() + 1e-7)))


def tf1_2016_laplacian(image: np.ndarray, octaves: int, steps: int) -> np.ndarray:
    from test_shaping import lap_normalize

    return tf1(image, octaves, steps, lambda g: lap_normalize(g, 4))


def tf_tutorial(
    image: np.ndarray, octaves: int, steps: int, look: Look = vgg16, layers: Sequence[str] = LAYERS
) -> np.ndarray:
    """In the tutorial's own units, -1 to 1."""
    gradient = gradient_of(lambda a: sum(tf.reduce_mean(a[name]) for name in layers), look)
    x = image / 127.5 - 1
    for n in range(3 - octaves, 3):
        x = bilinear(x, (int(image.shape[0] * 1.3**n), int(image.shape[1] * 1.3**n)))
        for _ in range(steps):
            g = 127.5 * gradient(127.5 * (x + 1))[1]
            x = np.clip(x + 0.01 * g / (g.std() + 1e-8), -1, 1)
    return 127.5 * (bilinear(x, image.shape[:2]) + 1)


def keras_io(
    image: np.ndarray,
    octaves: int,
    steps: int,
    look: Look = vgg16,
    layers: Sequence[str] = LAYERS,
    above: float = np.inf,
) -> np.ndarray:
    """In the example's own units, -1 to 1."""

    def score(a: dict[str, Any]) -> Any:
        sums = [tf.reduce_sum(tf.square(a[name][:, 2:-2, 2:-2, :])) for name in layers]
        counts = [tf.size(a[name], tf.float32) for name in layers]
        return sum(c * it / n for c, it, n in zip((1, 1.5, 2, 2.5), sums, counts, strict=False))

    gradient = gradient_of(score, look)
    original = image / 127.5 - 1
    h, w = image.shape[:2]
    sizes: Sizes = [(int(h / 1.4**i), int(w / 1.4**i)) for i in range(octaves)][::-1]
    shrunk, x = bilinear(original, sizes[0]), original
    for size in sizes:
        x = bilinear(x, size)
        for _ in range(steps):
            loss, g = gradient(127.5 * (x + 1))
            g = 127.5 * g / max(np.abs(127.5 * g).mean(), 1e-6)
            x = x + 0.01 * g
            if loss > above:
                break
        x = x + bilinear(original, size) - bilinear(shrunk, size)
        shrunk = bilinear(original, size)
    return 127.5 * (np.clip(x, -1, 1) + 1)


RECIPES: dict[str, tuple[Callable[..., np.ndarray], list[str]]] = {
    "google-2015": (google_2015, [LAYERS[0]]),
    "tf1-2016": (tf1_2016, [LAYERS[0]]),
    "tf1-2016-laplacian": (tf1_2016_laplacian, [LAYERS[0]]),
    "tf-tutorial": (tf_tutorial, list(LAYERS)),
    "keras-io": (keras_io, [LAYERS[0], f"{LAYERS[1]}:1.5"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_the_loop_that_was_published(name: str) -> None:
    plain, layer = RECIPES[name]
    photo = PHOTO.pixels.astype(float)
    changes: dict[str, Any] = {"layer": layer, "stop_above": None}
    # The first step: in the tutorial there is none at the photo's own size, and resizing is in it too.
    first = made(name, **changes, octaves=1, steps=1)[0].pixels
    assert np.sqrt(np.square(first - plain(photo, 1, 1)).mean()) < 1e-3
    five = made(name, **changes, octaves=1, steps=5)[0].pixels
    # Clipped after every step, or not, where the source does otherwise, it has 0.99996 at most.
    assert cosine(five - photo, plain(photo, 1, 5) - photo) >= 0.99999
    octaves = preset(name, "dream").options["octaves"]
    through, steps = made(name, **changes, steps=1)
    assert len(steps) == octaves
    # Resized otherwise than in their sources, the first three have 0.9994 at most.
    assert cosine(through.pixels - photo, plain(photo, octaves, 1) - photo) >= 0.9999


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum() / np.sqrt(np.square(a).sum() * np.square(b).sum()))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["google-2015", "tf-tutorial", "keras-io"])
def test_a_recipe_is_the_loop_that_was_published_at_its_own_layers(name: str, tmp_path: Path) -> None:
    """On the network that the recipe names, with the layers it names, weights drawn and not trained."""
    import keras

    keras.utils.set_random_seed(3)
    network = keras.applications.InceptionV3(weights=None, include_top=False, input_shape=(None, None, 3))
    # Keras's draws lose half the variance at every ReLU; so activations fade less from layer to layer.
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_variance.assign(tf.fill(layer.moving_variance.shape, 0.5))
    network.save_weights(tmp_path / "drawn.weights.h5")
    common = Common("inception_v3", weights=str(tmp_path / "drawn.weights.h5"), precision="float32")
    layers = [text.partition(":")[0] for text in preset(name, "dream").options["layer"]]
    inside = keras.Model(network.input, {layer: network.get_layer(layer).output for layer in layers})
    plain = {
        "google-2015": lambda *given: google_2015(*given, layers[0]),
        "tf-tutorial": lambda *given: tf_tutorial(*given, layers),
        "keras-io": lambda *given: keras_io(*given, layers),
    }[name]

    def look(canvas: Any) -> dict[str, Any]:
        found: dict[str, Any] = inside(canvas / 127.5 - 1, training=False)
        return found

    photo = picture(144, 132, seed=4)
    # At a smaller size no cell is left inside the border of keras-io: its loop stands still, ours keeps one.
    for octaves, steps in ((1, 1), (1, 2)) if name == "keras-io" else ((1, 1), (1, 3), (2, 1)):
        changes: dict[str, Any] = {"octaves": octaves, "steps": steps, "stop_above": None}
        got = made(name, photo=photo, common=common, **changes)[0].pixels
        expected = plain(photo.pixels.astype(float), octaves, steps, look)
        if octaves == steps == 1:
            # Among so many cells one may be as good as zero, and rounding then says whether a ReLU is open.
            off, step = (np.sqrt(np.square(expected - it).mean()) for it in (got, photo.pixels))
            assert off < 0.01 * step
        assert cosine(got - photo.pixels, expected - photo.pixels) >= 0.999


def test_an_octave_of_keras_io_ends_above_its_limit_after_the_step_that_saw_it() -> None:
    layer = RECIPES["keras-io"][1]
    values = [
        step.objective for step in made("keras-io", layer=layer, octaves=1, steps=6, stop_above=None)[1]
    ]
    limit = (values[2] + values[3]) / 2
    result, steps = made("keras-io", layer=layer, octaves=1, steps=6, stop_above=limit)
    assert len(steps) == 4
    plain = keras_io(PHOTO.pixels.astype(float), 1, 6, above=limit)
    assert cosine(result.pixels - PHOTO.pixels, plain - PHOTO.pixels) >= 0.999


def test_a_stand_in_is_not_held_to_a_limit_that_was_meant_for_another_network() -> None:
    engine = Engine(Common(precision="float32"), dry=True)
    MODE.call(engine, {"image": PHOTO.resized(320, 240)}, dict(preset("keras-io", "dream").options))
    assert engine.report["notes"][-1] == "no octave ends early: 15 says nothing about vgg16"


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("google-2015", [[186, 140], [261, 196], [366, 274], [512, 384]]),
        ("tf1-2016", [[185, 139], [260, 195], [365, 274], [512, 384]]),
        ("tf1-2016-laplacian", [[260, 195], [365, 274], [512, 384]]),
        ("tf-tutorial", [[302, 227], [393, 295], [512, 384], [665, 499], [865, 648]]),
        ("keras-io", [[261, 195], [365, 274], [512, 384]]),
    ],
)
def test_the_octaves_of_a_recipe_are_those_of_its_source(name: str, sizes: list[list[int]]) -> None:
    engine = Engine(Common(precision="float32"), dry=True)
    options = {**preset(name, "dream").options, "layer": ["block1_conv1"]}
    MODE.call(engine, {"image": picture(512, 384)}, options)
    assert engine.report["octaves"] == sizes


@pytest.mark.parametrize(
    ("name", "means", "rule"),
    [
        ("google-2015", "mean(a²)", "x += 1.5 · g / mean|g|, kept in 0–255; rolled before by up to 32 px"),
        (
            "tf1-2016",
            "mean(a²)",
            "x += 1.5 · g / (mean|g| + 1e-07); rolled before by up to 256",
        ),
        ("tf1-2016-laplacian", "mean(a²)", "x += 1 · g; g: in 4 bands and the rest"),
        ("tf-tutorial", "mean(a)", "x += 1.275 · g / (σ(g) + 7.84e-11), kept in 0–255"),
        (
            "keras-io",
            "Σ a² of the cells inside the border / the number of all a",
            "x += 1.275 · g / max(mean|g|, 7.84e-09); until above 15 in each octave",
        ),
    ],
)
def test_a_dry_run_prints_the_formula_of_a_recipe(
    name: str,
    means: str,
    rule: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DEEPDREAM_OFFLINE", raising=False)  # a dry run fetches nothing
    command = ["dream", "samples/chelsea.jpg", "--model", "inception_v3", "--recipe", name, "--dry-run"]
    assert cli.run(command) == 0
    head = [line.removeprefix("# ") for line in capsys.readouterr().out.splitlines() if line[:2] == "# "]
    where, step = (next(line for line in head if line.startswith(word)) for word in ("where:", "step:"))
    assert where.split(" = ", 1)[1] == means
    assert step.removeprefix("step:").strip().startswith(rule)
