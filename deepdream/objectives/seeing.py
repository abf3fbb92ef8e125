"""What a network sees: rewards for the activations of layers, channels and neurons."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any, Final, Literal, get_args

from deepdream.errors import UsageError
from deepdream.objectives.algebra import Objective, Probe, Tensor, Term
from deepdream.objectives.layerspec import Ranked, runs
from deepdream.objectives.terms import several
from deepdream.pictures.scales import fit

__all__ = ["METRICS", "Metric", "channel", "layer", "mean", "neuron", "response"]

Metric = Literal["l2", "mean", "l1", "relu"]
"""How activations become a number: mean(a²), mean(a), mean|a| or mean(max(a, 0))."""
METRICS: Final[tuple[Metric, ...]] = get_args(Metric)


def response(
    name: str,
    *,
    metric: Metric = "l2",
    channels: Iterable[int] = (),
    place: tuple[float, float] | None = None,
    relative: bool = False,
    border: int = 0,
    listed: str | None = None,
    ranked: Iterable[Ranked] = (),
) -> Objective:
    """How strongly a layer, some of its channels or one of its cells respond.

    `metric` is applied to every activation, and the mean is taken over `channels` (all of them if none is
    named) and over all cells, or the one at `place`: fractions of width and height. `border` cells on each
    side of the layer do not count, the middle one apart, but stay in the number that the sum is divided by
    (Keras's Deep Dream example). With `relative`, the value is divided by how loud the whole layer is on the
    canvas that the octave starts from (shrunk to 1024 px if it is larger), mean(a²) or its root, so that
    layers of different loudness weigh the same in a sum. `listed` stands for the channels in the term's name;
    channels named so may be those of a stand-in. `ranked` is what they were, or will be, chosen by.
    """
    if not isinstance(name, str):
        raise TypeError(f"a layer is named by a text, not by {name!r}; `layers` takes several")
    if metric not in METRICS:
        raise TypeError(f"the metric of a response is one of {', '.join(METRICS)}, not {metric!r}")
    chosen = tuple(several("response", channels, "channels"))
    if wrong := [channel for channel in chosen if not isinstance(channel, Integral)]:
        raise TypeError(f"a channel is a whole number from 0, not {wrong[0]!r}")

    def value(activations: Any, _x: Tensor, loudness: Tensor) -> Tensor:
        import tensorflow as tf

        seen = activations[name]
        if chosen:
            seen = tf.gather(seen, chosen, axis=-1)
        if place is not None:
            seen = _cell(seen, place)
        count = tf.cast(tf.size(seen), seen.dtype)
        if border:
            seen = _inside(seen, border)
        total = tf.reduce_sum(_measures()[metric](seen)) / count
        return total / loudness if relative else total

    def start(probe: Probe) -> Tensor:
        import tensorflow as tf

        size = fit(probe.size, min(max(probe.size), 1024))
        loudness = tf.reduce_mean(tf.square(probe.features(probe.canvas, size)[name]))
        return tf.maximum(loudness if metric == "l2" else tf.sqrt(loudness), 1e-12)

    usual = "mean" if chosen or listed else "l2"
    noun = "layer" if not (chosen or listed) else "channel" if len(chosen) == 1 else "channels"
    head = {"mean": "mean", usual: noun}.get(metric, metric)
    if relative:
        head = "gain" if metric == usual else f"{metric}-gain"
    of = " of channels" if relative and noun != "layer" else ""  # a gain of layers is another
    inside = [name, *([listed] if listed else runs(chosen))]
    if place is not None:
        inside.append(f"at {place[0]:g} {place[1]:g}")
    if border:
        inside.append(f"border {border}")
    term = Term(
        f"{head}({', '.join(inside)})",
        (name,),
        value,
        start if relative else None,
        parts=None if place or border else "mean",
        channels=() if listed else chosen,
        ranked=tuple(ranked),
        border=border,
        means=f"{head}{of} = " + _meaning(metric, relative, place is not None, border),
    )
    return Objective((term,))


def layer(name: str, *, relative: bool = False) -> Objective:
    """How strongly a layer responds: mean(a²).

    google/deepdream maximises ½Σa²; the two differ by a factor that depends on the size of the
    layer alone, which the step's normalisation cancels. The mean can be compared between octaves.
    With `relative` it is divided by what it is on the canvas that the octave starts from (shrunk to 1024 px
    if it is larger), so that it starts at 1, and layers of different loudness weigh the same in a sum.
    """
    return response(name, relative=relative)


def mean(name: str) -> Objective:
    """The mean activation of a layer, not squared: mean(a), as in TensorFlow's DeepDream tutorial."""
    return response(name, metric="mean")


def channel(name: str, index: int) -> Objective:
    """The mean activation of one channel of a layer, counted from 0: mean(a[..., index])."""
    return response(name, metric="mean", channels=[index])


def neuron(name: str, index: int, x: float = 0.5, y: float = 0.5) -> Objective:
    """The activation of one channel in one cell: at the fractions `x` of the width, `y` of the height.

    What the network sees is rolled by the jitter of a climb, and the cell stays: give it little or none.
    """
    return response(name, metric="mean", channels=[index], place=(_fraction(x), _fraction(y)))


def _fraction(value: float) -> float:
    if not isinstance(value, Real):
        raise TypeError(f"a place is given in fractions of the picture, not {value!r}")
    if not 0 <= value <= 1:
        raise UsageError(f"a place is given in fractions of the picture, from 0 to 1, not {value}")
    return value


def _meaning(metric: Metric, relative: bool, alone: bool, border: int) -> str:
    """The formula of a response; a are the activations of the layer, or of the channels that are named."""
    one = {"l2": "a²", "mean": "a", "l1": "|a|", "relu": "max(a, 0)"}[metric]
    if border and not alone:
        formula = f"Σ {one} of the cells inside the border / the number of all a"
    else:
        formula = f"mean({one}) of the cell" if alone else f"mean({one})"
    first = "mean(a²)" if metric == "l2" else "√mean(a²)"
    return f"{formula} / {first} of the layer on the octave's first canvas" if relative else formula


def _measures() -> dict[str, Callable[[Tensor], Tensor]]:
    import tensorflow as tf

    return {"l2": tf.square, "mean": tf.identity, "l1": tf.abs, "relu": tf.nn.relu}


def _cell(seen: Tensor, place: tuple[float, float]) -> Tensor:
    """The cell `[1, 1, 1, C]` that the place lies in."""
    import tensorflow as tf

    for axis, part in ((1, place[1]), (2, place[0])):
        length = tf.shape(seen)[axis]
        index = tf.minimum(tf.cast(part * tf.cast(length, tf.float32), tf.int32), length - 1)
        seen = tf.gather(seen, [index], axis=axis)
    return seen


def _inside(seen: Tensor, border: int) -> Tensor:
    """The cells without `border` rows and columns on each side; at least one of each stays."""
    import tensorflow as tf

    height, width = tf.shape(seen)[1], tf.shape(seen)[2]
    rows, columns = (tf.minimum(border, (side - 1) // 2) for side in (height, width))
    return seen[:, rows : height - rows, columns : width - columns]
