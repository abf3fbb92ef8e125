"""Results that are an animation: films and folders of frames, what is refused, and metadata."""

from __future__ import annotations

import weakref
from pathlib import Path

import numpy as np
import pytest
from frames import Run, frames_of
from PIL import Image

from deepdream.errors import DeepDreamError, UsageError
from deepdream.modes.registry import load as load_registry
from deepdream.pictures.animation import Animation
from deepdream.pictures.films import write_film
from deepdream.pictures.picture import Picture, load, read_recipe
from deepdream.runs.functions import function
from deepdream.runs.session import Session


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_a_film_has_its_frames_their_pace_and_its_recipe(run: Run, suffix: str) -> None:
    assert run(f"fade a.png --seed 7 -o x.{suffix}") == [f"x.{suffix}"]
    with Image.open(f"x.{suffix}") as film:
        assert film.n_frames == 4 and film.info["loop"] == 0
        film.seek(1)
        film.load()
        assert film.info["duration"] == 100
    levels = [frame.mean() for frame in frames_of(f"x.{suffix}")]
    assert levels == pytest.approx([47, 54, 61, 69], abs=1.5)
    recipe = read_recipe(f"x.{suffix}")
    assert recipe["seed"] == 7 and recipe["used"]["frames"] == 4 and "frame" not in recipe["used"]
    assert not Path(f"x.{suffix}.frames").exists()
    run(f"replay x.{suffix} -o again.{suffix}")
    assert Path(f"again.{suffix}").read_bytes() == Path(f"x.{suffix}").read_bytes()


def test_an_mp4_plays_and_carries_its_recipe(run: Run) -> None:
    av = pytest.importorskip("av")
    assert run("fade a.png --seed 7 --size 21 -o x.mp4") == ["x.mp4"]
    with av.open("x.mp4") as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
        assert film.streams.video[0].average_rate == 10
    assert [frame.mean() for frame in frames] == pytest.approx([47, 54, 61, 69], abs=3)
    assert frames[0].shape == (16, 20, 3)
    assert read_recipe("x.mp4")["used"]["frames"] == 4
    run("replay x.mp4 -o again.mp4")
    assert Path("again.mp4").read_bytes() == Path("x.mp4").read_bytes()


