"""A function of tensors on several devices at once, each with a graph and constants of its own.

Importing this module loads TensorFlow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import tensorflow as tf

from deepdream.climb.devices import on

__all__ = ["OnEach"]


class OnEach:
    """A function that is traced once for each of some devices, and called for one item after another.

    Items go to the devices in turn, so that the same one always has the same: what devices compute may
    differ in the last bits. Results come in the order of the items. With one device, or none named, an item
    is computed when its result is wanted, in the caller's thread.
    """

    def __init__(
        self, function: Callable[..., Any], signature: Sequence[Any], devices: Sequence[str] = ()
    ) -> None:
        self.devices: tuple[str | None, ...] = tuple(devices) or (None,)
        self.graphs = [
            tf.function(function, input_signature=signature, autograph=False) for _ in self.devices
        ]

    def __call__(self, items: Iterable[Sequence[Any]]) -> Generator[Any, None, None]:
        """The function's results for the arguments `items`; close it to leave out those that are to come."""
        count = len(self.graphs)
        if count == 1:
            for item in items:
                yield self.graphs[0](*item)
            return
        for device, graph in zip(self.devices, self.graphs, strict=True):
            with on(device):
                graph.get_concrete_function()  # traced here, not by the threads, one after the other
        threads = [ThreadPoolExecutor(1) for _ in self.devices]
        waiting: deque[Future[Any]] = deque()
        try:
            for number, item in enumerate(items):
                waiting.append(threads[number % count].submit(self._call, number % count, item))
                if len(waiting) > count:  # every device has something to do meanwhile
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for thread in threads:
                thread.shutdown(cancel_futures=True)

    def _call(self, number: int, item: Sequence[Any]) -> Any:
        with on(self.devices[number]):
            return self.graphs[number](*item)
