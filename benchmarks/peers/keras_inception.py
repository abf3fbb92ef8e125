"""InceptionV3 as Keras builds it, BatchNorm and all, in the loop of TensorFlow's tutorial.

Run as a program it makes the weights that the comparison uses, since nothing about speed needs trained ones:

    python -m benchmarks.peers.keras_inception inception.weights.h5
"""

from __future__ import annotations

import sys

import keras
import numpy as np
import tensorflow as tf


def make_weights(path: str) -> None:
    """Random weights whose BatchNorm has the statistics of its own inputs, as after training.

    With the statistics of a fresh model every layer would shrink its input, and deep gradients would vanish.
    """
    keras.utils.set_random_seed(0)
    model = keras.applications.InceptionV3(include_top=False, weights=None)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
            layer.beta.assign(np.random.normal(0.0, 0.1, layer.beta.shape))
    noise = np.random.uniform(-1.0, 1.0, (4, 25, 25, 3)).astype(np.float32)
    model(tf.image.resize(noise, (200, 200)), training=True)
    model.save_weights(path)


class Stepper:
    """What the gradient step is timed with."""

    def __init__(self, weights: str, precision: str, layer: str = "mixed4") -> None:
        keras.config.set_dtype_policy(precision)
        base = keras.applications.InceptionV3(include_top=False, weights=None)
        base.load_weights(weights)
        model = keras.Model(base.input, base.get_layer(layer).output)
        model.trainable = False

        @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3])])
        def step(x: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                tape.watch(x)
                activations = model(x / 127.5 - 1.0, training=False)
                objective = tf.reduce_mean(tf.square(tf.cast(activations, tf.float32)))
            gradient = tape.gradient(objective, x)
            return tf.clip_by_value(x + 1.5 * gradient / tf.reduce_mean(tf.abs(gradient)), 0.0, 255.0)

        self.step = step

    def load(self, pixels: np.ndarray) -> None:
        self.x = tf.constant(pixels[None], tf.float32)

    def gradient(self) -> np.ndarray:
        return (self.step(self.x) - self.x)[0].numpy()

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.x = self.step(self.x)
        self.x.numpy()


if __name__ == "__main__":
    make_weights(sys.argv[1])
