"""Watercolour: poppies, in translucent washes with dark rims, backruns and pigment settled in the paper.

What a wash does at its edge and in the paper's hollows follows the effects listed in Curtis et al.,
"Computer-Generated Watercolor" (SIGGRAPH 1997), imitated here without simulating the water.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from painting.brush import to_picture
from painting.noise import blur, colour, fbm, smoothstep

SHAPE = (2048, 1536)

PIGMENTS = {
    "scarlet": "#f0432c", "crimson": "#c8264a", "orange": "#f88a2c", "rose": "#f58aa0", "yellow": "#fbd74e",
    "sap": "#8aa83a", "viridian": "#4c9a78", "olive": "#6b7a2e", "cerulean": "#79b8d8",
    "ultramarine": "#5b6fc0", "violet": "#8a68b0", "indigo": "#35436e", "sepia": "#4a3a3c",
}  # fmt: skip


class Sheet:
    """Paper and the optical density [H, W, 3] of the pigment on it."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.density = np.zeros((*SHAPE, 3), np.float32)
        # Cold-pressed paper: dimples of a few px; > 0 are the hills.
        self.tooth = blur(fbm(rng, SHAPE, 9, octaves=3, gain=0.7), 0.8)
        self._wobble = [fbm(rng, SHAPE, cell, octaves=3) for cell in (170, 46, 13, 300)]

    def wash(
        self,
        outline: NDArray,
        pigment: str,
        strength: float,
        *,
        ragged: float = 6.0,
        soft: float = 1.6,
        rim: float = 0.7,
        lift: float = 0.0,
        pool: NDArray | None = None,
    ) -> None:
        """One wash inside `outline` [N, 2] (px).

        `ragged`: how far its edge wanders, px; `soft`: width of the edge (large: wet on wet); `rim`: extra
        pigment carried to the edge; `lift`: share of the paint below that is washed out; `pool`: a point
        (x, y) towards which the pigment gathers.
        """
        pad = int(3 * ragged + 3 * soft + 8)
        low = np.maximum(outline.min(axis=0).astype(int) - pad, 0)
        high = np.minimum(outline.max(axis=0).astype(int) + pad, SHAPE[::-1])
        if (high - low).min() < 4:
            return
        here = (slice(low[1], high[1]), slice(low[0], high[0]))
        mask = Image.new("L", (int(high[0] - low[0]), int(high[1] - low[1])), 0)
        ImageDraw.Draw(mask).polygon([tuple(point) for point in outline - low], fill=255)
        inside = np.asarray(mask) > 0
        depth = ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside)
        # Every wash wanders differently: its noise is cut from a random place of the mirrored sheets.
        spots = []
        for axis, part in enumerate(here):
            side = SHAPE[axis]
            spot = (np.arange(part.start, part.stop) + self.rng.integers(0, 2 * side)) % (2 * side)
            spots.append(np.minimum(spot, 2 * side - 1 - spot))
        wobble = [sheet[np.ix_(*spots)] for sheet in self._wobble]
        depth = depth + ragged * (0.9 * wobble[0] + 0.55 * wobble[1] + 0.22 * wobble[2])
        amount = smoothstep(-soft, soft, depth)
        tooth = self.tooth[here]
        edge = np.exp(-np.clip(depth, 0, None) / 3.2) + 0.45 * np.exp(-np.clip(depth, 0, None) / 14)
        backrun = np.exp(-(((wobble[3] + 0.35 * wobble[1] - 0.55) / 0.075) ** 2))
        body = np.clip(1 + 0.38 * wobble[3] + 0.16 * wobble[1], 0.25, 2) + 0.28 * backrun
        if pool is not None:
            yy, xx = np.mgrid[here]
            away = np.hypot(xx - pool[0], yy - pool[1]) / max(float(np.ptp(outline, axis=0).max()), 1)
            body = body * (0.45 + 1.25 * np.exp(-((away / 0.45) ** 2)))
        body = body * (1 + rim * edge * np.clip(1 + 0.5 * wobble[0], 0.2, 2)) * (1 - 0.17 * tooth)
        absorbed = -np.log(np.clip(colour(PIGMENTS[pigment]), 0.02, 0.99))
        below = self.density[here]
        below *= (1 - lift * amount)[..., None]
        below += (strength * amount * body)[..., None] * absorbed

    def stroke(
        self, path: NDArray, width: NDArray | float, pigment: str, strength: float, **how: Any
    ) -> None:
        """A brush mark of the given width (px, one or per point) along `path` [N, 2]."""
        tangent = np.gradient(path, axis=0)
        tangent /= np.maximum(np.hypot(*tangent.T)[:, None], 1e-6)
        across = (
            np.stack([-tangent[:, 1], tangent[:, 0]], axis=1) * np.broadcast_to(width, len(path))[:, None] / 2
        )
        self.wash(np.concatenate([path + across, (path - across)[::-1]]), pigment, strength, **how)

    def dry_out(self) -> Image.Image:
        """The finished sheet in daylight."""
        paper = colour("#fbf6ea") + 0.006 * fbm(self.rng, SHAPE, 300)[..., None]
        dy, dx = np.gradient(self.tooth)
        light = 1 - 0.11 * np.tanh(1.5 * (0.7 * dx + 0.7 * dy))
        return to_picture(paper * np.exp(-self.density) * light[..., None])


