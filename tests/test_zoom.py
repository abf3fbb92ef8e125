"""The endless zoom: motion, keyframes, the loop without a seam, and going on after a stop."""

from __future__ import annotations

import fcntl
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from deepdream import cli
from deepdream.errors import UsageError
from deepdream.modes.registry import load as load_registry
from deepdream.objectives import Keyframes
from deepdream.pictures.animation import Animation
from deepdream.pictures.picture import Picture, read_recipe
from deepdream.pictures.warp import Motion
from deepdream.testing import picture, run_mode

zoom = load_registry().modes["zoom"].function
QUICK = {"layer": ["block1_conv2"], "octaves": 1, "steps": 2, "frame_steps": 1, "jitter": 4}


def _dot(x: int, y: int) -> Picture:
    pixels = np.zeros((41, 61, 3), np.float32)
    pixels[y - 1 : y + 2, x - 1 : x + 2] = 255
    return Picture(pixels)


def _centre(shown: Picture) -> tuple[float, float]:
    light = shown.pixels[:, :, 0]
    y, x = np.mgrid[: light.shape[0], : light.shape[1]]
    return float((x * light).sum() / light.sum()), float((y * light).sum() / light.sum())


@pytest.mark.parametrize(
    ("motion", "times", "place"),
    [
        (Motion(zoom=1.5), 1, (45, 20)),
        (Motion(rotation=90), 1, (30, 10)),  # anticlockwise: from the right of the centre to above it
        (Motion(right=10 / 61, down=-5 / 41), 1, (50, 15)),
        (Motion(zoom=1.25), 2, (30 + 10 * 1.25**2, 20)),
        (Motion(zoom=2, rotation=90), -1, (30, 25)),
    ],
)
def test_a_motion_takes_a_dot_where_it_says(motion: Motion, times: int, place: tuple[float, float]) -> None:
    assert _centre(motion.moved(_dot(40, 20), times)) == pytest.approx(place, abs=0.1)


def test_a_motion_and_its_opposite_cancel_out_inside() -> None:
    shown = picture(64, 48)
    motion = Motion(1.1, 5, 0.02, -0.01)
    back = motion.moved(motion.moved(shown, 3), -3)
    assert np.abs(back.pixels - shown.pixels)[16:-16, 20:-20].max() < 2


def test_many_small_moves_are_one_large_one() -> None:
    fine = np.random.default_rng(0).uniform(0, 255, (66, 90, 3)).astype(np.float32)
    shown = Picture(sum(fine[i : 64 + i, j : 88 + j] for i in range(3) for j in range(3)) / 9)
    third = Motion(right=1 / 3 / 88)
    moved = shown
    for _ in range(12):
        moved = third.moved(moved)
    change = moved.pixels[:, 16:-16] - shown.pixels[:, 12:-20]
    assert np.abs(change).mean() < 6, "neither softer nor with fringes"


def test_what_comes_in_over_the_border_is_mirrored_and_not_smeared() -> None:
    pixels = np.random.default_rng(0).uniform(0, 255, (32, 32, 3)).astype(np.float32)
    moved = Motion(right=0.25).moved(Picture(pixels))
    np.testing.assert_allclose(moved.pixels[:, :8], pixels[:, :8][:, ::-1], atol=0.01)
    np.testing.assert_allclose(moved.pixels[:, 8:], pixels[:, :-8], atol=0.01)


def test_a_motion_keeps_the_transparency_with_the_picture() -> None:
    dot = _dot(40, 20)
    moved = Motion(zoom=1.5).moved(Picture(dot.pixels, alpha=dot.pixels[:, :, 0]))
    np.testing.assert_array_equal(moved.alpha, moved.pixels[:, :, 0])


