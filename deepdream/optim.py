"""Optimisers: one uphill step on the canvas, behind one interface.

Every optimiser maximises. `reset` gives it a fresh state for a canvas of any size; `step` is
traced once, with the size left open, and leaves its state in variables on the device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import tensorflow as tf

__all__ = ["LBFGS", "Adam", "Ascent", "Evaluate", "Optimiser", "make"]

Evaluate = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""Canvas `[1, H, W, 3]` -> (objective: float32 scalar, gradient `[1, H, W, 3]`)."""


class Optimiser(Protocol):
    """What the loop needs of an optimiser."""

    def reset(self, canvas: tf.Tensor) -> None:
        """Forget everything and make room for a canvas of this size."""

    def step(self, evaluate: Evaluate, canvas: tf.Tensor) -> tf.Tensor:
        """The canvas after one step, inside the grey levels; calls `evaluate` exactly once, in a graph."""


def _inside(canvas: tf.Tensor) -> tf.Tensor:
    """Every recipe clips to the valid range after each step; a canvas is 0-255."""
    return tf.clip_by_value(canvas, 0.0, 255.0)


def _state(rank: int, dtype: tf.DType = tf.float32) -> tf.Variable:
    """A variable of `rank` axes whose lengths may change from octave to octave."""
    return tf.Variable(tf.zeros([0] * rank, dtype), shape=[None] * rank, trainable=False, dtype=dtype)


