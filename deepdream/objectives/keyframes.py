"""Objectives that change over time: by keyframes, between which the weights change evenly."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from deepdream.errors import UsageError
from deepdream.objectives.algebra import Objective, total
from deepdream.objectives.grammar import Seen, layers
from deepdream.objectives.layerspec import LayerSpec, parse
from deepdream.objectives.terms import several

__all__ = ["Keyframes"]


class Keyframes:
    """An objective for each of `frames` frames, from texts `FRAME:SPEC` with specs as for `layers`.

    Frames count from 0 and come in order; several texts with one frame mix there. A layer that a keyframe
    does not name has the weight 0 at it. Before the first keyframe and after the last nothing changes, unless
    in a `loop`: there the way leads back to the first.

    Every frame's objective has the same terms, with other weights, so that all share one trace.
    """

    def __init__(
        self, texts: Iterable[str], frames: int, *, loop: bool = False, seen: Seen | None = None
    ) -> None:
        self._weights: dict[int, dict[LayerSpec, float]] = {}
        before = 0
        for text in several("Keyframes", texts, "keyframes"):
            index, spec = _read(text)
            if index >= frames:
                raise UsageError(
                    f"the keyframe '{text}' comes after the last frame, {frames - 1}", "make more --frames"
                )
            if index < before:
                raise UsageError(
                    f"the keyframe '{text}' comes after one of frame {before}", "put them in order"
                )
            before = index
            weights = self._weights.setdefault(index, {})
            plain = replace(spec, weight=1.0)
            weights[plain] = weights.get(plain, 0.0) + spec.weight
        for index, weights in self._weights.items():
            if not any(weights.values()):
                raise UsageError(f"no layer has a weight other than 0 at frame {index}")
        if loop:
            first = min(self._weights)
            self._weights[frames + first] = self._weights[first]
            self._weights = {index: self._weights[index] for index in sorted(self._weights)}
        specs = dict.fromkeys(spec for weights in self._weights.values() for spec in weights)
        self._terms = {spec: layers([spec], relative=len(specs) > 1, seen=seen) for spec in specs}
        self._frames, self._loop = frames, loop

    def weights(self, frame: int) -> Mapping[LayerSpec, float]:
        """The weight of every spec at `frame`."""
        places = list(self._weights)
        if self._loop and frame < places[0]:
            frame += self._frames
        after = min(bisect.bisect_left(places, frame), len(places) - 1)
        before = max(0, after - 1) if places[after] > frame else after
        begin, end = places[before], places[after]
        part = (frame - begin) / (end - begin) if end > begin else 0.0
        one, other = self._weights[begin], self._weights[end]
        pairs = {spec: (one.get(spec, 0.0), other.get(spec, 0.0)) for spec in self._terms}
        return {spec: low + part * (high - low) for spec, (low, high) in pairs.items()}

    def at(self, frame: int) -> Objective:
        """The objective of `frame`."""
        weights = self.weights(frame)
        return total(weights[spec] * term for spec, term in self._terms.items())


def _read(text: str) -> tuple[int, LayerSpec]:
    match = re.fullmatch(r"\s*(\d{1,9})\s*:(.*)", text, re.DOTALL)
    if match is None:
        raise UsageError(
            f"'{text}' is no keyframe: a frame's number is missing here",
            "write FRAME:LAYER or FRAME:LAYER:WEIGHT, for instance 50:block5_conv2",
            column=1,
        )
    return int(match[1]), parse(match[2])
