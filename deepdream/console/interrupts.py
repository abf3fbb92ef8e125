"""Ctrl-C, and the system's own requests to end: a first one keeps the picture, a second is obeyed at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from deepdream.console.streams import Voice

__all__ = ["WORKER", "Interrupts", "in_background"]

WORKER = "deepdream-work"
"""Name of the thread that computes. One that is still alive at the end was abandoned by Ctrl-C."""

_T = TypeVar("_T")


_ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Asked to end by a person, by the system, by the terminal that is closed; Windows has no SIGHUP."""


class Interrupts:
    """Ctrl-C and the like. While a network loads they end the program; later the first asks the engine to
    stop after the step it is in, so that the picture is saved as it is, and the second ends the program.
    """

    def __init__(self, voice: Voice) -> None:
        self.cancel = threading.Event()
        self.loading = True
        self.writing = threading.Lock()
        """Held while the other thread writes a file, which must not be left half-written."""
        self._voice = voice
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            # What whoever started us wants ignored stays so: 'nohup' does, and a shell's '&'.
            heard = [it for it in _ENDING if signal.getsignal(it) is not signal.SIG_IGN]
            self._before = {it: signal.signal(it, self._handle) for it in heard}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        # A thread that was given up may be in the middle of a snapshot. Nobody writes after that.
        self.writing.acquire(timeout=10)

    def _handle(self, *_: object) -> None:
        if self.loading or self.cancel.is_set():
            raise KeyboardInterrupt
        self.cancel.set()
        self._voice.say("stopping after this step; Ctrl-C once more to give up")


def in_background(work: Callable[[], _T]) -> _T:
    """Do `work` in another thread, so that this one hears Ctrl-C at once, whatever C++ is busy with."""
    outcome: list[tuple[Any, BaseException | None]] = []

    def target() -> None:
        try:
            outcome.append((work(), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=target, name=WORKER, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.1)
    value, error = outcome[0]
    if error is not None:
        raise error
    return value  # type: ignore[no-any-return]
