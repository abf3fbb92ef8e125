"""Optimisers: one uphill step on the canvas, behind one interface. Their settings are in `updates`.

Every optimiser maximises. `reset` gives it a fresh state for a canvas of any size; `step` is
traced once, with the size left open, and leaves its state in variables on the device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import tensorflow as tf

from deepdream.climb import updates

__all__ = ["LBFGS", "Adam", "Ascent", "Evaluate", "Optimiser", "make"]

Evaluate = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""Canvas `[1, H, W, 3]` -> (objective: float32 scalar, gradient `[1, H, W, 3]`)."""


class Optimiser(Protocol):
    """What the loop needs of an optimiser.

    `mask`, where there is one, is `[1, H, W, 1]` from 0 to 1: what part of its way each pixel goes.
    """

    def reset(self, canvas: tf.Tensor) -> None:
        """Forget everything and make room for a canvas of this size."""

    def resize(self, canvas: tf.Tensor) -> None:
        """Keep what can be kept for the same picture at another size; `reset` where nothing can."""

    rescues: tf.Variable
    """How often it went back to the best canvas, in all octaves."""

    def state(self) -> tuple[tf.Variable, ...]:
        """All that the optimiser remembers: a run that is given them goes on as if never stopped."""

    def step(self, evaluate: Evaluate, canvas: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
        """The canvas after one step; calls `evaluate` exactly once, in a graph."""


def _inside(canvas: tf.Tensor) -> tf.Tensor:
    """The canvas clipped to the grey levels, 0-255."""
    return tf.clip_by_value(canvas, 0.0, 255.0)


def _part(canvas: tf.Tensor, moved: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
    """The part of the way to `moved` that the mask grants."""
    return moved if mask is None else canvas + mask * (moved - canvas)


def _state(rank: int | None, dtype: tf.DType = tf.float32) -> tf.Variable:
    """A variable of `rank` axes (None: any number) whose lengths may change from octave to octave."""
    shape = tf.TensorShape(None if rank is None else [None] * rank)
    return tf.Variable(tf.zeros([0] * (rank or 0), dtype), shape=shape, trainable=False, dtype=dtype)


def _if(condition: tf.Tensor, do: Callable[[], object]) -> None:
    """`do`, which changes variables, where the condition holds."""

    def done() -> tf.Tensor:
        do()
        return tf.constant(0)

    tf.cond(condition, done, lambda: tf.constant(0))


def _dot(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(a * b)


class Ascent:
    """Normalised gradient ascent, `updates.Ascent`; `bounded` false clips to no grey levels at all."""

    def __init__(self, settings: updates.Ascent, *, bounded: bool = True) -> None:
        self.settings, self.bounded = settings, settings.bounded and bounded
        self.rescues = _state(0, tf.int32)

    def reset(self, canvas: tf.Tensor) -> None:
        """Nothing is remembered between steps."""

    resize = reset

    def state(self) -> tuple[tf.Variable, ...]:
        return ()

    def step(self, evaluate: Evaluate, canvas: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
        _, gradient = evaluate(canvas)
        moved = canvas + self.settings.step_size * self._normalised(gradient)
        return _part(canvas, _inside(moved) if self.bounded else moved, mask)

    def _normalised(self, gradient: tf.Tensor) -> tf.Tensor:
        epsilon, floor = self.settings.epsilon, self.settings.floor
        if self.settings.normalise == "none":
            return gradient
        measure = _MEASURES[self.settings.normalise]
        if epsilon or floor:
            return gradient / tf.maximum(measure(gradient) + epsilon, floor)
        # Dividing by the largest entry first keeps the measure of a tiny gradient out of denormals.
        unit = tf.math.divide_no_nan(gradient, tf.reduce_max(tf.abs(gradient)))
        return tf.math.divide_no_nan(unit, measure(unit))


def _seen_size(values: tf.Tensor) -> tf.Tensor:
    size = tf.abs(values)
    some = tf.cast(size > updates.ROUNDING * tf.reduce_max(size), size.dtype)
    return tf.math.divide_no_nan(tf.reduce_sum(size), tf.reduce_sum(some))


def _rms(values: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(tf.reduce_mean(tf.square(values)))


_MEASURES: Final = {
    "mean": lambda g: tf.reduce_mean(tf.abs(g)),
    "seen": _seen_size,
    "std": tf.math.reduce_std,
    "rms": _rms,
}


class _Best:
    """The best canvas of an octave, to go back to when steps go wrong, and how short they are since then."""

    def __init__(self) -> None:
        self.canvas, self.value = _state(None), _state(0)
        self.first, self.shortened = _state(0), _state(0)
        self.rescues = _state(0, tf.int32)

    def state(self) -> tuple[tf.Variable, ...]:
        return self.canvas, self.value, self.first, self.shortened, self.rescues

    def reset(self, canvas: tf.Tensor) -> None:
        self.canvas.assign(canvas)
        self.value.assign(tf.float32.min)
        self.first.assign(tf.float32.min)
        self.shortened.assign(1.0)

    def healthy(self, canvas: tf.Tensor, value: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
        """Whether `canvas` is one to go on from; it is noted if it is the best."""
        finite = tf.math.is_finite(value) & tf.reduce_all(tf.math.is_finite(gradient))
        _if(finite & (self.first <= tf.float32.min), lambda: self.first.assign(value))
        good = finite & (value >= self.first - _TOO_BAD * tf.abs(self.first))
        _if(good & (value > self.value), lambda: (self.canvas.assign(canvas), self.value.assign(value)))
        return good

    def rescue(self, canvas: tf.Tensor) -> tf.Tensor:
        """The best canvas; from now on steps are half as long."""
        self.shortened.assign(self.shortened / 2)
        self.rescues.assign_add(1)
        return tf.reshape(self.canvas, tf.shape(canvas))


_TOO_BAD = 10.0
"""How many times its first value the objective may lose: a quasi-Newton step may overshoot, and come back."""


class Adam:
    """Adam, `updates.Adam`; `bounded` clips to the grey levels.

    When the objective is no number any more, or ten times worse than at first, it goes on from the best
    canvas with fresh moments and half the learning rate.
    """

    def __init__(self, settings: updates.Adam, *, bounded: bool = True) -> None:
        self.settings, self.bounded = settings, bounded
        self._m, self._v, self._t = _state(None), _state(None), _state(0)
        self._best = _Best()
        self.rescues = self._best.rescues

    def reset(self, canvas: tf.Tensor) -> None:
        self._m.assign(tf.zeros_like(canvas))
        self._v.assign(tf.zeros_like(canvas))
        self._t.assign(0.0)
        self._best.reset(canvas)

    def resize(self, canvas: tf.Tensor) -> None:
        """The moments are scaled up with the picture (crowsonkb/style-transfer-pytorch)."""
        if tf.rank(self._m) != 4:
            return self.reset(canvas)
        size = tf.shape(canvas)[1:3]
        self._m.assign(tf.image.resize(self._m, size, "bicubic"))
        self._v.assign(tf.nn.relu(tf.image.resize(self._v, size, "bilinear")))
        self._best.reset(canvas)
        return None

    def state(self) -> tuple[tf.Variable, ...]:
        return self._m, self._v, self._t, *self._best.state()

    def step(self, evaluate: Evaluate, canvas: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
        value, g = evaluate(canvas)
        return tf.cond(
            self._best.healthy(canvas, value, g),
            lambda: self._advance(canvas, g, mask),
            lambda: self._start_again(canvas),
        )

    def _advance(self, canvas: tf.Tensor, g: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
        rule = self.settings
        t = self._t + 1.0
        m = rule.beta_1 * self._m + (1 - rule.beta_1) * g
        v = rule.beta_2 * self._v + (1 - rule.beta_2) * tf.square(g)
        self._m.assign(m), self._v.assign(v), self._t.assign(t)
        m_hat, v_hat = m / (1 - rule.beta_1**t), v / (1 - rule.beta_2**t)
        rate = rule.step_size * self._best.shortened
        moved = canvas + rate * tf.math.divide_no_nan(m_hat, tf.sqrt(v_hat) + rule.epsilon)
        return _part(canvas, _inside(moved) if self.bounded else moved, mask)

    def _start_again(self, canvas: tf.Tensor) -> tf.Tensor:
        self._m.assign(tf.zeros_like(self._m))
        self._v.assign(tf.zeros_like(self._v))
        self._t.assign(0.0)
        return self._best.rescue(canvas)


_FIRST_MOVE, _LONGEST_MOVE = 1.0, 10.0
"""Grey levels, root mean square."""


class LBFGS:
    """L-BFGS, uphill, without a line search, held inside the grey levels.

    The last `history` pairs (s, y) live in ring buffers `[history, N]` on the device and give the
    direction by the two-loop recursion (Nocedal & Wright 2006, algorithm 7.4). The first step moves
    pixels by one grey level (root mean square), so that an objective times c takes the same way; later
    ones take the full quasi-Newton step, as Torch's optimiser does with a learning rate of 1. Its first
    step, min(1, 1/‖g‖₁) long, is the one of a parametrisation, whose unit is unknown; of a picture it
    moves pixels by less in the mean than float32 tells of a grey level, and what the second step is made
    of is rounding. Pixels that lie on a bound and are pulled outwards stay there and take no
    part in the direction (two-metric projection, Gafni & Bertsekas 1984): what lies beyond white
    cannot be shown, and clipping it off afterwards would cost most of what was gained. No step is
    longer than 10 grey levels in the root mean square: the second step, whose curvature is a guess
    from a short first one, overshoots a hundredfold on some pictures. `bounded` false leaves the
    canvas free, as the published style recipes do.

    Pairs without positive curvature are not stored. When the objective is no number any more, or ten times
    worse than at first, the best canvas is restored, the history forgotten, and steps are half as long.
    """

    def __init__(self, settings: updates.LBFGS, *, bounded: bool = True) -> None:
        self.history, self.bounded = settings.history, settings.bounded and bounded
        self._levels = bounded  # what is climbed is pixels
        self._s, self._y, self._rho = _state(2), _state(2), _state(1)
        self._gradient, self._move = _state(1), _state(1)
        self._best = _Best()
        self.rescues = self._best.rescues
        self._stored = _state(0, tf.int32)  # pairs stored since the last reset
        self._age = _state(0, tf.int32)  # steps since the last reset

    def state(self) -> tuple[tf.Variable, ...]:
        pairs = (self._s, self._y, self._rho, self._gradient, self._move)
        return (*pairs, *self._best.state(), self._stored, self._age)

    def reset(self, canvas: tf.Tensor) -> None:
        n = tf.size(canvas)
        for buffer in (self._s, self._y):
            buffer.assign(tf.zeros([self.history, n]))
        self._rho.assign(tf.zeros([self.history]))
        self._gradient.assign(tf.zeros([n]))
        self._move.assign(tf.zeros([n]))
        self._best.reset(canvas)
        self._stored.assign(0)
        self._age.assign(0)

    resize = reset  # pairs of another size say nothing about this one

    def step(self, evaluate: Evaluate, canvas: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
        value, up = evaluate(canvas)
        # Downhill from here on, as the books have it. Where the mask is 0, no pair ever has anything.
        gradient = -tf.reshape(up if mask is None else up * mask, [-1])
        return tf.cond(
            self._best.healthy(canvas, value, gradient),
            lambda: self._advance(canvas, gradient),
            lambda: self._start_again(canvas),
        )

    def _advance(self, canvas: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
        self._remember(gradient)
        x = tf.reshape(canvas, [-1])
        free = tf.ones_like(x)
        if self.bounded:
            held = ((x <= 0.0) & (gradient > 0.0)) | ((x >= 255.0) & (gradient < 0.0))
            free = tf.where(held, 0.0, 1.0)
        direction = free * self._two_loop(free * gradient)
        rms = _rms(direction)
        if self._levels:
            first = tf.math.divide_no_nan(_FIRST_MOVE, rms)
        else:
            first = tf.minimum(1.0, tf.math.divide_no_nan(1.0, tf.reduce_sum(tf.abs(gradient))))
        length = self._best.shortened * tf.where(self._age > 0, 1.0, first)
        if self.bounded:
            length = tf.minimum(length, tf.math.divide_no_nan(_LONGEST_MOVE, rms))
        moved = x - length * direction
        if self.bounded:
            moved = _inside(moved)
        self._gradient.assign(gradient)
        self._move.assign(moved - x)
        self._age.assign_add(1)
        return tf.reshape(moved, tf.shape(canvas))

    def _remember(self, gradient: tf.Tensor) -> None:
        """Store the pair of the step just taken, if there was one and its curvature is positive."""
        y = gradient - self._gradient
        curvature = _dot(y, self._move)
        least = 1e-10 * tf.norm(y) * tf.norm(self._move) if self.bounded else 1e-10

        def store() -> None:
            slot = self._stored % self.history
            self._s.scatter_nd_update([[slot]], [self._move.read_value()])
            self._y.scatter_nd_update([[slot]], [y])
            self._rho.scatter_nd_update([[slot]], [1.0 / curvature])
            self._stored.assign_add(1)

        _if((self._age > 0) & (curvature > least), store)

    def _two_loop(self, gradient: tf.Tensor) -> tf.Tensor:
        """H·gradient, H being the approximate inverse Hessian that the stored pairs stand for."""
        s, y, rho = self._s.read_value(), self._y.read_value(), self._rho.read_value()
        stored, count = self._stored.read_value(), tf.minimum(self._stored, self.history)

        def newest_first(i: tf.Tensor, q: tf.Tensor, alpha: tf.Tensor) -> tuple[tf.Tensor, ...]:
            slot = (stored - 1 - i) % self.history
            a = rho[slot] * _dot(s[slot], q)
            return i + 1, q - a * y[slot], tf.tensor_scatter_nd_update(alpha, [[slot]], [a])

        def oldest_first(i: tf.Tensor, q: tf.Tensor) -> tuple[tf.Tensor, ...]:
            slot = (stored - count + i) % self.history
            b = rho[slot] * _dot(y[slot], q)
            return i + 1, q + (alpha[slot] - b) * s[slot]

        def scaled() -> tf.Tensor:
            newest = (stored - 1) % self.history
            return q * (1.0 / (rho[newest] * _dot(y[newest], y[newest])))

        begin = (tf.constant(0), gradient, tf.zeros([self.history]))
        _, q, alpha = tf.while_loop(lambda i, *_: i < count, newest_first, begin)
        q = tf.cond(count > 0, scaled, lambda: q)
        _, q = tf.while_loop(lambda i, *_: i < count, oldest_first, (tf.constant(0), q))
        return q

    def _start_again(self, canvas: tf.Tensor) -> tf.Tensor:
        self._stored.assign(0)
        self._age.assign(0)
        return self._best.rescue(canvas)


def make(update: updates.Update, *, bounded: bool = True) -> Optimiser:
    """The optimiser that does what the settings say; `bounded` where the canvas itself is climbed."""
    if isinstance(update, updates.Ascent):
        return Ascent(update, bounded=bounded)
    if isinstance(update, updates.Adam):
        return Adam(update, bounded=bounded)
    return LBFGS(update, bounded=bounded)
