"""Modes of others: as commands, when they fail, and when they are interrupted."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from shell import Done, Run, finish, program

from deepdream.climb.engine import Engine

PLUGIN = '''
"""Modes for tests."""
import time
from enum import Enum
from typing import Annotated
from deepdream.api import Engine, Option, Picture, Step, mode


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


def tell(engine: Engine, image: Picture, index: int) -> None:
    for listener in engine.listeners:
        listener(Step(1, 1, index, 1000, 1.0, {}, 0.1, index / 1000, image.size, lambda: image))


@mode("polite", api=1)
def polite(
    image: Picture,
    engine: Engine,
    *,
    fast: Annotated[bool, Option(help="Tags like [/red] or [0, 1].")] = True,
    colour: Colour = Colour.RED,
) -> Picture:
    """Count until told to stop [/bold]."""
    print("chatter")
    if not fast:
        return image
    for index in range(1, 1000):
        tell(engine, image, index)
        if engine.cancel.is_set():
            engine.report["interrupted"] = True
            break
        time.sleep(0.02)
    return image


@mode("triple", api=1)
def triple(image: Picture, engine: Engine, hint: Picture, mask: Picture) -> Picture:
    """Take three pictures."""
    return image


@mode("clumsy", api=1)
def clumsy(image: Picture, engine: Engine) -> Picture:
    """Divide by zero."""
    raise ZeroDivisionError("by zero")


@mode("stubborn", api=1)
def stubborn(image: Picture, engine: Engine, *, steps: int = 1) -> Picture:
    """Sleep, whatever is said."""
    for index in range(steps):
        tell(engine, image, index + 1)
    open("sleeping", "w").close()
    time.sleep(30)
    return image
'''


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Path]:
    """Make a plugin of this code the only one; where its file is."""

    def plugged(code: str) -> Path:
        path = tmp_path / "plugin.py"
        path.write_text(code)
        monkeypatch.setenv("DEEPDREAM_PLUGINS", str(path))
        return path

    return plugged


@pytest.fixture
def plugin(plug: Callable[[str], Path]) -> None:
    plug(PLUGIN)


def test_an_error_in_a_frame_names_the_mode(run: Run, plug: Callable[[str], Path]) -> None:
    path = plug(
        "from deepdream.api import Animation, Engine, Picture, mode\n\n\n"
        '@mode("spoilt", api=1)\n'
        "def spoilt(image: Picture, engine: Engine) -> Animation:\n"
        '    """Fail at the first frame."""\n\n'
        "    def frame(index: int, previous: Picture | None) -> Picture:\n"
        '        raise ValueError("oh dear")\n\n'
        "    return Animation(frame, 2)\n"
    )
    done = run("spoilt", "a.png")
    assert done.said[0] == f"error: unexpected ValueError in the mode 'spoilt' ({path}, line 9): oh dear"


def test_a_plan_that_would_never_end_is_given_up(
    run: Run, plug: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deepdream.climb.context._CLIMBS", 20)
    plug(
        "from deepdream.api import Engine, Picture, mode, objectives as obj\n\n\n"
        '@mode("until", api=1)\n'
        "def until(image: Picture, engine: Engine) -> Picture:\n"
        '    """Climb until it is another picture."""\n'
        "    begun = image\n"
        "    while image is begun:\n"
        '        image = engine.ascend(image, obj.mean("block1_conv1"), steps=1)\n'
        "    return image\n"
    )
    done = run("until", "a.png", "--dry-run")
    assert done.code == 1
    assert done.said[0] == "error: the mode cannot be planned: it climbs more than 20 times, or endlessly"


def test_a_loop_with_an_end_has_a_plan_and_one_without_ends_after_ctrl_c(
    run: Run, plug: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deepdream.climb.context._CLIMBS", 20)
    monkeypatch.setattr("deepdream.climb.context._DEAF", 20)
    plug(
        "from deepdream.api import Engine, Picture, mode, objectives as obj\n\n\n"
        '@mode("loop", api=1)\n'
        "def loop(image: Picture, engine: Engine, *, deaf: bool = False) -> Picture:\n"
        '    """Climb thirty times, or for ever."""\n'
        "    for _ in engine.each(range(30)):\n"
        '        image = engine.ascend(image, obj.mean("block1_conv1"), steps=1)\n'
        "    while deaf:\n"
        "        engine.cancel.set()\n"
        '        image = engine.ascend(image, obj.mean("block1_conv1"), steps=1)\n'
        "    return image\n"
    )
    done = run("loop", "a.png", "--dry-run")
    assert done.code == 0 and "# steps:     30" in done.out
    done = run("loop", "a.png", "--deaf")
    assert done.code == 130
    assert done.said[-2] == "error: the mode was stopped, and has asked for 20 climbs since"


def test_the_current_folder_stays_the_users(
    run: Run, plug: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (away := tmp_path / "away").mkdir()
    monkeypatch.setenv("AWAY", str(away))
    plug(
        "import os\n\nfrom deepdream.api import Animation, Engine, Picture, mode, objectives as obj\n\n\n"
        '@mode("wander", api=1)\n'
        "def wander(image: Picture, engine: Engine) -> Picture:\n"
        '    """Go away."""\n'
        '    os.chdir(os.environ["AWAY"])\n'
        '    return engine.ascend(image, obj.mean("block1_conv1"), steps=3)\n\n\n'
        '@mode("roam", api=1)\n'
        "def roam(image: Picture, engine: Engine) -> Animation:\n"
        '    """Go away in every frame."""\n'
        '    return Animation(lambda index, previous: os.chdir(os.environ["AWAY"]) or image, 2)\n'
    )
    for name, made in (("wander", "b.png"), ("roam", "c.gif")):
        done = run(name, "a.png", "-o", made)
        assert done.code == 0 and Path(made).exists() and not list(away.iterdir())
        assert f"note: the mode '{name}' changed the current folder, which was changed back" in done.said
        assert run(name, "a.png", "a.png", "--dry-run").code == 0
    for flags in (["--film", "d.gif"], ["--sweep", "size=16,24"], ["--save-every", "1"]):
        done = run("wander", "a.png", "-o", "d.png", *flags, "--overwrite")
        assert done.code == 0 and Path("d.png").exists() and not list(away.iterdir()), done.err
    assert Path("d.step0001.png").exists()


def test_a_loop_of_endless_items_is_refused(run: Run, plug: Callable[[str], Path]) -> None:
    plug(
        "import itertools\n\nfrom deepdream.api import Engine, Picture, mode\n\n\n"
        '@mode("forever", api=1)\n'
        "def forever(image: Picture, engine: Engine) -> Picture:\n"
        '    """Go on for ever."""\n'
        "    for _ in engine.each(itertools.count()):\n"
        "        pass\n"
        "    return image\n"
    )
    for flags in ([], ["--dry-run"]):
        done = run("forever", "a.png", *flags)
        assert done.code == 1
        assert done.said[0] == "error: engine.each was given more than 100000 items, or endlessly many"


def test_a_third_party_mode_is_a_command(run: Run, plugin: None) -> None:
    done = run("polite", "--help")
    assert (done.code, done.err) == (0, "")
    text = " ".join(done.out.replace("│", " ").split())
    assert "Count until told to stop [/bold]." in text
    assert "--fast" in text and "--no-fast" in text and "Tags like [/red] or [0, 1]." in text
    assert "(default: red)" in text
    assert run("polite", "a.png", "--no-fast").out == "a.polite.png\n", "what it prints is no result"
    done = run("triple", "a.png", "b.jpg")
    assert done.code == 2 and done.said == [
        "error: triple needs 3 pictures, IMAGE, HINT and MASK, and got 2",
        "hint: usage: deepdream triple [OPTIONS] IMAGE... HINT MASK",
    ]
    found = run("polite", "a.png", "--no-fast", "--colour", "blue", "--json").json
    assert found["recipe"]["options"] == {"fast": False, "colour": "blue"} and found["model"] is None


def test_an_unexpected_error_names_the_mode_and_who_must_mend_it(
    run: Run, plugin: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run("clumsy", "a.png")
    line = 1 + PLUGIN.splitlines().index('    raise ZeroDivisionError("by zero")')
    place = f"{tmp_path / 'plugin.py'}, line {line}"
    assert done.code == 1 and done.said == [
        f"error: unexpected ZeroDivisionError in the mode 'clumsy' ({place}): by zero",
        "hint: the author of the mode must mend it; --debug shows the traceback",
    ]

    def fail(*_: Any, **__: Any) -> None:
        raise KeyError("lost")

    monkeypatch.setattr(Engine, "ascend", fail)
    done = run("dream", "a.png")
    said, hint = done.said
    assert re.fullmatch(
        r"error: unexpected KeyError in the mode 'dream' \(built-in dream.py, line \d+\): 'lost'", said
    )
    assert hint == "hint: the same command with --debug shows where; please report it"


def test_a_picture_of_a_mode_that_is_gone_asks_for_its_plugin(
    run: Run, plugin: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("triple", "a.png", "a.png", "a.png", "-o", "c.png").code == 0
    monkeypatch.delenv("DEEPDREAM_PLUGINS")
    for line in (["replay", "c.png"], ["dream", "a.png", "--recipe", "c.png"]):
        done = run(*line)
        assert (done.code, done.out) == (2, "")
        assert "'triple', which is not here" in done.said[0] and "c.png" in done.said[0]
        assert "plugin" in done.said[1] and "DEEPDREAM_PLUGINS" in done.said[1]
        assert line[0] != "replay" or "the plugin plugin brings it" in done.said[1]
    broken = Path("broken.py").absolute()
    broken.write_text('NAME = "triple"\n1 / 0\n')
    monkeypatch.setenv("DEEPDREAM_PLUGINS", str(broken))
    for line in (["replay", "c.png"], ["plugins", "info", "triple"]):
        assert run(*line).said[-1] == "hint: its plugin could not be loaded: see 'deepdream plugins'"


def interrupt(
    process: subprocess.Popen[str], sign: Callable[[], bool], kind: int = signal.SIGINT, *, times: int = 1
) -> Done:
    """Send Ctrl-C, or another signal, once there is a sign of work."""
    began = time.monotonic()
    while not sign():
        assert time.monotonic() - began < 30 and process.poll() is None
        time.sleep(0.02)
    for _ in range(times):
        process.send_signal(kind)
        time.sleep(0.3)
    return finish(process)


def files() -> Sequence[str]:
    return sorted(path.name for path in Path().iterdir())


def test_the_first_ctrl_c_saves_the_picture_and_ends_the_batch(run: Run, plugin: None) -> None:
    process = program("polite", "a.png", "b.jpg", "--save-every", "2")
    done = interrupt(process, lambda: Path("a.polite.step0002.png").exists())
    assert (done.code, done.out) == (130, "a.polite.png\n")
    assert "Traceback" not in done.err and "stopping after this step" in done.err
    assert Image.open("a.polite.png").size == (64, 48)
    assert run("show", "a.polite.png", "--json").json["used"]["interrupted"] is True
    process = program("polite", "a.png", "b.jpg", "--save-every", "2", "--json", "-o", "c/")
    done = interrupt(process, lambda: Path("c/a.polite.step0002.png").exists())
    made, left = map(json.loads, done.out.splitlines())
    assert made["interrupted"] and left["input"] == "b.jpg" and left["error"] == "interrupted"
    assert not any(name.endswith(".tmp") or name.startswith("b.p") for name in files())


@pytest.mark.parametrize(("steps", "times"), [("1", 2), ("0", 1)])
def test_ctrl_c_again_or_while_loading_ends_at_once(plugin: None, steps: str, times: int) -> None:
    began = time.monotonic()
    process = program("stubborn", "a.png", "--steps", steps)
    done = interrupt(process, lambda: Path("sleeping").exists(), times=times)
    assert (done.code, done.out) == (130, "")
    assert done.said[-1] == "interrupted: what was in work is not saved" and "Traceback" not in done.err
    assert files() == ["a.png", "b.jpg", "sleeping"]
    assert time.monotonic() - began < 20


def test_a_request_to_end_saves_the_picture_too(plugin: None) -> None:
    process = program("polite", "a.png", "--save-every", "2")
    done = interrupt(process, lambda: Path("a.polite.step0002.png").exists(), signal.SIGTERM)
    assert (done.code, done.out) == (130, "a.polite.png\n")
    assert Image.open("a.polite.png").size == (64, 48)