def paint() -> Image.Image:
    """The picture, 768 x 1024."""
    rng = np.random.default_rng(1997)
    sheet = Sheet(rng)
    _background(sheet)
    flowers = (
        # x, y, radius, how far it faces us (1: fully), tilt, pigments
        (0.70, 0.235, 0.105, 0.55, 0.35, ("orange", "scarlet", "crimson")),
        (0.245, 0.300, 0.125, 0.62, -0.30, ("rose", "crimson", "violet")),
        (0.815, 0.530, 0.120, 0.50, 0.45, ("rose", "scarlet", "crimson")),
        (0.500, 0.470, 0.195, 0.80, -0.10, ("orange", "scarlet", "crimson")),
        (0.205, 0.690, 0.130, 0.55, -0.40, ("yellow", "orange", "scarlet")),
    )
    for x, y, radius, open_, *_ in flowers:
        _stem(sheet, np.array([x, y + 0.75 * radius * open_]) * SHAPE[1], radius * 95)
    for x, y, size in ((0.455, 0.135, 0.040), (0.915, 0.350, 0.034), (0.060, 0.480, 0.034)):
        _bud(sheet, x * SHAPE[1], y * SHAPE[1], size * SHAPE[1])
    for _ in range(22):
        _leaf(sheet)
    for flower in flowers:
        _poppy(sheet, *flower)
    _splatter(sheet)
    return sheet.dry_out()


def _blob(rng: np.random.Generator, centre: NDArray, radius: float, spread: float = 0.35) -> NDArray:
    """A closed irregular outline around `centre`."""
    corners = 14
    turn = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    reach = radius * np.clip(rng.normal(1, spread, corners), 0.35, 1.9)
    fine = np.linspace(0, 2 * np.pi, 90)
    reach = np.interp(fine, np.append(turn, 2 * np.pi), np.append(reach, reach[0]))
    reach = ndimage.gaussian_filter1d(reach, 3, mode="wrap")
    return np.stack([centre[0] + reach * np.cos(fine), centre[1] + reach * np.sin(fine)], axis=1)


def _background(sheet: Sheet) -> None:
    """Wet on wet: cool above, warm in the middle, green below, with the paper left white here and there."""
    rng = sheet.rng
    bands = (
        (0.05, 0.42, ("cerulean", "ultramarine", "violet", "cerulean", "rose")),
        (0.35, 0.80, ("yellow", "cerulean", "rose", "sap")),
        (0.75, 1.28, ("sap", "viridian", "yellow", "olive", "ultramarine", "sap")),
    )
    for top, bottom, pigments in bands:
        for _ in range(11):
            centre = np.array([rng.uniform(0.08, 0.92), rng.uniform(top, bottom)]) * SHAPE[1]
            radius = rng.uniform(0.09, 0.23) * SHAPE[1]
            wet = rng.random() < 0.6
            sheet.wash(
                _blob(rng, centre, radius), str(rng.choice(pigments)), rng.uniform(0.18, 0.42), ragged=34,
                lift=0.35,
                soft=60 if wet else 2, rim=0.1 if wet else 0.55,
            )  # fmt: skip


def _stem(sheet: Sheet, head: NDArray, width: float) -> None:
    """A stalk from the lower edge to `head`, shaded on one side."""
    rng = sheet.rng
    foot = np.array([0.5 * SHAPE[1] + 0.55 * (head[0] - 0.5 * SHAPE[1]) + rng.normal(0, 60), SHAPE[0] * 0.99])
    t = np.linspace(0, 1, 50)[:, None]
    bend = np.array([head[0] + rng.normal(0, 60), 0.6 * head[1] + 0.4 * foot[1]])
    path = (1 - t) ** 2 * head + 2 * t * (1 - t) * bend + t**2 * foot
    sheet.stroke(path, width * (0.9 + 0.5 * t[:, 0]), "sap", 0.9, ragged=2.5, lift=0.35)
    sheet.stroke(path + np.array([2, 0]), 0.5 * width, "viridian", 0.7, ragged=2.5)
    sheet.stroke(path[:22] + np.array([1, 0]), 0.4 * width, "indigo", 0.5, ragged=2, soft=4)


