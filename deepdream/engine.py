"""The engine: what a mode is given to climb with. The loop itself is in `ascent`.

Importing this module loads no TensorFlow; the first `features` or `ascend` does.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from deepdream import backbones, memory, plan, precision
from deepdream.errors import DeepDreamError, UsageError
from deepdream.objectives import Objective
from deepdream.picture import Picture
from deepdream.recipe import Common
from deepdream.scales import Size, work_done
from deepdream.silence import silence_tensorflow

if TYPE_CHECKING:
    from deepdream.ascent import Moment
    from deepdream.network import Network
    from deepdream.tiling import Tile

__all__ = ["Engine", "Listener", "Pool", "Step"]


@dataclass(frozen=True)
class Step:
    """What a listener is told after every gradient step."""

    octave: int
    """Counted from 1, of `octaves`."""
    octaves: int
    index: int
    """Number of this step, counted from 1, of `total`."""
    total: int
    objective: float
    terms: Mapping[str, float]
    """Weighted value of every term, as the step found it."""
    seconds: float
    """How long this step took."""
    done: float
    """Fraction of the work that is done, a step's work being its pixel count."""
    size: tuple[int, int]
    """Width and height of the canvas."""
    snapshot: Callable[[], Picture]
    """The picture as it is now, at full size; copied from the device only when called."""


Listener = Callable[[Step], None]


class Pool:
    """Networks that stay open between runs, so that a batch loads each of them once."""

    def __init__(self) -> None:
        self._open: dict[tuple[Any, ...], Network] = {}

    def network(self, choice: backbones.Choice, dtype: backbones.Precision) -> Network:
        """The network for a choice of model and layers, opened on first use."""
        from deepdream.network import Network

        layers = tuple(dict.fromkeys(choice.used.values()))
        backbone = choice.backbone
        key = (backbone.name, backbone.preprocess, choice.weights, dtype, tuple(choice.used.items()))
        if key not in self._open:
            self._open[key] = Network(backbones.open_extractor(choice, layers, dtype), choice.used)
        return self._open[key]


