"""The judge of the style race: it sees what the network sees, and knows both pictures when it meets them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import evaluator
from deepdream.climb.engine import Engine
from deepdream.jobs.recipe import Common
from deepdream.testing import picture

pytest.importorskip("tensorflow")
CONTENT, STYLE = picture(48, 32, seed=1).pixels, picture(40, 48, seed=2).pixels


def test_it_sees_what_the_network_sees() -> None:
    engine = Engine(Common(precision="float32"))
    found = evaluator.features(CONTENT)
    ours = engine.features(picture(48, 32, seed=1), list(found))
    for name, activations in found.items():
        assert activations.dtype == np.float64
        np.testing.assert_allclose(ours[name][0], activations, rtol=1e-3, atol=1e-3 * activations.max())


def test_each_picture_is_at_no_distance_from_itself_alone() -> None:
    judge = evaluator.Judge(CONTENT, STYLE)
    content, style = judge.score(CONTENT), judge.score(STYLE[:32].repeat(2, 1)[:, :48])
    assert content.content == 0 < style.content
    assert evaluator.Judge(STYLE, STYLE).score(STYLE).style == pytest.approx(0, abs=1e-12)
    assert content.style > 0
