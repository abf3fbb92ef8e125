"""The README's commands and code do what they are shown to do."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from deepdream import cli
from deepdream.pictures.picture import load
from deepdream.testing import picture

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def commands() -> list[str]:
    """Every deepdream command of the README, in blocks and in tables."""
    lines = [
        part.strip()
        for block in blocks("console")
        for line in block.splitlines()
        for part in line.split("&&")
    ]
    found = [line for line in lines + re.findall(r"`([^`\n]+)`", README) if line.startswith("deepdream ")]
    return list(dict.fromkeys(found))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the pictures that the README speaks of."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("photo.jpg", "painting.jpg", "other.jpg", "samples/rocket.jpg")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        picture(64, 48, seed=number).save(tmp_path / name)
    shutil.copy(ROOT / "samples/gallery/rocket.dream.jpg", tmp_path / "made.jpg")
    load("made.jpg")
    assert (
        cli.run(["dream", "photo.jpg", "--layer", "block1_conv1", "--steps", "1", "-q", "-o", "out.png"]) == 0
    )
    return tmp_path


def test_the_two_commands_stand_there() -> None:
    assert "pip install . && deepdream dream samples/rocket.jpg --layer mixed4" in README
    assert 'pip install -e ".[dev]" && pytest' in README
    assert (ROOT / "samples/rocket.jpg").is_file()


def test_every_command_is_understood(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tried = commands()
    assert len(tried) >= 12
    for command in tried:
        arguments = shlex.split(command)[1:]
        # Networks with nothing here to load, or a network to fetch, are only looked up.
        if "--atlas" in arguments:
            arguments += ["--layer", "block1_conv1[0]", "--size", "32"]
        if arguments[0] in ("dream", "style", "zoom", "visualize"):
            arguments += [] if "--dry-run" in arguments else ["--dry-run"]
        if arguments[0] == "replay":
            arguments += ["-q"]
        if arguments[0] == "style-file":
            arguments += ["--size", "64"]
        expected = 1 if "fetch" in arguments else 0
        assert cli.run(arguments) == expected, (command, capsys.readouterr().err)


def test_the_python_code_runs(desk: Path) -> None:
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), {})
    assert load("dreamt.png").size == (64, 48)


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
