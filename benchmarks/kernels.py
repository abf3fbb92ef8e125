"""Where the time of one gradient step goes, by TensorFlow's profiler, and how near it is to what is possible.

    python -m benchmarks.kernels 384 512 float32

prints the seconds of a step of VGG16 `block4_conv3` at that height and width, the part of them that some
kernel of a convolution was at work, the kernels that took longest, and how many operations a second the
step's convolutions come to, beside those of a large matrix product in the same precision: no program that
convolves cell by cell has a faster kernel to run.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

STEPS, ROUNDS = 3, 5
SIDE = 4096
"""Of the square matrices that are multiplied."""


def measure(height: int, width: int, precision: str) -> dict[str, Any]:
    """The figures of a step: seconds, share of the convolutions, operations a second, longest kernels.

    Operations are multiplications and additions, of the convolutions alone, there and back to the pixels.
    """
    import numpy as np
    import tensorflow as tf

    from benchmarks.ours import DreamStepper

    stepper = DreamStepper(precision)
    stepper.load(np.random.default_rng(0).uniform(48, 208, (height, width, 3)).astype(np.float32))
    stepper.run(1)
    step, product = alternating(lambda: stepper.run(1), matrix_product(precision))
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        began = time.perf_counter()
        stepper.run(STEPS)
        seconds = time.perf_counter() - began
        tf.profiler.experimental.stop()
        (trace,) = Path(folder).rglob("*.xplane.pb")
        spans = list(kernels(trace.read_bytes()))
    by_kernel: dict[str, float] = defaultdict(float)
    for kind, begin, end in spans:
        by_kernel[kind] += (end - begin) / STEPS
    longest = sorted(by_kernel.items(), key=lambda item: -item[1])[:8]
    convolving = union((begin, end) for kind, begin, end in spans if is_convolution(kind))
    return {
        "seconds": seconds / STEPS,
        "convolutions": convolving / seconds,
        "rate": 2 * operations(stepper.network.extractor, height, width) / step,
        "product": 2 * SIDE**3 / product,
        "kernels": {kind: round(took, 4) for kind, took in longest},
    }


def operations(extractor: Any, height: int, width: int) -> int:
    """Multiplications and additions of all convolutions of a network, forward, at that size of a canvas."""
    total = 0
    for layer in extractor.network.layers:
        if type(layer).__name__ == "Conv2D":
            stride = extractor.backbone.layer(layer.name).stride
            total += 2 * math.prod(layer.kernel.shape) * (height // stride) * (width // stride)
    return total


def matrix_product(precision: str) -> Callable[[], object]:
    """A function that multiplies two square matrices of `SIDE` in that precision."""
    import tensorflow as tf

    left, right = (tf.cast(tf.random.normal((SIDE, SIDE), seed=seed), precision) for seed in (1, 2))

    @tf.function(autograph=False)
    def multiply() -> tf.Tensor:
        return tf.reduce_max(left @ right)

    return lambda: multiply().numpy()


def alternating(*actions: Callable[[], object]) -> list[float]:
    """The median seconds of each, done by turns."""
    took: list[list[float]] = [[] for _ in actions]
    for number in range(ROUNDS + 1):
        for seconds, act in zip(took, actions, strict=True):
            began = time.perf_counter()
            act()
            if number:  # the first is to warm up
                seconds.append(time.perf_counter() - began)
    return [statistics.median(seconds) for seconds in took]


def is_convolution(kind: str) -> bool:
    """Whether it is a convolution, there or back, in oneDNN's names or TensorFlow's."""
    return "Conv2D" in kind


def kernels(trace: bytes) -> Iterable[tuple[str, float, float]]:
    """Kind, begin and end in seconds of every kernel in a trace of the profiler."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace.FromString(trace)
    for plane in space.planes:
        names: Mapping[int, Any] = plane.event_metadata
        for line in plane.lines:
            for event in line.events:
                # The profiler calls a kernel "name of the node:kind", and everything else otherwise.
                name, colon, kind = names[event.metadata_id].name.rpartition(":")
                if colon and name and kind.lstrip("_").isalnum():
                    begin = line.timestamp_ns * 1e-9 + event.offset_ps * 1e-12
                    yield kind, begin, begin + event.duration_ps * 1e-12


def union(spans: Iterable[tuple[float, float]]) -> float:
    """The seconds that are inside one span at least."""
    total, until = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
