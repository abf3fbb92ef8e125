"""Small ICC profiles made by hand (ICC.1:2001-04), to test colour conversion without binary files."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

XYZ = tuple[float, float, float]
D50: XYZ = (0.9642, 1.0, 0.8249)
SRGB: tuple[XYZ, XYZ, XYZ] = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))


def swapped_primaries() -> bytes:
    """An RGB profile whose red light is sRGB's green and the other way round."""
    return rgb((SRGB[1], SRGB[0], SRGB[2]), _gamma(2.2))


def linear_light() -> bytes:
    """The colours of sRGB with levels in proportion to light."""
    return rgb(SRGB, _gamma(1.0))


def srgb_of_a_camera() -> bytes:
    """sRGB as most photographs carry it, its curve (IEC 61966-2-1) a table of 1024 rounded points."""
    levels = [i / 1023 for i in range(1024)]
    light = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in levels]
    table = struct.pack(">1024H", *(round(y * 65535) for y in light))
    return rgb(SRGB, b"curv" + bytes(4) + struct.pack(">I", 1024) + table)


def rgb(primaries: tuple[XYZ, XYZ, XYZ], curve: bytes) -> bytes:
    tags = {b"wtpt": _xyz(D50)}
    for name, primary in zip((b"r", b"g", b"b"), primaries, strict=True):
        tags[name + b"XYZ"] = _xyz(primary)
        tags[name + b"TRC"] = curve
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def grey(gamma: float) -> bytes:
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"wtpt": _xyz(D50), b"kTRC": _gamma(gamma)})


def cmyk(lab: Callable[[int, int, int, int], Sequence[float]]) -> bytes:
    """A CMYK profile that is a table of its 16 corners: `lab` says which colour (L, a, b) each is."""
    corners = [lab(c, m, y, k) for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)]
    table = b"".join(bytes((round(L * 2.55), round(a + 128), round(b + 128))) for L, a, b in corners)
    ramp = bytes(range(256))
    identity = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    lut = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + identity + ramp * 4 + table + ramp * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"wtpt": _xyz(D50), b"A2B0": lut, b"A2B1": lut})


def _xyz(value: XYZ) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in value))


def _gamma(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    text = b"made by hand\0"
    description = b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(4 + 4 + 2 + 1 + 67)
    tags = {b"desc": description, b"cprt": b"text" + bytes(4) + b"none\0", **tags}
    offset = 128 + 4 + 12 * len(tags)
    directory, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        directory += name + struct.pack(">II", offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">I4sI4s4s4s", offset + len(body), b"none", 0x02400000, kind, space, connection)
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", *(round(v * 65536) for v in D50))
    return header.ljust(128, b"\0") + directory + body
