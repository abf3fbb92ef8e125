"""Functions that find a network's weights: a file, the embedded VGG16, Keras's cache, or Keras's download.

A file enters the cache whole and with the right checksum or not at all: it is downloaded into a temporary
folder beside its place and renamed. No TensorFlow at import.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import socket
import sys
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, TextIO, cast

from deepdream.backbones.catalog import Backbone, WeightsFile
from deepdream.errors import DeepDreamError, UsageError
from deepdream.silence import silence_tensorflow

__all__ = ["State", "Weights", "WeightsMissingError", "fetch", "locate", "readable", "state"]

Origin = Literal["file", "embedded", "cache", "download", "model file"]
EMBEDDED = {"vgg16": Path(__file__).resolve().parent / "vgg16_imagenet_notop_f16.weights.h5"}
SUFFIXES = (".h5", ".hdf5", ".keras")
TIMEOUT = 15.0
"""Seconds without an answer after which a server counts as unreachable."""


_HDF5 = b"\x89HDF\r\n\x1a\n"
"""What every HDF5 file begins with."""


class WeightsMissingError(DeepDreamError):
    """The weights cannot be had; `reason` says why in a few words."""

    def __init__(self, message: str, hint: str, reason: str) -> None:
        super().__init__(f"{message} ({reason})", hint)
        self.reason = reason


@dataclass(frozen=True)
class Weights:
    """Where a network's weights are; `path` is None while they are only known to be downloadable."""

    path: Path | None
    origin: Origin

    @property
    def name(self) -> str | None:
        return self.path.name if self.path else None

    def sha256(self) -> str | None:
        return _digest(self.path, "sha256") if self.path else None

    def facts(self) -> dict[str, str]:
        """Where the weights came from, and which they are, as far as that is known."""
        known = {"origin": self.origin, "file": self.name, "sha256": self.sha256()}
        return {key: value for key, value in known.items() if value is not None}


@dataclass(frozen=True)
class State:
    """What `deepdream models` shows: where the weights are, and their bytes (nearly, if to download)."""

    kind: Literal["embedded", "cached", "damaged", "to download", "none"]
    size: int
    path: Path | None


def locate(
    backbone: Backbone, path: Path | None = None, *, download: bool = True, quiet: bool = False
) -> Weights:
    """The weights of `backbone`: `path` if given, else embedded, else in Keras's cache, else downloaded.

    With `download=False` weights that only the network has are reported with no path, unless the network
    is not to be used. Raises WeightsMissingError with the ways out, UsageError for a `path` that is no
    weights file.
    """
    if backbone.path is not None:
        if path is not None:
            raise UsageError(f"{backbone.name} brings its own weights", "leave out --weights")
        return Weights(backbone.path, "model file")
    if path is not None:
        if not path.is_file():
            raise DeepDreamError(f"no weights file {path}", "check the path")
        if path.suffix not in SUFFIXES:
            raise UsageError(f"{path} is no weights file", f"Keras's weights end in {', '.join(SUFFIXES)}")
        if not readable(path):
            raise DeepDreamError(f"{path} is damaged or no weights file", "get the file again")
        return Weights(path, "file")
    if backbone.name in EMBEDDED:
        return Weights(EMBEDDED[backbone.name], "embedded")
    if backbone.weights is None:
        raise WeightsMissingError(
            f"nobody offers weights of {backbone.name}", "give a file with --weights FILE", "Keras has none"
        )
    cached = _cached(backbone.weights)
    if cached.is_file() and _sound(cached, backbone.weights):
        return Weights(cached, "cache")
    if _offline():
        raise _missing(backbone, backbone.weights, "offline: DEEPDREAM_OFFLINE is set")
    if not download:
        return Weights(None, "download")
    return Weights(fetch(backbone, quiet=quiet), "download")


def readable(path: Path) -> bool:
    """Whether the file is one of Keras's by its outside: a zip archive (.keras), or else whole HDF5."""
    import zipfile

    if path.suffix == ".keras":
        return zipfile.is_zipfile(path)
    import h5py

    try:
        with h5py.File(path):
            return True
    except OSError:
        return False


def state(backbone: Backbone) -> State:
    """Whether the weights of `backbone` are at hand."""
    if backbone.name in EMBEDDED:
        path = EMBEDDED[backbone.name]
        return State("embedded", path.stat().st_size, path)
    if backbone.weights is None:
        return State("none", 0, None)
    path = _cached(backbone.weights)
    if not path.is_file():
        return State("to download", backbone.weights.size, None)
    return State("cached" if _sound(path, backbone.weights) else "damaged", path.stat().st_size, path)


def fetch(backbone: Backbone, *, quiet: bool = False) -> Path:
    """Download Keras's weights of `backbone` into Keras's cache, whatever is there, and return their path.

    The work is `keras.utils.get_file`'s, with Keras's URL (its beginning replaced by `DEEPDREAM_MIRROR`
    if set) and checksum; its progress goes to standard error. Whatever goes wrong raises
    WeightsMissingError, and then, as after Ctrl-C, the cache is as it was before.
    """
    file = backbone.weights
    if file is None:
        raise DeepDreamError(f"{backbone.name} has no weights to download", "a file of them: --weights FILE")
    place, url = _cached(file), _url(file)
    if _offline():
        raise _missing(backbone, file, "offline: DEEPDREAM_OFFLINE is set")
    try:
        _knock(url)
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=place.parent) as folder:
            fresh = _download(file, url, folder, quiet)
            if not _sound(fresh, file):  # Keras has no checksum for some and then takes anything
                raise DeepDreamError(f"what {urllib.parse.urlsplit(url).netloc} sent is not the weights")
            fresh.replace(place)
    except Exception as error:  # get_file raises bare Exceptions
        raise _missing(backbone, file, _reason(error, url)) from error
    return place


