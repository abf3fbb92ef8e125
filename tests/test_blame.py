"""Errors in other people's code are told with the line that they came from, wherever it was called."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deepdream import cli
from deepdream.testing import picture

HEAD = """\
from deepdream.api import Engine, Picture, mode
from deepdream.api import objectives as obj

@mode("wrong", api=1)
def wrong(image: Picture, engine: Engine) -> Picture:
    "Fail."
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    picture(32, 32).save("a.png")
    monkeypatch.setenv("DEEPDREAM_PLUGINS", str(tmp_path / "plugin"))
    (tmp_path / "plugin").mkdir()
    return tmp_path / "plugin"


def error(capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.run(["wrong", "a.png", "-q"]) == 1
    return capsys.readouterr().err.splitlines()[0]


def test_an_error_in_an_objective_has_the_line_in_the_objective(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = """\
    def value(activations, canvas):
        import tensorflow as tf

        return tf.reduce_mean(canvas) * [1, 2][5]

    return engine.ascend(image, obj.custom("mine", "block1_conv1", value), steps=1)
"""
    (here / "mine.py").write_text(HEAD + body)
    line = 1 + (HEAD + body).splitlines().index("        return tf.reduce_mean(canvas) * [1, 2][5]")
    assert f"IndexError in the mode 'wrong' ({here / 'mine.py'}, line {line}):" in error(capsys)


def test_an_error_in_an_objective_of_another_module_has_its_line_and_name(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = here / "package"
    package.mkdir()
    (package / "parts.py").write_text(
        "def value(activations, canvas):\n    'The mean.'\n    return canvas.mean_of_all()\n"
    )
    body = '    return engine.ascend(image, obj.custom("mine", "block1_conv1", value), steps=1)\n'
    (package / "__init__.py").write_text("from .parts import value\n" + HEAD + body)
    assert f"({package / 'parts.py'}, line 3)" in error(capsys)


def test_an_error_in_frames_that_another_module_makes_is_the_plugins(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = here / "package"
    package.mkdir()
    (package / "parts.py").write_text(
        "from deepdream.api import Animation\n\n"
        "def film():\n    def frame(index, previous):\n        raise ValueError('oh dear')\n\n"
        "    return Animation(frame, 2)\n"
    )
    head = HEAD.replace("import Engine", "import Animation, Engine").replace("-> Picture", "-> Animation")
    (package / "__init__.py").write_text(f"from .parts import film\n{head}    return film()\n")
    assert f"in the mode 'wrong' ({package / 'parts.py'}, line 5): oh dear" in error(capsys)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (
            'engine.ascend(obj.layer("block1_conv1"), image)',
            "from a Picture, with an Objective, in this order",
        ),
        ('engine.ascend(image, obj.layer("block1_conv1"), steps=2.5)', "for each octave, not 2.5"),
        (
            'engine.ascend(image, obj.layer("block1_conv1"), mask=image.pixels)',
            "the mask of a climb is a Picture, not ndarray",
        ),
        ("Animation(lambda index: image, 2)", "made by frame(index, previous)"),
        ('obj.custom("mine", "block1_conv1", lambda a, c: c, parts="avg")', "or None, not 'avg'"),
    ],
)
def test_arguments_of_the_wrong_kind_are_told_with_the_line(
    returned: str, said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "mine.py").write_text(f"from deepdream.api import Animation\n{HEAD}    return {returned}\n")
    shown = error(capsys)
    assert "line 8)" in shown and said in shown


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "tf.reduce_mean(canvas) + tf.cast(tf.gather(tf.range(3), tf.size(canvas)), tf.float32)",
            r"in the mode 'wrong' \(.*mine.py, line 10\): indices = 3072 is not in \[0, 3\)",
        ),
        (
            "tf.reduce_mean(canvas) + tf.sqrt(0.0 * tf.reduce_mean(canvas))",
            r"the gradient of the objective became no number at step 1",
        ),
        ("tf.math.log(-1 - tf.reduce_mean(canvas))", r"no number at the first step: mine is nan"),
    ],
)
def test_what_fails_while_a_graph_runs_says_why(
    body: str, said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "mine.py").write_text(
        f"{HEAD}    def value(activations, canvas):\n"
        f"        import tensorflow as tf\n\n        return {body}\n\n"
        '    return engine.ascend(image, obj.custom("mine", "block1_conv1", value), steps=2)\n'
    )
    assert re.search(said, error(capsys))
    assert not Path("a.wrong.png").exists()


