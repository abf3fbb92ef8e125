"""Neural style by hand in PyTorch: Gram matrices (Gatys, Ecker & Bethge 2016) and `torch.optim.LBFGS`.

    python -m benchmarks.peers.torch_style content.png style.png out.png [--dtype bfloat16] [--channels-last]

The terms and weights are those of `deepdream style` and jcjohnson/neural-style; it starts from the content.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from PIL import Image

from benchmarks.peers.torch_dream import VGG16, to_pixels, to_tensor, use_all_cores

CONTENT = "block4_conv2"
STYLE = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1")
CONTENT_WEIGHT, STYLE_WEIGHT, TV_WEIGHT = 5.0, 100.0, 1e-3


def gram(features: torch.Tensor) -> torch.Tensor:
    """FᵀF / (h·w), `[C, C]`."""
    flat = features[0].flatten(1)
    return flat @ flat.T / flat.shape[1]


class Loss:
    """What is to be made small: distance to the content, to the style's Gram matrices, and roughness."""

    def __init__(self, network: VGG16, content: torch.Tensor, style: torch.Tensor) -> None:
        self.network = network
        with torch.no_grad():
            self.content = network(content)[CONTENT].clone()
            features = network(style)
            self.grams = {name: gram(features[name]) for name in STYLE}

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        features = self.network(x)
        loss = CONTENT_WEIGHT * (features[CONTENT] - self.content).square().mean()
        for name in STYLE:
            target = self.grams[name]
            distance = (gram(features[name]) - target).square().mean() / target.shape[0] ** 2
            loss = loss + STYLE_WEIGHT * distance
        rough = x.diff(dim=2).square().sum() + x.diff(dim=3).square().sum()
        return loss + TV_WEIGHT * 0.5 * rough


def optimise(loss: Loss, x: torch.Tensor, optimiser: torch.optim.LBFGS) -> None:
    """One call of the optimiser, which takes its `max_iter` iterations."""

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        value = loss(x)
        value.backward()
        return value

    optimiser.step(closure)


def lbfgs(x: torch.Tensor, iterations: int, history: int = 20) -> torch.optim.LBFGS:
    """L-BFGS that stops after `iterations`, one evaluation each, and for no other reason."""
    return torch.optim.LBFGS(
        [x],
        max_iter=iterations,
        max_eval=iterations,
        history_size=history,
        tolerance_grad=-1.0,
        tolerance_change=-1.0,
    )


class Stepper:
    """What the L-BFGS iteration is timed with; the style is the picture upside down."""

    def __init__(self, dtype: str = "float32", channels_last: bool = False) -> None:
        use_all_cores()
        self.network = VGG16([CONTENT, *STYLE], getattr(torch, dtype), channels_last)

    def load(self, pixels: np.ndarray) -> None:
        start, content = to_tensor(pixels), to_tensor(pixels[:, ::-1])
        self.loss = Loss(self.network, content, to_tensor(pixels[::-1]))
        self.x = start.requires_grad_()
        self.optimiser = lbfgs(self.x, 1)

    def gradient(self) -> np.ndarray:
        (slope,) = torch.autograd.grad(self.loss(self.x), self.x)
        return to_pixels(-slope)

    def run(self, steps: int) -> None:
        for _ in range(steps):
            optimise(self.loss, self.x, self.optimiser)


def read(path: str, longest: int) -> torch.Tensor:
    """A picture, its longer side `longest` pixels."""
    picture = Image.open(path).convert("RGB")
    factor = longest / max(picture.size)
    width, height = (round(side * factor) for side in picture.size)
    return to_tensor(np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("content")
    parser.add_argument("style")
    parser.add_argument("target")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--channels-last", action="store_true")
    args = parser.parse_args()
    use_all_cores()
    network = VGG16([CONTENT, *STYLE], getattr(torch, args.dtype), args.channels_last)
    content, style = read(args.content, args.size), read(args.style, args.size)
    x = content.clone().requires_grad_()
    optimise(Loss(network, content, style), x, lbfgs(x, args.steps))
    Image.fromarray(to_pixels(x.detach().clamp(0, 255)).round().astype(np.uint8)).save(args.target)


if __name__ == "__main__":
    main()
