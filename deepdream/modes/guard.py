"""A guard around foreign code while it is loaded: it cannot hang, print into results, or change its host."""

from __future__ import annotations

import builtins
import contextlib
import importlib.abc
import importlib.machinery
import io
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Final, NoReturn, TypeVar

__all__ = ["HEAVY", "PREFIX", "HeavyImportError", "TooSlow", "Watch", "guarded", "staying"]

T = TypeVar("T")

HEAVY: Final = ("tensorflow", "keras", "torch", "jax", "transformers")
"""Modules that take seconds to import, and so must not be imported before a mode runs."""

PREFIX: Final = "_deepdream_plugin_"
"""How the module of a plugin that is a file is called."""

_AGAIN: Final = 0.1
"""Seconds until code that caught its own end is stopped once more."""

_VAIN: Final = 20
"""How often that is tried."""


class HeavyImportError(ImportError):
    """A module of HEAVY was imported while a plugin was loaded."""


class TooSlow(BaseException):
    """The time to load in is over; like KeyboardInterrupt, it passes by `except Exception`."""


@dataclass
class Watch:
    """What the guard saw."""

    printed: str = ""
    changed: list[str] = field(default_factory=list)
    """What of the program the code had changed; it is put back."""
    heavy: list[str] = field(default_factory=list)
    """Modules of HEAVY that the code wanted."""
    seconds: float = 0.0
    interrupted: bool = False
    """Whether Ctrl-C was pressed meanwhile; without it, KeyboardInterrupt is the code's own."""
    over: bool = False
    """Whether the time was over before the code had ended."""


def guarded(
    work: Callable[[], T], watch: Watch, limit: float, hopeless: Callable[[], object] = lambda: None
) -> T:
    """Do `work` within `limit` seconds, its prints kept back and its changes to the program undone.

    Returns what it returns and raises what it raises; TooSlow, which is no Exception, when its time is over.
    `hopeless` is called if it does not end even so: only the end of the program stops it then. The limit
    holds in the main thread of systems that have interval timers; elsewhere there is none.
    """
    words, before = io.StringIO(), _state()
    began = time.perf_counter()
    try:
        with (
            _kept_from_stdout(words),
            contextlib.redirect_stdout(words),
            contextlib.redirect_stderr(words),
            _no_heavy_imports(watch),
            _hearing_interrupts(watch),
        ):
            return _limited(work, watch, limit, hopeless)
    except Exception as error:
        if watch.over:  # what its own clean-up made of being stopped
            raise TooSlow from error
        raise
    finally:
        watch.seconds = time.perf_counter() - began
        watch.printed = words.getvalue()
        watch.changed = _put_back(before)


@contextlib.contextmanager
def _kept_from_stdout(words: io.StringIO) -> Iterator[None]:
    """Let what is written past Python to the descriptor of standard output go to `words` in the end."""
    try:
        sys.stdout.flush()
        kept = os.dup(1)
    except (OSError, ValueError, AttributeError):  # there is none, or it is closed
        yield
        return
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 1)
        try:
            yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)
            file.seek(0)
            words.write(file.read().decode("utf-8", "replace"))


@contextlib.contextmanager
def _hearing_interrupts(watch: Watch) -> Iterator[None]:
    """Note a Ctrl-C in `watch`, and let it do what it would have done."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return

    def hear(number: int, frame: FrameType | None) -> None:
        watch.interrupted = True
        before(number, frame)

    signal.signal(signal.SIGINT, hear)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is hear:
            signal.signal(signal.SIGINT, before)


# --- time ------------------------------------------------------------------------------------------


def _limited(work: Callable[[], T], watch: Watch, limit: float, hopeless: Callable[[], object]) -> T:
    """Do `work`, and raise TooSlow in it after `limit` seconds."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        return work()
    tracer, inside, tried = sys.gettrace(), True, 0

    def stop(_signal: int, frame: FrameType | None) -> None:
        nonlocal tried
        if not inside:
            return
        tried += 1
        watch.over = True
        if tried > _VAIN:
            hopeless()
        if tried > 1:  # it caught that, and went on: its next line raises too, outside of that `try`
            while frame is not None and frame.f_code.co_filename != __file__:
                frame.f_trace = _raise_too_slow
                frame = frame.f_back
            sys.settrace(_raise_too_slow)
        raise TooSlow

    handler = signal.signal(signal.SIGALRM, stop)
    left, interval = signal.setitimer(signal.ITIMER_REAL, limit, _AGAIN)
    began = time.monotonic()
    try:
        try:
            return work()
        finally:
            inside = False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.settrace(tracer)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if handler is None else handler)
        if left:  # somebody else's timer, such as that of a test runner
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 1e-3), interval)


def _raise_too_slow(_frame: FrameType, event: str, _argument: Any) -> Any:
    if event == "line":
        raise TooSlow
    return _raise_too_slow


