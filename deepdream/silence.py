"""The one door through which the host loads TensorFlow, so that its chatter never reaches the user."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import platform
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import IO

from deepdream.errors import DeepDreamError

__all__ = ["check_process", "silence_tensorflow"]

_ONE_AT_A_TIME = threading.Lock()
"""File descriptor 2 belongs to the whole process: only one thread may park it."""

_loaded_in: int | None = None
"""The process that has loaded TensorFlow here."""


def check_process() -> None:
    """Refuse to compute in a fork of a process that has TensorFlow: without its threads it would hang."""
    if _loaded_in not in (None, os.getpid()):
        raise DeepDreamError(
            "this process was forked after TensorFlow was loaded, which would wait for ever here",
            "start it otherwise: multiprocessing.get_context('spawn')",
        )


def silence_tensorflow(*, show: bool = False) -> None:
    """Import TensorFlow and open its devices without a word on standard error.

    TensorFlow's C++ parts write notices to file descriptor 2 while they load, before any log level
    applies; so for that moment the descriptor is parked in a temporary file. With `show` the
    notices are passed on. TensorFlow that is loaded already is left as it is,
    and a log level that the user set is respected.
    """
    global _loaded_in
    if "keras" not in sys.modules:  # whatever the environment or keras.json want for other programs
        os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if platform.machine() in ("x86_64", "AMD64"):
        # TensorFlow leaves oneDNN out on older x86 processors; its convolutions are faster on those, too.
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with _ONE_AT_A_TIME:
        if "tensorflow" in sys.modules:
            return
        notices = ""
        # A flag in there that XLA does not know ends the process: its last words must be seen.
        parked = contextlib.nullcontext(io.BytesIO()) if os.environ.get("TF_XLA_FLAGS") else _parked(2)
        try:
            with parked as file:
                try:
                    import tensorflow as tf

                    _loaded_in = os.getpid()
                    for gpu in tf.config.list_physical_devices("GPU"):
                        # Take memory as it is needed, not all of the card at once.
                        tf.config.experimental.set_memory_growth(gpu, True)
                    tf.config.list_logical_devices()
                finally:
                    file.seek(0)
                    notices = file.read().decode("utf-8", "replace")
        except ImportError as error:
            if show:
                sys.stderr.write(notices)
            reason = (str(error).strip() or "no reason given").splitlines()[0]
            hint = (
                "reinstall it with 'pip install --force-reinstall tensorflow'; 'deepdream doctor' tells more"
            )
            if re.search("failed to map segment|cannot allocate memory", reason, re.IGNORECASE):
                hint = "memory is short: it takes about half a gigabyte; see 'ulimit -v'"
            raise DeepDreamError(f"TensorFlow cannot be loaded: {reason}", hint) from error
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if show and notices:
        sys.stderr.write(notices)


@contextlib.contextmanager
def _parked(descriptor: int) -> Iterator[IO[bytes]]:
    """Send what is written to `descriptor` into a temporary file for a while."""
    with tempfile.TemporaryFile() as file:
        try:
            original = os.dup(descriptor)
        except OSError:  # closed by whoever started us: nothing to keep quiet
            yield file
            return
        try:
            with contextlib.suppress(Exception):
                sys.stderr.flush()
            os.dup2(file.fileno(), descriptor)
            yield file
        finally:
            with contextlib.suppress(Exception):
                sys.stderr.flush()
            os.dup2(original, descriptor)
            os.close(original)
