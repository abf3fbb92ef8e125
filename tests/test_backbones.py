"""Networks: their tables against Keras itself, how they are chosen."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import noise, vgg16

from deepdream import backbones
from deepdream.errors import UsageError

SIGHT = {
    "inception_v3": {
        "mixed0": (63, 8),
        "mixed1": (95, 8),
        "mixed2": (127, 8),
        "mixed3": (159, 16),
        "mixed4": (351, 16),
        "mixed5": (543, 16),
        "mixed7": (927, 16),
        "mixed10": (1311, 32),
    },
    "vgg16": {
        "block1_conv2": (5, 1),
        "block2_conv2": (14, 2),
        "block3_conv3": (40, 4),
        "block4_conv3": (92, 8),
        "block5_conv1": (132, 16),
        "block5_conv2": (164, 16),
        "block5_conv3": (196, 16),
    },
}


@pytest.fixture(scope="module")
def inception() -> Any:
    """The second InceptionV3 of this process: Keras numbers its layers from conv2d_94 on."""
    import keras

    for _ in range(2):
        model = keras.applications.InceptionV3(weights=None, include_top=False, input_shape=(None, None, 3))
    assert "conv2d" not in {layer.name for layer in model.layers}
    return model


# --- tables ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", SIGHT)
def test_receptive_fields_and_strides_are_the_known_ones(model: str) -> None:
    backbone = backbones.get(model)
    found = {name: backbone.layer(name) for name in SIGHT[model]}
    assert {n: (layer.receptive_field, layer.stride) for n, layer in found.items()} == SIGHT[model]


def test_tables_are_what_keras_builds_whatever_was_built_before(inception: Any) -> None:
    import keras

    from deepdream.backbones.introspect import layer_table, stable_names

    small = keras.applications.VGG16(weights=None, include_top=False, input_shape=(None, None, 3))
    for name, model in (("inception_v3", inception), ("vgg16", small)):
        table = backbones.get(name)
        assert tuple(layer_table(model, stable_names(model), strict=True)) == table.layers
        assert {f"mixed{i}" for i in range(11)} <= {layer.name for layer in table.layers} or name == "vgg16"


def test_receptive_field_is_what_a_cell_really_sees() -> None:
    """The gradient of one cell reaches as far as the table says, and no further."""
    import tensorflow as tf

    extractor = vgg16("block3_conv3")
    canvas = tf.constant(noise(96, 96))
    with tf.GradientTape() as tape:
        tape.watch(canvas)
        cell = extractor(canvas)["block3_conv3"][:, 12, 12, :]
        target = tf.reduce_sum(cell)
    rows = np.flatnonzero(np.abs(tape.gradient(target, canvas)[0]).sum((1, 2)))
    assert rows[-1] - rows[0] + 1 == backbones.get("vgg16").layer("block3_conv3").receptive_field


def test_least_size_is_the_least_that_gives_a_cell(inception: Any) -> None:
    import keras

    layer = backbones.get("inception_v3").layer("mixed4")
    model = keras.Model(inception.input, inception.get_layer("mixed4").output)
    assert model(noise(layer.min_size, layer.min_size)).shape[1:] == (1, 1, layer.channels)
    try:
        smaller = model(noise(layer.min_size - 1, layer.min_size - 1)).shape[1]
    except Exception:
        smaller = 0
    assert smaller == 0


def test_every_table_is_whole() -> None:
    for name in backbones.names():
        backbone = backbones.get(name)
        rows = [layer.name for layer in backbone.layers]
        assert len(set(rows)) == len(rows) > 10
        assert {*backbone.dream_layers, *backbone.style_layers, backbone.content_layer} <= set(rows)
        assert backbone.preprocess in backbones.PREPROCESS
        assert backbone.weights and backbone.weights.url.startswith("https://") and backbone.weights.size
        assert all(
            layer.min_size >= 1 and layer.stride >= 1 and layer.channels >= 1 for layer in backbone.layers
        )


def test_names_need_no_table_and_begin_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json, "loads", None)
    assert backbones.names()[:3] == ["inception_v3", "vgg16", "vgg19"]
    assert {"resnet50", "xception", "efficientnet_b0", "mobilenet_v2"} <= set(backbones.names())


def test_no_tensorflow_before_a_network_is_opened() -> None:
    code = (
        "import sys; from deepdream import backbones as b;"
        "b.get('xception'); b.state(b.get('vgg16')); b.resolve('auto', ['mixed4']);"
        "assert not {'tensorflow', 'keras', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent.parent)


# --- names ----------------------------------------------------------------------------------------------


def test_spelling_of_models_is_forgiven() -> None:
    assert backbones.get("InceptionV3").name == backbones.get("inception-v3").name == "inception_v3"
    with pytest.raises(UsageError, match="no model 'vgg17'") as error:
        backbones.get("vgg17")
    assert "did you mean 'vgg1" in str(error.value.hint)


def test_a_wrong_layer_gets_a_hint() -> None:
    with pytest.raises(UsageError, match="no layer 'mixd4' in inception_v3") as error:
        backbones.get("inception_v3").layer("mixd4")
    assert "'mixed4'" in str(error.value.hint)
    with pytest.raises(UsageError, match="no layer 'block4_conv3' in inception_v3") as error:
        backbones.get("inception_v3").layer("block4_conv3")
    assert error.value.hint == (
        "it is a layer of vgg16: leave out --model; or name one of inception_v3: --layer mixed4"
    )


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ("mixed0", "block4_conv1"),
        ("mixed1", "block4_conv3"),
        ("mixed2", "block5_conv1"),
        ("mixed3", "block5_conv2"),
        ("mixed4", "block5_conv3"),
        ("mixed10", "block5_conv3"),
        ("conv2d", "block1_conv1"),
    ],
)
def test_stand_in_sees_as_much(layer: str, expected: str) -> None:
    assert backbones.stand_in(backbones.get("inception_v3").layer(layer)).name == expected


def test_stand_in_for_a_layer_that_sees_everything_is_the_deepest() -> None:
    layer = dataclasses.replace(backbones.get("inception_v3").layer("mixed0"), receptive_field=None)
    assert backbones.stand_in(layer).name == "block5_conv3"


# --- choosing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "model"),
    [
        ([], "vgg16"),
        (["block4_conv3"], "vgg16"),
        (["mixed4"], "inception_v3"),
        (["mixed4", "conv2d_3"], "inception_v3"),
        (["block3_conv4"], "vgg19"),
        (["block1_conv1", "block3_conv4"], "vgg19"),
        (["conv4_block6_out"], "resnet50"),
        (["conv4_block23_out"], "resnet101"),
    ],
)
def test_auto_goes_by_the_layers(layers: list[str], model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a download that may fail, the note says what would take InceptionV3's place."""
    monkeypatch.delenv("DEEPDREAM_OFFLINE")
    choice = backbones.resolve("auto", layers, download=False)
    assert choice.backbone.name == model
    assert dict(choice.used) == {name: name for name in layers}
    if model == "inception_v3":
        assert "block5_conv3 would stand in for mixed4" in str(choice.note)
        assert backbones.resolve(model, layers, download=False).note is None, (
            "nothing stands in for a named one"
        )
    else:
        assert choice.note is None


