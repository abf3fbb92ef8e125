"""Where the time of one gradient step goes, by TensorFlow's own profiler: convolutions and the rest.

    python -m benchmarks.kernels 384 512

prints the seconds of a step of VGG16 `block4_conv3` at that height and width, the part of them that some
kernel of a convolution was at work, and the kernels that took longest.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

STEPS = 3


def measure(height: int, width: int) -> dict[str, Any]:
    """The figures of a step: seconds, share of the convolutions, seconds of the kernels that took longest."""
    import numpy as np
    import tensorflow as tf

    from benchmarks.ours import DreamStepper

    stepper = DreamStepper("float32")
    stepper.load(np.random.default_rng(0).uniform(48, 208, (height, width, 3)).astype(np.float32))
    stepper.run(1)
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
        "kernels": {kind: round(took, 4) for kind, took in longest},
    }


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
    print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
