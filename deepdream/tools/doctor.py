"""The examination behind `deepdream doctor`: findings about this machine and this installation."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import typer

from deepdream import backbones
from deepdream.climb import devices, precision
from deepdream.errors import DeepDreamError
from deepdream.jobs.versions import versions
from deepdream.modes.registry import Registry

__all__ = ["EMBEDDED_SHA256", "Finding", "examine"]

EMBEDDED_SHA256 = "65c4f9c6baa882e8104eccf4e474dd55b5824d87497c0fb6229aec2dd54d1d26"
"""Of the VGG16 weights in this package."""

_UNITS = ("amx_bf16", "amx_int8", "avx512_bf16", "avx512f", "avx2")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    topic: str
    ok: bool
    says: str
    hint: str | None = None
    details: str = ""
    kind: Literal["warning", "remark"] | None = None
    """What `deepdream plugins` calls it, if it is neither well nor broken."""


def examine(registry: Registry, *, quick: bool = False) -> Iterator[Finding]:
    """Look at everything a run depends on; `quick` leaves out loading TensorFlow."""
    yield from _packages()
    if not quick:
        yield _tensorflow()
    yield _processor()
    yield _weights()
    yield _folder("weights cache", Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "models")
    yield _folder("this folder", Path.cwd())
    yield _network()
    yield Finding("plugin folder", True, str(Path(typer.get_app_dir("deepdream")) / "plugins"))
    for mode in registry.modes.values():
        yield Finding(f"mode {mode.name}", True, mode.source)
    for problem in registry.problems:
        yield Finding(
            f"plugin {problem.source}",
            problem.kind != "refused",
            problem.message,
            problem.hint,
            problem.details.rstrip(),
            None if problem.kind == "refused" else problem.kind,
        )


def _packages() -> Iterator[Finding]:
    for name, version in versions().items():
        missing = version == "?"
        hint = f"install it: pip install {name}" if missing else None
        yield Finding(name, not missing, "not installed" if missing else version, hint)
    for name in sorted(_requirements() - set(versions())):
        try:
            yield Finding(name, True, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, False, "not installed", f"install it: pip install {name}")


def _requirements() -> set[str]:
    """The packages that this one cannot do without, as its metadata names them."""
    try:
        wanted = importlib.metadata.requires("deepdream") or []
    except importlib.metadata.PackageNotFoundError:  # run from a folder, not installed
        wanted = []
    names = (re.match(r"[\w.-]+", item) for item in wanted if "extra ==" not in item)
    return {found[0].lower() for found in names if found}


def _tensorflow() -> Finding:
    try:
        present = devices.here()
    except DeepDreamError as error:
        return Finding("devices", False, error.message, error.hint)
    import tensorflow as tf

    cards = dict(enumerate(tf.config.list_physical_devices("GPU")))
    words = []
    for device in present:
        details = {}
        if device.kind == "gpu" and device.number in cards:
            details = tf.config.experimental.get_device_details(cards[device.number])
        words.append(str(device) + (f" ({details['device_name']})" if details.get("device_name") else ""))
    gpu = any(device.kind == "gpu" for device in present)
    takes = f"--device auto takes {devices.choose('auto', present).used}{'' if gpu else ': there is no GPU'}"
    return Finding("devices", True, f"{', '.join(words)}; {takes}")


def _processor() -> Finding:
    features = precision.cpu_features()
    units = ", ".join(unit for unit in _UNITS if unit in features) or "no known vector units"
    chosen = precision.choose()
    return Finding("precision", True, f"auto is {chosen.dtype}: {chosen.reason} ({units})")


def _weights() -> Finding:
    state = backbones.state(backbones.get("vgg16"))
    reinstall = "reinstall: pip install --force-reinstall deepdream"
    if state.path is None or not state.path.is_file():
        return Finding("vgg16 weights", False, "missing from the package", reinstall)
    with state.path.open("rb") as file:
        sound = hashlib.file_digest(file, "sha256").hexdigest() == EMBEDDED_SHA256
    if not sound:
        return Finding("vgg16 weights", False, f"{state.path} is damaged", reinstall)
    return Finding("vgg16 weights", True, f"embedded, {state.size / 1e6:.0f} MB, checksum right")


def _folder(topic: str, folder: Path) -> Finding:
    there = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    try:
        with tempfile.TemporaryFile(dir=there):
            return Finding(topic, True, f"{folder} is writable")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        variable = "set KERAS_HOME to another" if topic == "weights cache" else "work in another, or use -o"
        return Finding(topic, False, f"{folder}: {reason}", variable)


def _network() -> Finding:
    if os.environ.get("DEEPDREAM_OFFLINE", "") not in ("", "0"):
        return Finding("downloads", True, "none: DEEPDREAM_OFFLINE is set")
    server = os.environ.get("DEEPDREAM_MIRROR") or "Keras's own server"
    return Finding("downloads", True, f"from {server}; not tried, see 'deepdream models fetch'")