def test_without_pyav_an_mp4_is_refused_before_any_frame(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    run("fade a.png -o x.mp4", code=1)
    assert 'pip install "deepdream[video]"' in run.said.err  # type: ignore[attr-defined]
    assert not Path("x.mp4.frames").exists()


def test_frames_go_to_a_folder_and_one_can_be_made_again(run: Run) -> None:
    assert run("fade a.png -o many/") == [f"many/a.fade.000{n}.png" for n in (1, 2, 3, 4)]
    assert run("fade a.png -o many/")[0] == "many/a.fade-2.0001.png"
    assert read_recipe("many/a.fade.0003.png")["used"]["frame"] == [3, 4]
    assert run("replay many/a.fade.0003.png -o again.png") == ["again.png"]
    assert Path("again.png").read_bytes() == Path("many/a.fade.0003.png").read_bytes()


@pytest.mark.parametrize(
    ("line", "code", "error"),
    [
        ("fade a.png -o x.png", 2, "'x.png' is a file for one picture, and this is an animation"),
        ("fade a.png -o x.avi", 2, "unknown suffix '.avi'"),
        ("fade a.png -o nowhere/x.gif", 1, "cannot write nowhere/x.gif: no folder"),
        ("fade a.png --frames 0", 2, "at least one frame, not 0"),
        ("fade a.png --fps 0", 2, "more than 0 frames per second"),
        ("fade a.png --fps 60 -o x.gif", 2, "GIF shows at most 50 frames per second, not 60"),
        ("fade a.png --save-every 2", 2, "--save-every is for pictures"),
        ("fade a.png --grow", 1, "the mode 'fade' returned a frame of"),
        ("several a.png --nothing", 1, "returned a list without a Picture"),
        ("several a.png -o x.webm", 2, "unknown suffix '.webm'"),
        ("liar a.png", 1, "the mode 'liar' returned list"),
        ("holey a.png", 1, "returned a list whose picture 2 is NoneType, not a Picture"),
        ("holey a.png --nan", 1, "returned a list whose picture 2 has NaN or infinity in it"),
        ("torn a.png", 1, "returned an animation whose frame(2) is NoneType, not a Picture"),
    ],
)
def test_mistakes_are_told_in_one_line(run: Run, line: str, code: int, error: str) -> None:
    run(line, code=code)
    assert error in run.said.err.splitlines()[0]  # type: ignore[attr-defined]


def test_one_frame_is_a_film_too(run: Run) -> None:
    for suffix in ("gif", "webp"):
        run(f"fade a.png --frames 1 --seed 7 -o x.{suffix}")
        assert [frame.mean() for frame in frames_of(f"x.{suffix}")] == pytest.approx([47], abs=1.5)


def test_a_dry_run_tells_frames_and_place_and_makes_nothing(run: Run) -> None:
    told = run("fade a.png --frames 100000 --dry-run")
    assert "# output:    a.fade.webp" in told
    assert any(line.startswith("# frames:    100000 at 10 per second") for line in told)
    assert not list(Path().glob("*fade*"))


def test_a_dry_run_refuses_the_frames_that_a_run_refuses(run: Run) -> None:
    for line in ("fade a.png --grow", "gap a.png"):
        run(line, code=1)
        refused = run.said.err  # type: ignore[attr-defined]
        assert "frame" in refused
        run(f"{line} --dry-run", code=1)
        assert run.said.err == refused  # type: ignore[attr-defined]


def test_what_is_refused_of_a_mode_is_not_in_its_help(run: Run) -> None:
    for mode, refused in (("several", {"--sweep"}), ("torn", {"--sweep", "--save-every"})):
        told = " ".join(run(f"{mode} --help"))
        assert {flag for flag in ("--sweep", "--save-every", "--report") if flag not in told} == refused
        run(f"{mode} a.png --sweep size=8,9", code=2)
        assert "--sweep is for modes that make one picture" in run.said.err  # type: ignore[attr-defined]


def test_an_animation_in_python_is_made_frame_by_frame(here: Path) -> None:
    session = Session(load_registry())
    film = function(session, session.registry.modes["fade"])("a.png", seed=7, frames=1000)
    assert isinstance(film, Animation) and len(film) == 1000
    first = next(iter(film))
    assert (
        first.pixels.mean() == 47 and first.recipe is not None and first.recipe["used"]["frame"] == [1, 1000]
    )
    short = function(session, session.registry.modes["fade"])("a.png", seed=7)
    assert short.save("x.gif") == (Path("x.gif"),)
    with pytest.raises(DeepDreamError, match="exists already"):
        short.save("x.gif")
    Path("folder").mkdir()
    assert [path.name for path in short.save("folder")][-1] == "frame.0004.png"
    assert sorted(path.name for path in here.iterdir()) == ["a.png", "folder", "modes.py", "x.gif"]
    one, two, *_ = function(session, session.registry.modes["several"])("a.png")
    assert one.pixels == pytest.approx(2 * two.pixels)


def test_an_animation_without_frames_is_none() -> None:
    with pytest.raises(UsageError, match="at least one frame"):
        Animation.of([])


@pytest.mark.parametrize("suffix", ["gif", "webp", "mp4"])
def test_no_film_holds_more_than_a_few_frames_at_once(tmp_path: Path, suffix: str) -> None:
    if suffix == "mp4":
        pytest.importorskip("av")
    noise = np.random.default_rng(0).integers(0, 255, (8, 32, 32, 3), np.uint8)
    shown: list[weakref.ref[Image.Image]] = []
    most = 0

    def shot(index: int) -> Image.Image:
        nonlocal most
        most = max(most, sum(it() is not None for it in shown))
        image = Image.fromarray(noise[index % 8])
        shown.append(weakref.ref(image))
        return image

    write_film(tmp_path / f"x.{suffix}", shot, 60, fps=20, loop=True)
    assert most <= 2


def test_load_still_takes_the_first_frame_of_a_film(run: Run) -> None:
    run("fade a.png --seed 7 -o x.gif")
    loaded: Picture = load("x.gif")
    assert loaded.pixels.mean() == pytest.approx(47, abs=1.5) and "animated" in loaded.notes[0]
