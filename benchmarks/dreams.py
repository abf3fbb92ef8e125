"""What a dream comes to: a channel raised above the others, a guide followed, a preview that holds.

Each function yields rows of figures, all of VGG16 as it is in the package and of photographs in samples/;
`claims` makes tables of them. Features are those of the pictures rolled by shifts that no dream had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from benchmarks import measure
from benchmarks.gains import SHIFTS
from benchmarks.measure import ROOT
from benchmarks.parts import Settings
from deepdream.pictures.picture import Picture, load
from deepdream.silence import silence_tensorflow

LAYERS = ("block3_conv3", "block4_conv3", "block5_conv1", "block5_conv3")
GUIDES, UNRELATED = ("autumn", "chelsea"), ("rocket", "hubble")
WAYS = ("match", "cosine", "direction")
LADDER: Sequence[tuple[str, int, int, Mapping[str, Any]]] = (
    ("coffee", 192, 384, {"smallest": 96}),
    ("coffee", 192, 384, {"octaves": 4}),
    ("coffee", 512, 1536, {}),
    ("autumn", 512, 1536, {}),
)
"""Photograph, longest sides of the preview and of the large render, options of both."""
LARGE = (("autumn", 512, 3840, {"memory": 4}), ("autumn", 512, 7680, {"memory": 4}))
LUMINANCE = (0.299, 0.587, 0.114)


def selectivity(settings: Settings) -> Iterator[dict[str, Any]]:
    """Channels dreamt one at a time: how each stands out among the gains of all of its layer."""
    size, count, steps = (48, 1, 2) if settings.quick else (224, 6, 10)
    for photo in ("coffee", "chelsea"):
        for layer in LAYERS:
            if not settings.wants(case := f"{photo} {layer}"):
                continue
            picture = sample(photo).fitted(size)
            before = features(picture, layer).mean(axis=0)
            for channel in drawn(before, count):
                dreamt = dream(picture, f"{layer}[{channel}]", precision="float32", steps=steps)
                gains = features(dreamt, layer).mean(axis=0) - before
                z, rank = standing(gains, channel)
                row = {"case": case, "layer": layer, "channel": channel, "z": z, "rank": rank}
                yield row | {"before": float(before[channel]), "gain": float(gains[channel])}


def guides(settings: Settings) -> Iterator[dict[str, Any]]:
    """Guided dreams: how near the cells come to their guide and to three others, and where the mean goes."""
    size, steps = (48, 2) if settings.quick else (224, 10)
    picture = sample("coffee").fitted(size)
    pictures = {name: sample(name).fitted(size) for name in (*GUIDES, *UNRELATED)}
    for layer in ("block4_conv3", "block5_conv1"):
        for way in WAYS:
            if not settings.wants(case := f"{layer} {way}"):
                continue
            there = {name: features(it, layer) for name, it in pictures.items()}
            first = features(picture, layer)
            before = {name: nearness(first, it) for name, it in there.items()}
            for guide in GUIDES:
                options: dict[str, Any] = {"guide": pictures[guide], "guide_by": way}
                dreamt = dream(picture, layer, precision="float32", steps=steps, **options)
                last = features(dreamt, layer)
                after = {name: nearness(last, it) for name, it in there.items()}
                towards = {name: heading(first, last, it) for name, it in there.items()}
                row = {"case": case, "layer": layer, "by": way, "guide": guide}
                yield row | {"before": before, "after": after, "towards": towards}


def ladder(settings: Settings) -> Iterator[dict[str, Any]]:
    """A preview beside the large render shrunk to it; and another seed's preview, and the photograph.

    A render that is in the folder already is not made again.
    """
    cases = [*LADDER, *(LARGE if settings.large else ())]
    for photo, small, large, options in [("coffee", 40, 64, {"steps": 2})] if settings.quick else cases:
        case = " ".join([photo, f"{small} to {large} px", *(f"{key}={it}" for key, it in options.items())])
        if not settings.wants(case):
            continue
        renders = [
            rendered(settings.folder, photo, *it, options) for it in ((small, 1), (small, 2), (large, 1))
        ]
        size = renders[0].size
        preview, other, shrunk = (it.resized(*size).pixels for it in renders)
        plain = [sample(photo).fitted(it).resized(*size).pixels for it in (small, large)]
        change = shrunk - plain[1]
        yield {
            "case": case,
            "ssim": ssim(preview, shrunk),
            "cosine": measure.cosine(preview - plain[0], change),
            "other seed, ssim": ssim(other, shrunk),
            "other seed, cosine": measure.cosine(other - plain[0], change),
            "photograph, ssim": ssim(plain[0], shrunk),
        }


def rendered(folder: Path, photo: str, size: int, seed: int, options: Mapping[str, Any]) -> Picture:
    """A dream at block4_conv3, from `folder` if it is there, else made and saved there."""
    words = [photo, f"{size}px", f"seed{seed}", *(f"{key}{it}" for key, it in options.items())]
    path = folder / f"{'-'.join(words)}.png"
    if not path.exists():
        dream(sample(photo), "block4_conv3", seed=seed, size=size, **options).save(path)
    return load(path)


def dream(picture: Picture, layer: str, *, seed: int = 1, **options: Any) -> Picture:
    """What `deepdream dream` makes of a picture."""
    import deepdream

    made: Picture = deepdream.dream(picture, layer=layer, seed=seed, model="vgg16", **options)
    return made


@cache
def sample(name: str) -> Picture:
    return load(ROOT / f"samples/{name}.jpg")


def features(picture: Picture, layer: str) -> np.ndarray:
    """The features of every cell `[cells, C]`, in float32, of the picture rolled by each of `SHIFTS`."""
    network = opened(layer)
    rolled = [picture.with_pixels(np.roll(picture.pixels, shift, (0, 1))) for shift in SHIFTS]
    found = [network.features(it, (it.height, it.width))[layer].numpy() for it in rolled]
    return np.concatenate([it.reshape(-1, it.shape[-1]) for it in found])


@cache
def opened(layer: str) -> Any:
    silence_tensorflow()
    from deepdream.backbones import resolve
    from deepdream.climb.engine import Pool

    return Pool().network(resolve("vgg16", [layer]), "float32")


def drawn(before: np.ndarray, count: int) -> list[int]:
    """So many channels by chance, always the same, of those that answer at all: `before` `[C]` above 0."""
    return [int(it) for it in np.random.default_rng(0).permutation(np.flatnonzero(before > 0))[:count]]


def standing(gains: np.ndarray, channel: int) -> tuple[float, int]:
    """How many standard deviations of the other gains `[C]` one is above their mean, and its rank, from 1."""
    others = np.delete(gains, channel)
    return float((gains[channel] - others.mean()) / others.std()), int((others > gains[channel]).sum()) + 1


def nearness(cells: np.ndarray, guide: np.ndarray) -> float:
    """The mean over `[cells, C]` of the largest cosine with a cell of the guide; a silent cell has none."""
    a, b = (it / np.maximum(np.linalg.norm(it, axis=1, keepdims=True), 1e-9) for it in (cells, guide))
    return float((a @ b.T).max(axis=1).mean())


def heading(first: np.ndarray, last: np.ndarray, guide: np.ndarray) -> float:
    """The cosine of the way that the mean of the cells `[cells, C]` went with the way to the guide's mean."""
    start, end, there = (it.mean(axis=0) for it in (first, last, guide))
    return measure.cosine(end - start, there - start)


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Mean structural similarity of two pictures' `[H, W, 3]` luminance, grey levels (Wang et al. 2004).

    The window is a Gaussian of 1.5 px, of 11 px at most.
    """

    def blurred(it: np.ndarray) -> np.ndarray:
        found: np.ndarray = gaussian_filter(it, 1.5, truncate=3.5)
        return found

    x, y = (it.astype(np.float64) @ LUMINANCE for it in (a, b))
    mx, my = blurred(x), blurred(y)
    vx, vy, both = blurred(x * x) - mx**2, blurred(y * y) - my**2, blurred(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    found = (2 * mx * my + c1) * (2 * both + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return float(found.mean())