def _bud(sheet: Sheet, x: float, y: float, size: float) -> None:
    """A nodding bud on a hooked stem, with a sliver of petal showing."""
    rng = sheet.rng
    side = 1 if x < SHAPE[1] / 2 else -1
    bow = np.linspace(np.pi, 0, 30)
    arch = np.stack([side * 1.2 * size * (1 + np.cos(bow)), -1.6 * size * np.sin(bow)], axis=1)
    down = np.linspace(0, 1, 40)[1:]
    fall = np.stack([side * (2.4 * size + 130 * down**2), (SHAPE[0] * 0.99 - y) * down], axis=1)
    hook = np.concatenate([arch, fall]) + np.array([x, y])
    t = np.linspace(0, 1, len(hook))
    sheet.stroke(hook, 7 + 5 * t, "sap", 0.9, ragged=2, lift=0.3)
    sheet.stroke(hook, 4, "viridian", 0.5, ragged=2)
    turn = np.linspace(0, 2 * np.pi, 60)
    shell = np.stack([x + 0.72 * size * np.cos(turn), y + size * 0.6 + 1.05 * size * np.sin(turn)], axis=1)
    sheet.wash(shell, "sap", 0.75, ragged=5, lift=0.7)
    sheet.wash(shell * (0.5, 1) + (0.5 * x - 0.2 * size, 0), "olive", 0.6, ragged=4, soft=4)
    slit = np.stack([x + 0.22 * size * np.cos(turn), y + size * 0.95 + 0.75 * size * np.sin(turn)], axis=1)
    sheet.wash(slit, str(rng.choice(["scarlet", "crimson"])), 1.1, ragged=4, lift=0.6)


def _leaf(sheet: Sheet) -> None:
    """A blade or a feathered leaf that rises from the lower edge, in two glazes and a vein."""
    rng = sheet.rng
    foot = np.array([rng.uniform(0.04, 0.96) * SHAPE[1], rng.uniform(1.27, 1.36) * SHAPE[1]])
    heading = -np.pi / 2 + rng.normal(0, 0.32) + np.linspace(0, rng.normal(0, 1.1), 80)
    reach = rng.uniform(0.22, 0.62) * SHAPE[1]
    path = foot + reach / 80 * np.stack([np.cos(heading), np.sin(heading)], axis=1).cumsum(axis=0)
    t = np.linspace(0, 1, 80)
    width = rng.uniform(20, 46) * (np.sin(np.pi * t**0.6) ** 0.9 + 0.25 * (1 - t)) + 2
    aside = np.stack([-np.sin(heading), np.cos(heading)], axis=1)
    first, second = rng.permutation(["sap", "viridian", "olive", "cerulean"])[:2]
    if rng.random() < 0.4:  # feathered: leaflets in pairs along the rib
        for at in range(14, 76, 7):
            for side in (-1, 1):
                s = np.linspace(0, 1, 20)[:, None]
                out = path[at] + s * reach * 0.16 * (1.1 - t[at]) * (
                    side * aside[at] + 0.9 * (path[at] - path[at - 3]) / 8
                )
                plump = rng.uniform(14, 26) * (1.15 - t[at]) * np.sin(np.pi * s[:, 0] ** 0.7) + 2
                sheet.stroke(
                    out, plump, str(rng.choice([first, second])), rng.uniform(0.5, 0.9), ragged=3, lift=0.2
                )
        sheet.stroke(path, 4 + 5 * (1 - t), second, 0.8, ragged=1.5)
        return
    sheet.stroke(path, width, first, rng.uniform(0.5, 0.9), ragged=4, lift=0.3, pool=foot)
    sheet.stroke(path + aside * width[:, None] * 0.24, width * 0.45, second, rng.uniform(0.45, 0.8), ragged=3)
    if rng.random() < 0.6:
        sheet.stroke(path[5:70], 2.5, "indigo", 0.4, ragged=1.5)


