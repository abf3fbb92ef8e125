"""Streams that are missing, narrow or closed, and what nobody should hear."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from shell import QUICK, ROOT, Done, Run, finish, program


def test_help_is_shown_whatever_the_locale_and_the_width() -> None:
    done = finish(program("dream", "--help", env={"PYTHONIOENCODING": "ascii", "COLUMNS": "0"}))
    assert done.code == 0 and "--layer" in done.out and done.err == ""


@pytest.mark.slow
def test_of_tensorflow_the_user_hears_nothing_and_other_backends_of_keras_do_not_count() -> None:
    done = finish(program("dream", "a.png", *QUICK, "-q", env={"KERAS_BACKEND": "torch"}))
    assert done == Done(0, "a.dream.png\n", "")


def test_a_reader_that_leaves_is_no_error() -> None:
    process = program("layers", "inception_v3", "--all")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert (process.stderr.read(), process.wait(60)) == ("", 0)


def test_missing_streams_are_no_error() -> None:
    code = f"{sys.executable} -m deepdream dream a.png --dry-run"
    for closed in ("0<&- 2>&-", "1>&- 2>&-"):
        done = subprocess.run(
            ["sh", "-c", f"{code} {closed}"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0 and ("1>&-" in closed or "a.dream.png" in done.stdout), closed


def test_ctrl_c_while_our_modules_are_read_is_no_traceback() -> None:
    code = """
import runpy, sys
class Impatient:
    def find_spec(self, name, path=None, target=None):
        if name == "deepdream.desk.commands":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Impatient())
runpy.run_module("deepdream", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_quiet_is_quiet_about_broken_plugins(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.py").write_text("raise RuntimeError('boom')")
    monkeypatch.setenv("DEEPDREAM_PLUGINS", str(tmp_path / "broken.py"))
    assert "broken.py" in run("dream", "gone.png").err
    assert run("dream", "gone.png", "-q").said[0] == "error: no such file: gone.png"
