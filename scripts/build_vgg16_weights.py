"""Program that makes the embedded VGG16 weights from the file that Keras offers.

    python scripts/build_vgg16_weights.py [--source NOTOP.h5] [--output OUT.weights.h5]

Keras's file holds the thirteen convolutions of VGG16, trained on ImageNet by Simonyan and Zisserman
("Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014, CC BY 4.0), in float32. Half
of its bytes are digits that no picture shows: the result keeps float16. Without --source Keras downloads
its file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "deepdream" / "backbones" / "vgg16_imagenet_notop_f16.weights.h5"


def convert(source: Path | None, output: Path) -> None:
    """Write the weights in `source` (None: Keras's download) to `output` in float16."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float16")
    try:
        model = keras.applications.VGG16(
            weights="imagenet" if source is None else None, include_top=False, input_shape=(None, None, 3)
        )
    finally:
        keras.config.set_dtype_policy(before)
    if source is not None:
        model.load_weights(str(source))
    model.save_weights(str(output), overwrite=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--source", type=Path, help="vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    convert(arguments.source, arguments.output)
    print(f"{arguments.output}: {arguments.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