def test_a_picture_that_cannot_be_is_laid_at_the_modes_door(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "mine.py").write_text(f"{HEAD}    return image.with_pixels(image.pixels[:, :, 0])\n")
    assert cli.run(["wrong", "a.png", "-q"]) == 2
    first, hint = capsys.readouterr().err.splitlines()
    assert first == "error: pixels must be [height, width, 3], not [32, 32]"
    assert hint == f"hint: it came up in the mode 'wrong' ({here / 'mine.py'}, line 7)"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("steps=-2", "-2 steps are fewer than none"),
        ("optimiser='sgd'", "no optimiser 'sgd'; there are ascent, adam and lbfgs"),
    ],
)
def test_arguments_of_a_climb_are_checked(
    arguments: str, said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = f'    return engine.ascend(image, obj.layer("block1_conv1"), {arguments})\n'
    (here / "mine.py").write_text(HEAD + call)
    assert cli.run(["wrong", "a.png", "-q"]) != 0
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return activations['block1_conv1']", r"reduce it, .* \(.*mine.py, line 8\)"),
        ("tf.reduce_mean(canvas)", r"value\(\) returned nothing\n.*\(.*mine.py, line 8\)"),
        ("return tf.reduce_mean(canvas[:, 700])", r"mine.py, line 11\): slice index 700 of .* bounds\.\n"),
    ],
)
def test_an_objective_that_returns_what_it_should_not_is_told_with_its_own_line(
    body: str, said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "mine.py").write_text(
        f"{HEAD}\n    def value(activations, canvas):\n"
        f"        import tensorflow as tf\n\n        {body}\n\n"
        '    return engine.ascend(image, obj.custom("mine", "block1_conv1", value), steps=2)\n'
    )
    assert cli.run(["wrong", "a.png", "-q"]) == 1
    assert re.search(said, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("start", "decode", "said"),
    [
        ("return canvas", "parameters * 2", r"decode\(\) returned nothing\n.*line 12\)"),
        (
            "return canvas",
            "return parameters.numpy()",
            r"decode gave ndarray, not a tensor of float32\n.*line 12\)",
        ),
        ("return tf.cast(canvas, tf.int32)", "return parameters", r"start gave int32, not .*\n.*line 9\)"),
    ],
)
def test_a_parametrisation_that_returns_what_it_should_not_is_told_with_its_own_line(
    start: str, decode: str, said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "mine.py").write_text(
        f"{HEAD}    import tensorflow as tf\n    class Mine:\n"
        f"        def start(self, canvas, seed):\n            {start}\n\n"
        f"        def decode(self, parameters, size):\n            {decode}\n\n"
        '    return engine.ascend(image, obj.layer("block1_conv1"), steps=2, parametrisation=Mine())\n'
    )
    assert cli.run(["wrong", "a.png", "-q"]) == 1
    assert re.search(said, capsys.readouterr().err)


def test_what_a_plugin_asks_for_has_the_line_beside_the_way_out(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "mine.py").write_text(f'{HEAD}    return engine.ascend(image, obj.layer("mixd4"))\n')
    assert cli.run(["wrong", "a.png", "-q"]) == 2
    hint = capsys.readouterr().err.splitlines()[1]
    assert hint.startswith("hint: did you mean 'mixed4'")
    assert hint.endswith(f"? it came up in the mode 'wrong' ({here / 'mine.py'}, line 7)")


def test_a_misspelt_name_is_offered_what_a_module_exports(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {"obj.layre": "did you mean 'layer' or 'layers'?", "api.shapin": "did you mean 'shaping'?"}
    for name, hint in wrong.items():
        (here / "mine.py").write_text(f"{HEAD}    from deepdream import api\n\n    return {name}\n")
        assert cli.run(["wrong", "a.png", "-q"]) == 1
        assert hint in capsys.readouterr().err


def test_what_says_itself_what_is_wrong_is_left_as_it_is(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = HEAD.replace("import Engine", "import UsageError, Engine")
    (here / "mine.py").write_text(f"{head}    raise UsageError('it is too dull', 'take another')\n")
    assert cli.run(["wrong", "a.png", "-q"]) == 2
    assert capsys.readouterr().err.splitlines() == ["error: it is too dull", "hint: take another"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            'engine.ascend(image, obj.layer("block1_conv1"), octaves=0)',
            "must be a whole number from 1, not 0",
        ),
        ('engine.default_layers("dreams")', "no layers for 'dreams'"),
        ('obj.layer(["block1_conv1"])', "a layer is named by a text, not by ['block1_conv1']"),
        ('engine.ascend(image, obj.layer("block1_conv1"), transform="flip")', "'flip' is none"),
        (
            'engine.ascend(image, obj.match("block1_conv1", "a.png"))',
            "match takes a Picture, or activ",
        ),
        (
            'engine.ascend(image, obj.custom("mine", "block1_conv1", lambda a: 0))',
            "line 7): the value of the objective 'mine' must be a function of (activations, canvas)",
        ),
    ],
)
def test_arguments_of_the_wrong_kind_are_said_to_be_so(
    call: str, said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "mine.py").write_text(f"{HEAD}    return {call}\n")
    assert cli.run(["wrong", "a.png", "-q"]) != 0
    assert said in capsys.readouterr().err


def test_an_exception_that_cannot_say_what_it_is_is_told_all_the_same(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "mine.py").write_text(
        f"class Mute(Exception):\n    def __str__(self):\n        return 3\n\n{HEAD}    raise Mute\n"
    )
    assert error(capsys) == f"error: unexpected Mute in the mode 'wrong' ({here / 'mine.py'}, line 11)"


def test_a_target_may_be_a_number(here: Path) -> None:
    (here / "mine.py").write_text(
        f"{HEAD}    def value(activations, canvas, share):\n"
        "        import tensorflow as tf\n\n        return share * tf.reduce_mean(canvas)\n\n"
        '    goal = obj.custom("mine", "block1_conv1", value, target=lambda probe: 0.5)\n'
        "    return engine.ascend(image, goal, steps=1)\n"
    )
    assert cli.run(["wrong", "a.png", "-q"]) == 0
