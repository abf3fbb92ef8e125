"""The benchmark's own arithmetic and files, on invented figures."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import kernels, machine, measure, parts, report, run
from benchmarks.measure import Row
from deepdream import backbones

MACHINE = {
    "cpu": "Wonder(R) CPU 9 @ 3.00GHz",
    "cores": 2,
    "features": ["amx_bf16"],
    "memory_gb": 8.0,
    "system": "Linux 6.1 x86_64",
    "python": "3.12.0",
    "deepdream": "1.0",
    "tensorflow": "2.20",
    "keras": "3.10",
}
ABOUT = {"rounds": 3, "runs": 1, "quick": False, "busy": False, "revision": "abc1234", "load": [0.1, 1.9]}
STEPS = (
    Row("steps", "step, 8x8", "deepdream bfloat16", (0.2, 0.1, 0.3), facts={"cosine": 0.99, "cpu": 0.4}),
    Row(
        "steps",
        "step, 8x8",
        "PyTorch bfloat16 channels_last",
        (0.5, 0.4, 0.6),
        facts={"cosine": 1.0, "cpu": 0.5},
    ),
    Row("steps", "step, 8x8", "PyTorch float32", (0.8, 0.7, 0.9), facts={"cosine": 1.0, "cpu": 1.5}),
)
GROWTH = Row(
    "scaling",
    "1.00 MP, 1333x750",
    "deepdream bfloat16",
    (0.75,),
    2 * 10**9,
    {"megapixels": 1.0, "per_megapixel": 0.75, "predicted": 1_900_000_000},
)
RESULTS = report.Results("2030-01-02", MACHINE).with_part("steps", ABOUT, STEPS)


def test_the_page_shows_median_spread_and_ratio_of_every_program():
    page = report.to_markdown(RESULTS)
    assert "| step, 8x8 | deepdream bfloat16 | 0.200 s | 0.100–0.300 s | 1.00 | 0.40 s | 0.99000 |" in page
    assert "| step, 8x8 | PyTorch float32 | 0.800 s | 0.700–0.900 s | 4.00 | 1.50 s | 1.00000 |" in page
    assert "Load average 0.1 at the start, 1.9 at the end" in page
    assert "peak memory" not in page  # no figures, no column


def test_aims_are_said_to_be_missed_where_they_are():
    first, second = report.bars(STEPS)
    assert first[0].startswith("PyTorch bfloat16") and "2.50×" in first[2] and first[3] == "met"
    assert second[0].startswith("PyTorch float32") and "4.00×" in second[2] and second[3] == "missed"


def test_aims_are_not_judged_on_a_machine_they_are_not_meant_for():
    assert "| met |" in report.to_markdown(RESULTS)
    page = report.to_markdown(replace(RESULTS, machine={**MACHINE, "features": ["avx2"]}))
    assert "cannot be judged here" in page and "| not judged |" in page and "| met |" not in page


def test_the_page_says_where_deepdream_was_slower():
    assert "Where deepdream was slower" not in report.to_markdown(RESULTS)
    faster = Row("steps", "step, 8x8", "PyTorch bfloat16", (0.15,), facts={"cosine": 1.0, "cpu": 0.2})
    page = report.to_markdown(RESULTS.with_part("steps", ABOUT, [*STEPS, faster]))
    assert "- step, 8x8 (steps): PyTorch bfloat16 0.150 s, deepdream 0.200 s; by CPU time 0.200 s and" in page


def test_a_later_run_of_one_part_keeps_the_others(tmp_path):
    run.write(RESULTS, tmp_path)
    path = run.write(report.Results("2030-01-02", MACHINE).with_part("scaling", ABOUT, [GROWTH]), tmp_path)
    assert path.name == "2030-01-02-wonder-9-2-cores.md"
    data = json.loads(path.with_suffix(".json").read_text())
    assert [row["part"] for row in data["rows"]] == ["steps"] * 3 + ["scaling"]
    assert data["rows"][0]["samples"] == [0.2, 0.1, 0.3]
    assert (
        "| 1.00 MP, 1333x750 | deepdream bfloat16 | 0.750 s | 0.75 | 2.00 GB | 1.90 GB |" in path.read_text()
    )


def test_a_later_run_of_one_case_keeps_the_others_of_its_part(tmp_path):
    run.write(RESULTS.with_part("scaling", ABOUT, [GROWTH]), tmp_path)
    larger = replace(GROWTH, case="4.00 MP, 2667x1500", samples=(3.5,))
    run.write(report.Results("2030-01-02", MACHINE).with_part("scaling", ABOUT, [larger]), tmp_path)
    path = run.write(report.Results("2030-01-02", MACHINE).with_part("scaling", ABOUT, [larger]), tmp_path)
    rows = [
        row for row in json.loads(path.with_suffix(".json").read_text())["rows"] if row["part"] == "scaling"
    ]
    assert [row["samples"] for row in rows] == [[0.75], [3.5]]


def test_only_the_cases_asked_for_are_measured(monkeypatch, tmp_path):
    asked = []
    facts = {"seconds": 1.0, "predicted": 1, "precision": "float32"}
    done = measure.Finished(1.0, 1.0, 1, json.dumps(facts))
    monkeypatch.setattr(measure, "process", lambda command: asked.append(command[-2:]) or done)
    rows = list(parts.scaling(parts.Settings(tmp_path, cases=("1.00 MP", "0.25 MP"))))
    assert asked == [["667", "375"], ["1333", "750"]] and [row.case[:7] for row in rows] == [
        "0.25 MP",
        "1.00 MP",
    ]


def test_time_that_two_kernels_share_counts_once():
    assert kernels.union([(3.0, 4.0), (0.0, 1.0), (0.5, 2.0), (0.6, 0.7)]) == 3.0
    assert [
        kernels.is_convolution(kind) for kind in ("_MklNativeFusedConv2D", "Conv2DBackpropInput", "Relu")
    ] == [
        True,
        True,
        False,
    ]


def test_operations_are_those_of_the_convolutions_alone():
    network = backbones.open_extractor(backbones.resolve("vgg16", ["block2_conv1"]), ["block2_conv1"])
    there = 9 * (3 * 64 + 64 * 64) * 32 * 48 + 9 * 64 * 128 * 16 * 24
    assert kernels.operations(network, 32, 48) == 2 * there


def test_the_part_of_a_step_inside_convolutions_is_held_against_its_aim():
    row = Row("kernels", "step, 8x8", "deepdream float32", (0.2,), facts={"convolutions": 0.71})
    assert report.bars([row]) == [
        ("the whole step, inside convolutions", "75%", "71% (step, 8x8, float32)", "missed")
    ]
    assert report.bars([replace(row, facts={"convolutions": 0.76})])[0][3] == "met"


def test_figures_of_other_versions_are_not_mixed_in(tmp_path):
    run.write(RESULTS, tmp_path)
    other = report.Results("2030-01-02", {**MACHINE, "keras": "3.11"}).with_part("scaling", ABOUT, [GROWTH])
    assert "## steps" not in run.write(other, tmp_path).read_text()


def test_a_picture_too_large_for_the_machine_is_reported_not_hidden():
    row = Row("scaling", "33.18 MP, 7680x4320", "deepdream", (), None, {"note": "needs about 20.0 GB"})
    assert "| — |" in (line := report.table([GROWTH, row])[-1]) and "needs about 20.0 GB" in line


def test_cosine_is_blind_to_length_only():
    a = np.random.default_rng(0).standard_normal((4, 5, 3))
    assert measure.cosine(a, 7.0 * a) == pytest.approx(1.0)
    assert measure.cosine(a, -a) == pytest.approx(-1.0)


class Fake:
    """A worker that answers from this process."""

    def __init__(self, name, gradient, log):
        self.contestant, self.gradient, self.log = measure.Contestant(name, "m:C"), gradient, log

    def load(self, picture, gradient):
        np.save(gradient, self.gradient)

    def run(self, steps):
        self.log.append(self.contestant.name)
        return 0.2, 0.4


def test_contestants_take_turns(tmp_path):
    log, pixels = [], np.ones((2, 2, 3), np.float32)
    crew = [Fake(name, pixels, log) for name in "AB"]
    rows = measure.steps("steps", "tiny", crew, pixels, 3, tmp_path, "B")
    assert "".join(log) == "AB" * 4  # one to warm up
    assert [row.samples for row in rows] == [(0.2, 0.2, 0.2)] * 2


def test_a_program_that_computes_something_else_is_an_error(tmp_path):
    pixels = np.random.default_rng(0).standard_normal((4, 4, 3))
    crew = [Fake("right", pixels, []), Fake("wrong", pixels**2, [])]
    with pytest.raises(measure.BenchmarkError, match="the gradient of wrong"):
        measure.steps("steps", "tiny", crew, pixels, 1, tmp_path, "right")


def test_a_whole_process_is_timed_and_its_failure_noticed():
    done = measure.process(["-c", "print('x' * 3)"])
    assert done.output == "xxx\n" and done.seconds > 0 and done.memory > 1e6
    with pytest.raises(measure.BenchmarkError, match="ended with 3"):
        measure.process(["-c", "raise SystemExit(3)"])


def test_every_part_says_what_it_is_and_the_machine_is_described():
    assert all(part.__doc__ for part in parts.PARTS.values())
    assert machine.describe()["cores"] >= 1
