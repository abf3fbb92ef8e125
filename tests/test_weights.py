"""Weights: what is embedded, and files that the user names."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from deepdream import backbones
from deepdream.errors import DeepDreamError, UsageError

ROOT = Path(__file__).resolve().parent.parent


def embedded() -> Path:
    path = backbones.locate(backbones.get("vgg16")).path
    assert path is not None
    return path


def test_embedded_weights_are_the_published_ones() -> None:
    """Statistics of Keras's own file, to the rounding of float16."""
    backbone = backbones.get("vgg16")
    extractor = backbones.open_extractor(backbones.resolve("vgg16", []), [backbone.layers[-1].name])
    kernel = extractor.network.get_layer("block1_conv1").kernel.numpy()
    # Keras's first channel is blue; the extractor's kernel takes red, green, blue.
    np.testing.assert_allclose(kernel[0, 0, 2, :3], [0.42947057, 0.11727387, 0.03401296], rtol=2**-11)
    last = extractor.network.get_layer("block5_conv3")
    kernel, bias = last.kernel.numpy().astype("f8"), last.bias.numpy().astype("f8")
    stats = [kernel.mean(), kernel.std(), kernel.min(), kernel.max()]
    np.testing.assert_allclose(stats, [-0.0010818949, 0.008478405, -0.09288482, 0.28699666], rtol=2**-11)
    stats = [bias.mean(), bias.std(), bias.min(), bias.max()]
    np.testing.assert_allclose(stats, [0.14986369, 0.4928213, -0.50036746, 9.431553], rtol=2**-11)


def test_script_makes_the_embedded_file_from_keras_own(tmp_path: Path) -> None:
    import h5py
    import keras

    model = keras.applications.VGG16(weights=None, include_top=False, input_shape=(None, None, 3))
    model.load_weights(str(embedded()))
    model.save(tmp_path / "notop.h5")  # float32, in the format of Keras's downloads
    spec = importlib.util.spec_from_file_location("script", ROOT / "scripts" / "build_vgg16_weights.py")
    assert spec and spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.convert(tmp_path / "notop.h5", tmp_path / "made.weights.h5")

    def arrays(path: Path) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}
        with h5py.File(path) as file:
            file.visititems(lambda n, o: found.update({n: o[()]}) if isinstance(o, h5py.Dataset) else None)
        return found

    made, shipped = arrays(tmp_path / "made.weights.h5"), arrays(embedded())
    assert made.keys() == shipped.keys() and len(made) == 26
    for name, array in made.items():
        assert array.dtype == np.float16
        np.testing.assert_array_equal(array, shipped[name])


def test_a_named_file_wins_over_the_embedded_one(tmp_path: Path) -> None:
    own = tmp_path / "own.weights.h5"
    own.write_bytes(embedded().read_bytes())
    choice = backbones.resolve("vgg16", ["block1_conv1"], weights=own)
    assert choice.weights == backbones.Weights(own, "file")
    assert choice.weights.sha256() == hashlib.sha256(own.read_bytes()).hexdigest()
    assert backbones.open_extractor(choice, ["block1_conv1"]).layers == ("block1_conv1",)


def test_the_digest_is_that_of_the_file_as_it_is_now(tmp_path: Path) -> None:
    own = tmp_path / "own.h5"
    for content in (b"one", b"two", b"three"):
        own.unlink(missing_ok=True)
        own.write_bytes(content)
        assert backbones.Weights(own, "file").sha256() == hashlib.sha256(content).hexdigest()


def test_a_file_that_is_absent_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeepDreamError, match=r"no weights file .*absent\.h5"):
        backbones.resolve("vgg16", [], weights=tmp_path / "absent.h5")
    (tmp_path / "weights.pth").write_bytes(b"torch")
    with pytest.raises(UsageError, match=r"weights\.pth is no weights file"):
        backbones.resolve("vgg16", [], weights=tmp_path / "weights.pth")


@pytest.mark.parametrize(
    ("name", "cut", "model", "message"),
    [
        ("cut.weights.h5", 100_000, "vgg16", "is damaged or no weights file"),
        ("cut.h5", 100_000, "vgg16", "is damaged or no weights file"),
        ("other.weights.h5", None, "vgg19", "does not hold the weights of vgg19"),
        ("other.h5", None, "vgg19", "does not hold the weights of vgg19"),
    ],
)
def test_weights_damaged_or_of_another_model_end_in_one_line(
    tmp_path: Path, name: str, cut: int | None, model: str, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(embedded().read_bytes()[:cut])
    with pytest.raises(DeepDreamError, match=message) as error:
        choice = backbones.resolve(model, ["block1_conv1"], weights=path)
        backbones.open_extractor(choice, ["block1_conv1"])
    assert str(path) in error.value.message and "\n" not in error.value.message
    assert error.value.hint


def test_state_of_what_is_embedded() -> None:
    state = backbones.state(backbones.get("vgg16"))
    assert state == backbones.State("embedded", embedded().stat().st_size, embedded())
