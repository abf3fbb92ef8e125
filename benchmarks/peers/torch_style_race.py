"""The recipe of jcjohnson/neural-style by hand in PyTorch, saving what it has after so many seconds.

    python -m benchmarks.peers.torch_style_race content.png style.png out --seconds 10 --seconds 60

writes out.10s.png and out.60s.png.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from PIL import Image

from benchmarks.peers.torch_dream import VGG16, to_pixels, use_all_cores
from benchmarks.peers.torch_style import CONTENT, STYLE, Loss, lbfgs, optimise, read

MEAN = (123.68, 116.779, 103.939)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("content")
    parser.add_argument("style")
    parser.add_argument("target")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--seconds", type=float, action="append", required=True)
    parser.add_argument("--optimiser", choices=["adam", "lbfgs"], default="lbfgs")
    parser.add_argument("--start", choices=["mean", "content"], default="mean")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--channels-last", action="store_true")
    args = parser.parse_args()
    use_all_cores()
    torch.manual_seed(0)
    network = VGG16([CONTENT, *STYLE], getattr(torch, args.dtype), args.channels_last)
    content, style = read(args.content, args.size), read(args.style, args.size)
    began = time.monotonic()
    loss = Loss(network, content, style)
    noise = torch.tensor(MEAN).view(1, 3, 1, 1) + 0.001 * torch.randn_like(content)
    x = (noise if args.start == "mean" else content.clone()).requires_grad_()
    adam = torch.optim.Adam([x], lr=10.0)
    # One iteration at a call keeps the history, and lets us look at the clock.
    quasi = lbfgs(x, 1, history=100)
    steps = 0
    for limit in sorted(args.seconds):
        while time.monotonic() - began < limit:
            if args.optimiser == "lbfgs":
                optimise(loss, x, quasi)
            else:
                adam.zero_grad()
                loss(x).backward()
                adam.step()
            steps += 1
        print(f"{args.optimiser} from {args.start}: {steps} steps in {limit:g} s", flush=True)
        pixels = to_pixels(x.detach().clamp(0, 255)).round().astype(np.uint8)
        Image.fromarray(pixels).save(f"{args.target}.{limit:g}s.png")


if __name__ == "__main__":
    main()
