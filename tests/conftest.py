"""What every test shares: no network, no weights and no plugins of the person who runs the tests."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from deepdream import backbones

ROOT = Path(__file__).resolve().parent.parent

if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))

_opened: dict[tuple[object, ...], backbones.Extractor] = {}
_open = backbones.open_extractor


def _open_once(
    choice: backbones.Choice, layers: Sequence[str], precision: backbones.Precision = "float32"
) -> backbones.Extractor:
    """The embedded network, frozen as it is, once for all tests that want it so: opening takes a second."""
    if choice.weights.origin != "embedded":
        return _open(choice, layers, precision)
    key = (choice.backbone, choice.variant, tuple(layers), precision)
    if key not in _opened:
        _opened[key] = _open(choice, layers, precision)
        if len(_opened) > 8:
            del _opened[next(iter(_opened))]
    return _opened[key]


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setattr(backbones, "open_extractor", _open_once)
    for name in [name for name in os.environ if name.startswith("DEEPDREAM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DEEPDREAM_OFFLINE", "1")
    monkeypatch.setenv("KERAS_HOME", str(home / "keras"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
