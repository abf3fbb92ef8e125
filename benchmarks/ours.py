"""deepdream's side: its gradient steps, and one picture of any size with what it costs.

    python -m benchmarks.ours samples/rocket.jpg 1024 575

dreams at that width and height and prints the seconds of a step and the memory predicted; a third number is a
limit in GB.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from deepdream import backbones
from deepdream import objectives as obj
from deepdream.climb import devices
from deepdream.climb.engine import Pool, Step
from deepdream.errors import DeepDreamError
from deepdream.jobs.recipe import Common, Input, Recipe
from deepdream.pictures.picture import Picture
from deepdream.runs.session import Session
from deepdream.silence import silence_tensorflow

CONTENT = "block4_conv2"
STYLE = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1")


class _Stepper:
    """One traced step of the engine's loop, jitter off, as `Engine.ascend` runs it."""

    def __init__(self, precision: str, layers: tuple[str, ...], model: str, weights: str | None) -> None:
        silence_tensorflow()
        path = Path(weights) if weights else None
        choice = backbones.resolve(model, layers, weights=path)
        self.network = Pool().network(choice, precision)  # type: ignore[arg-type]

    def objective(self, pixels: np.ndarray) -> obj.Objective:
        raise NotImplementedError

    optimiser = "ascent"

    def load(self, pixels: np.ndarray) -> None:
        from deepdream.climb.network import to_canvas

        self.pixels = pixels
        self.canvas, self.index = to_canvas(Picture.from_array(pixels)), 0
        self.climb = self._enter(self.optimiser)

    def _enter(self, optimiser: str) -> Any:
        from deepdream.climb.ascent import Climb
        from deepdream.climb.updates import Way, named

        climb = Climb(self.network, self.objective(self.pixels), Way(named(optimiser, 1.5, 20)))
        climb.enter(self.canvas)
        return climb

    def gradient(self) -> np.ndarray:
        """Up to a factor: what one normalised step moves, no pixel being near a bound."""
        with self._working():
            climb = self._enter("ascent")
            climb.run(1)
        moved: np.ndarray = (climb.canvas - self.canvas)[0].numpy()
        return moved

    def run(self, steps: int) -> None:
        with self._working():
            self.climb.run(self.index + 1, steps)
        self.index += steps

    @staticmethod
    def _working() -> contextlib.AbstractContextManager[None]:
        return devices.working(devices.Placement(used="cpu:0"))


class DreamStepper(_Stepper):
    """The gradient step of `deepdream dream`."""

    def __init__(
        self, precision: str, layer: str = "block4_conv3", model: str = "vgg16", weights: str | None = None
    ) -> None:
        super().__init__(precision, (layer,), model, weights)
        self.layer = layer

    def objective(self, pixels: np.ndarray) -> obj.Objective:
        return obj.layers([self.layer])


class StyleStepper(_Stepper):
    """The L-BFGS iteration of `deepdream style`; the style is the picture upside down."""

    optimiser = "lbfgs"

    def __init__(self, precision: str) -> None:
        super().__init__(precision, (CONTENT, *STYLE), "vgg16", None)

    def objective(self, pixels: np.ndarray) -> obj.Objective:
        content, style = Picture.from_array(pixels[:, ::-1]), Picture.from_array(pixels[::-1])
        return (
            -5.0 * obj.content(CONTENT, content)
            - 100.0 * obj.total(obj.gram(name, style) for name in STYLE)
            - 1e-3 * obj.total_variation()
        )


def measure(source: Path, width: int, height: int, memory: float | None = None) -> dict[str, Any]:
    """Dream `source` at `width` x `height`; the figures, or why deepdream declined.

    The step that is timed comes after a small picture's, which pays for the network and the trace; it is the
    second one unless the picture is large. With `memory` it is the first of all: nothing else may take some.
    """
    from PIL import Image

    session, seconds = Session(), list[float]()

    def note(step: Step) -> None:
        seconds.append(step.seconds)

    def dream(size: tuple[int, int], steps: int, memory: float | None) -> dict[str, Any]:
        with Image.open(source) as picture:
            picture.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(path, compress_level=1)
        options = {"layer": ["block4_conv3"], "octaves": 1, "steps": steps}
        common = Common(memory=memory)
        recipe = Recipe("dream", inputs={"image": Input(str(path))}, options=options, common=common, seed=0)
        result = session.run(recipe, listeners=[note])
        result.picture.save(path.with_suffix(".jpg"), overwrite=True)  # which the peak of memory includes
        return dict(result.report)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        try:
            if memory is None:
                dream((224, 224), 1, None)
            report = dream((width, height), 2 if width * height < 6e6 and memory is None else 1, memory)
        except DeepDreamError as error:
            return {"declined": str(error)}
    facts = {"seconds": seconds[-1], "predicted": report["memory"], "precision": report["precision"]}
    return facts | ({"tiles": report["tiles"]} if report.get("tiles") else {})


if __name__ == "__main__":
    limit = float(sys.argv[4]) if len(sys.argv) > 4 else None
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), limit)))
