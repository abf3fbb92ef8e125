"""What is said arrives, whatever the stream can spell and whoever made up the file names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deepdream.console.streams import Voice, table

ROOT = Path(__file__).resolve().parent.parent


def put(text: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    """`put` in a process of its own whose standard output knows ASCII only."""
    code = f"import os; from deepdream.console.streams import put; put({text!a}); put('after')"
    environ = {**os.environ, "PYTHONIOENCODING": "ascii:strict", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code], env=environ, stderr=subprocess.PIPE, timeout=60, **options
    )


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("é.png", "é.png".encode()),
        (os.fsdecode(b"\xff.png"), b"\xff.png"),  # no text in any encoding, but a name like any other
        ("\ud800.png", rb"\ud800.png"),  # not even a name
    ],
)
def test_a_path_that_the_locale_cannot_spell_is_printed_all_the_same(name: str, written: bytes) -> None:
    assert put(name, stdout=subprocess.PIPE).stdout.splitlines() == [written, b"after"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_standard_output_that_is_full_is_an_error_of_one_kind() -> None:
    with Path("/dev/full").open("wb") as full:
        done = put("a.png", stdout=full)
    assert b"DeepDreamError: cannot write to standard output: no space left on device" in done.stderr


def test_a_message_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    voice = Voice()
    voice.error("no such file: \x1b[31mred\n\x07.png é", "hint \x9b2J")
    voice.close()
    assert capsys.readouterr().err == "error: no such file: \\x1b[31mred \\x07.png é\nhint: hint \\x9b2J\n"


def test_a_table_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    table(["name"], [["\x1b[31mred\nnext"]])
    assert capsys.readouterr().out.splitlines() == ["name", "\\x1b[31mred\\nnext"]


def test_a_voice_writes_the_bytes_of_names_that_are_no_text() -> None:
    code = "from deepdream.console.streams import Voice; Voice().error('no file n\\udcc3\\udcb6\\ud800.png')"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE
    )
    assert done.stderr == "error: no file nö\\ud800.png\n".encode()
