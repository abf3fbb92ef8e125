"""Pictures and folders for the tests of what reads and writes files."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from deepdream.pictures.picture import load


def smooth(width: int = 64, height: int = 48) -> np.ndarray:
    """A picture that lossy formats keep well: gradients of saturated colours."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([255 * x / width, 255 * y / height, 255 - 255 * x / width], axis=2).astype(np.float32)


def levels(path: Path) -> np.ndarray:
    return load(path).pixels


def left_in(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


@contextmanager
def as_stranger() -> Iterator[None]:
    """Act as a user whom permissions bind: root passes them all, so be nobody for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def png(width: int, height: int, bits: int, colour: int, rows: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
