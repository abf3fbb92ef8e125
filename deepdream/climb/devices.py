"""The devices a climb runs on: which are here, which of them it takes, and the scope that puts tensors there.

Names are TensorFlow's own in lower case: `cpu:0`, `gpu:1`. Importing this module loads no TensorFlow.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from deepdream.errors import UsageError
from deepdream.jobs.placement import Device, named_devices
from deepdream.silence import silence_tensorflow

__all__ = ["Placement", "choose", "here", "on", "planned", "working"]


@dataclass(frozen=True)
class Placement:
    """Where a climb runs."""

    named: tuple[Device, ...] = ()
    """The devices it is put on, the first of which holds canvas and network; none leaves it to TensorFlow."""
    used: str = "auto"
    """The same in words, for the report: what TensorFlow takes where nothing is named."""
    note: str | None = None

    @property
    def first(self) -> str | None:
        """Where canvas and network are, as `on` wants it."""
        return self.names[0] if self.named else None

    @property
    def names(self) -> tuple[str, ...]:
        """As `tf.device` wants them."""
        return tuple(str(device).upper() for device in self.named)


def here() -> tuple[Device, ...]:
    """The devices that TensorFlow finds, and loads for it: the GPUs first, each kind by its numbers."""
    silence_tensorflow()
    import tensorflow as tf

    kinds = ("GPU", "CPU")
    return tuple(
        Device(kind.lower(), number)
        for kind in kinds
        for number in range(len(tf.config.list_logical_devices(kind)))
    )


def planned(requested: str) -> Placement:
    """What is known of `requested` before TensorFlow is loaded."""
    named = named_devices(requested)
    return Placement(named, ",".join(map(str, named)) or "auto")


def choose(requested: str, present: Sequence[Device], *, instead: bool = False) -> Placement:
    """The devices that `requested` ('auto', or names) means, of those that are `present`.

    'auto' is the first GPU, or the CPU where there is none, as TensorFlow itself places what nobody places.
    UsageError for a device that is not here; with `instead`, for recipes made on another machine, a note, and
    those that are here, or 'auto', take its place.
    """
    named = named_devices(requested)
    if not named:
        return Placement((), str(present[0]) if present else "cpu:0")
    missing = [device for device in named if device not in present]
    if not missing:
        return Placement(named, _listed(named))
    what = f"no {_listed(missing, ' and no ')} on this machine"
    if not instead:
        raise UsageError(what, f"it has {_listed(present, ', ')}: 'deepdream doctor' lists them")
    left = tuple(device for device in named if device in present)
    found = Placement(left, _listed(left)) if left else choose("auto", present)
    return Placement(found.named, found.used, f"{what}: {found.used} took over")


def on(device: str | None) -> contextlib.AbstractContextManager[object]:
    """The scope in which TensorFlow puts what is made on a device; None leaves the choice to it."""
    if device is None:
        return contextlib.nullcontext()
    import tensorflow as tf

    scope: contextlib.AbstractContextManager[object] = tf.device(device)
    return scope


_LOCK = threading.Lock()
_FOUND: list[bool] = []
"""What each climb that goes on, in any thread, found TensorFlow's option at, which is the whole process's."""


@contextlib.contextmanager
def working(place: Placement) -> Iterator[None]:
    """The scope in which a climb is opened and goes: on its first device; on CPUs, graphs run as traced.

    TensorFlow's rewriting of graphs (Grappler) copies the weights in them again and again, and finds nothing
    to gain once the network is folded: without it a climb begins sooner and in less memory, at the same
    speed. GPUs keep it, for it chooses their layout of tensors, and so does what else the process computes.
    """
    import tensorflow as tf

    options = tf.config.optimizer
    with _LOCK:
        found = bool(options.get_experimental_options().get("disable_meta_optimizer"))
        _FOUND.append(found)
        options.set_experimental_options({"disable_meta_optimizer": found or "gpu" not in place.used})
    try:
        with on(place.first):
            yield
    finally:
        with _LOCK:  # the last of those that overlap leaves it as the first found it
            first = _FOUND[0]
            _FOUND.pop()
            if not _FOUND:
                options.set_experimental_options({"disable_meta_optimizer": first})


def _listed(devices: Iterable[Device], between: str = ",") -> str:
    return between.join(map(str, devices))
