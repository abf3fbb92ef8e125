"""`deepdream plugins new`: what it writes runs as it is, and is refused where it would do harm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from deepdream import cli
from deepdream.modes import registry
from deepdream.testing import picture

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def new(*arguments: str) -> int:
    return cli.run(["plugins", "new", *arguments])


@pytest.mark.parametrize("kind", [(), ("--animation",)])
@pytest.mark.parametrize("name", ["ripples", "slow-waves", "import", "obj"])
def test_a_new_file_is_a_mode_without_a_problem(
    name: str, kind: tuple[str, ...], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new(name, *kind) == 0
    said = capsys.readouterr()
    path = here / f"{name.replace('-', '_')}.py"
    assert said.out == f"{path}\n" and f"DEEPDREAM_PLUGINS={path} deepdream {name} photo.jpg" in said.err
    found = registry.load({"DEEPDREAM_PLUGINS": str(path)})
    assert found.problems == () and f"deepdream {name} photo.jpg" in found.get(name).help
    assert found.get(name).makes == ("animation" if kind else "picture")
    checked = subprocess.run([sys.executable, "-m", "ruff", "check", "--isolated", str(path)])
    assert checked.returncode == 0


def test_a_name_that_is_ones_own_already_is_said_to_be(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new("ripples") == 0
    monkeypatch.setenv("DEEPDREAM_PLUGINS", str(here / "ripples.py"))
    assert new("ripples", "other.py") == 2
    assert f"there is a 'ripples' already, from {here / 'ripples.py'}" in capsys.readouterr().err


def test_a_test_stands_beside_the_file_if_that_is_wanted(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new("slow-waves", "--test") == 0
    said, paths = capsys.readouterr(), [here / "slow_waves.py", here / "test_slow_waves.py"]
    assert said.out == "".join(f"{path}\n" for path in paths) and f"pytest {paths[1]}" in said.err
    assert "from slow_waves import slow_waves\n" in paths[1].read_text()
    assert not registry.load({"DEEPDREAM_PLUGINS": str(here)}).problems, "the test is no plugin"
    paths[0].unlink()
    assert new("slow-waves", "--test") == 1 and not paths[0].exists(), "all or nothing"
    assert new("import", "--test") == 2 and new("import", "mine.py", "--test") == 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", [(), ("--animation",)])
def test_a_new_file_passes_its_test(kind: tuple[str, ...], here: Path) -> None:
    assert new("slow-waves", "--test", *kind) == 0
    assert "1 passed" in pytested(here)


def pytested(folder: Path) -> str:
    """What pytest says of a folder on its own."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_place_may_be_a_file_or_a_folder(here: Path) -> None:
    (here / "folder").mkdir()
    assert new("ripples", "folder") == 0 and (here / "folder" / "ripples.py").is_file()
    assert new("ripples", "mine/other.py") == 0 and (here / "mine" / "other.py").is_file()
    assert new("ripples", "mine/other.txt") == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["Ripples"], 2, "'Ripples' is no name for a mode\nhint: did you mean 'ripples'?"),
        (["my_mode"], 2, "'my_mode' is no name for a mode\nhint: did you mean 'my-mode'?"),
        (["SlowWaves"], 2, "hint: did you mean 'slow-waves'?"),
        (["3"], 2, "hint: use lower-case words joined by hyphens"),
        (["dream"], 2, "there is a 'dream' already"),
        (["replay"], 2, "there is a 'replay' already"),
        (["there"], 1, "there.py exists already"),
        (["there", "full", "--package"], 1, "full exists already"),
    ],
)
def test_what_would_do_harm_is_refused(
    arguments: list[str], code: int, message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "there.py").write_text("mine")
    (here / "full").mkdir()
    (here / "full" / "something").write_text("mine")
    assert new(*arguments) == code
    assert message in capsys.readouterr().err
    assert (here / "there.py").read_text() == "mine" and len(list((here / "full").iterdir())) == 1


def test_a_new_package_states_its_entry_point_and_brings_readme_and_tests(here: Path) -> None:
    assert new("slow-waves", "--package") == 0
    folder = here / "deepdream-slow-waves"
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["deepdream.modes"] == {"slow-waves": "deepdream_slow_waves"}
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == {
        *("pyproject.toml", "README.md", "deepdream_slow_waves/__init__.py"),
        *("tests/conftest.py", "tests/test_mode.py"),
    }
    assert "$ deepdream slow-waves photo.jpg" in (folder / "README.md").read_text()
    assert not registry.load({"DEEPDREAM_PLUGINS": str(folder / "deepdream_slow_waves")}).problems


@pytest.mark.slow
def test_a_new_package_of_an_animation_passes_its_tests(here: Path) -> None:
    assert new("slow-waves", "--package", "--animation") == 0
    assert "3 passed" in pytested(here / "deepdream-slow-waves")


@pytest.mark.slow
def test_a_new_package_passes_its_tests_installs_and_makes_a_picture(here: Path) -> None:
    assert new("slow-waves", "--package") == 0
    folder, target = here / "deepdream-slow-waves", here / "target"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert "3 passed" in pytested(folder)

    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--no-index", "-q"]
    installed = subprocess.run([*pip, "--target", str(target), str(folder)], capture_output=True, text=True)
    assert installed.returncode == 0, installed.stderr
    environ["PYTHONPATH"] = f"{target}{os.pathsep}{ROOT}"
    command = [sys.executable, "-m", "deepdream"]
    done = subprocess.run(
        [*command, "plugins", "info", "slow-waves", "--json"], env=environ, capture_output=True, text=True
    )
    (facts,) = json.loads(done.stdout)
    assert (facts["plugin"], facts["version"]) == ("deepdream-slow-waves", "0.1.0")
    picture(48, 40).save(here / "a.png")
    made = subprocess.run(
        [*command, "slow-waves", "a.png", "-q", "--layer", "block1_conv2", "--steps", "1"],
        env=environ,
        capture_output=True,
        text=True,
    )
    assert (made.returncode, made.stdout, made.stderr) == (0, "a.slow-waves.png\n", "")
