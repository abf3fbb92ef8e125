"""Oil: a wet avenue in autumn, dabbed with the palette knife."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from painting.brush import Brush, Canvas, lay
from painting.noise import Field, colour, fbm, mesh, mix, ramp, smoothstep

SHAPE = (2048, 1632)
EYE = (0.53, 0.66)  # the vanishing point, in picture widths
# Where trees stand: distance, side of the path (-1 left, 1 right), leaf palette.
TREES = (
    (9.0, -1, 0), (8.0, 1, 1), (7.0, -1, 2), (6.0, 1, 0), (5.2, -1, 1), (4.4, 1, 2), (3.7, -1, 0),
    (3.0, 1, 1), (2.4, -1, 2), (1.9, 1, 0), (1.45, -1, 1), (1.15, 1, 3),
)  # fmt: skip
LEAVES = (
    ("#6b1f2a", "#b5391f", "#e2661d", "#f59a2a", "#ffd45c"),
    ("#7a3a12", "#c8741a", "#f0a51f", "#fcd045", "#fff0a0"),
    ("#2f4a35", "#6c7f2c", "#b9a52f", "#ecc744", "#fbeb9a"),
    ("#4d1635", "#9c2335", "#d8412c", "#f27a35", "#ffc06a"),
)

KNIFE = Brush(20, 40, taper=0.10, streaks=0.7, tone=0.035, dry=0.12, impasto=1.5)


def paint() -> Image.Image:
    """The picture, 816 x 1024."""
    rng = np.random.default_rng(1874)
    x, y = mesh(SHAPE)
    reference, way = _ground(rng, x, y)
    canvas = Canvas(reference * 0.75 + 0.08, rng)
    accents = np.stack([colour(code) for code in ("#f7b24a", "#6f8fc9", "#e4572e", "#f7e3b5", "#59407e")])
    lay(
        canvas,
        reference,
        way,
        Brush(70, 150, taper=0.05, impasto=0.8, dry=0.15),
        coverage=2.5,
        jitter=0.04,
        wander=0.35,
    )
    lay(
        canvas, reference, way, Brush(38, 84, taper=0.04, streaks=0.8, dry=0.15), coverage=2.6, jitter=0.06,
        accent=0.2, accents=accents, wander=0.3,
    )  # fmt: skip
    _fallen(canvas)
    for distance, side, palette in TREES:
        _tree(canvas, distance, side, LEAVES[palette])
    return canvas.finish(weave=0.3, depth=0.6)


def _ground(rng: np.random.Generator, x: Field, y: Field) -> tuple[NDArray, Field]:
    """Underpainting: light at the end of the avenue, mist, leaf carpet and the wet path."""
    away = np.hypot(x - EYE[0], 0.8 * (y - EYE[1] + 0.10))
    air = np.clip(away * 1.15 + 0.07 * fbm(rng, SHAPE, 180, octaves=4), 0, 1)
    picture = ramp(air, ("#fff4cf", "#fbd58a", "#ecae74", "#a9a0bd", "#6f93c6", "#4377b4"))
    wood = smoothstep(0.2, 0.9, 0.55 * fbm(rng, SHAPE, (240, 130), octaves=4) + 2.2 * away - 0.45)
    picture = mix(
        picture,
        ramp(np.clip(air + 0.1 * fbm(rng, SHAPE, 50), 0, 1), ("#d99a5b", "#8f6a72", "#3f4f8a")),
        0.75 * wood,
    )
    way = np.full(SHAPE, np.pi / 2, np.float32) + 0.5 * fbm(rng, SHAPE, 300, octaves=2)

    below = y - EYE[1]
    carpet = ramp(
        np.clip(0.45 + 0.25 * fbm(rng, SHAPE, (34, 90), octaves=3) - 0.3 * (np.abs(x - EYE[0]) - 0.2), 0, 1),
        ("#3d2147", "#8a3324", "#c9651f", "#eea03a", "#fad884"),
    )
    bend = EYE[0] + 0.05 * np.sin(5 * below) - 0.06 * below
    half = 0.012 + 0.52 * below
    # The wet path mirrors the light above it, broken by puddles.
    puddles = fbm(rng, SHAPE, (30, 150), octaves=3)
    shine = (
        np.exp(-(((x - bend) / (0.05 + 0.22 * below)) ** 2)) * smoothstep(0.62, 0.0, below) + 0.16 * puddles
    )
    path = ramp(np.clip(shine, 0, 1), ("#2e2c5c", "#56568f", "#9a7f9e", "#e7a766", "#fde2a0"))
    ground = mix(carpet, path, smoothstep(half * 1.05, half * 0.92, np.abs(x - bend) + 0.006 * puddles))
    on = below > 0
    picture = np.where(on[..., None], ground, picture)
    return picture, np.where(on, 0.06 * puddles, way)


def _tree(canvas: Canvas, distance: float, side: int, leaves: tuple[str, ...]) -> None:
    """One tree: trunk, boughs, then leaves from the shaded inside of the crown to the lit outside."""
    rng = canvas.rng
    unit = canvas.width
    size = 1 / distance
    foot = np.array([EYE[0] + side * (0.36 + 0.09 * rng.random()) * size, EYE[1] + 0.46 * size]) * unit
    tall = (0.98 + 0.25 * rng.random()) * size * unit
    lean = -side * 0.10 * rng.random()
    haze = np.clip((distance - 1.5) / 11, 0, 0.7)  # air between us and the far trees
    mist = colour("#f3c58c")

    def veiled(paint: NDArray) -> NDArray:
        return mix(paint, mist, haze)

    rise = np.linspace(0, 1, 9)
    trunk = foot + np.stack([lean * rise + 0.02 * np.sin(5 * rise + rng.random() * 6), -rise], axis=1) * tall
    girth = 0.085 * size * unit
    knife = Brush(20, 80, taper=0.08, streaks=0.9, dry=0.05, impasto=1.1, tone=0.04)
    for share, codes in (
        (0.0, ("#2a1c33", "#5d3a3c")),
        (side * -0.28, ("#8d6a63", "#e9b27a")),
        (side * 0.3, ("#1d1630", "#3c4a7a")),
    ):
        canvas.stroke(
            trunk + np.array([share * girth, 0]),
            girth * (0.95 if not share else 0.4),
            veiled(colour(codes[0])),
            veiled(colour(codes[1])),
            knife,
        )
    for _ in range(7):
        from_ = trunk[rng.integers(4, 8)]
        turn = -np.pi / 2 + rng.uniform(-1.1, 1.1)
        reach = tall * rng.uniform(0.25, 0.5)
        t = np.linspace(0, 1, 6)
        bough = from_ + reach * np.stack([np.cos(turn) * t, np.sin(turn) * t - 0.12 * t * t], axis=1)
        for part, thick in ((bough[:4], 0.26), (bough[2:5], 0.16), (bough[3:], 0.09)):
            canvas.stroke(part, girth * thick, veiled(colour("#33203a")), veiled(colour("#6b4740")), knife)

    lobes = np.stack([rng.normal(lean, 0.25, 11), rng.uniform(-1.22, -0.52, 11)], axis=1)
    count = int(420 + 900 * min(1, size))
    for number in range(count):
        lobe = lobes[rng.integers(len(lobes))]
        progress = number / count
        spot = lobe + rng.normal(0, 0.105 + 0.035 * progress, 2) * (1.15, 0.9)
        # Lit from the end of the avenue and from above; broad dark dabs first, small bright ones last.
        lit = 0.12 - 1.6 * side * (spot[0] - lobe[0]) - 1.2 * (spot[1] - lobe[1]) + 0.62 * progress
        shade = veiled(ramp(np.array(np.clip(lit + rng.normal(0, 0.14), 0, 1)), leaves))
        shade = shade + rng.normal(0, 0.025, 3).astype(np.float32)
        other = shade + rng.normal(0.02, 0.08, 3).astype(np.float32)
        dab = np.clip(0.036 * size * unit, 9, 30) * (1.35 - 0.75 * progress) * rng.uniform(0.7, 1.3)
        turn = rng.normal(0.9 if spot[0] > lobe[0] else 2.2, 0.6)
        along = np.linspace(-0.5, 0.5, 5)[:, None] * dab * rng.uniform(1.2, 2.6)
        bow = rng.normal(0, 0.13) * along**2 / dab
        path = foot + spot * tall + along * (np.cos(turn), np.sin(turn)) + bow * (-np.sin(turn), np.cos(turn))
        canvas.stroke(path, dab * rng.uniform(0.6, 1.0), shade, other, KNIFE)


def _fallen(canvas: Canvas) -> None:
    """Fallen leaves, flatter and larger towards the viewer."""
    rng = canvas.rng
    for _ in range(700):
        near = rng.random() ** 0.7
        at = np.array([rng.random() * canvas.width, (EYE[1] + 0.015 + near * 0.6) * canvas.width])
        on_path = abs(at[0] / canvas.width - EYE[0]) < 0.45 * near * 0.6
        if on_path and rng.random() < 0.72:
            continue
        wide = (6 + 24 * near) * rng.uniform(0.5, 1.5)
        shade = ramp(np.array(rng.beta(2, 1.6)), LEAVES[rng.integers(len(LEAVES))])
        turn = rng.normal(0, 0.5)
        path = at + np.linspace(-1, 1, 4)[:, None] * wide * np.array(
            [0.75 * np.cos(turn), 0.45 * np.sin(turn)]
        )
        canvas.stroke(
            path,
            wide * rng.uniform(0.35, 0.8),
            shade,
            shade + rng.normal(0, 0.08, 3).astype(np.float32),
            KNIFE,
        )
