"""Octave schedules: the sizes that the references' formulas give, and what happens at the small end."""

import pytest

from deepdream.pictures.scales import fit, octave_sizes


def test_octaves_shrink_one_after_the_other() -> None:
    # 575 -> 411 (410.7) -> 294 (293.6) -> 210, 1024 -> 731 (731.4) -> 522 (522.1) -> 373 (372.9)
    assert octave_sizes((575, 1024), 4, 1.4) == ((210, 373), (294, 522), (411, 731), (575, 1024))


def test_too_small_octaves_are_left_out() -> None:
    assert octave_sizes((64, 100), 4, 2.0, smallest=16) == ((16, 25), (32, 50), (64, 100))
    assert octave_sizes((15, 100), 4, 2.0, smallest=16) == ()


def test_a_scale_that_rounds_to_the_same_size_gives_no_octave_twice() -> None:
    assert octave_sizes((3, 3), 5, 1.01) == ((3, 3),)


@pytest.mark.parametrize(
    ("size", "fitted"), [((300, 451), (341, 512)), ((1, 2000), (1, 512)), ((8, 8), (512, 512))]
)
def test_fit_keeps_the_aspect(size: tuple[int, int], fitted: tuple[int, int]) -> None:
    assert fit(size, 512) == fitted
