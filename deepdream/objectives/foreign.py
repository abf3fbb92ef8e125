"""Functions of other people inside the graphs of this package.

The package's own code says its loops and conditions in TensorFlow's words, so its graphs are traced without
AutoGraph, whose rewriting of every function took two thirds of the time. What plugins hand over may have been
written for AutoGraph.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any, TypeVar, cast

from deepdream.console.blame import of_function
from deepdream.errors import DeepDreamError, misfit, unwrapped

__all__ = ["answerable", "one_of", "takes", "welcome"]

Function = TypeVar("Function", bound=Callable[..., Any])


def welcome(function: Function) -> Function:
    """`function`, which may use Python's `if`, `while` and `for` on tensors wherever a graph is traced.

    A function of this package is returned as it is. What goes wrong in another, or with what it returns, is
    told with its line.
    """
    if not callable(function):
        raise TypeError(f"{function!r} is no function")
    module = getattr(function, "__module__", None) or type(function).__module__
    if module.partition(".")[0] == "deepdream":
        return function

    def called(*args: Any, **kwargs: Any) -> Any:
        import tensorflow as tf

        with answerable(function):
            _check_call(function, args, kwargs)
            eager = tf.executing_eagerly()
            with nullcontext() if eager else _said_of_tracing():
                result = (function if eager else tf.function(function))(*args, **kwargs)
            if result is None:
                raise DeepDreamError(f"{_name(function)}() returned nothing", "did you forget 'return'?")
            return result

    return cast(Function, called)


def one_of(called: str, function: Function) -> Function:
    """`function`, welcome, as one of those that `called` puts together; a TypeError for a list of them."""
    if isinstance(function, list | tuple):
        raise misfit(
            f"{called} takes functions one after the other, not a list", f"write {called}(*functions)"
        )
    return welcome(function)


@contextmanager
def answerable(function: Callable[..., Any]) -> Iterator[None]:
    """What is raised meanwhile has a line of `function`: that of its `def`, if no other is known."""
    try:
        yield
    except Exception as error:
        place = of_function(function, error)
        if place is not None and place not in getattr(error, "__notes__", ()):
            error.add_note(place)
        raise


@contextmanager
def _said_of_tracing() -> Iterator[None]:
    """What fails meanwhile, and does not say the way out, is given what most often it is."""
    try:
        yield
    except Exception as error:
        raised = unwrapped(error)
        graphs = not isinstance(raised, NameError | ImportError)  # those have nothing to do with graphs
        if graphs and not any(note.startswith("hint: ") for note in getattr(raised, "__notes__", ())):
            raised.add_note(
                "hint: a graph is made of it, with no numbers in it yet: take TensorFlow's functions, "
                "not NumPy's, and sizes from tf.shape"
            )
        raise


def takes(function: Callable[..., Any], count: int) -> bool:
    """Whether `function` can be called with `count` arguments; of some built-in ones nobody knows."""
    with suppress(ValueError):
        signature = inspect.signature(function)
        try:
            signature.bind(*range(count))
        except TypeError:
            return False
    return True


def _check_call(function: Callable[..., Any], args: Any, kwargs: Any) -> None:
    """A TypeError if `function` takes other arguments; TensorFlow would say so in many words."""
    with suppress(ValueError):  # some built-in functions do not tell what they take
        signature = inspect.signature(function)
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{_name(function)}() is given {len(args)} arguments: {error}") from None


def _name(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", type(function).__name__))
