"""What a halo smaller than the reach costs in exactness: its gradient beside that of the whole picture.

    python -m benchmarks.halos --layer block5_conv3 --core 128 samples/chelsea.jpg

prints a row for every part of the reach: the relative error of the gradient that the tiles add up to, its
cosine, how much rougher it is across the tiles' borders than that of the whole (seam index), and how many
pixels go through the network for every pixel of the picture. A network without
weights at hand gets random ones.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import measure
from deepdream import backbones
from deepdream import objectives as obj
from deepdream.climb import tiling
from deepdream.climb.pool import Pool
from deepdream.pictures.picture import Picture
from deepdream.silence import silence_tensorflow

PARTS = (0.25, 0.375, 0.5, 0.625, 0.75, 1.0)


def roughness(change: np.ndarray, size: tuple[int, int], core: int) -> float:
    """Mean step of `change` `[H, W, 3]` across the tiles' borders."""
    steps = []
    for axis, side in enumerate(size):
        lines = np.abs(np.diff(change, axis=axis)).mean(axis=(1 - axis, 2))
        steps.append(lines[core - 1 : side - 1 : core])
    return float(np.concatenate(steps).mean())


def rows(
    network: Any, objective: obj.Objective, pixels: np.ndarray, core: int, parts: Sequence[float]
) -> Iterator[dict[str, float]]:
    """The figures of every part of the reach, for a picture `[H, W, 3]`."""
    import tensorflow as tf

    from deepdream.climb.gradient import TiledGradient, bare
    from deepdream.climb.network import Probe, to_canvas

    canvas = to_canvas(Picture.from_array(pixels))
    size = tuple(canvas.shape[1:3])
    layers = [network.layer(name) for name in objective.layers]
    seen = tiling.reach(layers)
    assert seen is not None
    probe = Probe(network, canvas, size)
    targets = [term.target(probe) if term.target else () for term in objective.terms]
    open_ = tf.nest.map_structure(lambda t: tf.TensorSpec(_open(t.shape), t.dtype), bare(targets))
    tiled = TiledGradient(network, objective, open_)
    weights = tf.constant([term.weight for term in objective.terms], tf.float32)

    def gradient(tiles: Sequence[tiling.Tile]) -> np.ndarray:
        found: np.ndarray = tiled(canvas, targets, weights, tiles, (0, 0), lambda _: True)[1][0]
        return found

    everything = ((0, size[0]), (0, size[1]))
    whole = gradient([tiling.Tile(everything, everything)]).astype(np.float64)
    for part in parts:
        tiles = tiling.cut(size, layers, tiling.shortened(seen, layers, part), core)
        began = time.perf_counter()
        found = gradient(tiles).astype(np.float64)
        looked = sum(
            (tile.crop[0][1] - tile.crop[0][0]) * (tile.crop[1][1] - tile.crop[1][0]) for tile in tiles
        )
        yield {
            "part": part,
            "before": tiling.shortened(seen, layers, part).before,
            "after": tiling.shortened(seen, layers, part).after,
            "error": float(np.linalg.norm(found - whole) / np.linalg.norm(whole)),
            "cosine": measure.cosine(found, whole),
            "seam": roughness(found, size, core) / roughness(whole, size, core),
            "worst": float(np.abs(found - whole).max() / np.abs(whole).mean()),
            "pixels": looked / (size[0] * size[1]),
            "seconds": time.perf_counter() - began,
        }


def _open(shape: Any) -> list[int | None]:
    sides = shape.as_list()
    return [sides[0], None, None, sides[3]] if len(sides) == 4 else sides


def open_network(model: str, layers: Sequence[str], folder: Path) -> Any:
    """The network in float32, with random weights where it has none here."""
    weights = None
    if model != "vgg16":
        weights = folder / "random.weights.h5"
        measure.process(["-m", "benchmarks.peers.keras_inception", str(weights)])
    return Pool().network(backbones.resolve(model, tuple(layers), weights=weights), "float32")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--model", default="vgg16", choices=["vgg16", "inception_v3"])
    parser.add_argument("--layer", action="append", required=True)
    parser.add_argument("--style", type=Path, help="also Gram matrices of this picture at block1 to 5_conv1")
    parser.add_argument("--core", type=int, default=128)
    parser.add_argument("--size", type=int, default=512, help="longest side of the pictures")
    parser.add_argument("--part", type=float, action="append", help="part of the reach; repeatable")
    args = parser.parse_args()
    silence_tensorflow()
    objective: Any = obj.total(obj.layer(name) for name in args.layer)
    if args.style:
        style = _read(args.style, args.size)
        names = [f"block{i}_conv1" for i in range(1, 6)]
        objective = -1e-3 * obj.content(args.layer[0], _read(args.pictures[0], args.size)) - obj.total(
            obj.gram(name, style, relative=True) for name in names
        )
    with tempfile.TemporaryDirectory() as folder:
        network = open_network(args.model, objective.layers, Path(folder))
    for path in args.pictures:
        for row in rows(network, objective, _read(path, args.size).pixels, args.core, args.part or PARTS):
            facts = {"picture": path.stem, "layers": args.layer, "core": args.core}
            print(json.dumps({**facts, **{name: round(value, 5) for name, value in row.items()}}), flush=True)


def _read(path: Path, longest: int) -> Picture:
    with Image.open(path) as picture:
        factor = longest / max(picture.size)
        size = [round(side * factor) for side in picture.size]
        return Picture.from_array(
            np.asarray(picture.convert("RGB").resize(size, Image.Resampling.LANCZOS), np.float32)
        )


if __name__ == "__main__":
    main()
