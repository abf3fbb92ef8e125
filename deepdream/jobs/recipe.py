"""Recipes: a job as plain data, and presets, which are recipes with most of it left open.

A recipe holds JSON values only. It travels as JSON (in a picture's metadata, between processes) or as TOML
(in a file that a person edits); both say the same.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Container, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from deepdream.errors import DeepDreamError, UsageError, did_you_mean, file_meant
from deepdream.jobs.common import Common
from deepdream.jobs.used import check_used
from deepdream.pictures.saving import FILMS, SUFFIXES, reason

__all__ = ["FORMAT", "Common", "Input", "Preset", "Recipe", "mode_missing", "preset", "preset_names"]

FORMAT: Final = 1
"""The number that a recipe carries; a reader refuses a higher one."""

_SAMPLE: Final = "'deepdream show PICTURE --toml' prints a recipe to begin with"
_SAMPLES: Final[Mapping[str, str]] = MappingProxyType(
    {"mode": 'for example: mode = "dream"', "path": 'for example: path = "photo.jpg"'}
)
"""What to write for a key that must be there."""

PRESETS: Final = Path(__file__).parent.parent / "presets"
_PICTURES = (*SUFFIXES, *FILMS)
"""What files with a recipe inside end in."""


@dataclass(frozen=True)
class Input:
    """A picture a job reads: its path, and the SHA-256 of the file once it was read."""

    path: str
    sha256: str | None = None


@dataclass(frozen=True)
class Recipe:
    """Everything that makes a picture what it is.

    `inputs` are the mode's pictures by parameter name. `used` and `versions` are written by the run: what
    the request came down to (model, weights, layers, formula) and the software that did it.
    """

    mode: str
    inputs: Mapping[str, Input] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    common: Common = field(default_factory=Common)
    seed: int | None = None
    used: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The recipe as a dict of JSON values, its keys in reading order."""
        data: dict[str, Any] = {"format": FORMAT, "mode": self.mode}
        data["inputs"] = {name: asdict(item) for name, item in self.inputs.items()}
        data["options"] = _plain(self.options)
        data["common"] = asdict(self.common)
        data["seed"] = self.seed
        data["used"] = _plain(self.used)
        data["versions"] = dict(self.versions)
        return data

    @classmethod
    def from_json(cls, data: Any, *, source: str = "the recipe") -> Recipe:
        """The recipe that `to_json` wrote; `source` names where it was read, for the messages."""
        table = _table(data, source)
        written = table.get("format")
        if isinstance(written, int) and written > FORMAT:
            raise DeepDreamError(
                f"{source} has format {written}, and this deepdream reads up to {FORMAT}",
                "a newer deepdream made it: upgrade with 'pip install -U deepdream'",
            )
        if written != FORMAT:
            raise UsageError(f"{source} is not a deepdream recipe (format {_shown(written)})", _SAMPLE)
        _only(table, ("format", *(item.name for item in fields(cls))), source)
        seed = table.get("seed")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or seed < 0):
            raise UsageError(
                f"{source}: the seed must be a whole number from 0, not {_shown(seed)}",
                "leave the line out, and a seed is drawn",
            )
        versions = _table(table.get("versions", {}), f"{source}, [versions]")
        return cls(
            mode=_text(table, "mode", source),
            inputs={
                name: _input(item, f"{source}, [inputs.{name}]")
                for name, item in _table(table.get("inputs", {}), f"{source}, [inputs]").items()
            },
            options=_table(table.get("options", {}), f"{source}, [options]"),
            common=_common(table.get("common", {}), source),
            seed=seed,
            used=check_used(_table(table.get("used", {}), f"{source}, [used]"), f"{source}, [used]"),
            versions={name: str(version) for name, version in versions.items()},
        )

    def to_toml(self) -> str:
        """The recipe as a TOML file. TOML has no null: a None is left out, and read back as the default."""
        return "".join(line + "\n" for line in _toml(self.to_json()))

    @classmethod
    def from_toml(cls, text: str, *, source: str = "the recipe") -> Recipe:
        """The recipe that `to_toml` wrote, or a person; a UsageError names line and column of a damage."""
        return cls.from_json(_read_toml(text, source), source=source)