@dataclass
class Engine:
    """Climbs objectives for a mode; made by the host, one for each run.

    A mode calls `ascend`, and before it perhaps `features`, `noise` and `default_layers`. What
    happened is in `report` afterwards. With `dry`, everything is planned and nothing computed.
    """

    common: Common = field(default_factory=Common)
    seed: int = 0
    listeners: Sequence[Listener] = ()
    pulse: Callable[[float], None] | None = None
    """Told what part of the work is done while a long step goes on tile by tile."""
    cancel: threading.Event | None = None
    pool: Pool = field(default_factory=Pool)
    dry: bool = False
    report: dict[str, Any] = field(default_factory=lambda: {"notes": [], "interrupted": False})

    # --- for modes -----------------------------------------------------------------------------

    def say(self, note: str) -> None:
        """Tell the user something they should know, in one line."""
        if note not in self.report["notes"]:
            self.report["notes"].append(note)

    def default_layers(self, role: Literal["dream", "content", "style"]) -> list[str]:
        """The layers that suit the model in use: to dream at, or to take content or style from."""
        backbone = backbones.get("vgg16" if self.common.model == "auto" else self.common.model)
        if role == "content":
            return [backbone.content_layer]
        return list(backbone.dream_layers if role == "dream" else backbone.style_layers)

    def noise(
        self, like: Picture, *, mean: float | Sequence[float] = 127.5, deviation: float = 40.0
    ) -> Picture:
        """White noise as large as `like`: normal, `mean` (per channel) and `deviation` in grey levels."""
        import numpy as np

        normal = np.random.default_rng(self.seed).standard_normal(like.pixels.shape, np.float32)
        pixels = np.asarray(mean, np.float32) + np.float32(deviation) * normal
        return like.with_pixels(np.clip(pixels, 0.0, 255.0).astype(np.float32))

    def features(self, picture: Picture, layers: Sequence[str]) -> dict[str, Any]:
        """Activations of `picture` at its own size: layer name -> float32 tensor `[1, h, w, C]`."""
        choice = self._choose(tuple(layers))
        if self.dry:
            return dict.fromkeys(layers)
        network = self.pool.network(choice, self._dtype())
        return network.features(picture, (picture.height, picture.width))

    def ascend(
        self,
        image: Picture,
        objective: Objective,
        *,
        octaves: int = 1,
        octave_scale: float = 1.4,
        steps: int | Sequence[int] = 10,
        step_size: float = 1.5,
        jitter: int = 0,
        optimiser: Literal["ascent", "adam", "lbfgs"] = "ascent",
        history: int = 20,
        reinject: bool = True,
    ) -> Picture:
        """Climb `objective` from `image` and return the picture at the top.

        `octaves` sizes, each `octave_scale` times smaller than the next, are climbed from the
        smallest to the picture's own with `steps` steps each (one number, or one per octave from
        the smallest up). `step_size` is in grey levels per step (L-BFGS finds its own), `jitter` in
        pixels per axis. `reinject` carries the detail that an octave added to the sharper
        photograph of the next; without it the canvas itself is scaled up. `history` is the number
        of pairs that L-BFGS remembers.
        """
        choice = self._choose(objective.layers)
        plan.check_channels(objective, choice)
        sizes, note = plan.octaves((image.height, image.width), choice, octaves, octave_scale)
        if note:
            self.say(note)
        counts = [steps] * octaves if isinstance(steps, int) else list(steps)
        if len(counts) != octaves:
            raise UsageError(f"{len(counts)} numbers of steps for {octaves} octaves", "give one for each")
        counts = counts[-len(sizes) :]
        shown = objective.renamed(choice.used)
        need = memory.need(choice.backbone, choice.used.values(), self._dtype(), optimiser, history)
        cut = plan.cut(
            choice,
            objective,
            sizes,
            need,
            tile=self.common.tile,
            budget=self.common.memory or memory.available(),
            refuse=not self.dry,
        )
        self.report.update(
            octaves=[[w, h] for h, w in sizes], steps=sum(counts), formula=str(shown), memory=cut.memory
        )
        if side := cut.side(sizes[-1]):
            self.report.update(tile=side, tiles=len(cut.tiles(sizes[-1])), budget=cut.budget)
        if self.dry:
            return image
        if self._cancelled():
            self.report["interrupted"] = True
            return image
        from deepdream import ascent, optim

        def tiles(size: Size, halvings: int) -> tuple[Tile, ...]:
            if halvings and (side := cut.side(size, halvings)):
                self.say(f"the device ran out of memory: went on in tiles of {side} px")
            return cut.tiles(size, halvings)

        done = work_done(sizes, counts)

        def pulse(index: int, part: float) -> bool:
            if self.pulse is not None:
                self.pulse(done[index - 1] + part * (done[index] - done[index - 1]))
            return not self._cancelled()

        step = ascent.Climb(
            self.pool.network(choice, self._dtype()),
            objective,
            optim.make(optimiser, step_size, history),
            jitter=jitter,
            seed=self.seed,
            pulse=pulse,
        )
        moment, last = None, 0
        for moment in ascent.climb(step, image, sizes, counts, reinject=reinject, tiles=tiles):
            last = moment.index
            self._tell(moment, image, sizes, done, shown.labels())
            if self._cancelled():
                break
        self.report["interrupted"] |= last < sum(counts)
        return image if moment is None else image.with_pixels(moment.pixels())

    # --- inside --------------------------------------------------------------------------------

    def _cancelled(self) -> bool:
        return self.cancel is not None and self.cancel.is_set()

    def _dtype(self) -> backbones.Precision:
        if not self.dry:
            silence_tensorflow()  # which GPUs there are is known only then
        chosen = precision.choose(self.common.precision)
        self.report.update(precision=chosen.dtype, precision_reason=chosen.reason)
        return chosen.dtype

    def _choose(self, layers: tuple[str, ...]) -> backbones.Choice:
        """The model and the real layers for the requested ones; noted in the report."""
        if not layers:
            raise UsageError("the objective looks at no layer", "add a term that names a layer")
        common = self.common
        choice = backbones.resolve(
            common.model,
            layers,
            weights=None if common.weights is None else Path(common.weights),
            preprocess=common.preprocess,
            download=not self.dry,
        )
        if choice.note:
            self.say(choice.note)
        known = self.report.get("layers", [])
        self.report.update(
            model=choice.backbone.name,
            weights=_described(choice.weights),
            requested_layers=list(dict.fromkeys([*self.report.get("requested_layers", []), *layers])),
            layers=list(dict.fromkeys([*known, *choice.used.values()])),
        )
        return choice

    def _tell(
        self,
        moment: Moment,
        image: Picture,
        sizes: Sequence[Size],
        done: Sequence[float],
        labels: Sequence[str],
    ) -> None:
        """Record a step in the report and pass it on to the listeners."""
        terms = {label: float(value) for label, value in zip(labels, moment.values, strict=True)}
        figures = {"total": sum(terms.values()), **terms}
        if not moment.finite:
            raise DeepDreamError(
                f"the objective became {figures['total']} at step {moment.index}",
                "take a smaller --step-size, smaller weights, or --precision float32",
            )
        if math.isfinite(figures["total"]):
            self.report.setdefault("objective", {"start": figures})["end"] = figures
        else:
            self.say(f"the objective was lost at step {moment.index}: went on from the best picture so far")
        height, width = sizes[moment.octave]
        step = Step(
            octave=moment.octave + 1,
            octaves=len(sizes),
            index=moment.index,
            total=len(done) - 1,
            objective=figures["total"],
            terms=terms,
            seconds=moment.seconds,
            done=done[moment.index],
            size=(width, height),
            snapshot=lambda: image.with_pixels(moment.pixels()),
        )
        for listener in self.listeners:
            listener(step)


def _described(weights: backbones.Weights) -> dict[str, str]:
    """Where the weights came from, and which they are."""
    facts = {"origin": weights.origin, "file": weights.name, "sha256": weights.sha256()}
    return {key: value for key, value in facts.items() if value is not None}