def _offline() -> bool:
    return os.environ.get("DEEPDREAM_OFFLINE", "") not in {"", "0"}


def _download(file: WeightsFile, url: str, folder: str, quiet: bool) -> Path:
    silence_tensorflow()
    import keras

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)  # get_file's urlretrieve takes no timeout of its own
    try:
        with contextlib.redirect_stdout(_progress(quiet)):
            return Path(
                keras.utils.get_file(
                    file.filename, url, file_hash=file.hash or None, cache_dir=folder, cache_subdir=""
                )
            )
    finally:
        socket.setdefaulttimeout(before)


def _knock(url: str) -> None:
    """Raise unless the server answers anything at all within TIMEOUT seconds.

    Socket timeouts count per address and leave name resolution out: behind a firewall that drops packets
    a host with sixteen addresses takes minutes to fail. A thread that is left behind bounds the wait.
    """
    outcome: list[Exception | None] = []

    def ask() -> None:
        try:
            request = urllib.request.Request(url, method="HEAD")
            with urllib.request.urlopen(request, timeout=TIMEOUT):
                outcome.append(None)
        except urllib.error.HTTPError:
            outcome.append(None)  # an answer; the download will say what it means
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    if not outcome:
        raise TimeoutError
    if outcome[0]:
        raise outcome[0]


def _missing(backbone: Backbone, file: WeightsFile, reason: str) -> WeightsMissingError:
    place = _cached(file)
    if place.is_file() and not _sound(place, file):
        reason += f"; {place} is damaged"
    hint = (
        "give a file with --weights FILE, set DEEPDREAM_MIRROR to a copy of Keras's downloads, "
        f"or put {file.url} at {place}"
    )
    return WeightsMissingError(f"the weights of {backbone.name} cannot be had", hint, reason)


def _reason(error: BaseException, url: str) -> str:
    """Why a download failed, in a few words."""
    host = urllib.parse.urlsplit(url).netloc or url
    if type(error) is Exception and error.__context__:  # get_file's wrapping of what the network said
        return _reason(error.__context__, url)
    if isinstance(error, urllib.error.HTTPError):
        return f"{host} says {error.code} {error.msg}"
    if isinstance(error, urllib.error.ContentTooShortError):
        return f"{host} broke off in the middle"
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, BaseException):
        return _reason(error.reason, url)
    if isinstance(error, TimeoutError):
        return f"{host} does not answer"
    if isinstance(error, socket.gaierror):
        return f"{host} is not found"
    if isinstance(error, ValueError) and "hash" in str(error):
        return f"what {host} sent has the wrong checksum"
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else f"{host}: "
        return where + error.strerror.lower()
    return " ".join(str(error).split()) or type(error).__name__


class _FirstLine(io.TextIOBase):
    """Where no terminal draws a progress bar, the line that says what is downloaded is enough."""

    def __init__(self) -> None:
        self.done = False

    def write(self, text: str) -> int:
        if not self.done:
            sys.stderr.write(text)
        self.done = self.done or "\n" in text
        return len(text)


def _progress(quiet: bool) -> TextIO:
    """Where Keras's progress bar goes: never to standard output, which is for results."""
    if quiet:
        return io.StringIO()
    return sys.stderr if sys.stderr.isatty() else cast(TextIO, _FirstLine())


def _cached(file: WeightsFile) -> Path:
    """Where Keras keeps the file."""
    home = os.environ.get("KERAS_HOME") or "~/.keras"
    return Path(home).expanduser() / "models" / file.filename


def _url(file: WeightsFile) -> str:
    """Keras's URL; a mirror holds the files under the paths that follow `keras-applications/` in it."""
    mirror = os.environ.get("DEEPDREAM_MIRROR", "")
    return f"{mirror.rstrip('/')}/{file.url.partition('keras-applications/')[2]}" if mirror else file.url


def _sound(path: Path, file: WeightsFile) -> bool:
    """Whether the file is the one that Keras means.

    Without a checksum from Keras: whether it is an HDF5 file with room for all the weights.
    """
    try:
        if not file.hash:
            with path.open("rb") as stream:
                return stream.read(len(_HDF5)) == _HDF5 and path.stat().st_size >= 0.95 * file.size
        return _digest(path, "sha256" if len(file.hash) == 64 else "md5") == file.hash
    except OSError:
        return False


def _digest(path: Path, algorithm: str) -> str:
    """The file's digest: computed once, for every climb asks for it, until the file is another."""
    now = path.stat()
    return _computed(path, algorithm, (now.st_ino, now.st_size, now.st_mtime_ns))


@lru_cache(maxsize=16)
def _computed(path: Path, algorithm: str, state: tuple[int, ...]) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()