def _poppy(
    sheet: Sheet, x: float, y: float, radius: float, open_: float, tilt: float, pigments: tuple[str, str, str]
) -> None:
    """A flower: back petals, front petals, each in glazes that pool at the heart; then the dark eye."""
    rng = sheet.rng
    light, main, deep = pigments
    centre, radius = np.array([x, y]) * SHAPE[1], radius * SHAPE[1]
    lean = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])

    def petal(turn: float, spread: float, length: float) -> NDArray:
        """A fan with a ruffled rim, flattened as the flower turns away."""
        s = np.linspace(-1, 1, 70)
        rim = (
            length
            * radius
            * (1 - 0.24 * np.abs(s) ** 3)
            * (1 + 0.045 * np.sin(9 * s + rng.random() * 6) + 0.03 * np.sin(23 * s + rng.random() * 6))
        )
        angle = turn + spread * s
        edge = np.stack([rim * np.cos(angle), rim * np.sin(angle)], axis=1)
        neck = (
            0.10
            * radius
            * np.array([[np.cos(turn + 1.2), np.sin(turn + 1.2)], [np.cos(turn - 1.2), np.sin(turn - 1.2)]])
        )
        shape = np.concatenate([edge, neck]) * (1, open_)
        shape[:, 1] += 0.14 * radius * (1 - open_) * (np.hypot(*shape.T) / radius) ** 2
        return centre + shape @ lean.T

    order = [
        (-np.pi / 2 + d, w, n) for d, w, n in ((-0.75, 0.92, 1.08), (0.8, 0.95, 1.05), (0.0, 0.85, 0.98))
    ]
    order += [
        (np.pi / 2 + d, w, n) for d, w, n in ((0.95, 0.90, 0.95), (-0.9, 0.92, 0.98), (0.05, 1.0, 0.92))
    ]
    for number, (turn, spread, length) in enumerate(order):
        turn += rng.normal(0, 0.10)
        shape = petal(turn, spread, length * rng.uniform(0.94, 1.06))
        sheet.wash(shape, light, rng.uniform(0.55, 0.8), ragged=9, lift=0.9 if number < 3 else 0.68, rim=0.5)
        sheet.wash(shape, main, rng.uniform(0.45, 0.7), ragged=12, pool=centre, rim=0.9)
        inner = centre + (shape - centre) * rng.uniform(0.55, 0.75)
        sheet.wash(inner, deep, rng.uniform(0.25, 0.45), ragged=16, soft=26, rim=0.2, pool=centre)
        for _ in range(5):  # creases that run to the heart
            tip = shape[rng.integers(8, 62)]
            t = np.linspace(0.25, rng.uniform(0.6, 0.92), 20)[:, None]
            crease = centre + (tip - centre) * t + rng.normal(0, 3, 2) + 10 * rng.normal() * (t - 0.5) ** 2
            sheet.stroke(
                crease, 2 + 6 * np.sin(np.pi * np.linspace(0, 1, 20)), deep, rng.uniform(0.2, 0.4), ragged=2.5
            )
        blot = centre + (shape - centre) * 0.27
        sheet.wash(blot, "indigo", 0.30, ragged=8, soft=9, rim=0.3)
    heart = _blob(rng, centre, 0.15 * radius, spread=0.08)
    sheet.wash((heart - centre) * (1, max(open_, 0.6)) + centre, "sap", 0.8, ragged=3, lift=0.85)
    for turn in np.linspace(0, 2 * np.pi, 9)[:-1]:
        ray = centre + np.linspace(0, 0.13 * radius, 8)[:, None] * np.array(
            [np.cos(turn), open_ * np.sin(turn)]
        )
        sheet.stroke(ray, 3.5, "indigo", 0.8, ragged=1)
    for _ in range(64):
        turn, reach = rng.uniform(0, 2 * np.pi), radius * rng.normal(0.29, 0.05)
        spot = centre + reach * np.array([np.cos(turn), open_ * np.sin(turn)]) @ lean.T
        stalk = centre + (spot - centre) * np.linspace(0.55, 1, 6)[:, None]
        sheet.stroke(stalk, 2.4, "indigo", 0.7, ragged=1)
        sheet.wash(_blob(rng, spot, rng.uniform(3.5, 7.5), spread=0.2), "sepia", 1.1, ragged=1.2)


def _splatter(sheet: Sheet) -> None:
    """Drops flicked from the brush, a few of clear water."""
    rng = sheet.rng
    for _ in range(150):
        centre = rng.uniform(0.03, 0.97, 2) * SHAPE[::-1]
        size = rng.lognormal(1.7, 0.65)
        pigment = str(
            rng.choice(["scarlet", "crimson", "orange", "ultramarine", "violet", "sap", "viridian"])
        )
        sheet.wash(_blob(rng, centre, size, spread=0.12), pigment, rng.uniform(0.25, 0.75), ragged=1.0)
    for _ in range(10):
        centre = rng.uniform(0.08, 0.92, 2) * SHAPE[::-1]
        sheet.wash(
            _blob(rng, centre, rng.uniform(14, 46), spread=0.15),
            "cerulean",
            0.04,
            ragged=9,
            lift=0.5,
            soft=7,
            rim=3,
        )
