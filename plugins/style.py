"""Style transfer: repaint one picture with the textures of others (Gatys, Ecker & Bethge, CVPR 2016)."""

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Literal

from deepdream.api import (
    LBFGS,
    Adam,
    Argument,
    Engine,
    Option,
    Picture,
    UsageError,
    colours,
    ladder,
    masks,
    mode,
    seconds_in,
)
from deepdream.api import objectives as obj

STATISTICS: dict[str, Callable[..., obj.Objective]] = {
    "gram": obj.gram,
    "moments": obj.moments,
    "wasserstein": obj.wasserstein,
    "plain-gram": lambda name, styles, **how: obj.gram(name, styles, normalised=False, **how),
}
ROUGHNESS = {
    "mean": obj.roughness,
    "squares": obj.total_variation,
    "absolute": obj.absolute_variation,
}
SMALLEST = 128  # pixels
DREAM = 0.1  # weight
FEW = 10  # steps at the smallest octave: there a small face is a few of the network's cells, and more lose it
BALANCED = 2e5  # makes losses as large as unbalanced ones are: the epsilons of optimisers are used to them
STARTS: dict[str, tuple[float | Sequence[float], float]] = {
    "noise": (127.5, 40.0),
    "mean": ((123.68, 116.779, 103.939), 0.001),  # of ImageNet: black to the network
}


