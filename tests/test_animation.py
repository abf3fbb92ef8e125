"""Results that are several pictures or an animation: files, names, going on after a stop, and metadata."""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from deepdream import cli
from deepdream.climb.events import Step
from deepdream.desk.making import Making, every_for
from deepdream.desk.targets import Target
from deepdream.errors import DeepDreamError, UsageError
from deepdream.jobs.recipe import Recipe
from deepdream.modes.registry import load as load_registry
from deepdream.pictures.animation import Animation
from deepdream.pictures.films import write_film
from deepdream.pictures.picture import Picture, load, read_recipe
from deepdream.runs.functions import function
from deepdream.runs.session import Session
from deepdream.testing import picture

PLUGIN = '''\
"""Modes for tests."""

import os

from deepdream.api import Animation, Engine, Picture, mode


@mode("several", api=1)
def several(image: Picture, engine: Engine, *, count: int = 3, nothing: bool = False) -> list[Picture]:
    """Make several pictures."""
    return [] if nothing else [image.with_pixels(image.pixels / (i + 1)) for i in range(count)]


@mode("halted", api=1)
def halted(image: Picture, engine: Engine) -> list[Picture]:
    """Be called off while the first of several pictures is made."""
    made = []
    for _ in engine.each(range(3)):
        made.append(image)
        engine.cancel.set()
    return made


@mode("fade", api=1)
def fade(
    image: Picture, engine: Engine, *, frames: int = 4, fps: float = 10.0, grow: bool = False
) -> Animation:
    """Fade from a level that the seed gives."""

    def frame(index: int, previous: Picture | None) -> Picture:
        if os.environ.get("STOP_AT") == str(index):
            raise RuntimeError("stopped")
        if previous is None:
            return image.with_pixels(image.pixels * 0 + 40 + engine.seed % 100)
        made = previous.with_pixels(previous.pixels * 1.13 + 0.4)
        return made.resized(9, 9) if grow else made

    return Animation(frame, frames, fps=fps)


@mode("liar", api=1)
def liar(image: Picture, engine: Engine) -> Picture:
    """Say nothing of the list."""
    return [image]


@mode("holey", api=1)
def holey(image: Picture, engine: Engine, *, nan: bool = False) -> list[Picture]:
    """Leave one out."""
    return [image, image.with_pixels(image.pixels * float("nan")) if nan else None]


@mode("torn", api=1)
def torn(image: Picture, engine: Engine) -> Animation:
    """Forget a frame."""
    return Animation(lambda index, previous: None if index == 2 else image, 4, fps=10)


@mode("gap", api=1)
def gap(image: Picture, engine: Engine) -> Animation:
    """Forget the first frame."""
    return Animation(lambda index, previous: None, 2)
'''


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "modes.py").write_text(PLUGIN)
    monkeypatch.setenv("DEEPDREAM_PLUGINS", str(tmp_path / "modes.py"))
    monkeypatch.chdir(tmp_path)
    picture(20, 16).save("a.png")
    return tmp_path


