"""Make the pictures in samples/: export the photographs from scikit-image, paint the style pictures.

    python scripts/samples.py                 all of them
    python scripts/samples.py coffee mosaic   only these

Needs numpy, pillow and scipy to paint, and an installed scikit-image 0.25 for the photographs.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

SAMPLES = Path(__file__).resolve().parent.parent / "samples"

# Photographs in scikit-image's wheel that its documentation calls CC0 or public domain (samples/CREDITS.md).
PHOTOS = {
    "astronaut": "astronaut.png",
    "chelsea": "chelsea.png",
    "coffee": "coffee.png",
    "hubble": "hubble_deep_field.jpg",
    "rocket": "rocket.jpg",
}
# Style pictures, and a mask: painting/<name>.py has a function paint().
STYLES = ("autumn", "mosaic", "sky", "swirls", "watercolour", "wave")
LARGEST = 500_000  # bytes of a style picture


def photograph(name: str) -> Image.Image:
    """The photograph in sRGB; exits with one line when scikit-image is not there."""
    from PIL import Image, ImageCms

    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        sys.exit(
            f"{name}: comes from scikit-image, which is not installed (pip install scikit-image==0.25.2)"
        )
    path = Path(found.origin).parent / "data" / PHOTOS[name]
    if not path.is_file():
        sys.exit(f"{name}: this scikit-image has no data/{PHOTOS[name]} (pip install scikit-image==0.25.2)")
    picture: Image.Image = Image.open(path)
    profile = picture.info.get("icc_profile")
    if profile:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), inPlace=True)
    return picture.convert("RGB")


def encode(picture: Image.Image, quality: int, largest: int | None = None) -> bytes:
    """JPEG bytes without metadata; `quality` goes down until they are at most `largest`."""
    from PIL import Image

    bare = Image.frombytes("RGB", picture.size, picture.tobytes())  # leaves the source's metadata behind
    while True:
        file = io.BytesIO()
        bare.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
        if largest is None or file.tell() <= largest or quality <= 70:
            return file.getvalue()
        quality -= 1


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the pictures in samples/.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join((*PHOTOS, *STYLES))}")
    names = parser.parse_args().names or [*PHOTOS, *STYLES]
    unknown = [name for name in names if name not in PHOTOS and name not in STYLES]
    if unknown:
        parser.error(f"no sample {unknown[0]!r}; there are {', '.join((*PHOTOS, *STYLES))}")
    for name in names:
        if name in PHOTOS:
            data = encode(photograph(name), quality=92)
        else:
            data = encode(importlib.import_module(f"painting.{name}").paint(), quality=90, largest=LARGEST)
        (SAMPLES / f"{name}.jpg").write_bytes(data)
        print(f"{SAMPLES.name}/{name}.jpg  {len(data) // 1000} kB")


if __name__ == "__main__":
    main()
