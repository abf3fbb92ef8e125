"""Frames to one file: animated GIF and WebP by Pillow, MP4 by PyAV, with the recipe in the metadata.

Frames are read from the disk one at a time and written at once, so a film may be of any length; what stays in
memory is at most the film as it will be in the file.

| format | where the recipe is |
| --- | --- |
| GIF | comment, as `{"deepdream": ...}` |
| WebP | EXIF UserComment, as in a picture |
| MP4 | metadata `comment`, as `{"deepdream": ...}` |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import GifImagePlugin, Image

from deepdream.errors import DeepDreamError, UsageError
from deepdream.pictures.encoding import comment_of, exif_of, recipe_of_comment
from deepdream.pictures.saving import FILMS, check_writable, format_of, writing

__all__ = ["check_film", "recipe_of_mp4", "write_film"]

Shot = Callable[[int], Image.Image]
"""Frame `index` as an RGB or RGBA image."""


def check_film(
    path: Path, fps: float, *, size: tuple[int, int] | None = None, overwrite: bool = False
) -> None:
    """Find out, before any frame is made, whether a film could be written at `path`.

    `UsageError` for a suffix that is no film's and for more frames per second than a format can show,
    `DeepDreamError` for all else in the way.
    """
    check_writable(path, overwrite, size=size, suffixes=FILMS)
    format = format_of(path, FILMS)
    if format == "MP4":
        pyav()
    if fps > (fastest := {"GIF": 50, "WEBP": 1000}.get(format, 1000)):
        raise UsageError(
            f"{format} shows at most {fastest} frames per second, not {fps:g}",
            f"take --fps {fastest}" + (", or save as .webp" if format == "GIF" else ""),
        )


@dataclass(frozen=True)
class _Roll:
    """The frames of a film and when they are shown."""

    shot: Shot
    count: int
    fps: float
    rest: float
    loop: bool

    def durations(self, unit: int) -> list[int]:
        """How long each frame is shown, in parts of a second of which there are `unit`.

        Rounded so that the film as a whole keeps its length.
        """
        ends = [round(unit * (index + 1) / self.fps) for index in range(self.count)]
        ends[-1] += round(unit * self.rest)
        return [end - begin for begin, end in zip([0, *ends], ends, strict=False)]


def write_film(
    path: Path,
    shot: Shot,
    count: int,
    *,
    fps: float,
    loop: bool,
    rest: float = 0.0,
    recipe: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the frames `shot(0)` to `shot(count - 1)`, all of one size, to a .gif, .webp or .mp4 file.

    The last frame stays for `rest` seconds more. All or nothing, as `Picture.save`. GIF and MP4 have no
    transparency: white shows through.
    """
    write = {"GIF": _gif, "WEBP": _webp, "MP4": _mp4}[format_of(path, FILMS)]
    roll = _Roll(shot, count, fps, rest, loop)
    with writing(path, overwrite=overwrite) as temporary:
        write(temporary, roll, recipe)
    return path


def _gif(path: Path, roll: _Roll, recipe: Mapping[str, Any] | None) -> None:
    """The first frame as Pillow writes it, and the others appended: its own `save_all` keeps them all.

    A GIF counts time in hundredths of a second.
    """
    options: dict[str, Any] = {"optimize": False}
    if roll.loop:
        options["loop"] = 0
    if recipe is not None:
        options["comment"] = comment_of(recipe).encode("ascii")
    with path.open("wb") as file:
        for index, length in enumerate(roll.durations(100)):
            image = _paletted(_on_white(roll.shot(index)))
            if index == 0:
                image.save(file, "GIF", duration=10 * length, **options)
                file.seek(-1, 2)  # over the trailer, one byte
            else:
                blocks = GifImagePlugin.getdata(image, duration=10 * length, include_color_table=True)
                file.write(b"".join(blocks))
        file.write(b";")


def _paletted(image: Image.Image) -> Image.Image:
    """The image in the 256 colours that suit it best, its fractions spread over neighbours.

    The colours are those of a sample of the pixels, by median cut and k-means: all would take seconds.
    """
    side = min(1.0, 128 / max(image.size))
    sample = image.resize(
        (max(1, round(image.width * side)), max(1, round(image.height * side))), Image.Resampling.NEAREST
    )
    palette = sample.quantize(256, Image.Quantize.MEDIANCUT, kmeans=1)
    return image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)


class _Reader(Image.Image):
    """An image whose frames come from elsewhere, for encoders that ask for one after another."""

    def __init__(self, shot: Shot, count: int) -> None:
        super().__init__()
        self._shot, self.n_frames = shot, count
        self.seek(0)

    def seek(self, frame: int) -> None:
        image = self._shot(frame)
        self._frame, self._size, self._mode = frame, image.size, image.mode
        self.im = image.im

    def tell(self) -> int:
        return self._frame


def _webp(path: Path, roll: _Roll, recipe: Mapping[str, Any] | None) -> None:
    options: dict[str, Any] = {"quality": 85, "method": 4, "loop": 0 if roll.loop else 1}
    if recipe is not None:
        options["exif"] = exif_of("WEBP", recipe).tobytes()
    film = _Reader(roll.shot, roll.count)
    film.save(path, "WEBP", save_all=True, duration=roll.durations(1000), **options)


def _mp4(path: Path, roll: _Roll, recipe: Mapping[str, Any] | None) -> None:
    """H.264 as every player shows it: 8 bits 4:2:0 in BT.709, even sides, the index in front."""
    av = pyav()
    options = {"movflags": "+faststart"}
    if min(roll.shot(0).size) < 2:
        raise DeepDreamError("MP4 holds no frame of one pixel's width or height", "save as .webp")
    with av.open(str(path), "w", format="mp4", options=options) as container:
        if recipe is not None:
            container.metadata["comment"] = comment_of(recipe)
        for packet in _packets(av, container, roll):
            container.mux(packet)


def _packets(av: Any, container: Any, roll: _Roll) -> Iterator[Any]:
    first = roll.shot(0)
    # Always four threads: their number changes the bytes.
    options = {"crf": "16", "preset": "medium", "threads": "4"}
    stream = container.add_stream("libx264", rate=Fraction(roll.fps).limit_denominator(1001), options=options)
    stream.width, stream.height = first.width // 2 * 2, first.height // 2 * 2
    stream.pix_fmt = "yuv420p"
    for name in ("colorspace", "color_primaries", "color_trc"):
        setattr(stream.codec_context, name, 1)  # BT.709
    for index in range(roll.count + round(roll.rest * roll.fps)):
        image = _on_white(roll.shot(min(index, roll.count - 1))).crop((0, 0, stream.width, stream.height))
        frame = av.VideoFrame.from_image(image).reformat(format="yuv420p", dst_colorspace="ITU709")
        yield from stream.encode(frame)
    yield from stream.encode(None)


def recipe_of_mp4(path: Path) -> Any:
    """The recipe that an MP4 file carries, or None; `DamagedRecipeError` if it cannot be read."""
    av = pyav()
    try:
        with av.open(str(path)) as container:
            return recipe_of_comment(container.metadata.get("comment"))
    except av.error.FFmpegError as error:
        raise DeepDreamError(
            f"{path} is damaged or cut short", "fetch it again from where it came from"
        ) from error


def pyav() -> Any:
    """The module `av`; a DeepDreamError that says how to get it."""
    try:
        import av
    except ImportError:
        raise DeepDreamError(
            "MP4 needs PyAV, which is not installed", 'pip install "deepdream[video]", or save as .webp'
        ) from None
    return av


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return white.convert("RGB")
