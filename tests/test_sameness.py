"""What is the same to a graph: functions of the package by what they close over, others by which they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from deepdream import objectives as obj
from deepdream.climb import shaping, transforms
from deepdream.climb.sameness import alike
from deepdream.climb.updates import Adam, Ascent
from deepdream.pictures.picture import Picture


def key(made: Any) -> Any:
    return alike(made.terms[0].value) if isinstance(made, obj.Objective) else alike(made)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda: obj.layer("a"), lambda: obj.layer("b")),
        (lambda: obj.channel("a", 3), lambda: obj.channel("a", 4)),
        (lambda: obj.layers(["a:2"], metric="l1"), lambda: obj.layers(["a:2"], metric="l2")),
        (lambda: obj.deviation(1), lambda: obj.deviation(2)),
        (lambda: obj.total_variation(), lambda: obj.total_variation(relative=True)),
        (lambda: shaping.blurred(1.0), lambda: shaping.blurred(2.0)),
        (lambda: shaping.chain(shaping.grey()), lambda: shaping.chain(shaping.grey(), shaping.rimless())),
        (lambda: transforms.standard(), lambda: transforms.jitter(4)),
        (lambda: Ascent(1.5), lambda: Ascent(2.0)),
        (lambda: Ascent(1.5), lambda: Adam(1.5)),
        (lambda: (1, 2), lambda: (1, True)),
    ],
)
def test_what_is_made_of_the_same_is_the_same(one: Callable[[], Any], other: Callable[[], Any]) -> None:
    assert key(one()) == key(one()) and hash(key(one())) == hash(key(one()))
    assert key(one()) != key(other())


def test_a_plugins_functions_are_told_by_which_they_are() -> None:
    def made() -> Callable[[Any], Any]:
        return lambda gradient: gradient

    assert alike(made()) != alike(made())
    same = made()
    assert alike(same) == alike(same)
    assert alike(shaping.chain(same)) != alike(shaping.chain(same))


def test_what_can_change_is_told_by_which_it_is(photo: Picture) -> None:
    array = np.zeros(3)
    assert alike(array) == alike(array) != alike(np.zeros(3))
    assert alike(photo) != alike(photo.with_pixels(photo.pixels.copy()))