@mode("style", api=1, defaults={"size": 512})
def style(
    image: Picture,
    engine: Engine,
    *,
    style: Annotated[
        Picture, Argument(help="Picture whose textures to paint with, or a file from 'deepdream style-file'.")
    ],
    strength: Annotated[
        float, Option(min=0, max=1, help="How much of the style: 0 keeps the content, 1 forgets it.")
    ] = 0.5,
    also: Annotated[
        list[Picture] | None, Option(help="One more style, mixed with the first; repeatable.")
    ] = None,
    share: Annotated[
        list[float] | None,
        Option(min=0, help="Weights of STYLE and of every --also, in that order. (default: equal)"),
    ] = None,
    mask: Annotated[
        list[Picture] | None,
        Option(help="Where a style goes (white): one for STYLE, then for each --also; others get the rest."),
    ] = None,
    style_scale: Annotated[
        float, Option(min=0.1, max=4, help="Size of the style's strokes, relative to the picture.")
    ] = 1.0,
    keep_colors: Annotated[
        Literal["luminance", "match", "after"] | None,
        Option(
            help="Keep IMAGE's colours: paint in grey, recolour the style before, or swap after (safest)."
        ),
    ] = None,
    layer: Annotated[
        list[str] | None, Option(help="Dream too: what to amplify, as in 'deepdream dream'; repeatable.")
    ] = None,
    dream_weight: Annotated[float, Option(min=0, help="Weight of the dream of --layer.")] = DREAM,
    content_layer: Annotated[
        list[str] | None, Option(help="Layer to keep the content of, NAME or NAME:WEIGHT; repeatable.")
    ] = None,
    style_layer: Annotated[
        list[str] | None, Option(help="Layer to take textures from, NAME or NAME:WEIGHT; repeatable.")
    ] = None,
    statistics: Annotated[
        Literal["gram", "plain-gram", "moments", "wasserstein"],
        Option(help="What a texture is: Gram matrices (plain: not divided by C²), moments, or Gaussians."),
    ] = "gram",
    balanced: Annotated[
        bool, Option(help="Take layers relative to what they aim at, and the mean of them.")
    ] = True,
    content_weight: Annotated[float, Option(min=0, help="Faithfulness to the content.")] = 1.0,
    style_weight: Annotated[float, Option(min=0, help="Pull towards the style.")] = 9.0,
    tv_weight: Annotated[float, Option(min=0, help="Smoothness: weight of the roughness.")] = 10.0,
    tv: Annotated[
        Literal["mean", "squares", "absolute"],
        Option(help="Roughness: mean squared differences, or sums of squares or of absolute values."),
    ] = "mean",
    pooling: Annotated[
        Literal["max", "average", "l2"], Option(help="How the network pools; it was trained with max.")
    ] = "max",
    replicate: Annotated[bool, Option(help="Pad the network's input with the picture's rim.")] = False,
    start: Annotated[
        Literal["content", "noise", "mean"],
        Option(help="Where to start: the content, white noise, or ImageNet's mean colour."),
    ] = "content",
    start_picture: Annotated[Picture | None, Option(help="A picture to start from instead.")] = None,
    octaves: Annotated[
        int | None, Option(min=1, max=32, help="Sizes to paint at. (default: down to --smallest)")
    ] = None,
    octave_scale: Annotated[float, Option(min=1.01, max=10, help="Size ratio of neighbouring octaves.")] = 2
    ** 0.5,
    smallest: Annotated[
        int, Option(min=1, help="Longest side of the smallest octave, in pixels.")
    ] = SMALLEST,
    reinject: Annotated[
        bool, Option(help="Give every octave the content's finer detail back, if it starts from the content.")
    ] = True,
    first_steps: Annotated[
        int | None,
        Option(
            min=0,
            max=100_000,
            help="Steps in the first octave. (default: --steps, but 10 where octaves go down to --smallest)",
        ),
    ] = None,
    steps: Annotated[int, Option(min=0, max=100_000, help="Steps in each octave.")] = 40,
    time: Annotated[
        str | None, Option(help="Leave out steps to be done within this time: 90, 60s, 2m.", metavar="TIME")
    ] = None,
    optimiser: Annotated[
        Literal["lbfgs", "adam"], Option(help="L-BFGS needs fewer steps; Adam less memory.")
    ] = "lbfgs",
    step_size: Annotated[float, Option(min=0, max=255, help="Adam's learning rate, in grey levels.")] = 5.1,
    beta_1: Annotated[float, Option(min=0, max=0.9999, help="Adam's decay of the mean gradient.")] = 0.9,
    beta_2: Annotated[float, Option(min=0, max=0.9999, help="Adam's decay of the mean square.")] = 0.99,
    epsilon: Annotated[float, Option(min=0, help="Adam's epsilon.")] = 1e-8,
    history: Annotated[int, Option(min=1, max=1000, help="Pairs that L-BFGS remembers.")] = 20,
    bounded: Annotated[bool, Option(help="Hold L-BFGS inside the grey levels.")] = True,
    average: Annotated[
        float, Option(min=0, max=0.9999, help="Decay of the running mean that is the result; 0: the last.")
    ] = 0.0,
    warm: Annotated[bool, Option(help="Let Adam keep its moments from octave to octave.")] = True,
) -> Picture:
    """Repaint IMAGE with the textures of STYLE.

    Examples:

      deepdream style photo.jpg painting.jpg

      deepdream style photo.jpg painting.jpg --strength 0.8 --keep-colors after

      deepdream style photo.jpg painting.jpg --also other.jpg --share 2 --share 1

      deepdream style photo.jpg sky.jpg --also ground.jpg --mask sky-mask.png --size 768
    """
    styles = [style, *(also or [])]
    for remark in _remarks(image, styles, style_scale, start_picture, mask or []):
        engine.say(remark)
    if octaves is not None and smallest != SMALLEST:
        engine.say(
            f"--octaves counts down from the picture's size, so this does not count: --smallest {smallest}"
        )
    if not layer and dream_weight != DREAM:
        engine.say(
            f"there is no --layer to dream at, so this does not count: --dream-weight {dream_weight:g}"
        )
    if start_picture is not None and start != "content":
        engine.say(f"--start-picture is where it starts, so this does not count: --start {start}")
    subject, styles = _recoloured(image, styles, keep_colors)
    regions = _regions(styles, share, mask or [])
    painted = _painted(regions, image)
    engine.alter(pooling=pooling, replicate=replicate)
    contents = _layers(content_layer or engine.default_layers("content"))
    textures = _layers(style_layer or engine.default_layers("style"))
    how = {"scale": style_scale, "relative": balanced}
    objective = -2 * (1 - strength) * content_weight * _sum(
        [(weight, obj.content(name, subject, relative=balanced)) for name, weight in contents], balanced
    ) - 2 * strength * style_weight * obj.total(
        part * _sum(
            [(w, STATISTICS[statistics](name, wanted, mask=where, **how)) for name, w in textures], balanced
        )
        for where, part, wanted in regions
    )  # fmt: skip
    objective -= tv_weight * ROUGHNESS[tv]()
    if layer:
        objective += dream_weight * obj.layers(layer, relative=True)
    objective = (BALANCED if balanced else 1.0) * objective
    objective = obj.total(obj.Objective((term,)) for term in objective.terms if term.weight)
    if not objective.layers:
        raise UsageError("all weights are 0", "give --content-weight or --style-weight a number above 0")
    if start_picture is not None:
        first = subject.with_pixels(start_picture.resized(*image.size).pixels)
    else:
        mean, deviation = STARTS.get(start, (0.0, 0.0))
        first = engine.noise(subject, mean=mean, deviation=deviation) if start in STARTS else subject
    if painted is not None and first is not subject:
        inside = painted.pixels > 0
        first = first.with_pixels(subject.pixels + inside * (first.pixels - subject.pixels))
    sizes = ladder(image.size, octave_scale, smallest if octaves is None else 1, octaves)
    if first_steps is None:
        shrunk = first is subject and octaves is None and len(sizes) > 1
        first_steps = min(FEW, steps) if shrunk else steps
    if not strength and not layer and first is subject:
        steps = first_steps = 0  # smoothing is all there would be

    def finish(made: Picture) -> Picture:
        if keep_colors not in ("luminance", "after"):
            return made
        bright = colours.luminance(made.pixels)
        return image.with_pixels(colours.with_luminance(image.pixels, bright))

    result = engine.ascend(
        first,
        objective,
        sizes=sizes,
        steps=[first_steps] + [steps] * (len(sizes) - 1),
        optimiser=LBFGS(history, bounded)
        if optimiser == "lbfgs"
        else Adam(step_size, beta_1, beta_2, epsilon),
        average=average or None,
        warm=warm,
        reinject=reinject and first is subject,
        mask=painted,
        seconds=None if time is None else seconds_in(time),
        finish=finish,
    )
    if not str(engine.report.get("model")).startswith("vgg"):
        engine.say("styles look better with the features of VGG: leave out --model")
    return result