@dataclass(frozen=True)
class Preset:
    """A named part of a recipe: a mode and some of its options. What it leaves open keeps the default."""

    name: str
    mode: str
    description: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    common: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Input] = field(default_factory=dict)
    """The pictures of a recipe that was run. Those that a mode can do without, like a guide, are settings."""
    seed: int | None = None
    """That of a whole recipe."""


def preset(
    name_or_path: str | Path, mode: str | None = None, *, modes: Container[str] | None = None
) -> Preset:
    """The preset of that built-in name or in that file; with `mode`, one for another mode is refused.

    The refusal says so if the other mode is none of `modes`, those that are installed.

    The file is TOML: a preset, or a whole recipe, of which mode, options, seed and the pictures that the
    mode can do without count. A picture made by deepdream is a preset too: the recipe it carries.
    The options' names and values are the mode's to check.
    """
    name = str(name_or_path)
    places = _places(name)
    if places:
        # Modes may have presets of one name; that of the mode asked for comes before the others.
        found = _read(min(places, key=lambda path: path.parent.name != mode))
    elif Path(name).suffix or Path(name).name != name:
        found = _read(Path(name))
    else:
        offer = preset_names(mode)
        otherwise = f"built-in: {', '.join(offer)}; or give the path of a .toml file"
        raise UsageError(f"no preset '{name}'", did_you_mean(name, offer, otherwise=otherwise))
    if mode is not None and found.mode != mode:
        if modes is not None and found.mode not in modes:
            raise mode_missing(name, found.mode)
        what = "preset" if places else "the recipe in"
        raise UsageError(
            f"{what} '{name}' is for the mode '{found.mode}', not '{mode}'", f"try 'deepdream {found.mode}'"
        )
    return found


def mode_missing(source: str, mode: str, plugin: str = "") -> UsageError:
    """The error for a recipe, read from `source`, whose mode is not installed; `plugin` brought it then."""
    if mode == "layers":
        return UsageError(f"{source} is of an atlas, which no mode makes", "'deepdream replay' says how")
    brings = f"the plugin {plugin} brings it" if plugin else "a plugin brings it"
    return UsageError(
        f"{source} is for the mode '{mode}', which is not here",
        f"{brings}: install that plugin, or name its file or folder in DEEPDREAM_PLUGINS",
    )


def preset_names(mode: str | None = None) -> list[str]:
    """The built-in presets, all or those of one mode, sorted; each is the file `presets/MODE/NAME.toml`."""
    return sorted({path.stem for path in _places("*") if mode is None or path.parent.name == mode})


def _places(name: str) -> list[Path]:
    """The files of the built-in presets of that name, one for each mode that has one."""
    return sorted(path for path in PRESETS.glob("*/*.toml") if name in ("*", path.stem))


def _read(path: Path) -> Preset:
    if path.suffix.lower() in _PICTURES:
        from deepdream.pictures.picture import read_recipe

        return _part(Recipe.from_json(read_recipe(path), source=f"the recipe in {path.name}"), path.stem)
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read the preset {path}: {reason(error)}", _near(path)) from None
    except ValueError:  # no UTF-8, or a name with a NUL in it
        raise UsageError(f"{path} is not a TOML file: it is not UTF-8 text", _SAMPLE) from None
    data, source = _read_toml(text, path.name), path.name
    if "format" in data:
        return _part(Recipe.from_json(data, source=source), path.stem)
    _only(data, ("mode", "description", "options", "common"), source)
    common = _table(data.get("common", {}), f"{source}, [common]")
    _common(common, source)
    return Preset(
        name=path.stem,
        mode=_text(data, "mode", source),
        description=_text(data, "description", source, otherwise=""),
        options=_table(data.get("options", {}), f"{source}, [options]"),
        common=common,
    )


