"""Functions of other people inside the graphs of this package.

The package's own code says its loops and conditions in TensorFlow's words, so its graphs are traced without
AutoGraph, whose rewriting of every function took two thirds of the time. What plugins hand over may have been
written for AutoGraph.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

__all__ = ["welcome"]

Function = TypeVar("Function", bound=Callable[..., Any])


def welcome(function: Function) -> Function:
    """`function`, which may use Python's `if`, `while` and `for` on tensors wherever a graph is traced.

    A function of this package is returned as it is.
    """
    module = getattr(function, "__module__", None) or type(function).__module__
    if module.partition(".")[0] == "deepdream":
        return function

    def called(*args: Any, **kwargs: Any) -> Any:
        import tensorflow as tf

        if tf.executing_eagerly():
            return function(*args, **kwargs)
        return tf.function(function)(*args, **kwargs)

    return cast(Function, called)
