"""The endless zoom: dream, move a little closer, dream on (google/deepdream, 2015)."""

import math
from functools import cache
from typing import Annotated

from deepdream.api import Animation, Engine, Motion, Option, Picture, UsageError, colours, mode, shaping
from deepdream.api import objectives as obj


@mode("zoom", api=1, defaults={"size": 512})
def zoom(
    image: Picture,
    engine: Engine,
    *,
    frames: Annotated[int, Option(min=1, max=1_000_000, help="Frames to make.")] = 100,
    fps: Annotated[float, Option(min=0.1, max=120, help="Frames shown per second.")] = 15.0,
    zoom: Annotated[float, Option(min=0.5, max=2, help="Enlargement from frame to frame.")] = 1.05,
    rotation: Annotated[
        float, Option(min=-180, max=180, help="Turn from frame to frame in degrees, anticlockwise.")
    ] = 0.0,
    right: Annotated[
        float, Option(min=-50, max=50, help="Shift from frame to frame, in percent of the width.")
    ] = 0.0,
    down: Annotated[
        float, Option(min=-50, max=50, help="Shift from frame to frame, in percent of the height.")
    ] = 0.0,
    loop: Annotated[bool, Option(help="Lead back to the first frame, so that the film has no seam.")] = False,
    layer: Annotated[
        list[str] | None,
        Option(help="What to amplify, as for 'dream': LAYER, LAYER:WEIGHT, LAYER[CHANNEL]; repeat to mix."),
    ] = None,
    keyframe: Annotated[
        list[str] | None,
        Option(
            help="What to amplify at a frame, counted from 0; weights change evenly between keyframes. "
            "Repeat, in order of time; the same frame again mixes.",
            metavar="FRAME:LAYER",
        ),
    ] = None,
    octaves: Annotated[int, Option(min=1, max=32, help="Sizes to dream at, small to large.")] = 4,
    octave_scale: Annotated[
        float, Option(min=1.01, max=10, help="Size ratio of neighbouring octaves.")
    ] = 1.4,
    steps: Annotated[
        int, Option(min=0, max=10_000, help="Gradient steps in each octave of the first frame.")
    ] = 10,
    frame_steps: Annotated[
        int, Option(min=0, max=10_000, help="The same for each later frame, which is dreamt on already.")
    ] = 2,
    hold: Annotated[
        float,
        Option(
            min=0,
            max=1,
            help="Hold on the first frame's colours, contrast and crispness; without, they drift.",
        ),
    ] = 1.0,
    step_size: Annotated[
        float, Option(min=0, max=255, help="Mean change of a pixel per step, in grey levels.")
    ] = 1.5,
    jitter: Annotated[
        int, Option(min=0, max=4096, help="Largest random shift per step and axis, in pixels.")
    ] = 512,
    chroma: Annotated[
        float,
        Option(
            min=0, max=1, help="How much of the gradient's colours to follow; 1: all, with their fringes."
        ),
    ] = 0.3,
    clouds: Annotated[
        float,
        Option(
            min=0,
            max=255,
            help="Smooth noise that the network sees over flat areas, in grey levels; it is never drawn.",
        ),
    ] = 16.0,
) -> Animation:
    """Zoom into IMAGE without end, dreaming on from frame to frame.

    A film that was stopped goes on where it was when the same command is given again.

    Examples:

      deepdream zoom photo.jpg

      deepdream zoom photo.jpg --zoom 1.03 --rotation 1 --frames 120 --loop -o spiral.gif

      deepdream zoom photo.jpg --keyframe 0:block3_conv3 --keyframe 60:block5_conv2 -o deeper.mp4
    """
    if keyframe and layer:
        raise UsageError("--layer and --keyframe both say what to amplify", "leave one of them out")
    if loop and frames < 3:
        raise UsageError(
            f"a loop needs 3 frames at least, not {frames}", "leave out --loop, or make more --frames"
        )
    objective = obj.Keyframes(
        keyframe or [f"0:{text}" for text in layer or engine.default_layers("dream")],
        frames,
        loop=loop,
        seen=lambda names: engine.features(image.fitted(min(max(image.size), 512)), names),
    )
    shape = shaping.chain(shaping.rimless(), shaping.chroma(chroma)) if chroma < 1 else None
    motion = Motion(zoom, rotation, right / 100, down / 100)
    # The loop closes while what is left of the first frame grows from a tenth of the frame.
    closing = frames // 2 if zoom <= 1 else min(frames // 2, math.ceil(math.log(10) / math.log(zoom)))

    def dream(canvas: Picture, index: int, count: int) -> Picture:
        return engine.ascend(
            canvas,
            objective.at(index),
            octaves=octaves,
            octave_scale=octave_scale,
            steps=count,
            step_size=step_size,
            jitter=jitter,
            shape=shape,
            clouds=clouds,
        )

    @cache
    def first() -> Picture:
        engine.part(0, frames)
        return dream(image, 0, steps)

    def frame(index: int, previous: Picture | None) -> Picture:
        if previous is None:
            return first()
        left = frames - index  # moves until the first frame comes again
        leading_back = loop and left <= closing
        start = first() if hold or leading_back else previous
        engine.part(index, frames)
        moved = motion.moved(previous)
        if hold:  # enlarged again and again, it would grow soft
            moved = moved.with_pixels(colours.crisper(moved.pixels, start.pixels, 1 + 0.12 * hold))
        made = dream(moved, index, frame_steps)
        if hold:
            held = colours.match_colours(made.pixels, start.pixels)
            made = made.with_pixels(made.pixels + hold * (held - made.pixels))
        return motion.homing(made, start, left, closing) if leading_back else made

    return Animation(frame, frames, fps=fps, loop=True)
