"""Oil: wind over a mountain lake at moonrise, in long curved strokes of thick paint."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from painting.brush import Brush, Canvas, lay
from painting.noise import Field, angle_along, blur, colour, fbm, mesh, mix, ramp, smoothstep

SHAPE = (1536, 2048)
SHORE = 0.560  # height of the far shore, in picture widths from the top
MOON = (0.675, 0.385, 0.046)  # centre x, y, radius

# centre x, y, reach, strength (its sign: which way round)
WHIRLS = (
    (0.235, 0.200, 0.135, 1.0), (0.470, 0.130, 0.080, -0.75), (0.905, 0.165, 0.110, 0.8),
    (0.440, 0.375, 0.060, 0.5), (0.040, 0.440, 0.080, -0.6), (0.675, 0.385, 0.110, -1.0),
)  # fmt: skip
LAMPS = (0.300, 0.318, 0.352, 0.437, 0.452, 0.552, 0.800, 0.838)
# foot x, foot y, height: firs on the near bank
FIRS = (
    (0.015, 0.80, 0.47), (0.065, 0.80, 0.36), (0.115, 0.79, 0.42), (0.170, 0.80, 0.25), (0.215, 0.79, 0.17),
    (0.262, 0.80, 0.11), (0.985, 0.80, 0.34), (0.940, 0.80, 0.21), (0.895, 0.80, 0.13),
)  # fmt: skip


def paint() -> Image.Image:
    """The picture, 1024 x 768."""
    rng = np.random.default_rng(47)
    x, y = mesh(SHAPE)
    picture, way = _sky(rng, x, y)
    picture, way = _ridges(rng, x, y, picture, way)
    picture, way = _lake(rng, x, y, picture, way)
    picture, way, firs = _firs(rng, x, y, picture, way)

    canvas = Canvas(blur(picture, 20) * 0.55 + 0.02, rng)
    accents = np.stack(
        [colour(code) for code in ("#f2c46a", "#63cfc0", "#141447", "#e9e6cf", "#8a5fb0", "#d9795c")]
    )
    lay(canvas, picture, way, Brush(50, 230, impasto=0.7, dry=0.2), coverage=2.2, jitter=0.04)
    lay(canvas, picture, way, Brush(26, 180), coverage=2.6, jitter=0.06, accent=0.12, accents=accents)
    lay(
        canvas, picture, way, Brush(15, 120, impasto=1.3), coverage=2.2,
        where=smoothstep(SHORE + 0.02, SHORE, y) * 0.7 + 0.3,
        jitter=0.065, accent=0.2, accents=accents, wander=0.07,
    )  # fmt: skip
    detail = np.clip(blur(np.abs(picture - blur(picture, 12)).sum(axis=2), 6) * 7, 0, 1)
    lay(canvas, picture, way, Brush(10, 60, impasto=1.6, dry=0.2), coverage=3.5, where=detail, jitter=0.055)
    lay(canvas, picture, way, Brush(9, 46, impasto=1.5, dry=0.2), coverage=3.0, where=firs, jitter=0.05)
    _stars(canvas, picture)
    return canvas.finish(weave=0.5)


def _sky(rng: np.random.Generator, x: Field, y: Field) -> tuple[NDArray, Field]:
    """Colour and stroke direction of the sky."""
    stream = 0.36 * y + 0.012 * fbm(rng, SHAPE, 620, octaves=2) + 0.02 * np.sin(6 * x + 0.4)
    for cx, cy, reach, strength in WHIRLS:
        stream += strength * 0.77 * reach * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / reach**2)
    stream = blur(stream, 5)
    away = np.hypot(x - MOON[0], y - MOON[1]) / MOON[2]
    # Bands of colour lie along the stream lines, so that the currents can be followed by eye.
    bands = (
        0.46
        + 0.36 * np.sin(105 * stream + 0.8 * fbm(rng, SHAPE, 300, octaves=3))
        + 0.18 * np.sin(310 * stream)
    )
    cold = ramp(
        bands,
        ("#0c1646", "#152f86", "#1f58ad", "#2f8fb4", "#7cc7bd", "#d5e2bf"),
        (0, 0.22, 0.5, 0.72, 0.9, 1),
    )
    warm = ramp(bands, ("#3b2f7a", "#8b4a86", "#d9705a", "#ee8f3e", "#f5bb50", "#fbe49a"))
    heat = np.clip(1.1 * np.exp(-((away / 5.2) ** 2)) + 0.75 * smoothstep(0.36, SHORE, y), 0, 1)
    sky = mix(cold, warm, smoothstep(0.2, 0.75, heat + 0.12 * (bands - 0.5)))
    sky = mix(
        sky, ramp(np.clip(away - 0.2, 0, 1), ("#fff8dc", "#fff0b4", "#fbd25e")), smoothstep(1.12, 0.98, away)
    )
    return sky, angle_along(stream)


def _ridges(
    rng: np.random.Generator, x: Field, y: Field, picture: NDArray, way: Field
) -> tuple[NDArray, Field]:
    """Three ridges, the nearest darkest; strokes run down their slopes."""
    for level, tall, first, second in (
        (0.510, 0.060, "#5d4f96", "#a0709a"), (0.540, 0.045, "#2c2f78", "#4f5fa8"),
        (SHORE + 0.004, 0.028, "#10183f", "#26406f"),
    ):  # fmt: skip
        crest = level - tall * (fbm(rng, (1, SHAPE[1]), 480, octaves=5)[0] * 0.5 + 0.3)
        inside = y > crest
        shade = np.clip(0.5 + 0.4 * fbm(rng, SHAPE, (70, 160), octaves=3), 0, 1)
        picture = np.where(inside[..., None], ramp(shade, (first, second)), picture)
        slope = np.arctan(np.gradient(blur(crest[None], 25)[0]) * SHAPE[1])
        way = np.where(inside, slope[None] + 0.6, way)
    for lamp in LAMPS:
        picture = mix(
            picture, colour("#ffd766"), smoothstep(1.4, 0.5, np.hypot(x - lamp, y - SHORE + 0.006) / 0.006)
        )
    return picture, way


def _lake(
    rng: np.random.Generator, x: Field, y: Field, picture: NDArray, way: Field
) -> tuple[NDArray, Field]:
    """The lake repeats what stands above it in broken horizontal strokes."""
    down = np.clip(y - SHORE, 0, None)
    ripples = fbm(rng, SHAPE, (20, 190), octaves=3)
    row = np.clip((SHORE - 1.7 * down) * SHAPE[1] + 16 * ripples, 0, SHAPE[0] - 1).astype(int)
    column = np.clip(np.arange(SHAPE[1])[None] + 24 * ripples, 0, SHAPE[1] - 1).astype(int)
    water = mix(
        0.85 * blur(picture, 8)[row, column], colour("#10316a"), np.clip(0.36 + 0.16 * ripples, 0.1, 0.75)
    )
    for lamp, wide in (*((lamp, 0.004) for lamp in LAMPS), (MOON[0], 0.032)):
        road = np.exp(-(((x - lamp - 0.004 * ripples) / (wide + 0.1 * wide / 0.03 * down)) ** 2))
        road *= smoothstep(0.30 if wide > 0.01 else 0.12, 0.0, down)
        water = mix(water, colour("#f8c85c"), np.clip(road * (0.6 + 0.6 * np.tanh(1.8 * ripples)), 0, 0.95))
    lake = y > SHORE
    return np.where(lake[..., None], water, picture), np.where(lake, 0.10 * np.sin(26 * x + 40 * y), way)


def _firs(
    rng: np.random.Generator, x: Field, y: Field, picture: NDArray, way: Field
) -> tuple[NDArray, Field, Field]:
    """Ragged dark firs whose branches hang outwards; the third result is where they stand."""
    mask = np.zeros(SHAPE, bool)
    for foot_x, foot_y, tall in FIRS:
        up = (foot_y - y) / tall  # 0 at the foot, 1 at the tip
        tiers = 0.72 + 0.28 * ((up * tall * 38 + rng.random()) % 1.0)
        half = tall * 0.19 * np.clip(1 - up, 0, None) ** 0.85 * tiers
        side = x - foot_x + 0.004 * np.sin(30 * up)
        inside = (np.abs(side) < half) & (up < 1)
        shade = np.clip(
            0.35
            + 0.55 * np.clip(side / np.maximum(half, 1e-4), -1, 1)
            + 0.25 * fbm(rng, SHAPE, 26, octaves=2),
            0,
            1,
        )
        picture = np.where(
            inside[..., None], ramp(shade, ("#060d22", "#0c2430", "#14454a", "#3f7f66")), picture
        )
        way = np.where(inside, np.where(side > 0, 0.95, np.pi - 0.95), way)
        mask |= inside
    return picture, way, mask.astype(np.float32)


def _stars(canvas: Canvas, picture: NDArray) -> None:
    """Stars: a few loaded dabs flicked outwards, where the sky is dark."""
    rng = canvas.rng
    spots = rng.uniform([0.02, 0.02], [0.98, 0.43], (220, 2)) * SHAPE[1]
    dark = picture[canvas.nearest(spots)].mean(axis=1) < 0.36
    for cx, cy in spots[dark][:48]:
        size = rng.choice([8, 12, 18], p=[0.5, 0.35, 0.15])
        rays = np.linspace(0, 2 * np.pi, int(rng.integers(5, 8)), endpoint=False) + rng.normal(0, 0.25)
        for turn in rays + rng.normal(0, 0.2, len(rays)):
            reach = size * rng.uniform(0.7, 1.5)
            out = np.linspace(0.15, 1, 5)[:, None] * reach * np.array([np.cos(turn), np.sin(turn)])
            shade = colour("#f6d878") + rng.normal(0, 0.06, 3).astype(np.float32)
            canvas.stroke(
                out + np.array([cx, cy]),
                size * 0.5,
                shade,
                colour("#9fdcd0"),
                Brush(8, 20, dry=0.25, impasto=1.5),
            )
        dab = np.array([[cx - size * 0.3, cy], [cx + size * 0.3, cy + size * 0.1]])
        canvas.stroke(
            dab, size * 0.7, colour("#fff6d0"), colour("#ffffff"), Brush(8, 20, dry=0.0, impasto=2.0)
        )