def test_on_the_way_home_mirror_images_of_the_goal_are_seen_in_a_narrow_rest_alone() -> None:
    frame, goal = picture(48, 36, seed=1), picture(48, 36, seed=2)
    motion = Motion(1.1, 3)
    for left in (10, 16):
        outside = motion.coverage(frame.size, -left) == 0
        shown = motion.homing(frame, goal, left, 16)
        assert outside.any()
        np.testing.assert_array_equal(shown.pixels[outside], frame.pixels[outside])
    least = [float(motion.coverage(frame.size, -left).min()) for left in (4, 3, 2, 1, 0)]
    assert least == sorted(least) and least[0] < 0.2 and least[-2] > 0.5 and least[-1] == 1


def test_a_plane_colour_stays_as_it_is_under_any_motion() -> None:
    plane = Picture(np.full((24, 32, 3), 77, np.float32))
    moved = Motion(0.7, 33, 0.2, 0.1).moved(plane, 3)
    np.testing.assert_allclose(moved.pixels, 77, atol=1e-3)


def test_weights_change_evenly_between_keyframes_and_lead_back_in_a_loop() -> None:
    texts = ["2:a", "6:b:2", "6:c"]
    keys = Keyframes(texts, 10)

    def shown(keys: Keyframes, frame: int) -> dict[str, float]:
        return {spec.layer: weight for spec, weight in keys.weights(frame).items()}

    assert shown(keys, 0) == shown(keys, 2) == {"a": 1, "b": 0, "c": 0}
    assert shown(keys, 3) == {"a": 0.75, "b": 0.5, "c": 0.25}
    assert shown(keys, 6) == shown(keys, 9) == {"a": 0, "b": 2, "c": 1}
    ring = Keyframes(texts, 10, loop=True)
    assert shown(ring, 9) == {"a": 0.5, "b": 1, "c": 0.5}  # half of the way from 6 to 12, which is 2 again
    assert shown(ring, 0)["a"] == pytest.approx(4 / 6)
    assert shown(ring, 2) == {"a": 1, "b": 0, "c": 0}


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["block3_conv1"], "'block3_conv1' is no keyframe"),
        (["5:a", "3:b"], "'3:b' comes after one of frame 5"),
        (["10:a"], "'10:a' comes after the last frame, 9"),
        (["0:a:0"], "no layer has a weight other than 0 at frame 0"),
        (["0:"], "a layer's name is missing"),
    ],
)
def test_wrong_keyframes_are_refused_by_name(texts: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("(", r"\(")):
        Keyframes(texts, 10)


def test_every_frame_of_a_zoom_shows_the_one_before_from_nearer() -> None:
    film = run_mode(zoom, picture(48, 36), frames=4, zoom=1.2, **{**QUICK, "frame_steps": 0, "hold": 0.0})
    assert isinstance(film, Animation) and (film.count, film.loop) == (4, True)
    for one, next_one in pairwise(film):
        assert np.abs(Motion(1.2).moved(one).pixels - next_one.pixels).max() <= 0.5


@pytest.mark.parametrize(
    "options",
    [
        {"zoom": 1.15, "rotation": 3.0},
        pytest.param({"zoom": 1.0}, marks=pytest.mark.slow),
        {"zoom": 0.9, "right": 1.0},
        pytest.param({"rotation": 8.0}, marks=pytest.mark.slow),
    ],
)
def test_a_loop_has_no_seam(options: dict[str, float]) -> None:
    motion = Motion(options.get("zoom", 1.05), options.get("rotation", 0), options.get("right", 0) / 100)

    def apart(one: Picture, following: Picture) -> float:
        return float(np.abs(following.pixels - motion.moved(one).pixels).mean())

    frames = list(run_mode(zoom, picture(48, 36), frames=12, loop=True, **options, **QUICK))
    steps = [apart(a, b) for a, b in pairwise(frames)]
    seam = apart(frames[-1], frames[0])
    open_end = list(run_mode(zoom, picture(48, 36), frames=12, **options, **QUICK))
    assert seam <= 0.5 * max(steps)
    assert seam < apart(open_end[-1], open_end[0])


