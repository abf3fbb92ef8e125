"""What every test shares: no network, no weights and no plugins of the person who runs the tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import typer

from deepdream import backbones
from deepdream.climb.pool import Pool
from deepdream.pictures.picture import Picture
from deepdream.runs import session

ROOT = Path(__file__).resolve().parent.parent

if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))

# Whoever runs the tests in the background may have them ignore what a terminal sends.
for sign, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(sign) is signal.SIG_IGN:
        signal.signal(sign, usual)

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


_pools = [Pool()]


def _shared() -> Pool:
    """The pool of all sessions, as if every test were a picture of one batch: a trace takes half a second."""
    if len(_pools[0]._open) > 8:
        _pools[0] = Pool()
    return _pools[0]


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setattr(backbones, "open_extractor", _open_once)
    monkeypatch.setattr(session, "Pool", _shared)
    for name in [name for name in os.environ if name.startswith("DEEPDREAM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DEEPDREAM_OFFLINE", "1")
    monkeypatch.setenv("KERAS_HOME", str(home / "keras"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))


@pytest.fixture
def own_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions open their networks themselves."""
    monkeypatch.setattr(session, "Pool", Pool)


@pytest.fixture
def photo() -> Picture:
    """7x5 pixels, every one another colour."""
    return Picture.from_array(np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8))


@pytest.fixture
def open_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that the stranger can reach: the way to `tmp_path` is its owner's alone."""
    way = [
        p for p in (tmp_path, *tmp_path.parents) if os.geteuid() == 0 and p.stat().st_mode & 0o055 != 0o055
    ]
    before = {p: p.stat().st_mode & 0o7777 for p in way}
    for p in way:
        p.chmod(before[p] | 0o055)
    yield tmp_path
    for p in way:
        p.chmod(before[p])


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The user's own folder, empty until a test writes into it."""
    monkeypatch.setattr(typer, "get_app_dir", lambda _name: str(tmp_path / "home"))
    return tmp_path / "home"
