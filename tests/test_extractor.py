"""Networks as they are opened: cut, frozen, and fed as Keras feeds them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from networks import noise, vgg16, vgg16_file


@pytest.mark.parametrize("mode", ["tf", "caffe", "torch"])
def test_preprocessing_is_keras_own(mode: str) -> None:
    import keras
    import tensorflow as tf

    from deepdream.backbones.extractor import prepare

    canvas = noise(5, 7)
    theirs = keras.applications.imagenet_utils.preprocess_input(tf.constant(canvas), mode=mode)
    np.testing.assert_array_equal(prepare(tf.constant(canvas), mode), theirs)
    np.testing.assert_array_equal(prepare(tf.constant(canvas), "none"), canvas)


def test_efficientnet_gets_the_rescaling_that_keras_adds_with_its_weights() -> None:
    import keras
    import tensorflow as tf
    from keras.src.applications.efficientnet import IMAGENET_STDDEV_RGB

    from deepdream.backbones.extractor import prepare

    canvas = noise(5, 7)
    within = [
        keras.layers.Rescaling(1 / 255.0),
        keras.layers.Normalization(mean=[0.485, 0.456, 0.406], variance=IMAGENET_STDDEV_RGB),
    ]
    added = keras.layers.Rescaling([1.0 / np.sqrt(deviation) for deviation in IMAGENET_STDDEV_RGB])
    theirs = added(within[1](within[0](canvas)))
    ours = within[1](within[0](prepare(tf.constant(canvas), "efficientnet")))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_activations_are_those_of_the_whole_keras_model() -> None:
    import keras

    whole = keras.applications.VGG16(weights=None, include_top=False, input_shape=(None, None, 3))
    whole.load_weights(str(vgg16_file()))
    canvas = noise(40, 56)
    theirs = keras.Model(whole.input, whole.get_layer("block4_conv2").output)(
        keras.applications.vgg16.preprocess_input(canvas.copy())
    )
    ours = vgg16("block4_conv2", "block1_conv1")(canvas)
    assert list(ours) == ["block4_conv2", "block1_conv1"]
    np.testing.assert_allclose(ours["block4_conv2"], theirs, rtol=1e-5, atol=1e-3)


def test_nothing_deeper_than_the_deepest_layer_is_there_and_all_is_frozen() -> None:
    extractor = vgg16("block3_conv1", "block2_conv2")
    found = [layer.name for layer in extractor.network.layers]
    assert found[-1] == "block3_conv1"
    assert not any(name.startswith(("block4", "block5", "block3_conv2")) for name in found)
    assert extractor.network.trainable_variables == []


def test_one_trace_serves_every_size_and_the_gradient_reaches_the_canvas() -> None:
    import tensorflow as tf

    extractor = vgg16("block2_conv1")
    traces = 0

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3], tf.float32)])
    def slope(canvas: Any) -> Any:
        nonlocal traces
        traces += 1
        with tf.GradientTape() as tape:
            tape.watch(canvas)
            value = tf.reduce_mean(extractor(canvas)["block2_conv1"] ** 2)
        return tape.gradient(value, canvas)

    for size in ((32, 48), (37, 21)):
        gradient = slope(noise(*size)).numpy()
        assert gradient.shape == (1, *size, 3)
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0
    assert traces == 1


def test_bfloat16_keeps_its_weights_small_and_its_results_float32() -> None:
    import keras

    before = keras.config.dtype_policy().name
    exact, quick = vgg16("block4_conv2"), vgg16("block4_conv2", precision="bfloat16")
    assert keras.config.dtype_policy().name == before
    assert {variable.dtype for variable in quick.network.variables} == {"bfloat16"}
    assert {variable.dtype for variable in exact.network.variables} == {"float32"}
    a, b = (e(noise(48, 48))["block4_conv2"] for e in (exact, quick))
    assert b.dtype == "float32"
    assert np.corrcoef(np.ravel(a), np.ravel(b))[0, 1] > 0.999