def test_auto_refuses_layers_that_no_model_has_together() -> None:
    with pytest.raises(UsageError, match="no layer 'mixd4' in any model") as error:
        backbones.resolve("auto", ["mixd4"])
    assert "'mixed4'" in str(error.value.hint)
    with pytest.raises(UsageError, match="'block4_conv3' of vgg16 and 'mixed4' of inception_v3"):
        backbones.resolve("auto", ["mixed4", "block4_conv3"])


@pytest.mark.parametrize("download", [True, False])  # a dry run must say what the run would do
def test_offline_vgg16_stands_in_for_inception_if_nobody_named_it(download: bool) -> None:
    choice = backbones.resolve("auto", ["mixed4", "mixed0"], download=download)
    assert choice.backbone.name == "vgg16"
    assert choice.weights.origin == "embedded"
    assert dict(choice.used) == {"mixed4": "block5_conv3", "mixed0": "block4_conv1"}
    assert choice.note is not None
    for word in ("InceptionV3", "offline", "block5_conv3 stands in for mixed4", "block4_conv1 for mixed0"):
        assert word in choice.note
    assert "\n" not in choice.note


def test_a_model_that_was_named_never_falls_back() -> None:
    with pytest.raises(backbones.WeightsMissingError, match="weights of inception_v3 cannot be had") as error:
        backbones.resolve("inception_v3", ["mixed4"])
    assert error.value.exit_code == 1
    for way in (
        "DEEPDREAM_MIRROR",
        "--weights FILE",
        "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
    ):
        assert way in str(error.value.hint)


def test_preprocessing_can_be_said_and_is_checked() -> None:
    assert backbones.resolve("vgg16", []).backbone.preprocess == "caffe"
    assert backbones.resolve("vgg16", [], preprocess="torch").backbone.preprocess == "torch"
    with pytest.raises(UsageError, match="no preprocessing 'coffee'"):
        backbones.resolve("vgg16", [], preprocess="coffee")


@pytest.mark.slow
def test_inception_opens_by_the_stable_names_whatever_was_built_before(
    inception: Any, tmp_path: Path
) -> None:
    import keras

    path = tmp_path / "own.weights.h5"
    inception.save_weights(path)
    choice = backbones.resolve("auto", ["mixed1", "conv2d_1"], weights=path)
    extractor = backbones.open_extractor(choice, ["mixed1", "conv2d_1"])
    canvas = noise(48, 48)
    number = min(
        int(layer.name.split("_")[1]) for layer in inception.layers if layer.name.startswith("conv2d_")
    )
    theirs = keras.Model(inception.input, inception.get_layer(f"conv2d_{number + 1}").output)
    np.testing.assert_allclose(
        extractor(canvas)["conv2d_1"], theirs(canvas / 127.5 - 1), rtol=1e-4, atol=1e-5
    )
    assert extractor(canvas)["mixed1"].shape[-1] == 288
