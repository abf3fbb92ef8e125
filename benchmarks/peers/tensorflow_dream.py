"""Deep Dream as TensorFlow's tutorial has it: the plain loop in one `tf.function`, and its octaves.

    python -m benchmarks.peers.tensorflow_dream in.png out.png

https://www.tensorflow.org/tutorials/generative/deepdream, up to and including "Taking it up an octave". What
differs is what the comparison needs: VGG16 with the same weights, and the mean square of the layer.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

WEIGHTS = Path(__file__).resolve().parents[2] / "deepdream/backbones/vgg16_imagenet_notop_f16.weights.h5"
MEAN = (103.939, 116.779, 123.68)
"""What `preprocess_input` takes off blue, green and red."""


class DeepDream(tf.Module):
    """Gradient ascent on a preprocessed picture `[H, W, 3]`."""

    def __init__(self, model: keras.Model) -> None:
        super().__init__()
        self.model = model

    @tf.function(
        input_signature=(
            tf.TensorSpec(shape=[None, None, 3], dtype=tf.float32),
            tf.TensorSpec(shape=[], dtype=tf.int32),
            tf.TensorSpec(shape=[], dtype=tf.float32),
        )
    )
    def __call__(self, img: tf.Tensor, steps: tf.Tensor, step_size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        loss = tf.constant(0.0)
        for _ in tf.range(steps):
            with tf.GradientTape() as tape:
                tape.watch(img)
                loss = tf.reduce_mean(tf.square(self.model(tf.expand_dims(img, axis=0))))
            gradients = tape.gradient(loss, img)
            gradients /= tf.math.reduce_std(gradients) + 1e-8
            img = img + gradients * step_size
            img = tf.clip_by_value(img, -tf.constant(MEAN), 255.0 - tf.constant(MEAN))
        return loss, img


def open_dream(layer: str = "block4_conv3") -> DeepDream:
    """VGG16 from its input to `layer`."""
    base = keras.applications.VGG16(include_top=False, weights=None)
    base.load_weights(str(WEIGHTS))
    return DeepDream(keras.Model(inputs=base.input, outputs=base.get_layer(layer).output))


def deprocess(img: tf.Tensor) -> np.ndarray:
    """Back to RGB grey levels."""
    return (img.numpy() + np.float32(MEAN))[..., ::-1]


class Stepper:
    """What the gradient step is timed with."""

    def __init__(self, layer: str = "block4_conv3") -> None:
        self.dream = open_dream(layer)

    def load(self, pixels: np.ndarray) -> None:
        self.img = tf.convert_to_tensor(keras.applications.vgg16.preprocess_input(pixels.copy()))

    def gradient(self) -> np.ndarray:
        _, moved = self.dream(self.img, tf.constant(1), tf.constant(1.5))
        return deprocess(moved) - deprocess(self.img)

    def run(self, steps: int) -> None:
        loss, self.img = self.dream(self.img, tf.constant(steps), tf.constant(1.5))
        loss.numpy()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--layer", default="block4_conv3")
    parser.add_argument("--octaves", type=int, default=4)
    parser.add_argument("--octave-scale", type=float, default=1.4)
    parser.add_argument("--steps", type=int, default=10)
    args = parser.parse_args()
    dream = open_dream(args.layer)
    pixels = np.asarray(Image.open(args.source).convert("RGB"), np.float32)
    sizes = [pixels.shape[:2]]
    for _ in range(args.octaves - 1):
        sizes.insert(0, tuple(round(side / args.octave_scale) for side in sizes[0]))
    img = tf.convert_to_tensor(keras.applications.vgg16.preprocess_input(pixels.copy()))
    for size in sizes:
        img = tf.image.resize(img, size)
        _, img = dream(img, tf.constant(args.steps), tf.constant(1.5))
    Image.fromarray(deprocess(img).clip(0, 255).round().astype(np.uint8)).save(args.target)


if __name__ == "__main__":
    main()
