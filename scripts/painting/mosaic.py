"""Mosaic: two fish in a current of lapis and gold glass, each tile set along the drawing's lines.

The tiles are laid out as in Hausner, "Simulating Decorative Mosaics" (SIGGRAPH 2001): a centroidal Voronoi
diagram under a square metric that turns with the nearest edge, so that rows of tiles follow the outlines.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage, spatial

from painting.brush import to_picture
from painting.noise import Field, blur, colour, fbm, mesh, mix, smoothstep

SHAPE = (1536, 2048)
TILE = 20.0  # edge of a tile in canvas px

# Kinds of glass: the shades a tile may take, and how metallic it is.
GLASS = {
    "night": (("#10194f", "#182b74", "#0d1440", "#20307c"), 0.0),
    "lapis": (("#1f459f", "#2a5cb8", "#19388a", "#3a6fc4"), 0.0),
    "sea": (("#1f8ea6", "#2ba7b0", "#17758f", "#48bcb8"), 0.0),
    "foam": (("#a9d8cb", "#c9e6d4", "#86c7c2", "#e4efd9"), 0.0),
    "gold": (("#d9a02c", "#e8b93e", "#c2841f", "#f3d067", "#b8741c"), 1.0),
    "ink": (("#16112b", "#221a3a", "#0e0c1e"), 0.0),
    "red": (("#b3261e", "#cf3b25", "#8f1a22", "#e0512f"), 0.0),
    "orange": (("#e2661f", "#f0852b", "#cc4f1c", "#f7a043"), 0.0),
    "cream": (("#f3e3bd", "#fbf2d8", "#e3cb96", "#f6d9a0"), 0.0),
    "green": (("#2f7a4d", "#4f9a58", "#1f5c46", "#86b85e"), 0.0),
}
KINDS = tuple(GLASS)


class Drawing:
    """The cartoon under the mosaic: which region and which kind of glass is where."""

    def __init__(self) -> None:
        self.region = Image.new("I", SHAPE[::-1], 0)
        self.kind = Image.new("L", SHAPE[::-1], 0)
        self.count = 0

    def polygon(self, outline: NDArray, kind: str) -> None:
        """A region of one kind of glass over what was drawn before; `outline` in picture widths."""
        self.count += 1
        points = [tuple(point) for point in np.asarray(outline) * SHAPE[1]]
        ImageDraw.Draw(self.region).polygon(points, fill=self.count)
        ImageDraw.Draw(self.kind).polygon(points, fill=KINDS.index(kind))

    def disc(self, x: float, y: float, radius: float, *kinds: str) -> None:
        """Concentric rings, the outermost kind first."""
        turn = np.linspace(0, 2 * np.pi, 90)
        for number, kind in enumerate(kinds):
            r = radius * (1 - number / len(kinds))
            self.polygon(np.stack([x + r * np.cos(turn), y + r * np.sin(turn)], axis=1), kind)

    def band(self, path: NDArray, half: NDArray | float, kind: str) -> None:
        """A ribbon of half width `half` along `path`."""
        across = _normals(path) * np.broadcast_to(half, len(path))[:, None]
        self.polygon(np.concatenate([path + across, (path - across)[::-1]]), kind)


def paint() -> Image.Image:
    """The picture, 1024 x 768."""
    rng = np.random.default_rng(326)
    drawing = Drawing()
    x, y = mesh(SHAPE)
    _water(drawing, rng, x, y)
    for cx, cy, size, turns, start, way in (
        (0.135, 0.190, 0.088, 2.6, 2.3, 1), (0.875, 0.560, 0.090, 2.6, 5.2, 1),
        (0.865, 0.160, 0.066, 2.2, 0.6, -1), (0.140, 0.600, 0.070, 2.2, 3.6, -1),
        (0.556, 0.112, 0.044, 1.8, 1.0, 1), (0.444, 0.638, 0.044, 1.8, 4.1, 1),
    ):  # fmt: skip
        _spiral(drawing, cx, cy, size, turns, start, way)
    _fish(drawing, (0.5, 0.375), 0.205, 3.55, ("red", "orange", "cream"))
    _fish(drawing, (0.5, 0.375), 0.205, 3.55 + np.pi, ("green", "sea", "cream"))
    for cx, cy, radius in (
        (0.265, 0.105, 0.022), (0.632, 0.088, 0.022), (0.368, 0.662, 0.022),
        (0.735, 0.645, 0.022), (0.072, 0.395, 0.024), (0.930, 0.365, 0.024), (0.5, 0.375, 0.036),
    ):  # fmt: skip
        drawing.disc(cx, cy, radius, "ink", "gold", "red", "cream")
    _border(drawing)
    return _lay_tiles(drawing, rng)


def _normals(path: NDArray) -> NDArray:
    """Unit vectors [N, 2] across `path` [N, 2]."""
    tangent = np.gradient(path, axis=0)
    tangent /= np.maximum(np.hypot(*tangent.T)[:, None], 1e-9)
    return np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)


def _water(drawing: Drawing, rng: np.random.Generator, x: Field, y: Field) -> None:
    """Currents that circle the middle, in bands from night to foam."""
    away = np.hypot(x - 0.5, (y - 0.375) * 1.12)
    turn = np.arctan2(y - 0.375, x - 0.5)
    stream = 26 * away - 2 * turn + 0.9 * fbm(rng, SHAPE, 460, octaves=2)
    level = np.mod(stream / (2 * np.pi), 1)
    edges = np.searchsorted((0.34, 0.62, 0.80, 0.88), level)
    kinds = np.array([KINDS.index(kind) for kind in ("night", "lapis", "sea", "foam", "sea")], np.uint8)
    drawing.kind = Image.fromarray(kinds[edges])
    drawing.region = Image.fromarray(edges.astype(np.int32))
    drawing.count = 5


def _spiral(
    drawing: Drawing, cx: float, cy: float, size: float, turns: float, start: float, way: int
) -> None:
    """A golden tendril that winds inwards, edged with ink, with a bud at its heart."""
    t = np.linspace(0, 1, 240)
    r = size * (1 - 0.86 * t)
    angle = start + way * 2 * np.pi * turns * t
    path = np.stack([cx + r * np.cos(angle), cy + r * np.sin(angle)], axis=1)
    half = 0.0125 * (size / 0.08) * (1 - 0.45 * t) * smoothstep(0, 0.08, t)
    drawing.band(path, half + 0.0045, "ink")
    drawing.band(path, half, "gold")
    drawing.disc(cx, cy, size * 0.17, "red", "cream")


def _fish(
    drawing: Drawing, centre: tuple[float, float], reach: float, heading: float, kinds: tuple[str, str, str]
) -> None:
    """A fish bent round `centre`: outline, tail and fins, then the body in long strips, bars and the head."""
    back, side, belly = kinds
    t = np.linspace(0, 1, 120)
    angle = heading - 2.15 * (t - 0.5)
    spine = np.asarray(centre) + reach * np.stack([np.cos(angle), np.sin(angle)], axis=1) * (
        1 + 0.10 * t[:, None] ** 3
    )
    out = (spine - centre) / np.hypot(*(spine - centre).T)[:, None]
    half = (
        0.088 * (np.sin(np.pi * np.clip(0.02 + 0.98 * t, 0, 1) ** 0.72) ** 0.8) * (1 - 0.30 * t) + 0.010 * t
    )

    def strip(first: float, last: float, low: float, high: float) -> NDArray:
        """The body between `first`..`last` along it and `low`..`high` across it (-1 belly .. 1 back)."""
        part = slice(int(first * 119), int(last * 119) + 1)
        edge = [spine[part] + out[part] * half[part, None] * level for level in (low, high)]
        return np.concatenate([edge[0], edge[1][::-1]])

    end, on = spine[-1], (spine[-1] - spine[-4]) / np.hypot(*(spine[-1] - spine[-4]))
    aside = out[-1]
    for grow, kind in ((1.16, "ink"), (1.0, "gold"), (0.62, back)):
        for lobe in (-1, 1):
            tip = end + grow * (0.125 * on + lobe * 0.085 * aside)
            bulge = end + grow * (0.045 * on + lobe * 0.062 * aside)
            notch = end + grow * 0.060 * on
            drawing.polygon(
                _smooth([end - 0.03 * on + lobe * 0.012 * aside, bulge, tip, notch, end - 0.03 * on]), kind
            )
        fin = [
            strip(0.30, 0.72, 0.9, 0.9)[0],
            spine[40] + out[40] * (half[40] + 0.034 * grow),
            spine[66] + out[66] * (half[66] + 0.052 * grow),
            spine[86] + out[86] * half[86] * 0.9,
        ]
        drawing.polygon(_smooth(fin), kind)
        low = [
            spine[46] - out[46] * half[46] * 0.9,
            spine[62] - out[62] * (half[62] + 0.040 * grow),
            spine[72] - out[72] * half[72] * 0.9,
        ]
        drawing.polygon(_smooth(low), kind)
    drawing.band(spine, half + 0.0075, "ink")
    drawing.polygon(strip(0, 1, 0.30, 1), back)
    drawing.polygon(strip(0, 1, -0.42, 0.38), side)
    drawing.polygon(strip(0, 1, -1, -0.40), belly)
    for bar in (0.36, 0.47, 0.58, 0.69, 0.80):
        drawing.polygon(strip(bar, bar + 0.042, -0.62, 1), "gold")
    drawing.polygon(strip(0, 0.245, -1, 1), "gold")
    drawing.polygon(strip(0.235, 0.262, -1, 1), "ink")
    drawing.polygon(strip(0, 0.10, -0.5, 0.25), "orange")
    eye = spine[16] + out[16] * half[16] * 0.32
    drawing.disc(eye[0], eye[1], 0.0235, "ink", "cream", "ink")


def _smooth(corners: list[NDArray]) -> NDArray:
    """A closed outline through rounded corners (quadratic B-spline)."""
    points = np.asarray(corners)
    t = np.linspace(0, 1, 16)[:, None]
    pieces = []
    for number in range(len(points)):
        before, here, after = points[number - 1], points[number], points[(number + 1) % len(points)]
        pieces.append((1 - t) ** 2 * (before + here) / 2 + 2 * t * (1 - t) * here + t**2 * (here + after) / 2)
    return np.concatenate(pieces)


def _border(drawing: Drawing) -> None:
    """A frame of lozenges between two dark fillets."""
    tall = SHAPE[0] / SHAPE[1]
    depth = 0.042
    for inset, kind in ((depth, "ink"), (depth - 0.009, "gold"), (0.010, "ink")):
        outer = ((0, 0), (1, 0), (1, tall), (0, tall), (0, 0))
        inner = (
            (inset, inset),
            (inset, tall - inset),
            (1 - inset, tall - inset),
            (1 - inset, inset),
            (inset, inset),
        )
        drawing.polygon(np.array(outer + inner), kind)
    middle, half = (depth - 0.009 + 0.010) / 2, 0.0115
    for number in range(29):
        across = 0.5 + (number - 14) * 0.0334
        down = tall / 2 + (number - 10) * 0.0334
        spots = [(across, middle), (across, tall - middle)]
        spots += [(middle, down), (1 - middle, down)] if number < 21 else []
        for cx, cy in spots:
            lozenge = np.array([(cx - 0.0155, cy), (cx, cy - half), (cx + 0.0155, cy), (cx, cy + half)])
            drawing.polygon(lozenge, ("red", "lapis")[number % 2])


def _lay_tiles(drawing: Drawing, rng: np.random.Generator) -> Image.Image:
    """Set the tiles, cut at the drawing's lines, in grout, and light them."""
    region = np.asarray(drawing.region, np.int32)
    kind = np.asarray(drawing.kind)
    edges = (ndimage.maximum_filter(region, 3) != region) | (ndimage.minimum_filter(region, 3) != region)
    gap = ndimage.distance_transform_edt(~edges).astype(np.float32)
    dy, dx = np.gradient(blur(gap, 2))
    # A square looks the same after a quarter turn: angles are smoothed as exp(4 i angle).
    spin = np.exp(4j * np.arctan2(dy, dx)) * np.exp(-gap / 14)
    angle = (
        np.angle(
            blur(spin.real, 9)
            + 1j * blur(spin.imag, 9)
            + 0.002 * (blur(spin.real, 50) + 1j * blur(spin.imag, 50))
        )
        / 4
    )

    # Smaller tiles where the drawing is fine.
    size = TILE * (0.62 + 0.45 * smoothstep(0, 46, blur(np.minimum(gap, 60), 24)))
    count = int((1 / size**2).sum())
    chance = (1 / size**2).ravel().cumsum()
    picked = np.searchsorted(chance, rng.random(count) * chance[-1])
    sites = np.stack([picked % SHAPE[1], picked // SHAPE[1]], axis=1).astype(np.float32)
    coarse = 3
    yy, xx = np.mgrid[coarse // 2 : SHAPE[0] : coarse, coarse // 2 : SHAPE[1] : coarse]
    pixels = np.stack([xx.ravel(), yy.ravel()], axis=1).astype(np.float32)
    for _ in range(14):
        owner, _, _ = _nearest_tiles(sites, pixels, region, angle, size)
        load = np.maximum(np.bincount(owner, minlength=count), 1)
        centre = np.stack([np.bincount(owner, pixels[:, k], count) / load for k in (0, 1)], axis=1)
        sites = np.where((np.bincount(owner, minlength=count) > 0)[:, None], centre, sites).astype(np.float32)

    yy, xx = np.mgrid[: SHAPE[0], : SHAPE[1]]
    pixels = np.stack([xx.ravel(), yy.ravel()], axis=1).astype(np.float32)
    owner, first, second = (
        part.reshape(SHAPE) for part in _nearest_tiles(sites, pixels, region, angle, size)
    )
    row, column = sites[:, 1].astype(int), sites[:, 0].astype(int)
    joint = np.minimum((second - first) * size, 1.7 * gap)  # px from the grout's middle
    joint = blur(joint, 0.7) + 0.5 * fbm(rng, SHAPE, 14, octaves=2)

    # Each tile: one shade of its glass, its own tilt, streaks and a rounded rim.
    shades: NDArray = np.empty((count, 3), np.float32)
    metal = np.empty(count, np.float32)
    for number, (codes, metallic) in enumerate(GLASS.values()):
        mine = kind[row, column] == number
        palette = np.stack([colour(code) for code in codes])
        shades[mine] = palette[rng.integers(0, len(palette), mine.sum())]
        metal[mine] = metallic
    shades = shades * rng.normal(1, 0.08, (count, 1)) + rng.normal(0, 0.018, (count, 3))
    tilt = rng.normal(0, 1, (count, 2)).astype(np.float32)
    glass, shine = shades[owner].astype(np.float32), metal[owner]
    streaks = fbm(rng, SHAPE, 26, octaves=4)
    lean = (tilt[owner, 0] * (xx - sites[owner, 0]) + tilt[owner, 1] * (yy - sites[owner, 1])) / TILE
    glass = glass * (1 + 0.07 * streaks + 0.16 * lean)[..., None]
    glass = glass * (1 + shine * (0.20 * tilt[owner, 0] + 0.10 * fbm(rng, SHAPE, 6, octaves=2)))[..., None]
    height = 3.2 * smoothstep(0.6, 6.0, joint) + 0.22 * streaks + 0.5 * lean
    hy, hx = np.gradient(blur(height, 0.7))
    facing = np.tanh(-1.1 * (0.66 * hx + 0.75 * hy))
    glass = (
        glass * (1 + 0.45 * facing)[..., None]
        + (0.16 + 0.12 * shine)[..., None] * np.clip(facing, 0, 1)[..., None]
    )
    glint = np.clip(tilt[owner].sum(axis=2) - 2.1, 0, 1) * (0.10 + 0.22 * shine)
    glass = glass + (glint * smoothstep(3, 8, joint))[..., None] * colour("#fff3cf")
    grout = colour("#4a4038") * (1 + 0.10 * fbm(rng, SHAPE, 5, octaves=2) + 0.25 * facing)[..., None]
    return to_picture(mix(grout, glass, smoothstep(1.2, 2.6, joint)))


def _nearest_tiles(
    sites: NDArray, pixels: NDArray, region: NDArray, angle: Field, size: Field
) -> tuple[NDArray, NDArray, NDArray]:
    """For each pixel its tile, and its distance (in tile sizes) to that tile and to the next one."""
    row, column = sites[:, 1].astype(int), sites[:, 0].astype(int)
    site_angle, site_size, site_region = angle[row, column], size[row, column], region[row, column]
    _, near = spatial.cKDTree(sites).query(pixels, k=7)
    mine = region[pixels[:, 1].astype(int), pixels[:, 0].astype(int)]
    off = pixels[:, None] - sites[near]
    c, s = np.cos(site_angle)[near], np.sin(site_angle)[near]
    along, across = np.abs(c * off[..., 0] + s * off[..., 1]), np.abs(c * off[..., 1] - s * off[..., 0])
    # Nearly a square: the 6-norm rounds its corners a little.
    reach = (along**6 + across**6) ** (1 / 6) / site_size[near]
    # A tile is cut at the lines of the drawing: it never reaches into another region.
    reach_here = reach + 50 * (site_region[near] != mine[:, None])
    best = reach_here.argmin(axis=1)
    rows = np.arange(len(pixels))
    first = reach[rows, best]
    reach[rows, best] = np.inf
    return near[rows, best], first, reach.min(axis=1)