def test_colours_and_contrast_stay_those_of_the_first_frame_unless_let_go() -> None:
    def spreads(hold: float) -> list[float]:
        film = run_mode(zoom, picture(48, 36), frames=6, hold=hold, **{**QUICK, "frame_steps": 3})
        return [float(frame.pixels.std()) for frame in film]

    held, free = spreads(1.0), spreads(0.0)
    assert max(abs(spread - held[0]) for spread in held) < 2
    assert free[-1] > free[0] + 4


def test_layers_change_with_the_keyframes() -> None:
    options = {**QUICK, "layer": None, "frame_steps": 2}
    one = run_mode(zoom, picture(48, 36), frames=3, keyframe=["0:block1_conv2"], **options)
    two = run_mode(zoom, picture(48, 36), frames=3, keyframe=["0:block1_conv2", "2:block2_conv1"], **options)
    apart = [float(np.abs(a.pixels - b.pixels).mean()) for a, b in zip(one, two, strict=True)]
    assert apart[2] > apart[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"frames": 0}, "--frames must be at least 1"),
        ({"zoom": 0.0}, "--zoom must be at least 0.5"),
        ({"loop": True, "frames": 2}, "a loop needs 3 frames at least"),
        ({"layer": ["block1_conv2"], "keyframe": ["0:block1_conv2"]}, "--layer and --keyframe both"),
        ({"fps": 0.0}, "--fps must be at least 0.1"),
    ],
)
def test_requests_that_cannot_be_meant_are_refused(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        run_mode(zoom, picture(32, 32), **arguments)


def test_a_zoom_that_was_stopped_goes_on_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from deepdream.jobs.reel import Reel

    monkeypatch.chdir(tmp_path)
    picture(48, 36).save("a.png")
    line = "zoom a.png --size 48 --frames 5 --loop --layer block1_conv2 --layer block2_conv1:0.5 --octaves 1"
    line += " --steps 2 --frame-steps 1 --seed 3 --precision float32"
    assert cli.run([*line.split(), "-o", "whole.gif"]) == 0
    add = Reel.add

    def fail_at_third(self: Reel, frame: Picture) -> None:
        if len(self) == 3:
            raise OSError("gone")
        add(self, frame)

    with monkeypatch.context() as patch:
        patch.setattr(Reel, "add", fail_at_third)
        assert cli.run([*line.split(), "-o", "parts.gif"]) == 1
    assert cli.run([*line.split(), "-o", "parts.gif"]) == 0
    assert "going on after frame 3" in capsys.readouterr().err
    assert Path("parts.gif").read_bytes() == Path("whole.gif").read_bytes()
    assert read_recipe("parts.gif")["used"]["frames"] == 5


def test_two_zooms_of_one_picture_never_share_their_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A killed run leaves the file of its hold, but not the lock: only the living keep others out."""
    monkeypatch.chdir(tmp_path)
    picture(48, 36).save("a.png")
    line = ["zoom", "a.png", "--size", "32", "--frames", "2", "--layer", "block1_conv1"]
    line += ["--octaves", "1", "--steps", "1", "--frame-steps", "1"]
    folder = Path("b.webp.frames")
    folder.mkdir()
    hold = folder / ".b.lock"
    other = hold.open("ab")
    fcntl.flock(other, fcntl.LOCK_EX)  # on a file of its own, as in another process
    assert cli.run([*line, "-o", "b.webp"]) == 1
    assert "another run makes frames in b.webp.frames" in capsys.readouterr().err
    assert not list(folder.glob("*.png"))
    folder.rename("a.zoom.webp.frames")
    Path("a.zoom.webp.frames/.b.lock").rename("a.zoom.webp.frames/.a.zoom.lock")
    assert cli.run(line) == 0  # a name of our own choice gives way
    assert capsys.readouterr().out == "a.zoom-2.webp\n"
    other.close()
    assert cli.run(line) == 0
    assert capsys.readouterr().out == "a.zoom.webp\n"
    assert not list(Path().glob("*.frames"))


def test_only_as_many_frames_are_made_as_are_asked_for() -> None:
    film = run_mode(zoom, picture(32, 32), frames=1_000_000, **QUICK)
    assert len(list(islice(film, 2))) == 2
