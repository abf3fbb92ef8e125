"""Deep Dream by hand in PyTorch: a VGG16 made of plain layers, and google/deepdream's loop.

    python -m benchmarks.peers.torch_dream in.png out.png [--dtype bfloat16] [--channels-last]

It stands on its own: nothing here comes from deepdream but the file of weights.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import interpolate

WEIGHTS = Path(__file__).resolve().parents[2] / "deepdream/backbones/vgg16_imagenet_notop_f16.weights.h5"
BLOCKS = (2, 2, 3, 3, 3)
"""Convolutions of each block of VGG16; a pooling follows every block."""


class VGG16(nn.Module):
    """VGG16's features up to the deepest of `layers`, which have the names that Keras gives them.

    Takes RGB grey levels `[1, 3, H, W]` in float32, returns activations in float32.
    """

    def __init__(self, layers: Sequence[str], dtype: torch.dtype, channels_last: bool) -> None:
        super().__init__()
        self.names: list[str] = []
        modules: list[nn.Module] = []
        wanted, number = set(layers), 0
        with h5py.File(WEIGHTS) as file:
            for block, convolutions in enumerate(BLOCKS, start=1):
                for i in range(1, convolutions + 1):
                    if not wanted:
                        break
                    stored = file["layers"]["conv2d" if number == 0 else f"conv2d_{number}"]["vars"]
                    kernel, bias = stored["0"][()].astype(np.float32), stored["1"][()].astype(np.float32)
                    conv = nn.Conv2d(kernel.shape[2], kernel.shape[3], 3, padding=1)
                    conv.weight.data = torch.from_numpy(kernel).permute(3, 2, 0, 1).contiguous()
                    conv.bias.data = torch.from_numpy(bias)
                    modules.append(nn.Sequential(conv, nn.ReLU(inplace=True)))
                    self.names.append(f"block{block}_conv{i}")
                    wanted.discard(self.names[-1])
                    number += 1
                if wanted:
                    modules.append(nn.MaxPool2d(2))
                    self.names.append(f"block{block}_pool")
        self.body = nn.ModuleList(modules)
        self.wanted = set(layers)
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.dtype = dtype
        self.register_buffer("mean", torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1))
        self.requires_grad_(False).eval()
        self.body.to(dtype=dtype, memory_format=self.format)

    def forward(self, canvas: torch.Tensor) -> Mapping[str, torch.Tensor]:
        x = (canvas.flip(1) - self.mean).to(dtype=self.dtype, memory_format=self.format)
        found = {}
        for name, module in zip(self.names, self.body, strict=True):
            x = module(x)
            if name in self.wanted:
                found[name] = x.float()
        return found


def gradient(network: VGG16, layer: str, x: torch.Tensor) -> torch.Tensor:
    """Gradient of the mean square of a layer's activations."""
    x = x.detach().requires_grad_()
    network(x)[layer].square().mean().backward()
    return x.grad


def step(network: VGG16, layer: str, x: torch.Tensor, step_size: float = 1.5) -> torch.Tensor:
    """Normalised gradient ascent, inside the grey levels."""
    g = gradient(network, layer, x)
    return (x + step_size * g / g.abs().mean()).clamp(0, 255)


def use_all_cores() -> None:
    """As many threads as there are cores to run on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    torch.set_num_threads(cores)


def to_tensor(pixels: np.ndarray) -> torch.Tensor:
    """`[H, W, 3]` to `[1, 3, H, W]`."""
    return torch.from_numpy(np.array(pixels, np.float32)).permute(2, 0, 1)[None].contiguous()


def to_pixels(x: torch.Tensor) -> np.ndarray:
    """`[1, 3, H, W]` to `[H, W, 3]`."""
    return x[0].permute(1, 2, 0).contiguous().numpy()


class Stepper:
    """What the gradient step is timed with."""

    def __init__(self, dtype: str = "float32", channels_last: bool = False, layer: str = "block4_conv3"):
        use_all_cores()
        self.layer = layer
        self.network = VGG16([layer], getattr(torch, dtype), channels_last)

    def load(self, pixels: np.ndarray) -> None:
        self.x = to_tensor(pixels)

    def gradient(self) -> np.ndarray:
        return to_pixels(gradient(self.network, self.layer, self.x))

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.x = step(self.network, self.layer, self.x)


def dream(
    network: VGG16, layer: str, original: torch.Tensor, octaves: int, scale: float, steps: int, jitter: int
) -> torch.Tensor:
    """The octaves of google/deepdream: what one adds is carried to the next."""
    torch.manual_seed(0)
    bases = [original]
    for _ in range(octaves - 1):
        size = [round(side / scale) for side in bases[0].shape[2:]]
        bases.insert(0, interpolate(bases[0], size, mode="bilinear"))
    detail = torch.zeros_like(bases[0])
    for base in bases:
        x = base + interpolate(detail, base.shape[2:], mode="bilinear")
        for _ in range(steps):
            shift = torch.randint(-jitter, jitter + 1, [2]).tolist()
            x = step(network, layer, x.roll(shift, (2, 3))).roll([-shift[0], -shift[1]], (2, 3))
        detail = x - base
    return x


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--layer", default="block4_conv3")
    parser.add_argument("--octaves", type=int, default=4)
    parser.add_argument("--octave-scale", type=float, default=1.4)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--jitter", type=int, default=32)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--channels-last", action="store_true")
    args = parser.parse_args()
    use_all_cores()
    network = VGG16([args.layer], getattr(torch, args.dtype), args.channels_last)
    original = to_tensor(np.asarray(Image.open(args.source).convert("RGB")))
    x = dream(network, args.layer, original, args.octaves, args.octave_scale, args.steps, args.jitter)
    Image.fromarray(to_pixels(x).round().astype(np.uint8)).save(args.target)


if __name__ == "__main__":
    main()
