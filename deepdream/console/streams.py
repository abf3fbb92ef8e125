"""The ways out of the program: results on standard output, words for people on standard error."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TextIO

from deepdream.errors import DeepDreamError

__all__ = ["Voice", "aside", "be_lenient", "printable", "put", "reopen_closed", "table"]


def put(text: str) -> None:
    """Write a line to standard output at once; a reader that has gone away is no reason to stop."""
    try:
        if _spelt(text):
            sys.stdout.write(text + "\n")
        else:  # a name that the locale cannot spell: its bytes, as `ls` prints them
            sys.stdout.flush()
            sys.stdout.buffer.write(_bytes(text) + b"\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _give_up_stdout()
    except OSError as error:
        _give_up_stdout()
        said = (error.strerror or str(error)).lower()
        raise DeepDreamError(f"cannot write to standard output: {said}") from error
    except ValueError:  # closed
        pass


def _spelt(text: str) -> bool:
    """Whether standard output can be given `text` as it is."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _bytes(text: str) -> bytes:
    try:
        return os.fsencode(text)
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def _give_up_stdout() -> None:
    # What Python still holds for it must go somewhere when the program ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def aside() -> Iterator[None]:
    """Send what others print meanwhile to standard error, past Python too: it must not be among results."""
    plain = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        try:
            plain.flush()
            kept = os.dup(1)
            os.dup2(2, 1)
        except (OSError, ValueError):  # one of them is closed
            yield
            return
        try:
            yield
        finally:
            with contextlib.suppress(OSError, ValueError):
                plain.flush()
            os.dup2(kept, 1)
            os.close(kept)


def reopen_closed() -> None:
    """Open the null device for every standard stream that we were started without.

    Otherwise the next file to be opened, a picture perhaps, would get the number of the missing
    stream, and whatever a library writes to that number would end up in it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123


def be_lenient() -> None:
    """Let help be shown where the locale has not all its letters, or says that lines have no room."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    if not os.environ.get("COLUMNS", "80").strip("0"):
        del os.environ["COLUMNS"]


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write columns as wide as their widest cell, numbers to the right; the last column is not padded."""
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    numbers = [
        bool(cells) and all(row[i].isdigit() for row in cells) for i in range(len(cells[0]) if cells else 0)
    ]
    lines = [list(head), *cells] if head else cells
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = [
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, numbers or [False] * len(widths), strict=True)
        ]
        put("  ".join(padded).rstrip())


class Voice:
    """Speaks to the user, a line at a time; never raises because nobody listens.

    It writes to its own copy of the file behind `sys.stderr`, so that what it says arrives even
    while standard error is parked (see `deepdream.silence`).
    """

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        self.quiet = quiet
        self.verbose = verbose and not quiet
        self.stream = _copy_of_stderr()
        self.printer: Callable[[str], object] | None = None
        """Prints a line instead of the stream while a bar is on the screen."""

    def close(self) -> None:
        """Close the copy of standard error."""
        if self.stream is not None and self.stream is not sys.stderr:
            self.stream.close()
        self.stream = None

    def line(self, text: str) -> None:
        """A line that is always shown, `--quiet` or not."""
        if self.stream is None:
            return
        try:
            if self.printer is not None:
                self.printer(text)
            else:
                self.stream.write(text + "\n")
                self.stream.flush()
        except (OSError, ValueError):  # the reader of the pipe is gone, or the stream is closed
            self.stream = None

    def say(self, text: str) -> None:
        """A line about how the work goes."""
        if not self.quiet:
            self.line(text)

    def note(self, text: str) -> None:
        """Something the user should know: a stand-in, a first frame, fewer octaves."""
        self.say(f"note: {_one_line(text)}")

    def detail(self, text: str) -> None:
        """A line for those who asked for more (`--verbose`)."""
        if self.verbose:
            self.line(text)

    def error(self, message: str, hint: str | None = None, column: int | None = None) -> None:
        """What went wrong, and the way out; a caret points at the character `column` of the message."""
        self.line(f"error: {_one_line(message)}")
        if column is not None:
            before = len(_one_line(message[:column] + "^"))
            self.line("^".rjust(len("error: ") + before))
        if hint:
            self.line(f"hint: {_one_line(hint)}")

    @property
    def on_terminal(self) -> bool:
        """Whether a bar can be drawn: a terminal that can move its cursor."""
        return (
            self.stream is not None
            and self.stream.isatty()
            and os.environ.get("TERM", "") not in ("", "dumb", "unknown")
        )


def _copy_of_stderr() -> TextIO | None:
    if sys.stderr is None:
        return None
    try:
        return os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8", errors="surrogateescape")
    except (OSError, ValueError):  # not a file: a notebook's or a test's stream
        return sys.stderr


def _one_line(text: str) -> str:
    """`text` on one line, and nothing in it that a terminal would obey: file names may hold anything."""
    return printable(" ".join(text.split()))


def printable(text: str) -> str:
    """`text` with what a terminal would obey, ends of lines among it, spelt out."""
    return "".join(c if c.isprintable() or "\udc80" <= c <= "\udcff" else ascii(c)[1:-1] for c in text)
