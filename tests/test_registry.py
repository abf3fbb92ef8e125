"""Modes: where they are found."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from plugin_files import GUIDE, ROOT, installed, load, said, write

from deepdream.errors import UsageError
from deepdream.modes import registry

pytestmark = pytest.mark.usefixtures("home")


def test_the_built_in_modes_load_without_a_problem() -> None:
    found = registry.load({})
    assert {"dream", "style"} <= set(found.modes)
    assert said(found) == []
    assert found.get("dream").source == "built-in dream.py"


def test_a_plugin_is_found_as_a_file_in_a_folder_and_in_the_users_folder(tmp_path: Path, home: Path) -> None:
    single = write(tmp_path / "single.py", "by-file")
    folder = write(tmp_path / "folder" / "one.py", "by-folder").parent
    write(folder / "_helper.py", "not-me")
    for name in ("test_one.py", "conftest.py"):
        (folder / name).write_text("raise RuntimeError('tests are no plugins')\n")
    write(folder / "package" / "__init__.py", "by-package")
    write(home / "plugins" / "mine.py", "by-home")
    found = load(single, folder)
    assert {"by-file", "by-folder", "by-package", "by-home"} <= set(found.modes)
    assert "not-me" not in found.modes
    assert said(found) == []


def test_a_package_may_import_its_own_modules_and_any_plugin_may_hold_dataclasses(tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "parts.py").write_text("WORD = 'part'\n")
    lines = ["from dataclasses import dataclass", "from .parts import WORD"]
    lines += ["@dataclass", "class Setting:", "    text: 'str' = WORD"]
    write(tmp_path / "pack" / "__init__.py", "packed", before="\n".join(lines))
    found = load(tmp_path / "pack")
    assert said(found) == []
    assert "packed" in found.modes


def test_installed_packages_offer_modules_and_functions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "dreamers_a.py", "from-module")
    write(tmp_path / "dreamers_b.py", "from-function")
    entries = "a = dreamers_a\nb = dreamers_b:function\nc = os:sep\nd = dreamers_missing\n"
    installed(tmp_path, "dreamers", entries)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = registry.load({})
    assert found.get("from-module").source == "dreamers 1.5 (dreamers_a)"
    assert "from-function" in found.modes
    wrong, missing = said(found)
    assert "dreamers 1.5 (os:sep)" in wrong and "neither a module nor a mode" in wrong
    assert "No module named 'dreamers_missing'" in missing
    assert "from-module" not in registry.load({"DEEPDREAM_NO_PLUGINS": "1"}).modes


def test_damaged_metadata_of_one_package_costs_no_more_than_the_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, "damaged", "a = = b\nno equals sign\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = registry.load({})
    assert "dream" in found.modes
    assert all("\n" not in problem.message for problem in found.problems) and found.problems


def test_the_current_folder_is_never_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "here.py", "here")
    write(tmp_path / "plugins" / "there.py", "there")
    monkeypatch.chdir(tmp_path)
    for value in ("", os.pathsep, f" {os.pathsep}"):
        found = registry.load({"DEEPDREAM_PLUGINS": value})
        assert not {"here", "there"} & set(found.modes)
        assert said(found) == []


def test_no_plugins_keeps_the_built_in_modes_only(tmp_path: Path, home: Path) -> None:
    write(home / "plugins" / "mine.py", "mine")
    path = write(tmp_path / "named.py", "named")
    assert {"mine", "named"} <= set(load(path, DEEPDREAM_NO_PLUGINS="0").modes)
    kept = load(path, DEEPDREAM_NO_PLUGINS="1")
    assert "dream" in kept.modes and not {"mine", "named"} & set(kept.modes)


def test_loading_needs_no_tensorflow_and_prints_nothing_on_stdout(tmp_path: Path) -> None:
    noisy = write(tmp_path / "noisy.py", "noisy", before="print('hello')")
    code = "import sys; from deepdream.modes import registry; found = registry.load(); "
    code += "assert {'noisy', 'guide'} <= set(found.modes), found; "
    code += "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    environ = {**os.environ, "DEEPDREAM_PLUGINS": f"{noisy}{os.pathsep}{GUIDE}"}
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_an_installed_copy_finds_the_built_in_modes_inside_the_package(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "*.h5")
    shutil.copytree(ROOT / "deepdream", tmp_path / "deepdream", ignore=ignored)
    shutil.copytree(ROOT / "plugins", tmp_path / "deepdream" / "_plugins", ignore=ignored)
    code = "from deepdream.modes import registry as r; print(r.__file__, *r.load({}).modes)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    where, *modes = ran.stdout.split()
    assert Path(where).is_relative_to(tmp_path)
    assert {"dream", "style"} <= set(modes)


def test_the_guides_first_code_block_is_the_example_file() -> None:
    text = (ROOT / "docs" / "plugins.md").read_text()
    block = text.partition("```python\n")[2].partition("```")[0]
    assert block == GUIDE.read_text()


def test_the_example_loads_through_the_environment() -> None:
    found = load(GUIDE.parent)
    assert said(found) == []
    assert found.get("guide").check({}) == {"layer": "block4_conv3", "strength": 1.0}
    with pytest.raises(UsageError, match=r"--strength must be at least 0\.0, not -1"):
        found.get("guide").check({"strength": -1})