def _dot(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(a * b)


class Ascent:
    """Normalised gradient ascent: `x += step_size · g / mean|g|` (google/deepdream).

    `step_size` is in grey levels per step. The normaliser has no epsilon to stall on: the step is
    the same for g and c·g whatever c, and zero for a zero gradient.
    """

    def __init__(self, step_size: float) -> None:
        self.step_size = step_size

    def reset(self, canvas: tf.Tensor) -> None:
        """Nothing is remembered between steps."""

    def step(self, evaluate: Evaluate, canvas: tf.Tensor) -> tf.Tensor:
        _, gradient = evaluate(canvas)
        # Dividing by the largest entry first keeps the mean of a tiny gradient out of denormals.
        unit = tf.math.divide_no_nan(gradient, tf.reduce_max(tf.abs(gradient)))
        return _inside(canvas + self.step_size * tf.math.divide_no_nan(unit, tf.reduce_mean(tf.abs(unit))))


class Adam:
    """Adam (Kingma & Ba 2015), uphill; `step_size` is its learning rate in grey levels."""

    def __init__(
        self, step_size: float, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8
    ) -> None:
        self.step_size, self.beta_1, self.beta_2, self.epsilon = step_size, beta_1, beta_2, epsilon
        self._m, self._v, self._t = _state(4), _state(4), _state(0)

    def reset(self, canvas: tf.Tensor) -> None:
        self._m.assign(tf.zeros_like(canvas))
        self._v.assign(tf.zeros_like(canvas))
        self._t.assign(0.0)

    def step(self, evaluate: Evaluate, canvas: tf.Tensor) -> tf.Tensor:
        _, g = evaluate(canvas)
        t = self._t + 1.0
        m = self.beta_1 * self._m + (1 - self.beta_1) * g
        v = self.beta_2 * self._v + (1 - self.beta_2) * tf.square(g)
        self._m.assign(m), self._v.assign(v), self._t.assign(t)
        m_hat, v_hat = m / (1 - self.beta_1**t), v / (1 - self.beta_2**t)
        return _inside(canvas + self.step_size * tf.math.divide_no_nan(m_hat, tf.sqrt(v_hat) + self.epsilon))


_LONGEST_MOVE = 10.0
"""Grey levels, root mean square."""


class LBFGS:
    """L-BFGS, uphill, without a line search, held inside the grey levels.

    The last `history` pairs (s, y) live in ring buffers `[history, N]` on the device and give the
    direction by the two-loop recursion (Nocedal & Wright 2006, algorithm 7.4). The first step is
    min(1, 1/‖g‖₁) long, later ones take the full quasi-Newton step, as Torch's optimiser does with a
    learning rate of 1. Pixels that lie on a bound and are pulled outwards stay there and take no
    part in the direction (two-metric projection, Gafni & Bertsekas 1984): what lies beyond white
    cannot be shown, and clipping it off afterwards would cost most of what was gained. No step is
    longer than 10 grey levels in the root mean square: the second step, whose curvature is a guess
    from a tiny first one, overshoots a hundredfold on some pictures. `bounded` false leaves the
    canvas free, as the published style recipes do.

    Pairs without positive curvature are not stored. When the objective stops being finite, the
    best canvas seen is restored and the history forgotten.
    """

    def __init__(self, history: int = 20, *, bounded: bool = True) -> None:
        self.history, self.bounded = history, bounded
        self._s, self._y, self._rho = _state(2), _state(2), _state(1)
        self._gradient, self._move = _state(1), _state(1)
        self._best, self._best_value = _state(4), _state(0)
        self._stored = _state(0, tf.int32)  # pairs stored since the last reset
        self._age = _state(0, tf.int32)  # steps since the last reset

    def reset(self, canvas: tf.Tensor) -> None:
        n = tf.size(canvas)
        for buffer in (self._s, self._y):
            buffer.assign(tf.zeros([self.history, n]))
        self._rho.assign(tf.zeros([self.history]))
        self._gradient.assign(tf.zeros([n]))
        self._move.assign(tf.zeros([n]))
        self._best.assign(canvas)
        self._best_value.assign(tf.float32.min)
        self._stored.assign(0)
        self._age.assign(0)

    def step(self, evaluate: Evaluate, canvas: tf.Tensor) -> tf.Tensor:
        value, up = evaluate(canvas)
        gradient = -tf.reshape(up, [-1])  # downhill from here on, as the books have it
        healthy = tf.math.is_finite(value) & tf.reduce_all(tf.math.is_finite(gradient))
        return tf.cond(
            healthy, lambda: self._advance(canvas, value, gradient), lambda: self._start_again(canvas)
        )

    def _advance(self, canvas: tf.Tensor, value: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
        if value > self._best_value:
            self._best.assign(canvas)
            self._best_value.assign(value)
        self._remember(gradient)
        x = tf.reshape(canvas, [-1])
        free = tf.ones_like(x)
        if self.bounded:
            held = ((x <= 0.0) & (gradient > 0.0)) | ((x >= 255.0) & (gradient < 0.0))
            free = tf.where(held, 0.0, 1.0)
        direction = free * self._two_loop(free * gradient)
        first = tf.minimum(1.0, tf.math.divide_no_nan(1.0, tf.reduce_sum(tf.abs(gradient))))
        length = tf.where(self._age > 0, 1.0, first)
        if self.bounded:
            rms = tf.sqrt(tf.reduce_mean(tf.square(direction)))
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
        if self._age > 0 and curvature > 1e-10:
            slot = self._stored % self.history
            self._s.scatter_nd_update([[slot]], [self._move.read_value()])
            self._y.scatter_nd_update([[slot]], [y])
            self._rho.scatter_nd_update([[slot]], [1.0 / curvature])
            self._stored.assign_add(1)

    def _two_loop(self, gradient: tf.Tensor) -> tf.Tensor:
        """H·gradient, H being the approximate inverse Hessian that the stored pairs stand for."""
        s, y, rho = self._s.read_value(), self._y.read_value(), self._rho.read_value()
        count = tf.minimum(self._stored, self.history)
        alpha = tf.zeros([self.history])
        q = gradient
        for i in tf.range(count):  # newest pair first
            slot = (self._stored - 1 - i) % self.history
            a = rho[slot] * _dot(s[slot], q)
            alpha = tf.tensor_scatter_nd_update(alpha, [[slot]], [a])
            q -= a * y[slot]
        if count > 0:
            newest = (self._stored - 1) % self.history
            q *= 1.0 / (rho[newest] * _dot(y[newest], y[newest]))
        for i in tf.range(count):  # oldest pair first
            slot = (self._stored - count + i) % self.history
            b = rho[slot] * _dot(y[slot], q)
            q += (alpha[slot] - b) * s[slot]
        return q

    def _start_again(self, canvas: tf.Tensor) -> tf.Tensor:
        self._stored.assign(0)
        self._age.assign(0)
        self._best_value.assign(tf.float32.min)
        return tf.reshape(self._best, tf.shape(canvas))


def make(name: str, step_size: float, history: int) -> Optimiser:
    """The optimiser of that name: `ascent`, `adam` or `lbfgs`."""
    if name == "ascent":
        return Ascent(step_size)
    if name == "adam":
        return Adam(step_size)
    if name == "lbfgs":
        return LBFGS(history)
    raise ValueError(f"no optimiser {name!r}")