# --- imports ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def _no_heavy_imports(watch: Watch) -> Iterator[None]:
    """Let no code import modules of HEAVY in this thread, whether they are loaded already or not."""
    finder, plain, thread, over = _Refusing(watch), builtins.__import__, threading.get_ident(), False

    def importing(name: str, *args: Any, **more: Any) -> Any:
        top, level = name.partition(".")[0], more.get("level", args[3] if len(args) > 3 else 0)
        # No finder is asked for what is loaded already.
        if top in HEAVY and not level and not over and threading.get_ident() == thread:
            finder.refuse(top)
        return plain(name, *args, **more)

    sys.meta_path.insert(0, finder)
    builtins.__import__ = importing
    try:
        yield
    finally:
        over = True
        if builtins.__import__ is importing:
            builtins.__import__ = plain
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(finder)


class _Refusing(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds heavy modules, so that one may ask whether they are there, and does not load them."""

    def __init__(self, watch: Watch) -> None:
        self._watch, self._thread = watch, threading.get_ident()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in HEAVY or name in sys.modules or threading.get_ident() != self._thread:
            return None
        return importlib.machinery.ModuleSpec(name, self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Any:
        self.refuse(spec.name)

    def refuse(self, name: str) -> NoReturn:
        self._watch.heavy.append(name)
        raise HeavyImportError(f"{name} is not imported while plugins are loaded", name=name)

    def exec_module(self, module: Any) -> None:
        """Never reached: there is no module."""


# --- the state of the program ----------------------------------------------------------------------


def _state() -> dict[str, Any]:
    return {
        "builtins": dict(vars(builtins)),
        "modules": dict(sys.modules),
        "environ": dict(os.environ),
        "path": list(sys.path),
        "argv": list(sys.argv),
        "folder": _folder(),
        "hook": sys.excepthook,
        "threads": set(threading.enumerate()),
        "interrupt": signal.getsignal(signal.SIGINT),
    }


def _put_back(before: dict[str, Any]) -> list[str]:
    """Undo what changed since `before`, and say what it was."""
    changed = []
    for what, restore in _RESTORERS.items():
        changed += [f"{what}{f' {name}' if name else ''}" for name in restore(before)]
    # Folders a plugin adds for its own modules stay, behind all others, so that they hide none.
    sys.path[:] = [*before["path"], *(folder for folder in sys.path if folder not in before["path"])]
    started = set(threading.enumerate()) - before["threads"]
    return changed + [f"the threads: it started {thread.name}" for thread in started if thread.is_alive()]


def _restore_builtins(before: dict[str, Any]) -> list[str]:
    return _restore(vars(builtins), before["builtins"], added=True)


def _restore_modules(before: dict[str, Any]) -> list[str]:
    # A plugin's own module is another after it was loaded anew.
    others = {name: it for name, it in before["modules"].items() if not name.startswith(PREFIX)}
    return _restore(sys.modules, others, added=False)


def _restore_environ(before: dict[str, Any]) -> list[str]:
    return _restore(os.environ, before["environ"], added=True, same=lambda one, two: one == two)


def _restore(
    now: Any, before: dict[str, Any], *, added: bool, same: Callable[[Any, Any], bool] = lambda a, b: a is b
) -> list[str]:
    """Make the mapping `now` what it was; with `added`, what came to it goes again. Names what differed."""
    absent = object()
    names = [name for name, value in before.items() if not same(now.get(name, absent), value)]
    for name in names:
        now[name] = before[name]
    new = [name for name in list(now) if name not in before] if added else []
    for name in new:
        del now[name]
    return names + new


def _restore_argv(before: dict[str, Any]) -> list[str]:
    same = sys.argv == before["argv"]
    sys.argv[:] = before["argv"]
    return [] if same else [""]


def _restore_folder(before: dict[str, Any]) -> list[str]:
    if _folder() == before["folder"] or before["folder"] is None:
        return []
    os.chdir(before["folder"])
    return [""]


def _restore_hooks(before: dict[str, Any]) -> list[str]:
    same = sys.excepthook is before["hook"]
    sys.excepthook = before["hook"]
    if threading.current_thread() is threading.main_thread():
        handler = before["interrupt"]
        if signal.getsignal(signal.SIGINT) is not handler and handler is not None:
            signal.signal(signal.SIGINT, handler)
            same = False
    return [] if same else [""]


@contextlib.contextmanager
def staying(say: Callable[[str], None], name: str) -> Iterator[Callable[[], None]]:
    """Put the current folder back after a part of the mode `name` has run, and `say` so: it is the user's.

    What it gives does so at once.
    """
    before = {"folder": _folder()}

    def back() -> None:
        if _restore_folder(before):
            say(f"the mode '{name}' changed the current folder, which was changed back")

    try:
        yield back
    finally:
        back()


_RESTORERS: Final[dict[str, Callable[[dict[str, Any]], list[str]]]] = {
    "Python's built-in": _restore_builtins,
    "the module": _restore_modules,
    "the environment variable": _restore_environ,
    "the command line": _restore_argv,
    "the current folder": _restore_folder,
    "the handling of exceptions or of Ctrl-C": _restore_hooks,
}


def _folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109  a text, and None for one that was removed
    except OSError:
        return None
