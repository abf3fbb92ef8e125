"""Networks that a person saved, or tried to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import noise

from deepdream import backbones
from deepdream.errors import DeepDreamError


@pytest.fixture(params=["flat.keras", "flat.h5", "nested.keras"])
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Any]:
    """A file, and the same model cut at its layer `second`, as the user sees it."""
    import keras

    layers = keras.layers
    inputs = keras.Input((32, 32, 3))
    adapted = layers.Normalization(mean=None, variance=None, name="adapted")
    adapted.adapt(noise(32, 32))
    hidden = layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(adapted(inputs))
    hidden = layers.Conv2D(6, 3, strides=2, name="second")(layers.MaxPooling2D(name="pool")(hidden))
    base = keras.Model(inputs, hidden, name="base")
    head = [layers.Flatten(), layers.Dense(3)]
    if request.param.startswith("nested"):
        model = keras.Sequential([keras.Input((32, 32, 3)), base, *head])
    else:
        model = keras.Model(inputs, head[1](head[0](hidden)))
    path = tmp_path / request.param
    model.save(path)
    return path, base


def test_a_saved_model_is_dreamt_with_at_any_size(saved: tuple[Path, Any]) -> None:
    path, base = saved
    choice = backbones.resolve(str(path), ["second"])
    layer = choice.backbone.layer("second")
    assert (layer.channels, layer.stride, layer.receptive_field, layer.min_size) == (6, 4, 8, 6)
    assert choice.weights == backbones.Weights(path, "model file")
    assert choice.note is not None and "0..255" in choice.note
    canvas = noise(32, 32)
    extractor = backbones.open_extractor(choice, ["second"])
    np.testing.assert_allclose(extractor(canvas)["second"], base(canvas), rtol=1e-5, atol=1e-4)
    assert extractor(noise(50, 71))["second"].shape == (1, 12, 17, 6)
    quick = backbones.open_extractor(choice, ["second"], "bfloat16")
    assert {variable.dtype for variable in quick.network.variables} == {"bfloat16"}


def test_a_saved_model_may_use_a_layer_twice(tmp_path: Path) -> None:
    import keras

    inputs = keras.Input((None, None, 3))
    hidden = keras.layers.Conv2D(4, 3, activation="relu", name="first")(inputs)
    twice = keras.layers.Conv2D(4, 3, padding="same", name="twice")
    keras.Model(inputs, twice(keras.layers.ReLU(name="between")(twice(hidden)))).save(tmp_path / "two.keras")
    choice = backbones.resolve(str(tmp_path / "two.keras"), ["first"])
    extractor = backbones.open_extractor(choice, ["first"])
    expected = keras.Model(inputs, hidden)(noise(20, 24))
    np.testing.assert_allclose(extractor(noise(20, 24))["first"], expected, rtol=1e-5, atol=1e-4)


def test_a_saved_model_with_preprocessing_needs_no_note(saved: tuple[Path, Any]) -> None:
    choice = backbones.resolve(str(saved[0]), ["first"], preprocess="tf")
    assert choice.note is None and choice.backbone.preprocess == "tf"


def test_a_file_that_is_no_model_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.keras"
    path.write_bytes(b"nothing of the kind")
    for bad in (path, tmp_path / "absent.keras"):
        with pytest.raises(DeepDreamError) as error:
            backbones.get(str(bad))
        assert bad.name in error.value.message and "\n" not in error.value.message


@pytest.mark.parametrize("name", ["broken.keras", "broken.h5", "photo.jpg", "model/"])
def test_a_file_that_is_there_is_not_said_to_be_missing(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name.endswith("/"):
        path.mkdir()
    else:
        path.write_bytes(b"nothing of the kind")
    with pytest.raises(DeepDreamError) as error:
        backbones.get(str(path) + "/")
    words = {"broken": "is damaged", "photo": "is none", "model": "is a folder"}[path.stem]
    assert words in error.value.message and "ot found" not in error.value.message


def test_a_saved_model_without_layers_to_look_at_is_refused(tmp_path: Path) -> None:
    import keras

    inputs = keras.Input((None, None, 3))
    keras.Model(inputs, keras.layers.Rescaling(1 / 255)(inputs)).save(tmp_path / "a.keras")
    with pytest.raises(DeepDreamError, match=r"a\.keras has no layer to look at"):
        backbones.get(str(tmp_path / "a.keras"))


def test_of_what_keras_says_the_first_sentence_is_told(tmp_path: Path) -> None:
    import keras

    inputs = keras.Input((None, None, 3))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x)(inputs)).save(tmp_path / "a.keras")
    with pytest.raises(DeepDreamError, match="Lambda") as error:
        backbones.get(str(tmp_path / "a.keras"))
    assert len(error.value.message) < 250 + len(str(tmp_path))


def test_a_model_that_is_saved_anew_is_another(tmp_path: Path) -> None:
    import keras

    from deepdream.climb.engine import Engine, Pool
    from deepdream.jobs.recipe import Common
    from deepdream.objectives import layer
    from deepdream.testing import picture

    def saved(seed: int) -> None:
        keras.utils.set_random_seed(seed)
        inputs = keras.Input((None, None, 3))
        hidden = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="mix")(inputs)
        keras.Model(inputs, hidden).save(tmp_path / "net.keras")

    def made(pool: Pool) -> np.ndarray:
        common = Common(model=str(tmp_path / "net.keras"), preprocess="tf", precision="float32")
        return Engine(common, pool=pool).ascend(picture(40, 30), layer("mix"), steps=3).pixels

    kept = Pool()
    saved(1)
    first = made(kept)
    saved(2)
    second = made(kept)
    np.testing.assert_array_equal(second, made(Pool()))
    assert np.abs(second - first).max() > 1
