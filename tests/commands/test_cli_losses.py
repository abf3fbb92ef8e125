"""Nothing that a person had is lost, and nothing is left lying about, whatever goes wrong."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from shell import QUICK, Run

from deepdream.console.interrupts import Interrupts
from deepdream.console.streams import Voice
from deepdream.errors import DeepDreamError
from deepdream.jobs.reel import Reel
from deepdream.pictures.picture import Picture
from deepdream.runs.session import Session


@contextmanager
def small_files(most: int) -> Iterator[None]:
    """Files of at most so many bytes: the system refuses to write on, as where the disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("dream a.png b.png.png -o . --overwrite", "a.dream.png is one of the pictures itself"),
        ("dream a.gif --film a.gif --overwrite", "a.gif is the image itself"),
        ("zoom a.gif -o a.gif --overwrite", "a.gif is the image itself"),
        ("layers a.png --atlas a.png --overwrite", "a.png is the photograph itself"),
        ("style-file s.style --overwrite", "s.style is the style picture itself"),
        ("dream a.png -o x.webp --film x.webp", "x.webp is the result and its film at once"),
        ("dream a.png --report mine.json", "mine.json exists already"),
        ("dream a.png --report theirs.json", "theirs.plot.png exists already"),
    ],
)
def test_no_result_takes_the_place_of_what_is_not_its_own(
    run: Run, no_work: None, monkeypatch: pytest.MonkeyPatch, line: str, error: str
) -> None:
    Path("a.gif").write_bytes(Path("a.png").read_bytes())
    Path("b.png.png").symlink_to("a.dream.png")
    Path("a.dream.png").write_bytes(Path("a.png").read_bytes())
    for name in ("s.style", "mine.json", "theirs.plot.png"):
        Path(name).write_text("precious")
    before = {path: path.read_bytes() for path in Path().iterdir()}
    done = run(*line.split())
    assert done.code in (1, 2) and done.said[0] == f"error: {error}" and done.said[1].startswith("hint: ")
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


def test_a_report_stands_beside_its_result_and_gives_way_to_the_next(run: Run) -> None:
    line = ["dream", "a.png", *QUICK, "-o", "x.png", "--report", "x.json"]
    assert run(*line).code == 0
    assert Image.open("x.png").size == (64, 48), "the plot of x.json is not x.png"
    assert run(*line, "--overwrite", "-q").code == 0
    Path("s").mkdir()
    Path("s/a.png").write_bytes(Path("a.png").read_bytes())
    assert run("dream", "a.png", "s/a.png", *QUICK, "--report", "c.json").code == 0
    assert Path("c.a.json").exists() and Path("c.a-2.json").exists()


def test_a_full_disk_costs_the_film_alone_and_leaves_nothing_of_it(run: Run) -> None:
    noise = Image.effect_noise((64, 48), 90).convert("RGB")
    noise.save("n.png")
    with small_files(12_000):  # enough for each frame, and not for the film of six
        done = run("dream", "n.png", *QUICK, "--steps", "6", "--film", "x.gif", "--film-every", "1")
    assert (done.code, done.out) == (1, "n.dream.png\n"), done.err
    assert done.said[-2] == "error: no film: cannot write x.gif: file too large"
    assert {path.name for path in Path().iterdir()} == {"a.png", "b.jpg", "n.png", "n.dream.png"}


def test_frames_as_files_leave_the_room_that_is_left_to_the_picture(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(reel: Reel, frame: Picture) -> None:
        if len(reel) == 2:
            raise DeepDreamError("cannot write it: no space left on device")
        add(reel, frame)

    add = Reel.add
    monkeypatch.setattr(Reel, "add", full)
    done = run("dream", "a.png", *QUICK, "--steps", "4", "--film", "f/", "--film-every", "1")
    assert (done.code, done.out) == (1, "a.dream.png\n") and done.err.count("no film: ") == 1
    assert not [*Path("f").iterdir()]


def test_a_run_that_fails_leaves_no_frames(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("deepdream.desk.desk.Desk._save", fail)
    done = run("dream", "a.png", *QUICK, "--steps", "2", "--film", "x.gif", "--film-every", "1")
    assert done.code == 1 and {path.name for path in Path().iterdir()} == {"a.png", "b.jpg"}


def test_a_result_whose_name_was_taken_meanwhile_gets_another(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Session.run

    def slow(self: Session, *arguments: Any, **options: Any) -> Any:
        Path("x.png").write_text("another's")
        return real(self, *arguments, **options)

    monkeypatch.setattr(Session, "run", slow)
    done = run("dream", "a.png", *QUICK, "-o", "x.png")
    assert (done.code, done.out) == (0, "x-2.png\n"), done.err
    assert "note: another run made x.png meanwhile: this is x-2.png" in done.said
    assert Path("x.png").read_text() == "another's"


def test_a_closed_terminal_is_heard_like_ctrl_c_unless_it_is_to_be_ignored() -> None:
    with Interrupts(Voice(quiet=True)) as interrupts:
        interrupts.loading = False
        signal.raise_signal(signal.SIGHUP)
        assert interrupts.cancel.is_set()
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts(Voice(quiet=True)) as interrupts:
            signal.raise_signal(signal.SIGHUP)
            assert not interrupts.cancel.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)
