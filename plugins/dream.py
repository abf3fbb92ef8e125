"""Deep Dream: amplify what chosen layers of a network see in a picture (google/deepdream, 2015)."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from deepdream.api import (
    Ascent,
    Engine,
    Option,
    Picture,
    UsageError,
    colours,
    masks,
    mode,
    scales,
    seconds_in,
    shaping,
)
from deepdream.api import objectives as obj

GUIDED = {"match": obj.match, "cosine": obj.cosine, "direction": obj.direction}
REINJECT: dict[str, bool | Literal["after"]] = {"before": True, "after": "after", "never": False}
FULL = (
    4  # octaves of a dream without --octaves that get all steps: details upon details would only get louder
)

SMALLEST = 187  # pixels
CHROMA = 0.3  # of the gradient's colours; all of them draw fringes
CLOUDS = 16.0  # without, all of a flat area dreams the same, in rows
JITTER = 512  # so that the border of what the network sees, where it sees less, comes to lie everywhere


@mode("dream", api=1)
def dream(
    image: Picture,
    engine: Engine,
    *,
    layer: Annotated[
        list[str] | None,
        Option(
            help="What to amplify: LAYER, LAYER:WEIGHT, LAYER[CHANNEL,...], LAYER[top5]; repeat to mix. "
            "See 'deepdream layers'."
        ),
    ] = None,
    metric: Annotated[
        Literal["l2", "mean", "l1", "relu"] | None,
        Option(help="How activations count: a², a, |a| or max(a, 0). (default: l2, for channels mean)"),
    ] = None,
    balanced: Annotated[
        bool, Option(help="Take several layers relative to how loud they are in the picture.")
    ] = True,
    border: Annotated[
        int, Option(min=0, max=100, help="Cells at each edge of a layer that do not count.")
    ] = 0,
    guide: Annotated[
        Picture | None, Option(help="Dream towards what the layers see in this picture.")
    ] = None,
    guide_by: Annotated[
        Literal["match", "cosine", "direction"],
        Option(
            help="How to follow the guide: its nearest features by dot product (match) or angle (cosine), or "
            "the way from the picture's features to the guide's (direction)."
        ),
    ] = "match",
    guide_size: Annotated[
        int,
        Option(
            min=0,
            help="Longest side that the guide is shrunk to, in pixels; 0: its own. Each cell of the picture "
            "is compared with each of the guide.",
        ),
    ] = 512,
    tv_weight: Annotated[float, Option(min=0, help="Smoothness: weight of the total variation.")] = 0.0,
    grain_weight: Annotated[float, Option(min=0, help="Weight against what a blur would take away.")] = 0.0,
    grey_weight: Annotated[float, Option(min=0, help="Weight against contrast, (x - grey)².")] = 0.0,
    mask: Annotated[Picture | None, Option(help="Where to dream: white; black stays as it is.")] = None,
    strength: Annotated[float, Option(min=0, max=1, help="0 gives IMAGE, 1 the dream.")] = 1.0,
    keep_colors: Annotated[
        Literal["luminance", "match", "after"] | None,
        Option(help="Keep IMAGE's colours: dream lightness, match mean and spread, or swap after (safest)."),
    ] = None,
    octaves: Annotated[
        int | None,
        Option(
            min=1,
            max=32,
            help="Sizes to dream at, counted down from the picture's own. (default: from --smallest up)",
        ),
    ] = None,
    smallest: Annotated[
        int,
        Option(
            min=16,
            help="Longest side of the first octave in pixels: what it draws is there at every --size.",
        ),
    ] = SMALLEST,
    octave_scale: Annotated[
        float, Option(min=1.01, max=10, help="Size ratio of neighbouring octaves.")
    ] = 1.4,
    octave_rule: Annotated[
        Literal["rounded", "truncated", "powers"],
        Option(
            help="With --octaves: divide the next larger size, and round (down), or take powers of the scale."
        ),
    ] = "rounded",
    octave_top: Annotated[
        int, Option(min=0, max=8, help="With powers: how many octaves are larger than the picture.")
    ] = 0,
    octave_anchor: Annotated[
        Literal["centres", "corners", "origin"],
        Option(
            help="What keeps its place between octaves: pixel centres (TensorFlow 2), the corner pixels' "
            "(SciPy) or the first pixel's (TensorFlow 1)."
        ),
    ] = "centres",
    reinject: Annotated[
        Literal["before", "after", "never"],
        Option(help="When an octave gets back the details of IMAGE that smaller ones could not show."),
    ] = "before",
    steps: Annotated[
        int,
        Option(
            min=0,
            max=100_000,
            help="Gradient steps in each octave, fewer from the fifth on; more is stronger.",
        ),
    ] = 10,
    step_size: Annotated[
        float, Option(min=0, max=255, help="Mean change of a pixel per step, in grey levels.")
    ] = 1.5,
    normalise: Annotated[
        Literal["mean", "seen", "std", "rms", "none"] | None,
        Option(
            help="What of the gradient --step-size is for: mean size (seen: where it is not 0), deviation, "
            "root mean square (default: mean; seen where a single cell is dreamt)."
        ),
    ] = None,
    epsilon: Annotated[float, Option(min=0, help="Added to that measure of the gradient.")] = 0.0,
    floor: Annotated[float, Option(min=0, help="Least value of that measure.")] = 0.0,
    bounded: Annotated[
        bool, Option(help="Hold the picture inside the grey levels; without, it is clipped at the end.")
    ] = True,
    jitter: Annotated[
        int | None,
        Option(
            min=0,
            max=4096,
            help="Largest random shift per step and axis, in pixels. (default: 512, for one cell 0)",
        ),
    ] = None,
    turns: Annotated[
        bool, Option(help="See the picture turned and mirrored at random in each step.")
    ] = False,
    clouds: Annotated[
        float,
        Option(
            min=0,
            max=255,
            help="Smooth noise that the network sees where IMAGE is flat, in grey levels; it is never drawn.",
        ),
    ] = CLOUDS,
    laplacian: Annotated[
        int, Option(min=0, max=10, help="Bands of the gradient to make equally strong; 0: leave it.")
    ] = 0,
    chroma: Annotated[
        float,
        Option(
            min=0, max=1, help="How much of the gradient's colours to follow; 1: all, with their fringes."
        ),
    ] = CHROMA,
    blur: Annotated[
        float, Option(min=0, max=100, help="Blur the gradient, in pixels: softer and broader strokes.")
    ] = 1.0,
    stop_above: Annotated[float | None, Option(help="End an octave once the objective is larger.")] = None,
    time: Annotated[
        str | None, Option(help="Leave out steps to be done within this time: 90, 60s, 2m.", metavar="TIME")
    ] = None,
) -> Picture:
    """Amplify in IMAGE what a layer of the network sees.

    Shallow layers draw strokes and patterns, deep ones eyes, animals and buildings.

    Examples:

      deepdream dream photo.jpg

      deepdream dream photo.jpg --layer block4_conv3 --steps 20

      deepdream dream photo.jpg --layer mixed4 --layer mixed5:0.5 -o dreamt.jpg

      deepdream dream photo.jpg --guide flowers.jpg --mask sky.png --strength 0.8

      deepdream dream photo.jpg --recipe keras-io --time 2m
    """
    seconds = None if time is None else seconds_in(time)
    cover = None if mask is None else _cover(mask, image, engine)
    penalties = {obj.total_variation: tv_weight, obj.graininess: grain_weight, obj.deviation: grey_weight}
    if guide is None and guide_by != "match":
        raise UsageError(f"--guide-by {guide_by} needs a guide", "give a picture with --guide")
    specs = layer or engine.default_layers("dream")
    placed = any(obj.parse_spec(text).place for text in specs)
    if jitter is None:
        jitter = 0 if placed else JITTER
    relative = balanced and (len(specs) > 1 or any(penalties.values()))
    if guide is None:
        objective = obj.layers(
            specs,
            metric=metric,
            relative=relative,
            border=border,
            seen=lambda names: engine.features(image.fitted(min(max(image.size), 512)), names),
        )
    else:
        if metric not in (None, "l2") or border:
            # A preset's, mostly: they are about activations by themselves, and so is its limit.
            given = {"metric": None if metric == "l2" else metric, "border": border, "stop-above": stop_above}
            flags = ", ".join(f"--{name} {value}" for name, value in given.items() if value)
            engine.say(f"a guide decides what counts, so these do not: {flags}")
            stop_above = None
        guide = guide.fitted(min(max(guide.size), guide_size or max(guide.size)))
        objective = obj.total(
            weight * GUIDED[guide_by](name, guide, relative=relative)
            for name, weight in map(obj.parse_layer, specs)
        )
    for penalty, weight in penalties.items():
        if weight:
            objective -= weight * penalty(relative=relative)
    if keep_colors == "luminance" and chroma != CHROMA:
        engine.say(f"the dream is of lightness alone, so this does not count: --chroma {chroma:g}")
    if keep_colors is None and chroma and colours.is_grey(image.pixels):
        engine.say("the photograph is grey and the dream is not: --keep-colors after keeps it so")
    for note in _idle(octaves, smallest, octave_rule, normalise, epsilon, floor):
        engine.say(note)
    sizes = _sizes(image.size, octaves, smallest, octave_scale, octave_rule, octave_top)
    if not strength:
        steps = 0  # of which nothing would be seen
    counts = [steps] * len(sizes)
    if octaves is None:
        counts = [-(-steps * FULL // max(FULL, number)) for number, _ in enumerate(sizes, start=1)]

    def finish(dreamt: Picture) -> Picture:
        pixels = dreamt.pixels
        if keep_colors is not None:
            if keep_colors == "match":
                recoloured = colours.match_colours(pixels, image.pixels)
            else:
                recoloured = colours.with_luminance(image.pixels, colours.luminance(pixels))
            pixels = recoloured if cover is None else pixels + cover * (recoloured - pixels)
        if strength == 1:
            return image.with_pixels(pixels)
        blend = pixels - image.pixels  # in place from here: a large picture has few copies beside it
        blend *= strength
        blend += image.pixels
        return image.with_pixels(blend)

    return engine.ascend(
        image,
        objective,
        sizes=sizes,
        successive=octaves is None or octave_rule != "powers",
        steps=counts,
        reinject=REINJECT[reinject],
        anchor=octave_anchor,
        jitter=jitter,
        optimiser=Ascent(
            step_size, normalise or ("seen" if placed else "mean"), epsilon, floor, bounded=bounded
        ),
        shape=shaping.chain(
            shaping.laplacian(laplacian) if laplacian else None,
            shaping.rimless() if blur else None,  # what the recipes' sources do not do
            shaping.blurred(blur) if blur else None,
            shaping.grey() if keep_colors == "luminance" else shaping.chroma(chroma) if chroma < 1 else None,
        ),
        transform=shaping.quarter_turns if turns else None,
        clouds=clouds,
        mask=None if cover is None else image.with_pixels(255 * cover),
        stop_above=stop_above,
        seconds=seconds,
        finish=finish,
    )


def _sizes(
    size: tuple[int, int], octaves: int | None, smallest: int, scale: float, rule: str, top: int
) -> Sequence[tuple[int, int]]:
    if rule == "powers" and octaves is not None:
        return scales.octave_powers(size, octaves, scale, top=top)
    if top:
        raise UsageError(
            "--octave-top needs --octaves and --octave-rule powers", "give both, or leave it out"
        )
    if octaves is None:
        return scales.rungs(size, scale, smallest)
    return scales.octave_sizes(size, octaves, scale, truncate=rule == "truncated")


def _idle(
    octaves: int | None, smallest: int, rule: str, normalise: str | None, epsilon: float, floor: float
) -> Iterator[str]:
    """Which options others leave nothing to do, a line each."""
    if octaves is not None and smallest != SMALLEST:
        yield f"--octaves counts down from the picture's size, so this does not count: --smallest {smallest}"
    if octaves is None and rule != "rounded":
        yield f"it is for --octaves, so this does not count: --octave-rule {rule}"
    if normalise == "none" and (epsilon or floor):
        given = {"epsilon": epsilon, "floor": floor}
        flags = ", ".join(f"--{name} {value:g}" for name, value in given.items() if value)
        yield f"--normalise none divides by nothing, so this does not count: {flags}"


def _cover(mask: Picture, image: Picture, engine: Engine) -> Any:
    """How much to dream at every pixel, 0 to 1, `[H, W, 3]`: the mean of what it covers of the mask."""
    cover = masks.coverage(mask)
    if cover.max() < 0.5 / 255:
        raise UsageError("the mask is black everywhere", "a mask is white where the dream goes")
    if mask.size != image.size:
        alike = abs(mask.width * image.height - mask.height * image.width) <= max(mask.size)  # to a pixel
        how = "was resized" if alike else "is not of the picture's shape: stretched"
        engine.say("the mask of {}x{} px {} to {}x{}".format(*mask.size, how, *image.size))
    return masks.shrink(cover, (image.height, image.width))[..., None].repeat(3, axis=2)
