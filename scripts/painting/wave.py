"""Woodblock print: curling breakers under a red sun, flat colours, ink lines, wood grain and paper."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from painting.brush import to_picture
from painting.noise import blur, colour, fbm, mesh, mix, ramp, smoothstep

SHAPE = (1536, 2048)
INK = "#14213f"
FOAM = "#f4ecd6"
Shades = tuple[str, str, str]  # light, middle, dark


class Plates:
    """The colour plates, printed over one another, and the key plate that carries the ink lines."""

    def __init__(self, ground: NDArray) -> None:
        self.colours = Image.fromarray((np.clip(ground, 0, 1) * 255).astype(np.uint8))
        self.key = Image.new("L", self.colours.size, 0)

    def fill(self, outline: NDArray, top: str, bottom: str | None = None) -> None:
        """Print an area, graded from `top` to `bottom`, covering what was printed there."""
        mask = Image.new("L", self.colours.size, 0)
        ImageDraw.Draw(mask).polygon([tuple(point) for point in outline], fill=255)
        box = mask.getbbox()
        if box is None:
            return
        fade = ramp(np.linspace(0, 1, box[3] - box[1]), (top, bottom or top))[:, None]
        area = np.broadcast_to(fade * 255, (box[3] - box[1], box[2] - box[0], 3)).astype(np.uint8)
        mask = mask.crop(box)
        self.colours.paste(Image.fromarray(area), box[:2], mask)
        self.key.paste(0, box[:2], mask)

    def line(self, path: NDArray, width: float, swell: float = 0.6, last: float = 1.0) -> None:
        """Cut a line that is thinner at its ends, as a knife leaves it, and thins to `last` of its width."""
        draw = ImageDraw.Draw(self.key)
        legs = np.hypot(*np.diff(path, axis=0).T)
        travelled = np.concatenate([[0], np.cumsum(legs)])
        s = np.linspace(0, travelled[-1], max(2, int(travelled[-1] / 1.3)))
        x, y = (np.interp(s, travelled, path[:, k]) for k in (0, 1))
        half = 0.5 * width * (1 - swell + swell * np.sin(np.pi * s / max(s[-1], 1)))
        half *= np.linspace(1, last, len(s))
        for cx, cy, r in zip(x, y, half, strict=True):
            draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=255)

    def dot(self, x: float, y: float, radius: float, code: str, line: float = 0.0) -> None:
        """A disc, with an ink outline when `line` > 0."""
        box = (x - radius, y - radius, x + radius, y + radius)
        ImageDraw.Draw(self.colours).ellipse(box, fill=code)
        ImageDraw.Draw(self.key).ellipse(
            box, fill=0, outline=255 if line else None, width=max(1, round(line))
        )

    def pull(self, rng: np.random.Generator) -> Image.Image:
        """Print the plates on paper."""
        plates = np.asarray(self.colours, np.float32) / 255
        # Wood grain: long fibres that run around knots, pressed into every flat colour.
        height, width = SHAPE
        x, y = mesh(SHAPE)
        sway = fbm(rng, SHAPE, (420, 1300), octaves=2)
        grain = np.sin(2 * np.pi * (46 * y + 1.5 * sway)) + 0.5 * np.sin(2 * np.pi * (117 * y + 3.8 * sway))
        grain = 0.5 * grain * (0.6 + 0.4 * fbm(rng, SHAPE, (90, 500))) + 0.55 * fbm(
            rng, SHAPE, (5, 240), octaves=2
        )
        baren = fbm(rng, SHAPE, 260, octaves=3)
        speckle = fbm(rng, SHAPE, 3.2, octaves=2)
        density = 1 + 0.055 * grain + 0.05 * baren + 0.05 * speckle
        paper = ramp(0.5 + 0.12 * fbm(rng, SHAPE, 400) + 0.05 * speckle, ("#e3d3ae", "#f3e8cc"))
        paper = paper + 0.018 * fbm(rng, SHAPE, (3, 60), octaves=2)[..., None]
        # Pigment gathers at the edge of a printed area.
        edge = np.abs(plates - blur(plates, 5)).max(axis=2)
        absorbed = np.log(np.clip(plates, 0.03, 1)) * (density + 0.35 * edge)[..., None]
        printed = paper * np.exp(absorbed) * 1.07
        # The key plate never falls quite into register, and starves where the paper is rough.
        key = np.roll(blur(np.asarray(self.key, np.float32) / 255, 0.8), (2, 3), axis=(0, 1))
        key = np.clip(key * (1.06 + 0.10 * np.minimum(grain + speckle, 0)), 0, 1)
        printed = mix(printed, colour(INK) * paper, key)
        # A bare margin around the picture.
        inset = np.minimum.reduce([x, 1 - x, y, height / width - y]) + 0.00035 * speckle
        return to_picture(mix(paper, printed, smoothstep(0.0185, 0.0200, inset)))


def paint() -> Image.Image:
    """The picture, 1024 x 768."""
    rng = np.random.default_rng(1856)
    _, y = mesh(SHAPE)
    sky = ramp(
        y / 0.44,
        ("#1d3f72", "#4f86a6", "#bcd3c4", "#f3e3bd", "#f2c49a", "#e79a78"),
        (0, 0.13, 0.32, 0.6, 0.85, 1),
    )
    plates = Plates(sky)
    _sun(plates)
    _clouds(plates)
    _rocks(plates, rng)
    rows = (
        # base y, size, number of breakers, offset, shades from light to dark
        (0.425, 0.028, 11, 0.2, ("#c3d9cc", "#8dbac0", "#5f97ad")),
        (0.470, 0.043, 8, 0.7, ("#aed0c8", "#66a3b5", "#3f7b9e")),
        (0.535, 0.064, 6, 0.15, ("#9cc8c6", "#468aa9", "#2b628e")),
        (0.615, 0.092, 5, 0.6, ("#8fc0c4", "#35759e", "#1f4d7e")),
    )
    for number, (base, size, count, offset, shades) in enumerate(rows):
        if number == 2:
            _boat(plates, 0.515, 0.492)
        _sea(plates, rng, base, size, shades)
        for place in rng.permutation(count + 1):
            at = (place + offset + rng.uniform(-0.13, 0.13)) / count
            if number < 2 or abs(at - 0.52) > 1.5 * size:  # leave the boat a gap to be seen through
                _breaker(plates, rng, at, base, size * rng.uniform(0.85, 1.15), shades)
    near = ("#97c7c6", "#2f73a0", "#163f74")
    _breaker(plates, rng, 0.90, 0.745, 0.120, near)
    _breaker(plates, rng, 0.225, 0.715, 0.232, near)
    _breaker(plates, rng, 0.640, 0.800, 0.150, near)
    _birds(plates, rng)
    return plates.pull(rng)


def _scaled(*points: tuple[float, float]) -> NDArray:
    """Points in picture widths as px."""
    return np.array(points) * SHAPE[1]


def _sun(plates: Plates) -> None:
    turn = np.linspace(0, 2 * np.pi, 200)
    disc = np.stack([0.690 + 0.112 * np.cos(turn), 0.205 + 0.112 * np.sin(turn)], axis=1) * SHAPE[1]
    plates.fill(disc, "#c8372c", "#ec7a4b")


def _clouds(plates: Plates) -> None:
    """Bands of mist with round ends, the old way to leave out what is far."""
    for left, right, top, thick in (
        (-0.1, 0.21, 0.085, 0.026), (0.05, 0.36, 0.111, 0.030), (0.54, 0.85, 0.232, 0.022),
        (0.645, 1.1, 0.254, 0.028), (0.80, 1.1, 0.075, 0.022), (0.88, 1.1, 0.097, 0.018),
        (-0.1, 0.09, 0.230, 0.022),
    ):  # fmt: skip
        turn = np.linspace(-np.pi / 2, np.pi / 2, 30)
        r = thick / 2
        right_end = np.stack([right + r * np.cos(turn), top + r + r * np.sin(turn)], axis=1)
        left_end = np.stack([left - r * np.cos(turn), top + r - r * np.sin(turn)], axis=1)
        outline = np.concatenate([right_end, left_end, right_end[:1]]) * SHAPE[1]
        plates.fill(outline, "#f6ecd3", "#efd9b4")
        plates.line(outline, 3.2, swell=0.0)


def _rocks(plates: Plates, rng: np.random.Generator) -> None:
    """Sea stacks on the horizon, with hatching cut down their shaded side."""
    for foot, wide, tall, top, bottom in (
        (0.865, 0.085, 0.150, "#4b6d78", "#a8b8a4"), (0.955, 0.060, 0.215, "#2f5261", "#8ba79d"),
        (0.06, 0.075, 0.085, "#5f7f86", "#b9c2a8"),
    ):  # fmt: skip
        s = np.linspace(-1, 1, 120)
        ragged = fbm(rng, (1, 120), 14, octaves=4)[0]
        crest = tall * np.clip(1 - np.abs(s) ** 2.4, 0, None) * (0.86 + 0.13 * ragged)
        ridge = np.stack([foot + wide * s, 0.435 - crest], axis=1) * SHAPE[1]
        plates.fill(np.concatenate([ridge, _scaled((foot + wide, 0.45), (foot - wide, 0.45))]), top, bottom)
        plates.line(ridge, 6, swell=0.2)
        for start in range(14, 106, 7):
            drop = crest[start] * rng.uniform(0.3, 0.75)
            t = np.linspace(0, 1, 6)
            crack = np.stack(
                [
                    foot + wide * s[start] + 0.006 * np.sin(5 * t + start) + 0.004 * t,
                    0.435 - crest[start] + drop * t,
                ],
                axis=1,
            )
            plates.line(crack * SHAPE[1], 4.5, swell=0.9)


def _sea(plates: Plates, rng: np.random.Generator, base: float, size: float, shades: Shades) -> None:
    """Water behind and between the breakers of a row, with wavering lines cut along it."""
    s = np.linspace(-0.02, 1.02, 160)
    top = base - 0.35 * size + 0.12 * size * np.sin(s * 2 * np.pi * 0.35 / size + rng.random() * 6)
    surface = np.stack([s, top], axis=1) * SHAPE[1]
    plates.fill(np.concatenate([surface, _scaled((1.02, 0.76), (-0.02, 0.76))]), shades[1], shades[2])
    plates.line(surface, 4, swell=0.0)
    for number in range(1, 9):
        lower = surface + np.array([0, (0.16 * number + 0.02 * number**2) * size * SHAPE[1]])
        first = rng.integers(0, 60)
        for start in range(first, 150, 46):
            plates.line(lower[start : start + int(rng.integers(18, 44))], 4.2, swell=0.9)


def _breaker(
    plates: Plates, rng: np.random.Generator, at: float, base: float, size: float, shades: Shades
) -> None:
    """One curling wave: a fan of curves that rises from the sea and winds into a spiral."""
    tight = 0.125  # of the logarithmic spiral r = size exp(-tight phi)
    turns = np.linspace(0, 3.6 * np.pi, 170)
    centre = np.array([at, base - 0.95 * size])

    def curve(share: float) -> NDArray:
        """The curve at `share` 0 (the wave's back) .. 1 (its hollow face)."""
        r = size * np.exp(-tight * (turns + 2 * np.pi * 0.86 * share))
        spiral = centre + np.stack([r * np.cos(np.pi + turns), r * np.sin(np.pi + turns)], axis=1)
        foot = np.array([at + size * (-2.5 + 4.3 * share), base + size * (0.55 - 0.25 * share)])
        corner = np.array([spiral[0, 0] - 0.06 * size, base + size * (0.10 + 0.12 * share)])
        t = np.linspace(0, 1, 60)[:-1, None]
        rise = (1 - t) ** 2 * foot + 2 * t * (1 - t) * corner + t**2 * spiral[0]
        return np.concatenate([rise, spiral]) * SHAPE[1]

    bold = 3.0 + 34 * size
    back, face = curve(0), curve(1)
    turn = np.linspace(0, 2 * np.pi, 90)[:, None]
    hollow = centre + 0.54 * size * np.concatenate([np.cos(turn), np.sin(turn)], axis=1)
    plates.fill(hollow * SHAPE[1], INK, shades[2])
    plates.fill(np.concatenate([back, face[::-1]]), shades[0], shades[2])
    inks = (FOAM, shades[1], shades[0], shades[2], shades[1], INK, shades[1])
    bands = 7 if size > 0.14 else 5 if size > 0.06 else 3
    shares = np.linspace(0, 1, 2 * bands + 1)
    for number in range(bands):
        one, two = curve(shares[2 * number]), curve(shares[2 * number + 1])
        plates.fill(np.concatenate([one, two[::-1]]), inks[number], shades[min(2, number)])
    for share in shares[1:-1]:
        path = curve(share)
        plates.line(
            path[int(rng.integers(0, 22)) : len(path) - int(8 + 50 * share)],
            bold * 0.62,
            swell=0.75,
            last=0.3,
        )
    plates.line(back, bold, swell=0.35, last=0.35)
    plates.line(face, bold, swell=0.35, last=0.3)

    _foam(plates, rng, back[72:136], centre * SHAPE[1], size * SHAPE[1], bold)


def _foam(
    plates: Plates, rng: np.random.Generator, crest: NDArray, centre: NDArray, size: float, bold: float
) -> None:
    """Foam that breaks along the crest in lobes, thickest where the wave topples, and the spray it throws."""
    lobes = []
    for progress in np.linspace(0, 1, 46):
        spot = crest[int(progress * (len(crest) - 1))]
        outward = (spot - centre) / np.hypot(*(spot - centre))
        thick = size * (0.028 + 0.085 * np.sin(np.pi * progress**0.8) ** 1.5)
        for _ in range(2):
            away = rng.uniform(-0.7, 1.0)
            lobes.append(
                (
                    *(spot + outward * thick * away + rng.normal(0, 0.2, 2) * thick),
                    thick * rng.uniform(0.35, 0.85),
                )
            )
    # All the outlines first and all the insides over them: only the scalloped rim keeps its line.
    for x, y, radius in lobes:
        plates.dot(x, y, radius + 0.42 * bold, FOAM, line=0.8 * bold)
    for x, y, radius in lobes:
        plates.dot(x, y, radius, FOAM)
    for x, y, radius in lobes[:: 3 if size > 200 else 5]:
        if radius > 7:
            arc = np.arctan2(y - centre[1], x - centre[0]) + np.linspace(-1.2, 1.2, 12)
            rim = np.stack([x + 0.8 * radius * np.cos(arc), y + 0.8 * radius * np.sin(arc)], axis=1)
            plates.line(rim, 0.45 * bold, swell=0.85)
    for _ in range(int(8 + 0.07 * size)):
        turn = rng.normal(-0.62, 0.33)
        spot = centre + size * (1.13 + rng.exponential(0.12)) * np.array([np.cos(turn), np.sin(turn)])
        plates.dot(spot[0], spot[1], max(2.5, size * rng.uniform(0.006, 0.018)), FOAM)


def _boat(plates: Plates, x: float, y: float) -> None:
    """A small junk that runs before the wind."""
    hull = _scaled(
        (x - 0.052, y - 0.016),
        (x + 0.050, y - 0.020),
        (x + 0.062, y - 0.034),
        (x + 0.040, y + 0.012),
        (x - 0.036, y + 0.012),
    )
    plates.fill(hull, "#8a4a2f", "#4f2b2a")
    plates.line(np.concatenate([hull, hull[:1]]), 5, swell=0.0)
    t = np.linspace(0, 1, 12)
    for mast, tall, wide in ((x - 0.004, 0.135, 0.052), (x + 0.036, 0.085, 0.030)):
        luff = np.stack([mast - 0.10 * wide + 0 * t, y - 0.026 - tall * t], axis=1)
        leech = np.stack(
            [mast + wide * (1 - 0.55 * t**2) + 0.006 * np.sin(np.pi * t), y - 0.030 - tall * t * 0.95], axis=1
        )
        plates.fill(np.concatenate([luff, leech[::-1]]) * SHAPE[1], "#e8b04a", "#d9682f")
        plates.line(np.concatenate([luff, leech[::-1], luff[:1]]) * SHAPE[1], 5, swell=0.0)
        for number in range(2, 11, 2):
            plates.line(np.stack([luff[number], leech[number]]) * SHAPE[1], 3.5, swell=0.2)
        plates.line(_scaled((mast, y - 0.02), (mast, y - 0.04 - tall)), 6, swell=0.0)


def _birds(plates: Plates, rng: np.random.Generator) -> None:
    """Gulls on their way out."""
    for number in range(11):
        cx, cy = 0.40 + 0.016 * number + rng.normal(0, 0.014), 0.225 - 0.010 * number + rng.normal(0, 0.014)
        span = rng.uniform(0.010, 0.016)
        t = np.linspace(0, 1, 8)
        for side in (-1, 1):
            wing = np.stack([cx + side * span * t, cy - span * (0.75 * np.sin(2.4 * t))], axis=1)
            plates.line(wing * SHAPE[1], 7.5, swell=0.5)