def _layers(texts: Sequence[str]) -> list[tuple[str, float]]:
    """The layers and their weights."""
    found = [obj.parse_layer(text) for text in texts]
    for text, (_, weight) in zip(texts, found, strict=True):
        if weight < 0:
            raise UsageError(
                f"'{text}' has a weight below 0", "a layer that is not to count has the weight 0"
            )
    return found


def _sum(terms: list[tuple[float, obj.Objective]], balanced: bool) -> obj.Objective:
    """The weighted sum, or the weighted mean: more layers should not mean more pull."""
    whole = sum(weight for weight, _ in terms) if balanced else 1.0
    return obj.total(weight / (whole or 1.0) * term for weight, term in terms)


def _remarks(
    image: Picture, styles: list[Picture], scale: float, first: Picture | None, places: list[Picture]
) -> Iterator[str]:
    """What may have been meant otherwise, a line each."""
    longest = round(scale * max(image.size))
    for style in styles:
        name, (width, height) = _name(style, "STYLE"), style.size
        if (
            image.source is not None
            and style.source is not None
            and image.source.sha256 == style.source.sha256
        ):
            yield f"{name} is IMAGE itself: there is nothing to paint"
        elif (style.pixels.max((0, 1)) == style.pixels.min((0, 1))).all():
            yield f"{name} is of one colour: it has no texture to paint with"
        elif longest > 2 * max(style.size):
            yield f"{name} is {width}x{height} px, enlarged to {longest}: its strokes are soft"
    width, height = image.size
    for other in [first, *places]:
        if other is None or other.size == image.size:
            continue
        alike = 0.9 < other.width * height / (other.height * width) < 1.1
        if alike and other is first:
            continue
        how = "resized to that" if alike else "stretched to the shape"
        own = f"{other.width}x{other.height} px"
        yield f"{_name(other, 'a picture')} is {own}, {how} of IMAGE, {width}x{height}"


