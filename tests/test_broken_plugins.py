"""Plugins that cannot be loaded: each is one problem, told with its line, and the others go on."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from plugin_files import installed, load, said, write

from deepdream.cli import build
from deepdream.errors import UsageError
from deepdream.modes import registry
from deepdream.tools.doctor import examine

pytestmark = pytest.mark.usefixtures("home")


BROKEN = {
    "raises": ({"before": "1 / 0"}, "cannot be loaded: ZeroDivisionError: division by zero"),
    "interrupts": ({"before": "raise KeyboardInterrupt"}, "cannot be loaded: KeyboardInterrupt"),
    "exits": ({"before": "raise SystemExit(3)"}, "cannot be loaded: SystemExit: 3"),
    "syntax": ({"before": "def ("}, "SyntaxError: invalid syntax, line 3"),
    "import": ({"before": "import no_such_thing"}, "No module named 'no_such_thing'"),
    "newer api": (
        {"api": "2"},
        "written for plugin interface 2, and this deepdream has 1; upgrade deepdream",
    ),
    "older api": ({"api": "0"}, "its author must port"),
    "no api": ({"api": "None"}, "the mode 'broken' has the api None, not a number; write @mode"),
    "class": (
        {"before": "@mode('x', api=1)\nclass X: ..."},
        "a mode is a function, and 'x' is a class, line 3",
    ),
    "null": (
        {"before": "\0"},
        "Error: source code string cannot contain null bytes; ",  # a SyntaxError since Python 3.11.4
    ),
    "relative": ({"before": "from .parts import x"}, "line 3; make a package of the files: a folder with"),
    "no mode": ({"body": "del function"}, "defines no mode"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_one_problem_and_the_others_go_on(case: str, tmp_path: Path) -> None:
    changes, expected = BROKEN[case]
    broken = write(tmp_path / "broken.py", "broken", **changes)
    found = load(broken, write(tmp_path / "sound.py", "sound"))
    assert "sound" in found.modes and "broken" not in found.modes
    (problem,) = found.problems
    assert problem.source == str(broken)
    text = f"{problem.message}; {problem.hint}"
    assert expected in text and "\n" not in text
    assert ("Traceback" in problem.details) == problem.message.startswith("cannot be loaded")


IMPORTS = {
    "from parts import x": "No module named 'parts', line 3; write 'from .parts import ...'. its author",
    "from pack.parts import x": "No module named 'pack', line 3; inside the package, 'from pack.' is written",
    "from .part import x": "No module named 'pack.part', line 3; its author",
    "from .wrong import x": "SyntaxError: invalid syntax, line 2 of wrong.py; its author",
}


@pytest.mark.parametrize("line", IMPORTS)
def test_imports_inside_a_package_are_told_by_its_own_name(line: str, tmp_path: Path) -> None:
    pack = write(tmp_path / "pack" / "__init__.py", before=line).parent
    (pack / "parts.py").write_text("x = 1\n")
    (pack / "wrong.py").write_text("\nx = = 1\n")
    (problem,) = load(pack).problems
    assert IMPORTS[line] in f"{problem.message}; {problem.hint}"


def test_a_helper_beside_a_plugin_that_is_no_package_is_told_how_to_be_found(tmp_path: Path) -> None:
    (tmp_path / "_parts.py").write_text("x = 1\n")
    (problem,) = load(write(tmp_path / "a.py", before="from _parts import x")).problems
    assert str(problem.hint).startswith("make a package of the two, and write 'from ._parts import ...'.")


def test_a_folder_without_a_plugin_and_a_package_without_a_mode_are_told_so(tmp_path: Path) -> None:
    (tmp_path / "empty" / "inner").mkdir(parents=True)
    (tmp_path / "empty" / "inner" / "mode.py").write_text("")
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "__init__.py").write_text("")
    folder, package = said(load(tmp_path / "empty", tmp_path / "bare"))
    assert folder.endswith("empty: holds no plugin; one is a .py file, or a folder with an __init__.py")
    assert package.endswith("defines no mode; import the function that @mode decorates in __init__.py")


def test_an_option_may_have_any_name_that_is_free(tmp_path: Path) -> None:
    path = write(tmp_path / "a.py", "named", parameters="image: Picture, engine: Engine, context: int = 1")
    assert build(load(path)) is not None


def test_a_plugin_named_by_a_relative_path_has_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "broken.py", "broken", before="1 / 0")
    monkeypatch.chdir(tmp_path)
    (problem,) = load(Path("broken.py")).problems
    assert problem.message == "cannot be loaded: ZeroDivisionError: division by zero, line 3"


@pytest.mark.parametrize("name", ["Loud", "two words", "under_score", "-x", "replay"])
def test_a_mode_cannot_have_an_odd_name_or_a_commands_name(name: str, tmp_path: Path) -> None:
    found = load(write(tmp_path / "odd.py", name))
    # A remark that it loads slowly may come with it, on a busy machine.
    (problem,) = (it for it in found.problems if it.kind == "refused")
    assert name in problem.message


def test_the_second_of_two_modes_of_one_name_is_told_to_change(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one.py", "twin"), write(tmp_path / "two.py", "twin")
    found = load(one, two, write(tmp_path / "three.py", "dream"))
    assert found.get("twin").source == str(one)
    assert said(found) == [
        f"{two}: the mode 'twin' exists already, from {one}; rename the mode in {two}",
        f"{tmp_path / 'three.py'}: the mode 'dream' exists already, from built-in dream.py; "
        f"rename the mode in {tmp_path / 'three.py'}",
    ]


def test_damaged_metadata_is_laid_to_its_package_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "calm_sleepers.py", "calm")
    installed(tmp_path, "sleepers", "c = calm_sleepers\n")
    installed(tmp_path, "nightmare", "= = =\nno entry\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = registry.load({})
    assert "calm" in found.modes
    (problem,) = found.problems
    assert problem.source == "nightmare 1.5"


def test_an_exception_while_loading_is_told_with_its_line_and_what_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    option = "image: Picture, engine: Engine, x: Annotated[int, Option(minn=1)] = 1"
    misspelt = write(tmp_path / "misspelt.py", parameters=option)
    (problem,) = load(misspelt).problems
    line = 1 + misspelt.read_text().splitlines().index(f"def function({option}) -> Picture:")
    assert problem.message.endswith(f"got an unexpected keyword argument 'minn', line {line}")
    assert str(problem.hint).startswith("did you mean 'min'?")

    pack = write(tmp_path / "pack" / "__init__.py", before="\nfrom .parts import WORD").parent
    (pack / "parts.py").write_text("\n\nraise RuntimeError('no air')\n")
    (problem,) = load(pack).problems
    assert problem.message == "cannot be loaded: RuntimeError: no air, line 3 of parts.py"

    (tmp_path / "dreamers_c.py").write_text("import os\nos.getcwdd()\n")
    installed(tmp_path, "dreamers", "c = dreamers_c\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (problem,) = registry.load({}).problems
    assert problem.message.endswith("has no attribute 'getcwdd', line 2 of dreamers_c.py")
    assert "did you mean 'getcwd'" in str(problem.hint)


def test_a_plugin_that_is_there_twice_is_told_to_go_once_and_not_to_be_renamed(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = "@mode('other', api=1)\ndef other(image: Picture, engine: Engine) -> Picture:\n    'Do.'\n"
    source = write(tmp_path / "source" / "facets" / "__init__.py", "facets", body=body).parent
    write(tmp_path / "site" / "facets" / "__init__.py", "facets", body=body + "# older\n")
    installed(tmp_path / "site", "deepdream-facets", "facets = facets\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    again = "deepdream-facets 1.5 (facets): is there twice: "
    file = source / "__init__.py"
    assert said(load(source)) == [
        f"{again}{file} is used; unset DEEPDREAM_PLUGINS or pip uninstall deepdream-facets"
    ]
    another = write(tmp_path / "another.py", "another")
    assert said(load(another, source)) == [
        f"{again}{file} is used; take {source} out of DEEPDREAM_PLUGINS or pip uninstall deepdream-facets"
    ]
    shutil.copytree(source, home / "plugins" / "facets")
    own = home / "plugins" / "facets" / "__init__.py"
    assert said(load())[0] == f"{again}{own} is used; delete {own} or pip uninstall deepdream-facets"
    assert [item.kind for item in load().problems] == ["warning"], "nothing is broken"
    *_, told = examine(load(), quick=True)
    assert (told.topic, told.ok, told.kind) == ("plugin deepdream-facets 1.5 (facets)", True, "warning")


def test_a_file_reached_in_two_ways_is_loaded_once(tmp_path: Path) -> None:
    path = write(tmp_path / "one.py", "once")
    assert said(load(path, tmp_path, path)) == []


def test_one_bad_mode_does_not_hide_the_good_one_of_its_file(tmp_path: Path) -> None:
    second = "@mode('good', api=1)\ndef good(image: Picture, engine: Engine) -> Picture:\n    'Do.'\n"
    found = load(write(tmp_path / "pair.py", "bad", api="7", body=second))
    assert "good" in found.modes and len(found.problems) == 1


def test_a_path_that_does_not_exist_or_is_no_python_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    missing, text = said(load(tmp_path / "gone.py", tmp_path / "notes.txt"))
    assert missing == f"{tmp_path / 'gone.py'}: does not exist; correct $DEEPDREAM_PLUGINS"
    assert "is not a Python file" in text


def test_a_failed_plugin_leaves_no_module_behind_and_an_interrupt_interrupts(tmp_path: Path) -> None:
    before = set(sys.modules)
    load(write(tmp_path / "half.py", before="1 / 0"))
    assert not [name for name in set(sys.modules) - before if "half" in name]
    with pytest.raises(KeyboardInterrupt):
        load(write(tmp_path / "stop.py", before="import os, signal; os.kill(os.getpid(), signal.SIGINT)"))


def test_an_unknown_mode_gets_a_suggestion() -> None:
    with pytest.raises(UsageError) as caught:
        registry.load({}).get("draem")
    assert (caught.value.message, caught.value.hint) == ("no mode 'draem'", "did you mean 'dream'?")
