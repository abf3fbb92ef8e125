"""Checkout, editable install and wheel: each finds its plugins, presets and weights, and nothing too much."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hatchling.build
import pytest

from deepdream.testing import picture

ROOT = Path(__file__).resolve().parent.parent
FOUND = """
import json, sys
import deepdream
from deepdream import backbones
from deepdream.jobs import recipe
from deepdream.modes import registry
modes = registry.load({"DEEPDREAM_NO_PLUGINS": "1"}).modes.values()
files = {mode.name: mode.function.__code__.co_filename for mode in modes}
weights = backbones.locate(backbones.get("vgg16"))
print(json.dumps({
    "package": deepdream.__file__,
    "modes": files,
    "weights": str(weights.path),
    "layers": len(backbones.get("inception_v3").layers),
    "presets": recipe.preset_names(),
    "tensorflow": "tensorflow" in sys.modules,
}))
"""


@dataclass(frozen=True)
class Environment:
    """A Python, the folder it installs into, and the environment variables to start it with."""

    python: str
    packages: Path
    variables: dict[str, str]

    def run(self, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, *arguments],
            cwd=folder,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def finds(self, folder: Path) -> Any:
        done = self.run("-c", FOUND, folder=folder)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)


def environment(folder: Path, wheel: Path) -> Environment:
    """A virtual environment in `folder` with `wheel` in it, and for all else what these tests run in."""
    venv.create(folder, symlinks=os.name != "nt")
    paths = {name: sysconfig.get_path(name, "venv", {"base": str(folder)}) for name in ("purelib", "scripts")}
    packages = Path(paths["purelib"])
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    # Folders that a .pth file names have no .pth files read: an editable install around here stays out.
    around = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    (packages / "zz_around.pth").write_text("\n".join(around), encoding="utf-8")
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return Environment(str(Path(paths["scripts"]) / "python"), packages, variables)


def build(kind: str, folder: Path, source: Path = ROOT) -> Path:
    """What a front end such as pip has hatchling build, without a network."""
    hook = getattr(hatchling.build, f"build_{kind}")
    with contextlib.chdir(source):
        return folder / hook(str(folder))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


def test_wheel_has_the_package_and_the_plugins_and_nothing_else(wheel: Path) -> None:
    expected = {
        f"{inside}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, inside in [("deepdream", "deepdream"), ("plugins", "deepdream/_plugins")]
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    names = zipfile.ZipFile(wheel).namelist()
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert {"deepdream/py.typed", "deepdream/_plugins/dream.py"} <= expected
    assert {name.partition(".dist-info/")[2] for name in names if ".dist-info/" in name} == {
        *("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE", "licenses/NOTICE")
    }


def test_wheel_states_licences_and_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        info = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(info).decode()
        assert "License-Expression: MIT AND CC-BY-4.0" in metadata
        notice = archive.read(info.replace("METADATA", "licenses/NOTICE")).decode()
        assert (
            "deepdream = deepdream.__main__:main"
            in archive.read(info.replace("METADATA", "entry_points.txt")).decode()
        )
    assert all(word in notice for word in ("Simonyan", "Zisserman", "CC BY 4.0", "float16"))


@pytest.mark.slow
def test_wheel_works_on_its_own(wheel: Path, tmp_path: Path) -> None:
    installed = environment(tmp_path / "environment", wheel)
    here = tmp_path / "here"
    here.mkdir()
    found = installed.finds(here)
    package = installed.packages / "deepdream"
    assert found["package"] == str(package / "__init__.py")
    assert found["modes"] == {
        path.stem: str(package / "_plugins" / path.name) for path in (ROOT / "plugins").glob("*.py")
    }
    assert Path(found["weights"]).is_relative_to(package)
    assert found["layers"] > 90 and "google-2015" in found["presets"]
    assert not found["tensorflow"]

    picture(48, 48).save(here / "a.png")
    quick = ["--layer", "block1_conv2", "--octaves", "1", "--steps", "1"]
    done = installed.run("-m", "deepdream", "dream", "a.png", *quick, folder=here)
    assert (done.returncode, done.stdout) == (0, "a.dream.png\n"), done.stderr
    shown = installed.run("-m", "deepdream", "show", "a.dream.png", folder=here).stdout
    assert shown.startswith("deepdream dream a.png")


def test_editable_install_finds_everything_in_the_checkout(tmp_path: Path) -> None:
    installed = environment(tmp_path / "environment", build("editable", tmp_path))
    assert not (installed.packages / "deepdream").exists(), "a copy would go stale"
    assert_checkout(installed.finds(tmp_path))


def test_checkout_finds_everything_without_being_installed() -> None:
    assert_checkout(Environment(sys.executable, ROOT, dict(os.environ)).finds(ROOT))


def assert_checkout(found: Any) -> None:
    assert found["package"] == str(ROOT / "deepdream" / "__init__.py")
    assert found["modes"] == {path.stem: str(path) for path in (ROOT / "plugins").glob("*.py")}
    assert Path(found["weights"]).is_relative_to(ROOT)
    assert found["layers"] > 90 and "google-2015" in found["presets"]


@pytest.mark.slow
def test_wheel_built_from_the_sdist_is_the_same(wheel: Path, tmp_path: Path) -> None:
    sdist = build("sdist", tmp_path)
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    again = build("wheel", tmp_path, tmp_path / sdist.name.removesuffix(".tar.gz"))
    assert contents(again) == contents(wheel)


def contents(wheel: Path) -> dict[str, int]:
    """The checksum of every file but the list of them."""
    with zipfile.ZipFile(wheel) as archive:
        return {item.filename: item.CRC for item in archive.infolist()}
