"""Plugins that misbehave while they are loaded or run: one line names each, and everything else goes on."""

from __future__ import annotations

import builtins
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType

import pytest
import typer

from deepdream import cli
from deepdream.desk.leaks import Growth, resident
from deepdream.modes import registry
from deepdream.modes.registry import Registry
from deepdream.testing import picture

ROOT = Path(__file__).resolve().parent.parent
SOUND = (
    "from deepdream.api import Engine, Picture, mode\n"
    "{before}\n"
    "@mode('{name}', api=1)\n"
    "def function(image: Picture, engine: Engine) -> Picture:\n"
    "    'Do something.'\n"
    "    {body}\n"
    "    return image\n"
)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(typer, "get_app_dir", lambda _name: str(tmp_path / "home"))
    return tmp_path / "home"


def write(folder: Path, name: str, before: str = "", body: str = "pass") -> Path:
    path = folder / f"{name}.py"
    path.write_text(SOUND.format(name=name, before=before, body=body))
    return path


def load(*paths: Path, retry: bool = True, seconds: str = "0.3") -> Registry:
    places = {"DEEPDREAM_PLUGINS": os.pathsep.join(map(str, paths)), "DEEPDREAM_PLUGIN_SECONDS": seconds}
    return registry.load(places, retry=retry)


HANGS = {
    "sleeps": "import time\ntime.sleep(60)",
    "computes": "while True: pass",
    "holds on": "import time\nwhile True:\n    try: time.sleep(60)\n    except: pass",
    "waits for another": "import threading\nthreading.Event().wait()",
}


@pytest.mark.parametrize("how", HANGS)
def test_a_plugin_that_hangs_is_stopped_and_named_and_the_next_command_does_not_wait(
    how: str, tmp_path: Path
) -> None:
    hanging, sound = write(tmp_path, "hanging", HANGS[how]), write(tmp_path, "sound")
    found = load(hanging, sound)
    assert {"dream", "sound"} <= set(found.modes) and "hanging" not in found.modes
    (problem,) = found.problems
    assert (problem.source, problem.kind) == (str(hanging), "refused")
    assert problem.message == "was not loaded within 0.3 s"
    assert "Traceback" in problem.details and "hanging.py" in problem.details, "where it hung"
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)

    began = time.perf_counter()
    again = load(hanging, sound, retry=False, seconds="30")
    assert time.perf_counter() - began < 5 and again.skipped
    assert [item.source for item in again.problems] == [str(hanging)] and "sound" in again.modes

    write(tmp_path, "hanging")  # mended
    mended = load(hanging, retry=False, seconds="30")
    assert "hanging" in mended.modes and not mended.problems and not mended.skipped


def test_one_that_cannot_be_stopped_ends_the_first_command_only(tmp_path: Path) -> None:
    grip = "import time\ndef hold():\n    while True:\n        try:\n            while True:\n"
    grip += "                try: time.sleep(9)\n                except: pass\n        except: pass\nhold()"
    path = write(tmp_path, "grip", grip)
    environ = {
        **os.environ,
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "DEEPDREAM_PLUGINS": str(path),
        "DEEPDREAM_PLUGIN_SECONDS": "0.1",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "deepdream", "--help"]
    first, second = (
        subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60) for _ in range(2)
    )
    assert first.returncode == 1 and f"plugin {path}: cannot be stopped" in first.stderr
    assert second.returncode == 0 and " dream " in second.stdout and str(path) in second.stderr


