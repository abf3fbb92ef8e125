"""The text of `--device`: names of devices as people type them, `gpu`, `cpu:1`, `gpu:0,gpu:1`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from deepdream.errors import UsageError, did_you_mean

__all__ = ["Device", "named_devices"]

_NAME: Final = re.compile(r"(cpu|gpu)(?::(\d{1,4}))?", re.IGNORECASE)
_FORM: Final = "write auto, cpu, gpu, gpu:1, or several: gpu:0,gpu:1"


@dataclass(frozen=True)
class Device:
    """A device as TensorFlow counts them: `gpu:0` is the first GPU that it finds."""

    kind: str
    """'cpu' or 'gpu'."""
    number: int = 0

    def __str__(self) -> str:
        return f"{self.kind}:{self.number}"


def named_devices(text: str) -> tuple[Device, ...]:
    """The devices that `text` names, in its order; none for 'auto'.

    Raises UsageError for what is no name of a device, and for one that is named twice.
    """
    if text.strip().lower() == "auto":
        return ()
    found: list[Device] = []
    for word in (part.strip() for part in text.split(",")):
        match = _NAME.fullmatch(word)
        if match is None:
            hint = did_you_mean(word.partition(":")[0], ("auto", "cpu", "gpu"), otherwise=_FORM)
            alone = "auto stands alone" if word.lower() == "auto" else None
            raise UsageError(f"'{word}' is no device", alone or hint)
        device = Device(match[1].lower(), int(match[2] or 0))
        if device in found:
            raise UsageError(f"--device names {device} twice", "name each device once")
        found.append(device)
    return tuple(found)
