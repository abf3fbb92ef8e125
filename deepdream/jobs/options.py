"""A typed option: what an annotation allows, and the one check every value of it passes.

Whatever the way in (a flag, a preset, a replayed recipe, Python), a value is checked here, and the
messages name the flag. Checked values are plain JSON values: an `Enum` member becomes its value.
"""

from __future__ import annotations

import inspect
import math
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from numbers import Integral, Real
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import typer
from typer.models import ArgumentInfo, OptionInfo

from deepdream.errors import DeepDreamError, UsageError, did_you_mean

__all__ = ["REQUIRED", "Parameter", "check_values", "parameter"]

REQUIRED: Final[Any] = inspect.Parameter.empty
"""The default of a parameter that has none."""

_SUPPORTED = (
    "a Picture, int, float, bool, str, a Literal or Enum of texts, or a list of these; each may be '| None'"
)
_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True}
_BOOLEANS |= {"false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a mode, as its signature declares it.

    `type` is the annotation without its `Annotated` part, `item` the scalar inside it: `list[str]` has the
    item `str`, `int | None` the item `int`.
    """

    name: str
    type: Any
    item: Any
    default: Any
    info: ArgumentInfo | OptionInfo
    picture: bool = False
    multiple: bool = False
    optional: bool = False

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    @property
    def flag(self) -> str:
        """What the parameter is called on the command line: `--step-size`, or `HINT` for an argument."""
        if isinstance(self.info, OptionInfo):
            return "--" + self.name.replace("_", "-")
        return (self.info.metavar or self.name).upper()

    @property
    def choices(self) -> tuple[str, ...]:
        """The values a `Literal` or an `Enum` allows, in the order they were written."""
        if get_origin(self.item) is Literal:
            return get_args(self.item)
        if isinstance(self.item, type) and issubclass(self.item, Enum):
            return tuple(member.value for member in self.item)
        return ()

    @property
    def help(self) -> str:
        """The help text, and the range of a number."""
        low, high = self.info.min, self.info.max
        allowed = f"{low} to {high}" if low is not None else f"up to {high}"
        allowed = f"from {low}" if high is None else allowed
        return (self.info.help or "") + (f" ({allowed})" if (low, high) != (None, None) else "")

    def check(self, value: Any) -> Any:
        """`value` as a plain JSON value this parameter accepts, or a UsageError that says what it accepts."""
        if value is None:
            if self.optional:
                return None
            raise UsageError(f"{self.flag} must be {self.wanted()}, not nothing")
        if self.multiple:
            # One value stands for a list of one: `layer="mixed4"` in Python, `layer = "mixed4"` in a preset.
            values = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
            return [self._scalar(item) for item in values]
        return self._scalar(value)

    def argument(self, value: Any) -> Any:
        """A checked value as the mode's function expects it: choices of an `Enum` as its members."""
        if value is None or not (isinstance(self.item, type) and issubclass(self.item, Enum)):
            return value
        return [self.item(item) for item in value] if self.multiple else self.item(value)

    def _scalar(self, value: Any) -> Any:
        if isinstance(value, Enum):
            value = value.value
        if self.choices:
            if value in self.choices:
                return value
            hint = did_you_mean(value, self.choices) if isinstance(value, str) else None
            if isinstance(value, str) and value.startswith("-"):
                hint = f"it needs a value: {self.flag} {self.choices[0]}"
            raise self._refusal(value, hint)
        if self.item is bool:
            if isinstance(value, str):
                value = _BOOLEANS.get(value.strip().lower(), value)
            if isinstance(value, bool):
                return value
            raise self._refusal(value)
        if self.item is str:
            if isinstance(value, str):
                return str(value)
            number = isinstance(value, Real) and not isinstance(value, bool)
            raise self._refusal(value, f'text stands in quotes: "{value}"' if number else None)
        return self._within(self._number(value))

    def _number(self, value: Any) -> int | float:
        number = value
        if isinstance(value, str):
            try:
                number = float(value) if self.item is float else int(value)
            except ValueError:
                raise self._refusal(value) from None
        if isinstance(number, bool) or not isinstance(number, Real):
            raise self._refusal(value)
        if isinstance(number, Integral):
            number = int(number)
        try:
            finite = math.isfinite(number)
        except OverflowError:  # an integer too large for a float
            finite = self.item is int
        if not finite:
            raise UsageError(f"{self.flag} must be a finite number, not {_shown(value)}")
        if self.item is float:
            return float(number)
        if number != int(number):
            raise self._refusal(value)
        return int(number)

    def _within(self, number: int | float) -> int | float:
        low, high = self.info.min, self.info.max
        if self.info.clamp:
            number = number if low is None else max(number, self.item(low))
            return number if high is None else min(number, self.item(high))
        if low is not None and number < low:
            raise UsageError(f"{self.flag} must be at least {low}, not {_shown(number)}")
        if high is not None and number > high:
            raise UsageError(f"{self.flag} must be at most {high}, not {_shown(number)}")
        return number

    def wanted(self) -> str:
        """What a value must be, in words."""
        if self.choices:
            *most, last = self.choices
            return f"{', '.join(most)} or {last}" if most else last
        return {bool: "true or false", int: "a whole number", float: "a number", str: "text"}[self.item]

    def _refusal(self, value: Any, hint: str | None = None) -> UsageError:
        return UsageError(f"{self.flag} must be {self.wanted()}, not {_shown(value)}", hint)


def parameter(
    name: str,
    annotation: Any,
    default: Any = REQUIRED,
    *,
    info: ArgumentInfo | OptionInfo | None = None,
    picture_type: type | None = None,
) -> Parameter:
    """The parameter that `name: annotation = default` declares; a DeepDreamError for what none can be.

    The `Option` or `Argument` inside `Annotated` wins over `info`. Required pictures are arguments, and all
    else are options. `picture_type` is the class whose values the host loads.
    """
    if get_origin(annotation) is Annotated:
        annotation, *extras = get_args(annotation)
        info = next((extra for extra in extras if isinstance(extra, ArgumentInfo | OptionInfo)), info)
    item, optional, multiple = annotation, False, False
    if get_origin(item) in (Union, types.UnionType):
        inner = [arg for arg in get_args(item) if arg is not types.NoneType]
        optional = len(inner) < len(get_args(item))
        item = inner[0] if len(inner) == 1 else item
    if get_origin(item) is list:
        item, multiple = get_args(item)[0], True
    picture = picture_type is not None and item is picture_type
    if info is None:
        info = typer.Argument() if picture and default is REQUIRED else typer.Option()
    declared = Parameter(name, annotation, item, default, info, picture, multiple, optional)
    supported = item in (int, float, bool, str) if not declared.choices else _all_text(declared.choices)
    if not (supported or picture):
        raise DeepDreamError(
            f"parameter '{name}' has the type {_type_name(annotation)}, which no option can have",
            _SUPPORTED,
        )
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise DeepDreamError(
            f"'{name}' is no name for a parameter", "use lower-case words joined by underscores"
        )
    texts, limits = (info.help, info.metavar), (info.min, info.max)
    if not (
        all(isinstance(it, str | None) for it in texts) and all(isinstance(it, Real | None) for it in limits)
    ):
        raise DeepDreamError(
            f"parameter '{name}' has a wrong {type(info).__name__[:-4]}",
            "its help and metavar are texts, its min and max numbers",
        )
    if info.min is not None and info.max is not None and info.min > info.max:
        raise DeepDreamError(
            f"parameter '{name}' is at least {info.min} and at most {info.max}", "swap its min and max"
        )
    if info.param_decls or info.default is not ...:
        raise DeepDreamError(
            f"parameter '{name}' declares a flag or a default of its own inside {type(info).__name__[:-4]}()",
            "the parameter's name is the flag, and its default is written after the '='",
        )
    if picture and multiple and default is REQUIRED:
        raise DeepDreamError(
            f"the pictures '{name}' must be given", "declare them 'list[Picture] | None = None'"
        )
    if isinstance(info, ArgumentInfo) != (picture and default is REQUIRED):
        raise DeepDreamError(
            f"parameter '{name}' is declared as the wrong kind",
            "a picture without default is an Argument, and everything else an Option",
        )
    if default is not REQUIRED and not (picture and default is None):
        if picture:
            wanted = "list[Picture]" if multiple else "Picture"
            raise DeepDreamError(
                f"the picture '{name}' has a default", f"declare it '{wanted} | None = None'"
            )
        if isinstance(default, OptionInfo | ArgumentInfo):
            raise DeepDreamError(
                f"parameter '{name}' has its {type(default).__name__[:-4]} where its default belongs",
                f"declare it '{name}: Annotated[..., Option(help=...)] = default'",
            )
        if default is None and not optional:
            raise DeepDreamError(
                f"parameter '{name}' may be None, and does not say so", "declare it '... | None'"
            )
        if multiple and default is not None and not isinstance(default, list | tuple):
            raise DeepDreamError(
                f"parameter '{name}' is a list, and its default is {_shown(default)}",
                f"write [{_shown(default)}]",
            )
        try:
            declared.check(default)
        except UsageError as error:
            raise DeepDreamError(f"its own default is wrong: {error.message}", error.hint) from None
    return declared


def check_values(
    parameters: Iterable[Parameter], values: Mapping[str, Any], *, where: str, partial: bool = False
) -> dict[str, Any]:
    """`values` checked against `parameters`, in the order of the parameters, defaults filled in.

    `partial` leaves out what `values` leaves out, which is what a preset needs. `where` ends the sentence
    "no option 'octavs' in ...".
    """
    known = {declared.name: declared for declared in parameters}
    for name in values:
        if name not in known:
            listed = f"options: {', '.join(known)}" if known else None
            raise UsageError(f"no option '{name}' in {where}", did_you_mean(name, known, otherwise=listed))
    checked: dict[str, Any] = {}
    for name, declared in known.items():
        if name in values:
            checked[name] = declared.check(values[name])
        elif partial:
            continue
        elif declared.required:
            raise UsageError(
                f"{declared.flag} is missing: {where} needs it", f"it must be {declared.wanted()}"
            )
        else:
            checked[name] = declared.check(declared.default)
    return checked


def _all_text(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _shown(value: Any) -> str:
    """A value as a message shows it: on one line, and not too long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if type(annotation) is type else str(annotation)
