"""The documentation: what is made by programs is what they make now, and links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    path = ROOT / "scripts" / "build_cli_reference.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_command_line_reference_is_that_of_this_version(generator: ModuleType) -> None:
    page = generator.OUTPUT.read_text(encoding="utf-8")
    if page != generator.reference():
        pytest.fail("docs/cli.md is out of date: run 'python scripts/build_cli_reference.py'", pytrace=False)


def test_command_line_reference_has_modes_tools_ranges_and_defaults(generator: ModuleType) -> None:
    page = generator.reference()
    for heading in ("dream", "style", "layers", "models fetch", "plugins list", "doctor", "show", "replay"):
        assert f"\n## deepdream {heading}\n" in page
    assert re.search(r"^\| `--octave-top` `INT` \| .* \(0 to 8; default: 0\) \|$", page, re.M)
    assert page.count("`--precision`") == 1, "what all modes share stands there once"
    assert "`--size` is 512 by default." in page.partition("## deepdream style")[2].partition("\n## ")[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target, _, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(#([^)\s]+))?\)", text):
        linked = page.parent / target if target else page
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.M)
            assert anchor in [re.sub(r"[^\w -]", "", it).lower().replace(" ", "-") for it in headings], anchor
