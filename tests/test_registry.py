"""Modes: how they are declared, found and guarded, and how their options are checked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from textwrap import dedent
from typing import Annotated, Any, Literal

import numpy as np
import pytest
import typer

from deepdream.api import Engine, Option, Picture, mode
from deepdream.errors import DeepDreamError, UsageError
from deepdream.modes import registry
from deepdream.modes.registry import Mode, Registry, declare
from deepdream.tools.doctor import examine

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs" / "examples" / "guide.py"

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The user's own folder, empty until a test writes into it."""
    monkeypatch.setattr(typer, "get_app_dir", lambda _name: str(tmp_path / "home"))
    return tmp_path / "home"


def write(path: Path, name: str = "extra", body: str = "", before: str = "", **changes: str) -> Path:
    """A plugin file with the mode `name`; `changes` replace parts of a sound one."""
    part = {
        "api": "1",
        "parameters": "image: Picture, engine: Engine",
        "doc": '"""Do something."""',
        "defaults": "None",
        "returns": "-> Picture",
    } | changes
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "from typing import Annotated, Literal\n"
        "from deepdream.api import Argument, Engine, Option, Picture, mode\n"
        f"{before}\n"
        f'@mode("{name}", api={part["api"]}, defaults={part["defaults"]})\n'
        f"def function({part['parameters']}) {part['returns']}:\n"
        f"    {part['doc']}\n"
        f"    return image\n{body}\n"
    )
    return path


def load(*paths: Path, **environ: str) -> Registry:
    return registry.load({"DEEPDREAM_PLUGINS": os.pathsep.join(map(str, paths)), **environ})


def said(found: Registry) -> list[str]:
    return [f"{item.source}: {item.message}; {item.hint}" for item in found.problems]


# --- finding -----------------------------------------------------------------------------------


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


def installed(folder: Path, name: str, entries: str) -> None:
    info = folder / f"{name}-1.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text(f"[deepdream.modes]\n{dedent(entries)}")


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


# --- guarding ----------------------------------------------------------------------------------

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
    "no api": ({"before": "@mode('x')\ndef f(): ..."}, "missing 1 required keyword-only argument: 'api'"),
    "reserved": (
        {"parameters": "image: Picture, engine: Engine, size: int = 3"},
        "every mode already has an option 'size'; rename",
    ),
    "no annotation": ({"parameters": "image: Picture, engine: Engine, x=3"}, "'x' has no type annotation"),
    "unknown name": ({"parameters": "image: Picture, engine: Engine, x: 'Y' = 3"}, "name 'Y' is not defined"),
    "no engine": (
        {"parameters": "image: Picture"},
        "must take one Engine, and if it needs pictures, the one to work on first; declare it 'def function(",
    ),
    "no docstring": ({"doc": "pass"}, "has no docstring, which is its help text"),
    "no return annotation": ({"returns": ""}, "does not say what it returns; write '-> Picture'"),
    "text": ({"returns": "-> str"}, "the mode 'broken': it returns str, as its '->' says, which no mode can"),
    "texts": ({"returns": "-> list[str]"}, "it returns list[str], as its '->' says"),
    "a list of anything": ({"returns": "-> list"}, "it returns list, as its '->' says"),
    "nothing": ({"returns": "-> Picture | None"}, "it returns None, as its '->' says"),
    "type": (
        {"parameters": "image: Picture, engine: Engine, x: dict = 1"},
        "'x' has the type dict, which no option can have",
    ),
    "pictures": (
        {"parameters": "image: Picture, engine: Engine, x: list[Picture]"},
        "the pictures 'x' must be given; declare them 'list[Picture] | None = None'",
    ),
    "star": ({"parameters": "image: Picture, engine: Engine, **x: int"}, "'x' cannot be given by name"),
    "picture later": (
        {"parameters": "engine: Engine, x: int, image: Picture"},
        "if it needs pictures, the one to work on first",
    ),
    "argument": (
        {"parameters": "image: Picture, engine: Engine, x: Annotated[str, Argument()]"},
        "'x' is declared as the wrong kind; a picture without default is an Argument",
    ),
    "picture default": (
        {"parameters": "image: Picture, engine: Engine, x: Picture = 'a.png'"},
        "the picture 'x' has a default; declare it 'Picture | None = None'",
    ),
    "camel": (
        {"parameters": "image: Picture, engine: Engine, xY: int = 1"},
        "'xY' is no name for a parameter",
    ),
    "flag": (
        {"parameters": "image: Picture, engine: Engine, x: Annotated[int, Option('--y')] = 1"},
        "declares a flag or a default of its own inside OptionInfo",
    ),
    "default": (
        {"parameters": "image: Picture, engine: Engine, x: Annotated[int, Option(min=2)] = 1"},
        "the mode 'broken': its own default is wrong: --x must be at least 2, not 1",
    ),
    "common": ({"defaults": "{'modle': 'vgg19'}"}, "did you mean 'model'?"),
    "common value": ({"defaults": "{'size': 0}"}, "the mode 'broken': --size must be at least 1, not 0"),
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


