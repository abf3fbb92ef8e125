"""The brush: strokes that follow a flow field, laid bristle by bristle as thick paint, then lit.

Strokes are laid coarse to fine over a reference, as in Hertzmann, "Painterly Rendering with Curved Brush
Strokes of Multiple Sizes" (SIGGRAPH 1998); the relief is lit as in his "Fast Paint Texture" (NPAR 2002).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from painting.noise import Field, blur, fbm

SPACING = 0.62  # distance in px between the samples of a stroke: close enough to leave no holes in bends
LONGEST, WIDEST = 1400, 400  # px that one stroke may measure: the sheet of bristle marks is that large


@dataclass(frozen=True)
class Brush:
    """One brush and the way it is held; lengths in canvas px."""

    width: float
    length: float
    streaks: float = 0.5  # how far the two colours on the brush separate into streaks, 0..1
    tone: float = 0.06  # lightness differences between bristles
    dry: float = 0.35  # how much of the paint is used up at the stroke's end: gaps between bristles
    impasto: float = 1.0  # thickness of the paint
    opacity: float = 0.96
    taper: float = 0.25  # fraction of the length over which the ends narrow
    pickup: float = 0.12  # share of the wet paint below that the brush drags along


class Canvas:
    """Wet paint: colour [H, W, 3] in 0..1 and thickness [H, W]."""

    def __init__(self, ground: NDArray, rng: np.random.Generator) -> None:
        self.colour = np.ascontiguousarray(ground, np.float32)
        self.height, self.width = ground.shape[:2]
        self.relief = np.zeros((self.height, self.width), np.float32)
        self.rng = rng
        # Two sheets of bristle marks, long along the stroke and fine across it; strokes cut pieces from them.
        self._bristles = fbm(rng, (700, 2400), (4.4, 380.0), octaves=2, gain=0.8)
        self._streaks = fbm(rng, (700, 2400), (12.0, 600.0), octaves=2, gain=0.7)

    def nearest(self, points: NDArray) -> tuple[NDArray, NDArray]:
        """Row and column of the pixels nearest to `points` [N, 2] (x, y), for indexing."""
        row, column = (np.clip(points[:, k], 0, side - 1) for k, side in ((1, self.height), (0, self.width)))
        return row.astype(int), column.astype(int)

    def stroke(self, path: NDArray, width: float, first: NDArray, second: NDArray, brush: Brush) -> None:
        """Lay one stroke along `path` [K, 2] (x, y) with two colours on the brush."""
        legs = np.hypot(*np.diff(path, axis=0).T)
        length = float(legs.sum())
        if length < 2:
            return
        # The brush's own coordinates: s along the path, v across it (-1..1).
        s = np.linspace(0, 1, max(3, int(min(length, LONGEST) / SPACING)), dtype=np.float32)
        travelled = np.concatenate([[0], np.cumsum(legs)]) / length
        centre = np.stack([np.interp(s, travelled, path[:, k]) for k in (0, 1)], axis=-1)
        tangent = np.gradient(centre, axis=0)
        tangent /= np.maximum(np.hypot(*tangent.T)[:, None], 1e-6)
        v = np.linspace(-1, 1, max(3, int(min(width, WIDEST) / SPACING)), dtype=np.float32)
        ends = np.minimum(s, 1 - s) / max(brush.taper, 1e-3)
        half = 0.5 * width * np.sqrt(np.clip(1 - (1 - np.clip(ends, 0, 1)) ** 2, 0.02, 1))
        offset = v[:, None] * half
        x = np.rint(centre[:, 0] - tangent[:, 1] * offset).astype(np.int32)
        y = np.rint(centre[:, 1] + tangent[:, 0] * offset).astype(np.int32)

        row = self.rng.integers(0, self._bristles.shape[0] - len(v))
        column = self.rng.integers(0, self._bristles.shape[1] - len(s))
        marks = self._bristles[row : row + len(v), column : column + len(s)]
        streaks = self._streaks[row : row + len(v), column : column + len(s)]

        edge = 1 - np.abs(v)[:, None]
        paint = 0.9 + 0.55 * marks - 2.2 * brush.dry * s**1.5
        cover = np.clip(2.5 * paint, 0, 1) * np.clip(5 * edge + 0.35 + 0.4 * marks, 0, 1) * brush.opacity
        # Paint piles up in ridges at the sides and where the brush is lifted.
        ridge = np.exp(-((edge / 0.22) ** 2)) + 0.7 * np.exp(-(((1 - s) / 0.08) ** 2))
        thick = brush.impasto * (0.55 + 0.42 * marks + 0.45 * ridge)

        inside = (cover > 0.02) & (x >= 0) & (x < self.width) & (y >= 0) & (y < self.height)
        at = (y * self.width + x)[inside]
        if not at.size:
            return
        pixels = self.colour.reshape(-1, 3)
        relief = self.relief.reshape(-1)
        cover, thick = cover[inside], thick[inside]
        below = pixels[at]
        dragged = brush.pickup * (below.mean(axis=0) - first)
        share = np.clip(0.5 + 0.55 * streaks[inside], 0, 1) * brush.streaks
        laid = (first + dragged) + share[:, None] * (second - first) + (brush.tone * marks[inside])[:, None]
        pixels[at] = below + cover[:, None] * (laid - below)
        relief[at] += cover * (0.35 * relief[at] + thick - relief[at])

    def finish(
        self, scale: int = 2, gloss: float = 0.35, depth: float = 0.75, weave: float = 0.0
    ) -> Image.Image:
        """Light the paint from the upper left and reduce the canvas by `scale`."""
        relief = blur(self.relief, 0.8)
        if weave:
            relief = relief + weave * canvas_weave(relief.shape) * np.exp(-relief)
        dy, dx = np.gradient(relief)
        facing = -depth * (0.68 * dx + 0.73 * dy)  # > 0 towards the light
        facing = np.tanh(facing)[..., None]
        shade, light = np.clip(-facing, 0, 1), np.clip(facing, 0, 1)
        # Shadows deepen the paint's own colour, lights add a little of the lamp's.
        lit = self.colour * (1 - 0.55 * shade) + light * (0.30 * self.colour + 0.10)
        lit += gloss * np.clip(light - 0.35, 0, 1)
        return to_picture(lit, scale)


def canvas_weave(shape: tuple[int, int], period: float = 7.0) -> Field:
    """Height of a plain linen weave, [H, W] in -1..1."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32) * (2 * np.pi / period)
    over = np.sign(np.sin(x / 2) * np.sin(y / 2))
    return (0.5 * (np.cos(x) * (over > 0) + np.cos(y) * (over <= 0))).astype(np.float32)


