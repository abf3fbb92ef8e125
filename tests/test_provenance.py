"""Where a picture's mode came from: recorded, shown, and minded by replay."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

import deepdream
from deepdream import cli
from deepdream.errors import DeepDreamError
from deepdream.jobs.recipe import Recipe
from deepdream.modes import registry
from deepdream.modes.provenance import Plugin, check_same
from deepdream.pictures.picture import read_recipe
from deepdream.testing import picture

MODE = """
from deepdream.api import Engine, Picture, mode

__version__ = "{version}"

@mode("brighter", api=1)
def brighter(image: Picture, engine: Engine, *, by: int = 10) -> Picture:
    "Make it brighter."
    return image.with_pixels(image.pixels + by)
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "lamp.py"
    path.write_text(MODE.format(version="1.2"))
    monkeypatch.setenv("DEEPDREAM_PLUGINS", str(path))
    monkeypatch.chdir(tmp_path)
    picture(20, 16).save("a.png")
    return path


def test_the_metadata_names_plugin_version_and_digest(plugin: Path) -> None:
    assert cli.run(["brighter", "a.png", "-q"]) == 0
    used = Recipe.from_json(read_recipe("a.brighter.png")).used
    content = hashlib.sha256(plugin.read_bytes()).digest()
    expected = hashlib.sha256(b"lamp.py\0" + content).hexdigest()
    assert used["plugin"] == {"name": "lamp", "version": "1.2", "sha256": expected}


def test_show_names_the_plugin_and_its_version(plugin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["brighter", "a.png", "-q"]) == 0
    capsys.readouterr()
    assert cli.run(["show", "a.brighter.png"]) == 0
    assert re.search(r"^used +plugin +lamp 1\.2$", capsys.readouterr().out, re.MULTILINE)


def test_a_built_in_mode_has_the_version_of_deepdream() -> None:
    found = registry.load({}).get("dream").plugin
    assert found is not None and found.sha256()
    assert (found.name, found.version, found.kind) == ("deepdream", deepdream.__version__, "built-in")


@pytest.mark.parametrize("change", ["another version", "another file"])
def test_replay_refuses_another_plugin_and_says_why_unless_told_otherwise(
    change: str, plugin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["brighter", "a.png", "-q"]) == 0
    assert cli.run(["replay", "a.brighter.png", "-q", "-o", "same.png"]) == 0
    plugin.write_text(MODE.format(version="2.0" if change == "another version" else "1.2") + "# changed\n")
    capsys.readouterr()
    assert cli.run(["replay", "a.brighter.png", "-o", "other.png"]) == 1
    said = capsys.readouterr().err.splitlines()
    why = "lamp 1.2, and here is lamp 2.0" if "version" in change else "as it was before"
    assert why in said[0] and "'brighter'" in said[0] and "--any-plugin" in said[1]
    assert not Path("other.png").exists()
    assert cli.run(["replay", "a.brighter.png", "-q", "-o", "other.png", "--any-plugin"]) == 0


def test_a_mode_of_the_same_name_from_elsewhere_is_refused_and_an_unrecorded_one_is_not(
    tmp_path: Path,
) -> None:
    file = tmp_path / "a.py"
    file.write_text("")
    theirs = Plugin("lamps", "1.0", file, "package")
    with pytest.raises(DeepDreamError, match=r"by the plugin lamp 1\.0, and here it comes from lamps 1\.0"):
        check_same("brighter", {"name": "lamp", "version": "1.0"}, theirs)
    with pytest.raises(DeepDreamError, match="by the plugin lamps"):
        check_same("dream", theirs.facts(), Plugin("deepdream", "9", None, "built-in"))
    check_same("brighter", {}, theirs)
    check_same("brighter", theirs.facts(), theirs)
    check_same("dream", {"name": "deepdream", "version": "8"}, Plugin("deepdream", "9", None, "built-in"))


