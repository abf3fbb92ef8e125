"""The sample pictures: all there, all credited, all fit to be used and shipped."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"
NAMES = sorted(path.name for path in SAMPLES.iterdir() if path.suffix in {".jpg", ".png"})


def credits() -> dict[str, list[str]]:
    """The rows of the tables in CREDITS.md by file name: picture, author, source, licence."""
    rows = re.findall(r"^\| `([^`]+)` \|(.*)\|$", (SAMPLES / "CREDITS.md").read_text(encoding="utf-8"), re.M)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows}


def test_every_sample_is_credited_and_nothing_else_is() -> None:
    assert sorted(credits()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_sample_is_free_and_fit_for_use(name: str) -> None:
    _, author, source, licence = credits()[name]
    assert author and source
    assert licence in {"CC0 1.0", "Public domain"}
    assert (SAMPLES / name).stat().st_size < 700_000
    with Image.open(SAMPLES / name) as picture:
        assert picture.mode == "RGB"
        assert not {"exif", "icc_profile", "xmp", "comment"} & set(picture.info)
        assert min(picture.size) >= 300 and max(picture.size) <= 1024
        assert np.asarray(picture.convert("L").resize((64, 64))).std() > 10  # something can be seen on it


def test_style_pictures_name_the_program_that_paints_them() -> None:
    painted = {name: row[2] for name, row in credits().items() if "scripts/painting" in row[2]}
    assert len(painted) >= 3
    for name, source in painted.items():
        assert source == f"`scripts/painting/{Path(name).stem}.py`"
        assert (ROOT / source.strip("`")).is_file()


def test_brush_lays_bristled_paint(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("scipy")
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from painting.brush import Brush, Canvas

    canvas = Canvas(np.full((64, 96, 3), 0.5), np.random.default_rng(3))
    red, yellow = np.array([0.9, 0.1, 0.1], np.float32), np.array([1.0, 0.8, 0.1], np.float32)
    canvas.stroke(np.array([[10.0, 32.0], [50.0, 28.0], [86.0, 36.0]]), 20, red, yellow, Brush(20, 80))
    picture = np.asarray(canvas.finish(scale=1), int)
    assert (abs(picture[[0, 0, 63, 63], [0, 95, 0, 95]] - 127) <= 2).all()  # canvas left bare
    stroke = picture[26:36, 20:50]
    assert (stroke[..., 0] - stroke[..., 2]).mean() > 60  # red and yellow paint
    assert stroke[..., 1].std() > 10  # in streaks and bristle marks, not a flat bar


def test_script_names_an_unknown_sample_in_one_line() -> None:
    script = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "samples.py"), "monalisa"], capture_output=True, text=True
    )
    assert script.returncode == 2
    assert "no sample 'monalisa'" in script.stderr.splitlines()[-1]
