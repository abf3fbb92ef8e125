"""Program that makes the pictures of samples/gallery again, each with its recipe inside.

Run it from anywhere: `python scripts/gallery.py [NAME ...]` makes all of them, or those named.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GALLERY = Path("samples/gallery")

PICTURES = {
    "rocket.dream": "dream samples/rocket.jpg --layer mixed4 --octaves 4 --seed 1",
    "coffee.dream": "dream samples/coffee.jpg --octaves 4 --seed 3",
    "chelsea.dream": "dream samples/chelsea.jpg --layer block4_conv3 --octaves 4 --seed 1",
    "hubble.dream": "dream samples/hubble.jpg --layer block4_conv3 --size 480 --seed 1",
    "autumn.dream": "dream samples/autumn.jpg --size 448 --seed 2",
    "astronaut.patterns": "dream samples/astronaut.jpg --layer block3_conv3 --size 384 --seed 1",
    "rocket.guided": "dream samples/rocket.jpg --guide samples/autumn.jpg --layer block4_conv3 "
    "--size 384 --seed 1",
    "chelsea.channels": "dream samples/chelsea.jpg --layer 'block5_conv1[top3]' --steps 15 --size 320 "
    "--seed 1",
    "coffee.bands": "dream samples/coffee.jpg --layer block4_conv3 --laplacian 4 --turns --size 384 --seed 1",
    "chelsea.calm": "dream samples/chelsea.jpg --layer block4_conv2 --keep-colors after --size 384 --seed 3",
    "astronaut.style": "style samples/astronaut.jpg samples/swirls.jpg --size 448 --steps 25 --seed 1",
    "rocket.places": "style samples/rocket.jpg samples/swirls.jpg --also samples/autumn.jpg "
    "--mask samples/sky.jpg --size 448 --steps 25 --seed 1",
    "coffee.style": "style samples/coffee.jpg samples/watercolour.jpg --size 448 --steps 25 --seed 1",
    "chelsea.style": "style samples/chelsea.jpg samples/mosaic.jpg --size 448 --steps 25 --seed 1",
    "rocket.style": "style samples/rocket.jpg samples/wave.jpg --keep-colors after --size 448 --steps 25 "
    "--seed 1",
    "chelsea.mixed": "style samples/chelsea.jpg samples/autumn.jpg --also samples/swirls.jpg "
    "--share 2 --share 1 --strength 0.7 --size 448 --steps 25 --seed 1",
    "chelsea.luminance": "style samples/chelsea.jpg samples/swirls.jpg --keep-colors luminance --size 448 "
    "--steps 25 --seed 1",
    "hubble.style": "style samples/hubble.jpg samples/swirls.jpg --size 448 --steps 25 --seed 1",
    "vgg16.visualize": "visualize --layer 'block3_conv3[3,40]' --layer 'block4_conv3[14,76]' "
    "--layer 'block5_conv1[5,40]' --grid --size 144 --steps 64 --seed 1",
    "chelsea.atlas": "layers samples/chelsea.jpg --seed 1",
    "autumn.zoom": "zoom samples/autumn.jpg --size 160 --frames 30 --zoom 1.06 --rotation 1 --loop --seed 1",
}
"""What is made, and how: the arguments of `deepdream`, but for the output."""


def main(names: list[str]) -> int:
    """Make the pictures of those names, or all; the exit code is deepdream's."""
    from deepdream import cli

    unknown = [name for name in names if name not in PICTURES]
    if unknown:
        print(f"error: no picture '{unknown[0]}'; there are {', '.join(PICTURES)}", file=sys.stderr)
        return 2
    os.chdir(ROOT)
    os.environ["DEEPDREAM_OFFLINE"] = "1"  # the gallery shows what everybody gets: the embedded VGG16
    for name in names or PICTURES:
        flag = "--atlas" if _is_atlas(name) else "-o"
        code = cli.run([*shlex.split(PICTURES[name]), flag, str(GALLERY / file(name)), "--overwrite"])
        if code:
            return code
    (GALLERY / "README.md").write_text(page(), encoding="utf-8")
    return 0


def file(name: str) -> str:
    """The file of the picture, or film, of that name."""
    return f"{name}.webp" if PICTURES[name].startswith("zoom ") else f"{name}.jpg"


def page() -> str:
    """The gallery's page: every picture above the command that made it."""
    parts = [
        "# Gallery",
        "Made with the embedded VGG16 by `python scripts/gallery.py`. Every picture of a mode carries its "
        "recipe: `deepdream show samples/gallery/rocket.dream.jpg`.",
    ]
    for name, command in PICTURES.items():
        output = f" --atlas {name}.jpg" if _is_atlas(name) else ""
        parts += [f"![{name}]({file(name)})", f"`deepdream {command}{output}`"]
    return "\n\n".join(parts) + "\n"


def _is_atlas(name: str) -> bool:
    """Whether a tool makes it, which names its output another way than modes do."""
    return PICTURES[name].startswith("layers ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