def test_a_package_is_the_same_as_a_folder_and_installed(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("")
    folder, installed = Plugin("deepdream_lamp", None, file), Plugin("deepdream-lamp", "1.0", file, "package")
    check_same("brighter", folder.facts(), installed)
    check_same("brighter", installed.facts(), folder)
    with pytest.raises(DeepDreamError, match="by the plugin deepdream_lamp"):
        check_same("brighter", {**folder.facts(), "sha256": "0"}, installed)


def test_the_digest_of_a_package_is_that_of_all_its_modules(tmp_path: Path) -> None:
    package = tmp_path / "pack"
    (package / "inner").mkdir(parents=True)
    for name in ("__init__.py", "parts.py", "inner/__init__.py", "inner/more.py"):
        (package / name).write_text(f"# {name}")
    (package / "notes.txt").write_text("no code")
    digest = Plugin("pack", None, package / "inner" / "more.py").sha256()
    assert digest == Plugin("pack", None, package / "__init__.py").sha256()
    (package / "notes.txt").write_text("other words")
    assert Plugin("pack", None, package / "__init__.py").sha256() == digest
    (package / "parts.py").write_text("# other code")
    changed = Plugin("pack", None, package / "__init__.py")
    assert changed.sha256() != digest
    with pytest.raises(DeepDreamError, match=rf"as it was before {re.escape(str(package))} was changed"):
        check_same("brighter", {"name": "pack", "sha256": digest}, changed)
    assert Plugin("gone", None, tmp_path / "gone.py").sha256() is None


def test_info_tells_all_about_a_mode(plugin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def shown(*arguments: str) -> Any:
        capsys.readouterr()
        assert cli.run(["plugins", *arguments]) == 0
        return capsys.readouterr().out

    text = shown("info", "brighter")
    for part in ("lamp 1.2", str(plugin), "Make it brighter.", "--by", "[10]", "IMAGE"):
        assert part in text
    assert text == shown("info", "lamp"), "by the plugin's name too"
    (facts,) = json.loads(shown("info", "brighter", "--json"))
    assert (facts["mode"], facts["plugin"], facts["version"], facts["api"]) == ("brighter", "lamp", "1.2", 1)
    assert facts["options"][0]["flag"] == "--by" and facts["options"][0]["default"] == 10
    assert len(facts["sha256"]) == 64 and facts["file"] == str(plugin)
    listed = json.loads(shown("list", "--json"))
    assert {"mode": "brighter", "plugin": "lamp", "version": "1.2"}.items() <= listed["modes"][-1].items()
    assert cli.run(["plugins", "info", "brihter"]) == 2
    assert "did you mean 'brighter'?" in capsys.readouterr().err


def test_info_tells_the_kind_of_every_option_and_its_choices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kinds.py").write_text(
        "from typing import Literal\n"
        "from deepdream.api import Engine, Picture, mode\n"
        "@mode('kinds', api=1)\n"
        "def kinds(image: Picture, engine: Engine, *, other: Picture | None = None,\n"
        "    rim: Literal['round', 'sharp'] = 'round', often: int = 3, part: float = 0.5,\n"
        "    dark: bool = False, word: list[str] = ['a']) -> Picture:\n"
        "    'Do.'\n"
        "    return image\n"
    )
    monkeypatch.setenv("DEEPDREAM_PLUGINS", str(tmp_path / "kinds.py"))
    assert cli.run(["plugins", "info", "kinds"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [" ".join(line.split()) for line in lines if line.startswith(("IMAGE", "--"))]
    assert rows == [
        "IMAGE picture required",
        "--other picture",
        "--rim round|sharp [round]",
        "--often whole number [3]",
        "--part number [0.5]",
        "--dark switch [off]",
        "--word text ... [a]",
    ]
    assert cli.run(["plugins", "info", "kinds", "--json"]) == 0
    options = {it["name"]: it for it in json.loads(capsys.readouterr().out)[0]["options"]}
    assert options["rim"]["choices"] == ["round", "sharp"] and options["often"]["choices"] == []
    assert options["word"]["multiple"] is True and options["dark"]["type"] == "bool"