def to_picture(colours: NDArray, scale: int = 2) -> Image.Image:
    """A Pillow picture from colours [H, W, 3] in 0..1, reduced by `scale`."""
    picture = Image.fromarray((np.clip(colours, 0, 1) * 255 + 0.5).astype(np.uint8))
    size = (picture.width // scale, picture.height // scale)
    return picture.resize(size, Image.Resampling.LANCZOS) if scale > 1 else picture


def trace(
    angle: Field, starts: NDArray, lengths: NDArray, turn: NDArray | float = 0.0, knots: int = 14
) -> NDArray:
    """Paths [N, knots, 2] that follow the directions `angle` [H, W] from `starts` [N, 2] (x, y)."""
    height, width = angle.shape
    paths = np.empty((len(starts), knots, 2), np.float32)
    here: NDArray = starts.astype(np.float32).copy()
    step = (lengths / (knots - 1)).astype(np.float32)
    heading = None
    for knot in range(knots):
        paths[:, knot] = here
        column = np.clip(here[:, 0], 0, width - 1).astype(int)
        row = np.clip(here[:, 1], 0, height - 1).astype(int)
        ahead = angle[row, column] + turn
        move = np.stack([np.cos(ahead), np.sin(ahead)], axis=-1)
        if heading is not None:  # a field known up to its sign must not fold the stroke back
            move *= np.where((move * heading).sum(axis=1) < 0, -1, 1)[:, None]
        heading = move
        here = here + move * step[:, None]
    return paths


def lay(
    canvas: Canvas,
    reference: NDArray,
    angle: Field,
    brush: Brush,
    *,
    coverage: float = 2.0,
    where: Field | None = None,
    jitter: float = 0.06,
    accent: float = 0.0,
    accents: NDArray | None = None,
    wander: float = 0.15,
) -> None:
    """One layer of strokes over the canvas.

    `reference` [H, W, 3] says which colour goes where, `angle` which way the brush moves. `coverage` is the
    mean number of strokes over a place, `where` [H, W] in 0..1 the probability of keeping a stroke there.
    `jitter` varies the colour between strokes; a share `accent` of them takes one of `accents` [M, 3] as its
    second colour; `wander` (radians) lets strokes stray from the field.
    """
    rng = canvas.rng
    margin = brush.length / 2  # strokes also begin outside, or the borders would stay bare
    area = (canvas.width + brush.length) * (canvas.height + brush.length)
    count = int(coverage * area / (brush.width * brush.length))
    starts = rng.uniform(-margin, [canvas.width + margin, canvas.height + margin], (count, 2))
    if where is not None:
        starts = starts[rng.random(count) < where[canvas.nearest(starts)]]
    count = len(starts)
    widths = brush.width * rng.uniform(0.65, 1.25, count)
    lengths = brush.length * rng.uniform(0.6, 1.35, count)
    paths = trace(angle, starts, lengths, turn=rng.normal(0, wander, count))
    # The colour is that of the place in the middle of the stroke, not where it begins.
    first = reference[canvas.nearest(paths[:, paths.shape[1] // 2])] + jitter * (
        rng.normal(0, 0.8, (count, 1)) + rng.normal(0, 0.5, (count, 3))
    ).astype(np.float32)
    second = first + 1.3 * jitter * rng.normal(0, 1, (count, 3)).astype(np.float32)
    if accents is not None:
        chosen = accents[rng.integers(0, len(accents), count)]
        second = np.where(rng.random((count, 1)) < accent, chosen, second)
    for path, width, one, two in zip(paths, widths, first, second, strict=True):
        canvas.stroke(path, width, one, two, brush)
