"""deepdream's side: its gradient steps, and one picture of any size with what it costs.

    python -m benchmarks.ours 1024 575

dreams two steps at that width and height and prints the seconds of the second and the memory predicted.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from deepdream import backbones
from deepdream import objectives as obj
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
        climb = self._enter("ascent")
        climb.run(1)
        moved: np.ndarray = (climb.canvas - self.canvas)[0].numpy()
        return moved

    def run(self, steps: int) -> None:
        self.climb.run(self.index + 1, steps)
        self.index += steps


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


def measure(source: Path, width: int, height: int) -> dict[str, Any]:
    """Dream two steps of `source` at `width` x `height`; the figures, or why deepdream declined."""
    from PIL import Image

    seconds: list[float] = []

    def note(step: Step) -> None:
        seconds.append(step.seconds)

    options = {"layer": ["block4_conv3"], "octaves": 1, "steps": 2}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        with Image.open(source) as picture:
            picture.convert("RGB").resize((width, height), Image.Resampling.BICUBIC).save(
                path, compress_level=1
            )
        recipe = Recipe("dream", inputs={"image": Input(str(path))}, options=options, common=Common(), seed=0)
        try:
            report = Session().run(recipe, listeners=[note]).report
        except DeepDreamError as error:
            return {"declined": str(error)}
    return {"seconds": seconds[-1], "predicted": report["memory"], "precision": report["precision"]}


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