@pytest.mark.parametrize("name", ["Loud", "two words", "under_score", "-x", "replay"])
def test_a_mode_cannot_have_an_odd_name_or_a_commands_name(name: str, tmp_path: Path) -> None:
    found = load(write(tmp_path / "odd.py", name))
    assert len(found.problems) == 1 and name in found.problems[0].message


def test_the_second_of_two_modes_of_one_name_is_told_to_change(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one.py", "twin"), write(tmp_path / "two.py", "twin")
    found = load(one, two, write(tmp_path / "three.py", "dream"))
    assert found.get("twin").source == str(one)
    assert said(found) == [
        f"{two}: the mode 'twin' exists already, from {one}; rename the mode in {two}",
        f"{tmp_path / 'three.py'}: the mode 'dream' exists already, from built-in dream.py; "
        f"rename the mode in {tmp_path / 'three.py'}",
    ]


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


# --- options -----------------------------------------------------------------------------------


class Kind(Enum):
    SOFT = "soft"
    HARD = "hard"


@mode("sample", api=1, defaults={"size": 256})
def sample(
    image: Picture,
    engine: Engine,
    *,
    hint: Annotated[Picture | None, Option(help="Another picture.")] = None,
    steps: Annotated[int, Option(min=0, max=100)] = 10,
    step_size: Annotated[float, Option(min=0)] = 1.5,
    fraction: Annotated[float, Option(min=0, max=1, clamp=True)] = 0.5,
    layer: list[str] | None = None,
    weights_of: list[float] = [1.0, 2.0],  # noqa: B006
    start: Literal["content", "noise"] = "content",
    kind: Kind = Kind.SOFT,
    sharp: bool = False,
    channel: int | None = None,
) -> Picture:
    """Try every kind of option.

    More about it.
    """
    assert isinstance(kind, Kind)
    return image if kind is Kind.SOFT else engine  # type: ignore[return-value]


@pytest.fixture
def mode_() -> Mode:
    return declare(sample, "sample.py")


def test_a_mode_says_what_its_function_declares(mode_: Mode) -> None:
    assert (mode_.name, mode_.summary) == ("sample", "Try every kind of option.")
    assert mode_.help.endswith("More about it.")
    assert mode_.defaults == {"size": 256}
    assert [item.name for item in mode_.pictures] == ["image", "hint"]
    by_name = {item.name: item for item in mode_.parameters}
    assert by_name["image"].flag == "IMAGE" and by_name["image"].required
    assert by_name["step_size"].flag == "--step-size"
    assert by_name["kind"].choices == ("soft", "hard")
    assert by_name["layer"].multiple and by_name["layer"].optional


def test_the_decorated_function_is_still_a_function() -> None:
    picture = Picture.from_array(np.zeros((4, 4, 3)))
    assert sample(picture, Engine()) is picture


def test_defaults_are_filled_in_as_json_values(mode_: Mode) -> None:
    assert mode_.check({}) == {
        "steps": 10,
        "step_size": 1.5,
        "fraction": 0.5,
        "layer": None,
        "weights_of": [1.0, 2.0],
        "start": "content",
        "kind": "soft",
        "sharp": False,
        "channel": None,
    }
    assert mode_.check({"steps": 3}, partial=True) == {"steps": 3}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("steps", "12", 12),
        ("steps", 12.0, 12),
        ("steps", np.int64(12), 12),
        ("step_size", 2, 2.0),
        ("step_size", "1e-3", 1e-3),
        ("step_size", np.float32(0.5), 0.5),
        ("fraction", 7, 1.0),
        ("layer", "mixed4", ["mixed4"]),
        ("layer", ("mixed4", "mixed5:0.5"), ["mixed4", "mixed5:0.5"]),
        ("weights_of", ["1", 2], [1.0, 2.0]),
        ("start", "noise", "noise"),
        ("kind", Kind.HARD, "hard"),
        ("kind", "hard", "hard"),
        ("sharp", "yes", True),
        ("sharp", "False", False),
        ("channel", None, None),
        ("channel", "4", 4),
    ],
)
def test_values_become_what_the_annotation_says(mode_: Mode, name: str, value: Any, expected: Any) -> None:
    checked = mode_.check({name: value})[name]
    assert checked == expected
    assert type(checked) is type(expected)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("steps", "four", "--steps must be a whole number, not 'four'"),
        ("steps", 2.5, "--steps must be a whole number, not 2.5"),
        ("steps", True, "--steps must be a whole number, not True"),
        ("steps", None, "--steps must be a whole number, not nothing"),
        ("steps", [1], "--steps must be a whole number, not [1]"),
        ("steps", -1, "--steps must be at least 0, not -1"),
        ("steps", 101, "--steps must be at most 100, not 101"),
        ("steps", 10**70, f"--steps must be at most 100, not 1{'0' * 56}..."),
        ("step_size", float("nan"), "--step-size must be a finite number, not nan"),
        ("step_size", "-inf", "--step-size must be a finite number, not '-inf'"),
        pytest.param(
            "step_size", 10**400, f"--step-size must be a finite number, not 1{'0' * 56}...", id="huge"
        ),
        ("weights_of", [1.0, float("nan")], "--weights-of must be a finite number, not nan"),
        ("layer", [4], "--layer must be text, not 4"),
        ("start", "nosie", "--start must be content or noise, not 'nosie'"),
        ("kind", "medium", "--kind must be soft or hard, not 'medium'"),
        ("sharp", 1, "--sharp must be true or false, not 1"),
        (
            "sharp",
            "true\nand " + "very " * 20,
            f"--sharp must be true or false, not 'true\\nand {'very ' * 9}v...",
        ),
        ("stpes", 1, "no option 'stpes' in the mode 'sample'"),
        ("hint", "a.png", "'hint' is a picture of the mode 'sample', not an option"),
        ("size", 5, "'size' is a common option, not one of the mode 'sample'"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line_that_names_the_flag(
    mode_: Mode, name: str, value: Any, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        mode_.check({name: value})
    assert caught.value.message == message


def test_a_misspelt_option_or_choice_gets_a_suggestion(mode_: Mode) -> None:
    for options, hint in (({"step-size": 1}, "'step_size'"), ({"start": "nosie"}, "'noise'")):
        with pytest.raises(UsageError) as caught:
            mode_.check(options)
        assert caught.value.hint is not None and hint in caught.value.hint


def test_calling_checks_the_pictures_the_options_and_the_result(mode_: Mode) -> None:
    picture = Picture.from_array(np.zeros((4, 4, 3)))
    assert mode_.call(Engine(), {"image": picture}, {"kind": "soft"}) is picture
    with pytest.raises(UsageError, match="the mode 'sample' needs the picture IMAGE"):
        mode_.call(Engine(), {}, {})
    with pytest.raises(UsageError, match="takes no picture 'hnit'") as caught:
        mode_.call(Engine(), {"image": picture, "hnit": picture}, {})
    assert caught.value.hint == "did you mean 'hint'?"
    with pytest.raises(DeepDreamError, match="the mode 'sample' returned Engine, not a Picture"):
        mode_.call(Engine(), {"image": picture}, {"kind": "hard"})


@pytest.mark.parametrize("where", ["pixels", "alpha"])
def test_a_picture_that_is_no_number_somewhere_is_refused_not_saved_black(where: str) -> None:
    @mode("holes", api=1)
    def holes(image: Picture, engine: Engine) -> Picture:
        """Divide by nothing."""
        hole = np.full((4, 4), np.nan, np.float32)
        return Picture(np.dstack([hole] * 3)) if where == "pixels" else Picture(image.pixels, hole)

    with pytest.raises(DeepDreamError, match="'holes' returned a picture with NaN or infinity") as caught:
        declare(holes, "holes.py").call(Engine(), {"image": Picture.from_array(np.zeros((4, 4, 3)))}, {})
    assert caught.value.hint == "its author must change that in holes.py"


def test_a_mode_cannot_end_the_program() -> None:
    @mode("leaver", api=1)
    def leaver(image: Picture, engine: Engine) -> Picture:
        """Leave."""
        sys.exit(7)

    with pytest.raises(DeepDreamError, match="the mode 'leaver' ended with SystemExit: 7"):
        declare(leaver, "leaver.py").call(Engine(), {"image": Picture.from_array(np.zeros((4, 4, 3)))}, {})


def test_without_docstrings_the_modes_are_still_there() -> None:
    code = "from deepdream.modes.registry import load; r = load({}); print(*r.modes, len(r.problems))"
    done = subprocess.run(
        [sys.executable, "-OO", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.startswith("dream style ") and done.stdout.endswith(" 0\n"), done.stderr


def test_an_option_without_default_must_be_given() -> None:
    @mode("needs", api=1)
    def needs(image: Picture, engine: Engine, *, count: int) -> Picture:
        """Need things."""
        return image

    with pytest.raises(UsageError, match="--count is missing: the mode 'needs' needs it"):
        declare(needs, "needs.py").check({})


# --- the plugin guide --------------------------------------------------------------------------


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