def _name(picture: Picture, otherwise: str) -> str:
    return picture.source.path if picture.source else otherwise


def _recoloured(image: Picture, styles: list[Picture], keep: str | None) -> tuple[Picture, list[Picture]]:
    """The content and the styles as the network is to see them (Gatys et al. 2016)."""
    if keep not in ("luminance", "match"):
        return image, styles
    if keep == "match":
        return image, [it.with_pixels(colours.match_colours(it.pixels, image.pixels)) for it in styles]
    greys = [it.with_pixels(colours.match_luminance(it.pixels, image.pixels)) for it in styles]
    return image.with_pixels(colours.grey(image.pixels)), greys


Region = tuple[Any, float, list[tuple[Picture, float]]]


def _regions(styles: list[Picture], shares: list[float] | None, places: list[Picture]) -> list[Region]:
    """Where which mixture goes: mask (None: everywhere), its part of the picture, styles with weights."""
    if shares and len(styles) == 1:
        raise UsageError("--share divides between several styles, and there is one", "add another: --also")
    weights = shares or [1.0] * len(styles)
    if len(weights) != len(styles):
        raise UsageError(
            f"{len(weights)} weights for {len(styles)} styles", "give one --share for STYLE and each --also"
        )
    if not any(weights):
        raise UsageError("all styles have a share of 0", "give one --share a number above 0")
    pairs = list(zip(styles, weights, strict=True))
    if shares and len(places) >= len(styles) - 1:
        raise UsageError(
            "--share mixes styles in one place, and with these masks each has its own",
            "leave --share out; a grey mask lets a style in halfway",
        )
    if not places:
        return [(None, 1.0, pairs)]
    if len(places) > len(styles):
        raise UsageError(
            f"{len(places)} masks for {len(styles)} style{'s' if len(styles) > 1 else ''}",
            "a mask is the place of one style: leave one out, or add a style with --also",
        )
    covers = [masks.coverage(place) for place in places]
    for place, cover in zip(places, covers, strict=True):
        if cover.max() < 0.5 / 255:
            raise UsageError(
                f"{_name(place, 'a mask')} covers nothing", "a mask is white where the style goes"
            )
    regions = [(cover, [pair]) for cover, pair in zip(covers, pairs, strict=False)]
    if left := pairs[len(places) :]:
        rest = masks.rest([masks.shrink(cover, covers[0].shape) for cover in covers])
        if not rest.any():
            raise UsageError("the masks leave no place for the other styles", "give each style a mask")
        regions.append((rest, left))
    return [(cover, float(cover.mean()), mixture) for cover, mixture in regions]


def _painted(regions: list[Region], image: Picture) -> Picture | None:
    """Where any style goes, as a mask of the size of `image`; None if that is everywhere."""
    covers = [cover for cover, _, _ in regions if cover is not None]
    left = masks.rest([masks.shrink(cover, covers[0].shape) for cover in covers]) if covers else None
    if left is None or left.max() < 1 / 255:
        return None
    # The mean of what a pixel covers: a sharper filter would reach over the edge.
    return Picture.from_array(255 * masks.shrink(1 - left, (image.height, image.width)))