Run = Callable[..., list[str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line; the lines on standard output."""

    def call(line: str, code: int = 0) -> list[str]:
        capsys.readouterr()
        assert cli.run(line.split()) == code
        call.said = capsys.readouterr()  # type: ignore[attr-defined]
        return call.said.out.splitlines()  # type: ignore[attr-defined, no-any-return]

    return call


def _frames(path: str) -> list[np.ndarray]:
    with Image.open(path) as film:
        return [np.asarray(frame.convert("RGB"), float) for frame in ImageSequence.Iterator(film)]


def test_several_pictures_are_numbered_and_never_replace_others(run: Run) -> None:
    assert run("several a.png") == [f"a.several.0{n}.png" for n in (1, 2, 3)]
    assert run("several a.png") == [f"a.several-2.0{n}.png" for n in (1, 2, 3)]
    assert run("several a.png -o x.png --count 1") == ["x.png"]
    assert run("several a.png -o many/ --count 12")[-1] == "many/a.several.12.png"
    run("several a.png -o a.several.png", code=1)
    assert run("several a.png -o a.several.png --overwrite")[0] == "a.several.01.png"


def test_the_first_of_several_pictures_keeps_its_number_where_no_other_came(run: Run) -> None:
    assert run("halted a.png -o x.png", code=130) == ["x.01.png"]
    assert run("halted a.png", code=130) == ["a.halted.01.png"]
    assert run("halted a.png", code=130) == ["a.halted-2.01.png"]


def test_several_pictures_have_one_answer_and_a_recipe_each(run: Run) -> None:
    answer = json.loads(run("several a.png --json")[0])
    assert answer["outputs"] == [f"a.several.0{n}.png" for n in (1, 2, 3)] and answer["pictures"] == 3
    planned = json.loads(run("several a.png --dry-run --json -o b.png")[0])
    assert planned["outputs"] == [f"b.0{n}.png" for n in (1, 2, 3)]
    assert run("several a.png --dry-run -o b.png")[0] == "# output:    b.01.png to b.03.png"
    assert read_recipe("a.several.02.png")["used"]["picture"] == [2, 3]
    assert run("replay a.several.02.png -o again.png") == ["again.png"]
    assert Path("again.png").read_bytes() == Path("a.several.02.png").read_bytes()


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_a_film_has_its_frames_their_pace_and_its_recipe(run: Run, suffix: str) -> None:
    assert run(f"fade a.png --seed 7 -o x.{suffix}") == [f"x.{suffix}"]
    with Image.open(f"x.{suffix}") as film:
        assert film.n_frames == 4 and film.info["loop"] == 0
        film.seek(1)
        film.load()
        assert film.info["duration"] == 100
    levels = [frame.mean() for frame in _frames(f"x.{suffix}")]
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


@pytest.mark.parametrize("output", ["x.webp", "many/"])
def test_what_was_killed_goes_on_and_ends_as_if_it_had_not_been(
    run: Run, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    monkeypatch.setenv("STOP_AT", "2")
    run(f"fade a.png -o {output}", code=1)
    kept = sorted(Path().glob("*/*.png"))
    assert len(kept) == 2
    before = [path.read_bytes() for path in kept]
    monkeypatch.delenv("STOP_AT")
    made = run(f"fade a.png -o {output}")
    assert "going on after frame 2" in run.said.err  # type: ignore[attr-defined]
    seed = read_recipe(made[-1])["seed"]
    whole = run(f"fade a.png --seed {seed} -o {output.replace('x', 'y').replace('many', 'more')}")
    assert [Path(name).read_bytes() for name in made] == [Path(name).read_bytes() for name in whole]
    if output == "many/":
        assert [path.read_bytes() for path in kept] == before


def test_frames_of_another_command_are_not_gone_on_with(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOP_AT", "2")
    run("fade a.png -o x.webp --seed 1", code=1)
    monkeypatch.delenv("STOP_AT")
    run("fade a.png -o x.webp --seed 2", code=1)
    assert "holds frames of another animation" in run.said.err  # type: ignore[attr-defined]
    run("fade a.png -o x.webp --seed 2 --overwrite")
    assert _frames("x.webp")[0].mean() == pytest.approx(42, abs=1.5)


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
        ("torn a.png", 1, "returned an animation whose frame 3 is NoneType, not a Picture"),
    ],
)
def test_mistakes_are_told_in_one_line(run: Run, line: str, code: int, error: str) -> None:
    run(line, code=code)
    assert error in run.said.err.splitlines()[0]  # type: ignore[attr-defined]


def test_one_frame_is_a_film_too(run: Run) -> None:
    for suffix in ("gif", "webp"):
        run(f"fade a.png --frames 1 --seed 7 -o x.{suffix}")
        assert [frame.mean() for frame in _frames(f"x.{suffix}")] == pytest.approx([47], abs=1.5)


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


CLIMB = "dream a.png --layer block1_conv2 --octaves 2 --steps 3 --seed 1 --precision float32"


@pytest.mark.slow
def test_the_film_of_the_making_begins_with_the_photograph_and_ends_with_the_result(run: Run) -> None:
    picture(48, 40).save("a.png", overwrite=True)
    assert run(f"{CLIMB} -o x.png --film x.gif") == ["x.png", "x.gif"]
    frames = _frames("x.gif")
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
    assert len(_frames("x.webp")) == 3
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


def test_the_first_ctrl_c_keeps_the_whole_frames_and_makes_a_film_of_them(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deepdream.climb.engine import Engine

    part = Engine.part

    def stopped(engine: Engine, number: int, parts: int) -> None:
        part(engine, number, parts)
        if number == 2 and engine.cancel is not None:
            engine.cancel.set()  # what the handler of the signal does

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "part", stopped)
        run("fade a.png -o x.webp --seed 3", code=130)
    assert len(_frames("x.webp")) == 2
    assert "x.webp.frames keeps the frames" in run.said.err  # type: ignore[attr-defined]
    assert read_recipe("x.webp")["used"]["interrupted"] is True
    run("fade a.png -o x.webp --seed 3 --overwrite")
    run("fade a.png -o y.webp --seed 3")
    assert Path("x.webp").read_bytes() == Path("y.webp").read_bytes()
    assert not Path("x.webp.frames").exists()