def _part(recipe: Recipe, name: str) -> Preset:
    common = asdict(recipe.common)
    del common["device"]  # that of the machine it was made on
    return Preset(name, recipe.mode, "", recipe.options, common, recipe.inputs, recipe.seed)


def _read_toml(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise UsageError(f"{source} is not valid TOML: nested too deeply", _SAMPLE) from None
    except ValueError as error:  # TOMLDecodeError, and Python's own for a number of 4300 digits
        said = str(error).partition("\n")[0]
        hint = f"JSON is for other programs; {_SAMPLE}" if text.lstrip()[:1] == "{" else _SAMPLE
        raise UsageError(f"{source} is not valid TOML: {said[:1].lower()}{said[1:]}", hint) from None


def _table(value: Any, source: str) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise UsageError(
            f"{source} must be a table of names and values, not {_shown(value)}",
            "write each as: name = value",
        )
    return dict(value)


def _text(table: Mapping[str, Any], key: str, source: str, otherwise: str | None = None) -> str:
    value = table.get(key)
    value = otherwise if value is None else value
    if value is None:
        raise UsageError(f"{source} lacks the key '{key}'", _SAMPLES.get(key))
    if not isinstance(value, str):
        raise UsageError(f"{source}: '{key}' must be text, not {_shown(value)}", 'text stands in "quotes"')
    return value


def _only(table: Iterable[str], known: tuple[str, ...], source: str) -> None:
    for key in table:
        if key not in known:
            raise UsageError(
                f"unknown key '{key}' in {source}",
                did_you_mean(key, known, otherwise=f"known keys: {', '.join(known)}"),
            )


def _near(path: Path) -> str:
    """The hint for a file that cannot be read: one beside it of nearly that name, or how a preset begins."""
    with suppress(OSError):
        near = file_meant(path)
        if near is not None and path.name not in near:
            return near
    return _SAMPLE


def _shown(value: Any) -> str:
    """A value as a message shows it: not too long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _input(value: Any, source: str) -> Input:
    table = _table(value, source)
    _only(table, ("path", "sha256"), source)
    return Input(_text(table, "path", source), _text(table, "sha256", source, otherwise="") or None)


def _common(value: Any, source: str) -> Common:
    table = _table(value, f"{source}, [common]")
    try:
        return Common.of(table)
    except UsageError as error:
        raise UsageError(f"{source}: {error.message}", error.hint) from None


def _plain(value: Any) -> Any:
    """`value` in JSON's own types; a TypeError for what JSON cannot hold."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if (
        value is None
        or isinstance(value, str | bool | int)
        or (isinstance(value, float) and math.isfinite(value))
    ):
        return value
    raise TypeError(f"a recipe holds JSON values only, not {value!r}")


def _toml(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> list[str]:
    """The lines of a TOML table: its own values first, then the tables inside it."""
    lines = [f"{_quoted(key)} = {_toml_value(value)}" for key, value in table.items() if _is_value(value)]
    for key, value in table.items():
        if isinstance(value, Mapping):
            inner = (*path, key)
            if any(map(_is_value, value.values())):
                lines += ["", f"[{'.'.join(map(_quoted, inner))}]"]
            lines += _toml(value, inner)
    return lines


def _is_value(value: Any) -> bool:
    return value is not None and not isinstance(value, Mapping)


def _toml_value(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = (f"{_quoted(key)} = {_toml_value(item)}" for key, item in value.items() if item is not None)
        return "{" + ", ".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml_value(item) for item in value if item is not None) + "]"
    # Past containers, JSON's spelling is TOML's, but for the one control character that JSON leaves alone.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _quoted(key: str) -> str:
    bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if bare else _toml_value(key)
