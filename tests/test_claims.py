"""The arithmetic of the figures that the documentation has of dreams, on invented pictures and numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import claims, dreams, measure


def test_a_channel_is_judged_by_the_spread_of_the_others():
    gains = np.array([1.0, 3.0, 12.0, 1.0, 3.0])
    assert dreams.standing(gains, 2) == (10.0, 1)  # mean 2, deviation 1
    assert dreams.standing(gains, 0)[1] == 4  # after 12, 3 and 3


def test_the_channels_are_drawn_by_chance_of_those_that_answer():
    before = np.array([0.0, 1.0, 2.0, 0.0, 3.0, 4.0])
    assert sorted(dreams.drawn(before, 9)) == [1, 2, 4, 5]
    assert dreams.drawn(before, 2) == dreams.drawn(before, 4)[:2] != [1, 2]


def test_every_cell_looks_for_its_like_in_the_guide():
    guide = np.array([[5.0, 0.0], [0.0, 0.1]])
    assert dreams.nearness(np.array([[2.0, 0.0], [0.0, 3.0]]), guide) == pytest.approx(1.0)
    assert dreams.nearness(np.array([[3.0, 4.0], [0.0, 0.0]]), guide) == pytest.approx(0.4)


def test_the_way_of_the_mean_feature_is_beside_that_to_the_guide():
    first, guide = np.array([[1.0, 0.0], [1.0, 2.0]]), np.array([[4.0, 5.0]])  # from (1, 1) by (3, 4)
    assert dreams.heading(first, first + np.array([3.0, 0.0]), guide) == pytest.approx(0.6)
    assert dreams.heading(first, first - np.array([3.0, 4.0]), guide) == pytest.approx(-1.0)


def test_similarity_is_that_of_the_formula():
    a = np.random.default_rng(0).uniform(0, 255, (24, 32, 3))
    assert dreams.ssim(a, a) == pytest.approx(1.0)
    assert dreams.ssim(a, 255 - a) < -0.9
    black, grey = np.zeros((9, 9, 3)), np.full((9, 9, 3), 100.0)
    assert dreams.ssim(black, grey) == pytest.approx(
        6.5025 / (100**2 + 6.5025)
    )  # no structure: lightness alone


def test_tables_sum_up_the_rows():
    rows = [{"layer": "block4_conv3", "z": z, "rank": rank} for z, rank in ((5.0, 1), (9.0, 2), (7.0, 1))] + [
        {"layer": "block5_conv1", "z": 30.0, "rank": 1}
    ]
    page = claims.table(claims.selectivity(rows))
    assert "| block4_conv3 | 3 | 5.0 | 7.0 | 9.0 | 2 | 2 |\n" in page
    assert page.endswith("| all | 4 | 5.0 | 8.0 | 30.0 | 3 | 2 |\n") and "block3" not in page
    row = {"layer": "l", "by": "match", "guide": "a", "before": {"a": 0.25, "b": 0.5, "c": 0.5}}
    row |= {"after": {"a": 0.5, "b": 0.45, "c": 0.57}, "towards": {"a": 0.8, "b": -0.2, "c": 0.4}}
    assert claims.table(claims.guides([row])).endswith("| l | match | a | +0.25 | +0.01 | +0.80 | +0.10 |\n")


def test_a_later_run_of_one_case_keeps_the_others():
    old = [{"case": "a", "z": 1}, {"case": "a", "z": 2}, {"case": "b", "z": 3}]
    assert claims.merged(old, [{"case": "a", "z": 4}]) == [{"case": "b", "z": 3}, {"case": "a", "z": 4}]


def test_whole_processes_are_counted_before_this_one_is_large(monkeypatch, capsys):
    asked = []
    done = measure.Finished(2.0, 3.0, 785_000_000, "")
    monkeypatch.setattr(measure, "process", lambda command: asked.append(command) or done)
    claims.main(["atlas", "zoom"])
    assert [command[2] for command in asked] == ["zoom", "zoom", "layers"]
    assert "| 300 frames, 96 px | 2.0 | 3.0 | 785.0 |" in capsys.readouterr().out


def test_the_command_dreams_and_writes_a_page(tmp_path, capsys):
    places = ["--output", str(tmp_path), "--pictures", str(tmp_path / "renders")]
    cases = ["--case", "coffee block3_conv3", "--case", "block4_conv3 match", "--case", "coffee 40"]
    claims.main(["selectivity", "guides", "ladder", "--quick", *cases, *places])
    (page,) = tmp_path.glob("*.md")
    assert page.read_text("utf-8").strip() == capsys.readouterr().out.strip()
    parts = json.loads(page.with_suffix(".json").read_text("utf-8"))
    assert {name: len(part["rows"]) for name, part in parts.items()} == {
        "selectivity": 1,
        "guides": 2,
        "ladder": 1,
    }
    assert len(list((tmp_path / "renders").iterdir())) == 3
