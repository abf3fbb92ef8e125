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
    "rocket.dream": (
        "Birds and their plumage, by a deep layer",
        "dream samples/rocket.jpg --layer mixed4 --octaves 4 --seed 1",
    ),
    "coffee.dream": (
        "Beasts and a bird in the spoon: what dreams without options draw",
        "dream samples/coffee.jpg --octaves 4 --seed 3",
    ),
    "chelsea.dream": (
        "Eyes and muzzles",
        "dream samples/chelsea.jpg --layer block4_conv3 --octaves 4 --seed 1",
    ),
    "hubble.dream": (
        "Eyes and muzzles out of nearly nothing",
        "dream samples/hubble.jpg --layer block4_conv3 --size 480 --seed 1",
    ),
    "autumn.dream": (
        "Whole birds, where a picture has detail everywhere",
        "dream samples/autumn.jpg --size 448 --seed 2",
    ),
    "autumn.large": (
        "Muzzles, eyes and spirals of all sizes: a picture of nearly a megapixel",
        "dream samples/autumn.jpg --layer block4_conv3 --seed 1",
    ),
    "astronaut.patterns": (
        "Strokes and ripples; faces stay",
        "dream samples/astronaut.jpg --layer block3_conv3 --size 384 --seed 1",
    ),
    "rocket.guided": (
        "Only what another picture has: towers, as the trees of a wood",
        "dream samples/rocket.jpg --guide samples/autumn.jpg --layer block4_conv3 --size 384 --seed 1",
    ),
    "chelsea.channels": (
        "More of what is there already: the three strongest channels",
        "dream samples/chelsea.jpg --layer 'block5_conv1[top3]' --steps 15 --size 320 --seed 1",
    ),
    "coffee.bands": (
        "All frequencies alike: dots and fine grain",
        "dream samples/coffee.jpg --layer block4_conv3 --laplacian 4 --turns --size 384 --seed 1",
    ),
    "chelsea.calm": (
        "Spirals and shells, in the photograph's own colours",
        "dream samples/chelsea.jpg --layer block4_conv2 --keep-colors after --size 384 --seed 3",
    ),
    "astronaut.style": (
        "A face in long strokes",
        "style samples/astronaut.jpg samples/swirls.jpg --size 448 --steps 25 --seed 1",
    ),
    "rocket.places": (
        "A style for the sky, another for the ground",
        "style samples/rocket.jpg samples/swirls.jpg --also samples/autumn.jpg "
        "--mask samples/sky.jpg --size 448 --steps 25 --seed 1",
    ),
    "coffee.style": (
        "Watercolour",
        "style samples/coffee.jpg samples/watercolour.jpg --size 448 --steps 25 --seed 1",
    ),
    "chelsea.style": (
        "Mosaic",
        "style samples/chelsea.jpg samples/mosaic.jpg --size 448 --steps 25 --seed 1",
    ),
    "rocket.style": (
        "A woodcut's lines, the photograph's colours",
        "style samples/rocket.jpg samples/wave.jpg --keep-colors after --size 448 --steps 25 --seed 1",
    ),
    "chelsea.mixed": (
        "Two paintings mixed, two parts to one",
        "style samples/chelsea.jpg samples/autumn.jpg --also samples/swirls.jpg "
        "--share 2 --share 1 --strength 0.7 --size 448 --steps 25 --seed 1",
    ),
    "chelsea.luminance": (
        "Strokes in lightness alone",
        "style samples/chelsea.jpg samples/swirls.jpg --keep-colors luminance --size 448 --steps 25 --seed 1",
    ),
    "hubble.style": (
        "Swirls for galaxies",
        "style samples/hubble.jpg samples/swirls.jpg --size 448 --steps 25 --seed 1",
    ),
    "vgg16.visualize": (
        "What six channels look for, from shallow to deep",
        "visualize --layer 'block3_conv3[3,40]' --layer 'block4_conv3[14,76]' "
        "--layer 'block5_conv1[5,40]' --grid --size 144 --steps 64 --seed 1",
    ),
    "chelsea.atlas": (
        "Every layer on one sheet, to choose from",
        "layers samples/chelsea.jpg --seed 1",
    ),
    "autumn.zoom": (
        "A spiral without end",
        "zoom samples/autumn.jpg --size 160 --frames 30 --zoom 1.06 --rotation 1 --loop --seed 1",
    ),
}
"""What is made: its look in a few words, and the arguments of `deepdream`, but for the output."""


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
        code = cli.run([*shlex.split(PICTURES[name][1]), flag, str(GALLERY / file(name)), "--overwrite"])
        if code:
            return code
    (GALLERY / "README.md").write_text(page(), encoding="utf-8")
    return 0


def file(name: str) -> str:
    """The file of the picture, or film, of that name."""
    return f"{name}.webp" if PICTURES[name][1].startswith("zoom ") else f"{name}.jpg"


def page() -> str:
    """The gallery's page: every picture between its look and the command that made it."""
    parts = [
        "# Gallery",
        "Made with the embedded VGG16 by `python scripts/gallery.py`. Every picture of a mode carries its "
        "recipe: `deepdream show samples/gallery/rocket.dream.jpg`.",
    ]
    for name, (look, command) in PICTURES.items():
        output = f" --atlas {name}.jpg" if _is_atlas(name) else ""
        parts += [f"**{look}**", f"![{name}]({file(name)})", f"`deepdream {command}{output}`"]
    return "\n\n".join(parts) + "\n"


def _is_atlas(name: str) -> bool:
    """Whether a tool makes it, which names its output another way than modes do."""
    return PICTURES[name][1].startswith("layers ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
