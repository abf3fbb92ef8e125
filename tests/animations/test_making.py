"""`--film`: how a picture came about, frame by frame."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from frames import Run, frames_of
from PIL import Image

from deepdream.climb.events import Step
from deepdream.desk.making import Making, every_for
from deepdream.desk.targets import Target
from deepdream.jobs.recipe import Recipe
from deepdream.jobs.takes import Take
from deepdream.pictures.picture import load
from deepdream.testing import picture

CLIMB = "dream a.png --layer block1_conv2 --octaves 2 --steps 3 --seed 1 --precision float32"


@pytest.mark.slow
def test_the_film_of_the_making_begins_with_the_photograph_and_ends_with_the_result(run: Run) -> None:
    picture(48, 40).save("a.png", overwrite=True)
    assert run(f"{CLIMB} -o x.png --film x.gif") == ["x.png", "x.gif"]
    frames = frames_of("x.gif")
    assert len(frames) == 7  # the photograph, five steps and the result
    assert np.abs(frames[0] - load("a.png").pixels).mean() < 8  # 256 colours
    assert np.abs(frames[-1] - load("x.png").pixels).mean() < 8
    from_the_photograph = [float(np.abs(frame - frames[0]).mean()) for frame in frames]
    assert from_the_photograph[-1] > from_the_photograph[1] > 0
    with Image.open("x.gif") as film:
        film.seek(6)
        assert film.info["duration"] > 1000
    run(f"{CLIMB} -o plain.png")
    assert Path("plain.png").read_bytes() == Path("x.png").read_bytes()
    assert run("replay x.gif -o again.png") == ["again.png"]
    assert Path("again.png").read_bytes() == Path("x.png").read_bytes()


def test_the_film_of_a_run_that_went_on_says_where_it_begins(tmp_path: Path) -> None:
    def film_from(first: int) -> list[str]:
        take = Target("dream.film", str(tmp_path / "x.gif"), makes="animation").take(None, Recipe("dream"))
        making = Making(take, every=1)
        for index in range(first, 10):
            making(Step(1, 1, index, 9, 0.0, {}, 0.1, index / 9, (8, 8), lambda: picture(8, 8)))
        take.reel.clear()
        return making.notes()

    assert film_from(1) == []
    assert film_from(5) == ["x.gif begins at step 5: the run that was stopped kept no frames"]


@pytest.mark.slow
def test_a_film_takes_a_frame_every_so_many_steps_and_is_told_of(run: Run) -> None:
    picture(48, 40).save("a.png", overwrite=True)
    answer = json.loads(run(f"{CLIMB} --film x.webp --film-every 4 --json")[0])
    assert (answer["output"], answer["film"]) == ("a.dream.png", "x.webp")
    assert len(frames_of("x.webp")) == 3
    assert any("x2.webp, a frame every 1 step" in line for line in run(f"{CLIMB} --film x2.webp -n"))
    assert every_for(1000) == 10 and every_for(0) == 1
    folder = run(f"{CLIMB} --film many/ --film-every 3")
    assert folder[1:] == [f"many/a.dream.film.000{n}.png" for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("line", "code", "error"),
    [
        ("--film x.png", 2, "'x.png' is a file for one picture"),
        ("--film nowhere/x.gif", 1, "cannot write nowhere/x.gif"),
        ("--film-every 3", 2, "--film-every without --film"),
        ("--film x.gif --film-every 0", 2, "--film-every must be at least 1"),
        ("b.png --film x.gif", 2, "x.gif is one file for 2 pictures"),
    ],
)
def test_a_film_that_cannot_be_is_refused_before_the_climb(
    run: Run, line: str, code: int, error: str
) -> None:
    run(f"dream a.png {line}", code=code)
    assert error in run.said.err.splitlines()[0]  # type: ignore[attr-defined]
    assert not list(Path().glob("*.dream*"))


def test_the_frames_that_a_killed_run_left_in_a_folder_give_way(tmp_path: Path) -> None:
    def take() -> Take:
        return Target("dream.film", f"{tmp_path}/", makes="animation").take(
            "a.png", Recipe("dream"), anew=True
        )

    killed = take()
    killed.hold()
    for _ in range(3):
        killed.add(picture(8, 8))
    assert take().shown.name == "a.dream.film-2.0001.png", "it is at work"
    assert killed._hold._file is not None
    killed._hold._file.close()  # what the system does, and the file stays
    again = take()
    again.hold()
    again.add(picture(8, 8))
    again.release()
    assert [path.name for path in sorted(tmp_path.glob("*.film*"))] == ["a.dream.film.0001.png"]
    assert take().shown.name == "a.dream.film-2.0001.png", "what was finished stays"