def test_somebody_elses_alarm_goes_on(tmp_path: Path) -> None:
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 100)
        load(write(tmp_path, "sound"))
        left, _ = signal.getitimer(signal.ITIMER_REAL)
        assert 50 < left <= 100
        os.kill(os.getpid(), signal.SIGALRM)
        assert rung == [1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_loading_works_in_any_thread(tmp_path: Path) -> None:
    found: list[Registry] = []
    thread = threading.Thread(target=lambda: found.append(load(write(tmp_path, "sound"))))
    thread.start()
    thread.join()
    assert "sound" in found[0].modes


@pytest.mark.parametrize("how", ["import tensorflow as tf", "import keras.layers", "from torch import nn"])
def test_heavy_imports_at_the_top_are_refused_with_the_way_out(how: str, tmp_path: Path) -> None:
    code = (
        "import sys; from deepdream.modes import registry; found = registry.load(); "
        "assert 'sound' in found.modes and 'heavy' not in found.modes; "
        "assert not {'tensorflow', 'keras', 'torch'} & set(sys.modules), 'it was imported'; "
        "(p,) = found.problems; print(p.source, p.message, p.hint, sep='; ')"
    )
    heavy, sound = write(tmp_path, "heavy", how), write(tmp_path, "sound")
    environ = {**os.environ, "DEEPDREAM_PLUGINS": f"{heavy}{os.pathsep}{sound}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    module = how.split()[1].partition(".")[0]
    assert f"{heavy}; imports {module} at the top" in done.stdout
    assert "into the function that needs it" in done.stdout


@pytest.mark.parametrize("how", ["import keras", "from keras.layers import Layer", "__import__('keras')"])
def test_heavy_imports_are_refused_when_they_are_loaded_already_too(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("keras", "keras.layers"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(sys.modules["keras.layers"], "Layer", object, raising=False)
    before = builtins.__import__
    (problem,) = load(write(tmp_path, "heavy", how)).problems
    assert problem.message.startswith("imports keras at the top of a module (line ")
    assert builtins.__import__ is before and "keras" in sys.modules


def test_prints_are_kept_back_and_told_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    prints = "import os, sys\nos.write(1, b'again')\nprint('hello')\nprint('there', file=sys.stderr)"
    noisy = write(tmp_path, "noisy", prints)
    found = load(noisy)
    assert capfd.readouterr() == ("", "")
    (problem,) = found.problems
    assert problem.kind == "warning" and problem.message == "prints while it is loaded: 'hello there again'"
    os.write(1, b"as before")
    assert capfd.readouterr().out == "as before"
    assert "noisy" in found.modes, "its modes are none the worse for it"


CHANGES = {
    "Python's built-in print": "import builtins\nbuiltins.print = None",
    "the module json": "import sys, types\nsys.modules['json'] = types.ModuleType('json')",
    "the environment variable KERAS_BACKEND": "import os\nos.environ['KERAS_BACKEND'] = 'torch'",
    "the current folder": "import os\nos.chdir('/')",
    "the command line": "import sys\nsys.argv[:] = ['rm']",
    "the handling of exceptions": "import sys\nsys.excepthook = print",
    "the handling of exceptions or of Ctrl-C": "import signal\nsignal.signal(2, signal.SIG_IGN)",
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_a_plugin_changes_in_the_program_is_put_back_and_told(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = (builtins.print, sys.modules["json"], os.environ.copy(), Path.cwd(), list(sys.argv))
    before = (*before, sys.excepthook, signal.getsignal(signal.SIGINT))
    found = load(write(tmp_path, "meddler", CHANGES[what]))
    after = (builtins.print, sys.modules["json"], os.environ.copy(), Path.cwd(), list(sys.argv))
    assert (*after, sys.excepthook, signal.getsignal(signal.SIGINT)) == before
    assert json.loads("1") == 1
    (problem,) = found.problems
    assert problem.message.startswith(f"changed {what}") and "meddler" in found.modes


def test_folders_that_a_plugin_searches_hide_no_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = list(sys.path)
    load(write(tmp_path, "greedy", f"import sys\nsys.path.insert(0, {str(tmp_path)!r})"))
    assert sys.path == [*before, str(tmp_path)]


def test_a_slow_plugin_is_a_remark_for_those_who_ask(tmp_path: Path) -> None:
    found = load(write(tmp_path, "slow", "import time\ntime.sleep(0.4)"), seconds="20")
    (problem,) = found.problems
    assert problem.kind == "remark" and "to load" in problem.message and "slow" in found.modes


def test_a_thread_that_a_plugin_leaves_does_not_keep_the_program(tmp_path: Path) -> None:
    lasting = (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(120,), name='lasting').start()"
    )
    environ = {**os.environ, "DEEPDREAM_PLUGINS": str(write(tmp_path, "lasting", lasting))}
    environ |= {"PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(tmp_path)}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "deepdream", "--version"], env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0 and time.perf_counter() - began < 60
    assert "it started lasting" in done.stderr


@pytest.mark.slow
def test_help_stays_quick_with_every_kind_of_bad_plugin(tmp_path: Path) -> None:
    """Twice as long as without plugins would be far too long."""
    bad = tmp_path / "bad"
    bad.mkdir()
    for number, before in enumerate([*HANGS.values(), "import tensorflow", "1 / 0", *CHANGES.values()]):
        write(bad, f"bad{number}", before)
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "deepdream", "--help"]

    def seconds(**more: str) -> float:
        began = time.perf_counter()
        subprocess.run(command, env=environ | more, capture_output=True, check=True)
        return time.perf_counter() - began

    seconds(DEEPDREAM_PLUGINS=str(bad), DEEPDREAM_PLUGIN_SECONDS="0.5")
    plain = min(seconds() for _ in range(3))
    assert min(seconds(DEEPDREAM_PLUGINS=str(bad)) for _ in range(3)) < 1.5 * plain + 0.1


# --- while it runs ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_mode_that_keeps_what_it_made_is_named_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keeps = write(tmp_path, "keeps", "import numpy as np\nKEPT = []", "KEPT.append(np.ones(12_500_000))")
    monkeypatch.setenv("DEEPDREAM_PLUGINS", os.pathsep.join([str(keeps), str(write(tmp_path, "sound"))]))
    monkeypatch.chdir(tmp_path)
    picture(16, 16).save("a.png")
    assert cli.run(["keeps", *["a.png"] * 7, "-o", "out/"]) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if "memory grows" in line]
    assert len(said) == 1 and f"the mode 'keeps' ({keeps})" in said[0]
    assert cli.run(["sound", *["a.png"] * 7, "-o", "out/"]) == 0
    assert "memory grows" not in capsys.readouterr().err


def test_what_a_mode_prints_past_python_is_not_among_the_results(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    prints = "import os; print('one'); os.write(1, b'two\\n'); os.system('echo three')"
    monkeypatch.setenv("DEEPDREAM_PLUGINS", str(write(tmp_path, "noisy", body=prints)))
    monkeypatch.chdir(tmp_path)
    picture(16, 16).save("a.png")
    assert cli.run(["noisy", "a.png", "--json"]) == 0
    found = capfd.readouterr()
    assert json.loads(found.out)["output"] == "a.noisy.png"
    assert {"one", "two", "three"} <= set(found.err.splitlines())


def test_where_the_system_does_not_say_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gc.collect", lambda: 0)
    assert resident(tmp_path / "none") is None
    growth = Growth(lambda: None)
    assert [growth.after_picture() for _ in range(9)] == [None] * 9


WRONG = {
    "raises": ("1 / 0", "unexpected ZeroDivisionError in the mode 'wrong'"),
    "exits": ("raise SystemExit(0)", "the mode 'wrong' ended with SystemExit: 0"),
    "exits oddly": ("raise GeneratorExit", "the mode 'wrong' ended with GeneratorExit"),
    "nothing": ("return None", "the mode 'wrong' returned NoneType, not a Picture: was 'return' forgotten?"),
    "an array": ("return image.pixels", "the mode 'wrong' returned ndarray, not a Picture"),
    "a path": ("return 'a.png'", "the mode 'wrong' returned str, not a Picture"),
    "NaN": ("return image.with_pixels(image.pixels * float('nan'))", "a picture with NaN or infinity"),
    "spoils the input": ("image.pixels[:] = 0", "read-only"),
}


def test_an_exception_while_it_runs_is_told_with_its_line_and_what_was_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call = "image = engine.ascend(image, obj.layer('block1_conv1'), step=3)"
    path = write(tmp_path, "wrong", "from deepdream.api import objectives as obj", call)
    monkeypatch.setenv("DEEPDREAM_PLUGINS", str(path))
    monkeypatch.chdir(tmp_path)
    picture(16, 16).save("a.png")
    assert cli.run(["wrong", "a.png"]) == 1
    error, hint = capsys.readouterr().err.splitlines()
    line = 1 + path.read_text().splitlines().index(f"    {call}")
    assert f"unexpected TypeError in the mode 'wrong' ({path}, line {line})" in error
    assert "got an unexpected keyword argument 'step'" in error
    assert hint.startswith("hint: did you mean 'steps'") and "--debug" in hint


def test_a_command_whose_plugin_could_not_be_loaded_is_said_to_be_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPDREAM_PLUGINS", str(write(tmp_path, "breathe", "raise RuntimeError('no air')")))
    monkeypatch.chdir(tmp_path)
    for command, hint in (("breathe", "its plugin could not be loaded"), ("brood", "see 'deepdream --help'")):
        assert cli.run([command, "a.png"]) == 2
        said = capsys.readouterr().err.splitlines()
        assert "breathe.py: cannot be loaded: RuntimeError: no air, line 2; see" in said[0]
        assert said[1] == f"error: no command '{command}'" and said[2].startswith(f"hint: {hint}")


@pytest.mark.parametrize("how", WRONG)
def test_a_mode_that_fails_is_one_line_with_its_file_and_the_batch_goes_on(
    how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    body, message = WRONG[how]
    body = body if how == "spoils the input" else f"if image.width == 16: {body}"
    path = write(tmp_path, "wrong", body=body)
    monkeypatch.setenv("DEEPDREAM_PLUGINS", str(path))
    monkeypatch.chdir(tmp_path)
    picture(16, 16).save("a.png")
    picture(17, 16).save("b.png")
    code = cli.run(["wrong", "a.png", "b.png"])
    err = capsys.readouterr().err
    assert message in err and str(path) in err and "Traceback" not in err
    assert code == (1 if how == "spoils the input" else 3)
