"""Results that are several pictures: names, answers and recipes."""

from __future__ import annotations

import json
from pathlib import Path

from frames import Run

from deepdream.pictures.picture import read_recipe


def test_several_pictures_are_numbered_and_never_replace_others(run: Run) -> None:
    assert run("several a.png") == [f"a.several.0{n}.png" for n in (1, 2, 3)]
    assert run("several a.png") == [f"a.several-2.0{n}.png" for n in (1, 2, 3)]
    assert run("several a.png -o x.png --count 1") == ["x.png"]
    assert run("several a.png -o many/ --count 12")[-1] == "many/a.several.12.png"
    run("several a.png -o a.several.png", code=1)
    assert run("several a.png -o a.several.png --overwrite")[0] == "a.several.01.png"


def test_the_first_of_several_pictures_keeps_its_number_where_no_other_came(run: Run) -> None:
    assert run("halted a.png -o x.png", code=130) == ["x.01.png"]
    assert run("halted a.png", code=130) == ["a.halted.01.png"]
    assert run("halted a.png", code=130) == ["a.halted-2.01.png"]


def test_several_pictures_have_one_answer_and_a_recipe_each(run: Run) -> None:
    answer = json.loads(run("several a.png --json")[0])
    assert answer["outputs"] == [f"a.several.0{n}.png" for n in (1, 2, 3)] and answer["pictures"] == 3
    planned = json.loads(run("several a.png --dry-run --json -o b.png")[0])
    assert planned["outputs"] == [f"b.0{n}.png" for n in (1, 2, 3)]
    assert run("several a.png --dry-run -o b.png")[0] == "# output:    b.01.png to b.03.png"
    assert read_recipe("a.several.02.png")["used"]["picture"] == [2, 3]
    assert run("replay a.several.02.png -o again.png") == ["again.png"]
    assert Path("again.png").read_bytes() == Path("a.several.02.png").read_bytes()
