"""What every test shares: no network, no plugins of the person who runs the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("DEEPDREAM_OFFLINE", "1")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
    for name in ("DEEPDREAM_PLUGINS", "DEEPDREAM_NO_PLUGINS", "DEEPDREAM_MIRROR"):
        monkeypatch.delenv(name, raising=False)
