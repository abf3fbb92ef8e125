"""A hold on a place: one run at a time has it, and the system takes it back however that run ends."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

__all__ = ["Hold", "locked"]


class Hold:
    """The lock of the file `path`, which is there as long as somebody has it, or was killed with it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    def take(self) -> bool:
        """Whether it is ours from now on; false if another has it. The folder must be there."""
        while self._file is None:
            file = self.path.open("ab")
            if not locked(file):
                file.close()
                return False
            with suppress(OSError):
                # Whoever had it before may have removed the file between our opening and locking it.
                if os.path.samestat(os.fstat(file.fileno()), self.path.stat()):
                    self._file = file
                    continue
            file.close()
        return True

    def busy(self) -> bool:
        """Whether another has it."""
        if self._file is not None or not self.path.exists():
            return False
        with suppress(OSError), self.path.open("ab") as file:
            return not locked(file)
        return False

    def release(self) -> None:
        """Give it back, if it is ours."""
        if self._file is not None:
            with suppress(OSError):
                self.path.unlink()
            self._file.close()
            self._file = None


def locked(file: BinaryIO) -> bool:
    """Whether we could lock the file. Where a file system has no locks, nobody is kept out."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return sys.platform != "win32"
    return True
