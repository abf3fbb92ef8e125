"""A mode: a typed function, declared by a decorator, as the host sees it."""

from __future__ import annotations

import inspect
import re
import sys
import types
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, Final, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from typer.models import ArgumentInfo, OptionInfo

from deepdream.climb.engine import Engine
from deepdream.errors import DeepDreamError, UsageError, did_you_mean
from deepdream.jobs.inputs import found
from deepdream.jobs.options import Parameter, check_values, parameter
from deepdream.jobs.recipe import Common, Preset
from deepdream.modes.provenance import Plugin
from deepdream.pictures.animation import Animation, Kind, Made
from deepdream.pictures.picture import Picture

__all__ = ["API_VERSION", "COMMON_NAMES", "TOOLS", "Mode", "declare", "declares", "mode", "slots"]

API_VERSION: Final = 1
"""The contract of `deepdream.api`. A mode says which one it was written for."""

# fmt: off
COMMON_NAMES: Final = frozenset([
    "model", "weights", "preprocess", "precision", "device", "size", "tile", "memory",
    "exact", "seed", "recipe", "preset", "output", "overwrite", "save_every", "report",
    "sweep", "film", "film_every", "json", "dry_run", "quiet", "verbose", "debug",
    "help", "listeners",
])
# fmt: on
"""The options every mode has already, as flags or in Python; a mode has none of its own by such a name."""

TOOLS: Final = ("layers", "models", "plugins", "doctor", "show", "replay", "style-file")
"""The commands that are no modes; a mode cannot have such a name."""

_RETURNS: Final = "write '-> Picture', '-> list[Picture]' or '-> Animation', whichever it makes"
_DECLARATION: Final = "__deepdream_mode__"
_Makes = Callable[..., Picture | list[Picture] | Animation]
_Function = TypeVar("_Function", bound=_Makes)


def _place(name: str) -> str:
    """Where a common option of that name is given, as a hint."""
    if name == "seed":
        return "in a recipe it stands at the top, above all [tables]"
    if name in {item.name for item in fields(Common)}:
        return "in a recipe it stands under [common]"
    return f"a recipe does not hold it: give --{name.replace('_', '-')} on the command line"


class _Declaration(NamedTuple):
    name: str
    api: int | None
    defaults: Mapping[str, Any]


def mode(
    name: str, *, api: int | None = None, defaults: Mapping[str, Any] | None = None
) -> Callable[[_Function], _Function]:
    """Declare a function as the mode `name`, written for the plugin interface number `api`.

    `defaults` override defaults of the common options, such as `{"size": 512}`. The function stays what it
    is and can be called; whether it makes a mode is said when it is loaded.
    """
    if callable(name):  # '@mode' without parentheses
        own = getattr(name, "__name__", "name").replace("_", "-")
        raise TypeError(f'a mode is declared by its name: write @mode("{own}", api={API_VERSION})')

    def decorate(function: _Function) -> _Function:
        if not inspect.isfunction(function):
            kind = "a class" if inspect.isclass(function) else type(function).__name__
            raise TypeError(f"a mode is a function, and {name!r} is {kind}")
        setattr(function, _DECLARATION, _Declaration(name, api, dict(defaults or {})))
        return function

    return decorate


@dataclass(frozen=True)
class Mode:
    """A mode as the host sees it: its name, its help, and its parameters without the Engine's."""

    name: str
    function: _Makes
    summary: str
    help: str
    api: int
    defaults: Mapping[str, Any]
    parameters: tuple[Parameter, ...]
    engine: str
    source: str
    makes: Kind = "picture"
    plugin: Plugin | None = None

    @property
    def subject(self) -> Parameter | None:
        """The picture that the mode works on: its first parameter, or None if it makes one out of nothing."""
        return next((item for item in self.parameters[:1] if item.picture and item.required), None)

    @property
    def pictures(self) -> tuple[Parameter, ...]:
        """The parameters that are pictures, in the order of the signature."""
        return tuple(item for item in self.parameters if item.picture)

    @property
    def options(self) -> tuple[Parameter, ...]:
        """The parameters that are not pictures, in the order of the signature."""
        return tuple(item for item in self.parameters if not item.picture)

    def settings(self, chosen: Preset, given: Container[str], source: str) -> dict[str, str]:
        """Paths of the pictures that come with the settings of `chosen`, read from the file `source`.

        They are those that the mode can do without, like a guide, and that are not `given`.
        """
        known = [item.name for item in self.pictures]
        for name in chosen.inputs:
            if name.partition(".")[0] not in known:
                raise UsageError(
                    f"{source}: the mode '{self.name}' takes no picture '{name}'", did_you_mean(name, known)
                )
        flags = {item.name: item.flag for item in self.pictures if not item.required}
        wanted = {
            name: item
            for name, item in chosen.inputs.items()
            if (own := name.partition(".")[0]) in flags and own not in given
        }
        return found(wanted, source, flags)

    def check(self, options: Mapping[str, Any], *, partial: bool = False) -> dict[str, Any]:
        """`options` as plain JSON values, the defaults filled in unless `partial`.

        The one place where options are validated, whichever way they came; a UsageError if one is wrong.
        """
        for name in options:
            if any(item.name == name for item in self.pictures):
                raise UsageError(
                    f"'{name}' is a picture of the mode '{self.name}', not an option",
                    "in a recipe it stands under [inputs], in a test under pictures=; else give its path",
                )
            if name in COMMON_NAMES:
                raise UsageError(
                    f"'{name}' is a common option, not one of the mode '{self.name}'",
                    _place(name),
                )
        return check_values(self.options, options, where=f"the mode '{self.name}'", partial=partial)

    def check_pictures(self, names: Iterable[str]) -> None:
        """A UsageError unless `names` has every picture the mode needs and none it does not know."""
        given, known = set(names), [item.name for item in self.pictures]
        several = [item.name for item in self.pictures if item.multiple]
        given = {name.partition(".")[0] if name.partition(".")[0] in several else name for name in given}
        for name in sorted(given.difference(known)):
            raise UsageError(f"the mode '{self.name}' takes no picture '{name}'", did_you_mean(name, known))
        for item in self.pictures:
            if item.required and item.name not in given:
                raise UsageError(f"the mode '{self.name}' needs the picture {item.flag}")

    def call(self, engine: Engine, pictures: Mapping[str, Picture], options: Mapping[str, Any]) -> Made:
        """Run the mode; the options and the pictures are checked first.

        Of an animation no frame is made yet: `check_picture` is for them, one by one.
        """
        self.check_pictures(pictures)
        checked = self.check(options)
        shown = _gathered(pictures, [item.name for item in self.pictures if item.multiple])
        arguments = {item.name: item.argument(checked[item.name]) for item in self.options}
        try:
            result = self.function(**{self.engine: engine}, **shown, **arguments)
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:  # SystemExit: a mode must not end a program that may have more to do
            raise self.fault(f"ended with {type(error).__name__}: {error}") from error
        if self.makes == "animation":
            if not isinstance(result, Animation):
                raise self.fault(_instead_of("an Animation", result))
            return result
        if self.makes == "pictures" and isinstance(result, list | tuple):
            if not result:
                raise self.fault("returned a list without a Picture in it")
            made = tuple(
                self.check_picture(item, f"a list whose picture {number}")
                for number, item in enumerate(result, start=1)
            )
            self.note_levels(engine, *made)
            return made
        if isinstance(result, list | tuple | Animation):
            told = "Animation" if isinstance(result, Animation) else "list[Picture]"
            raise self.fault(f"returned {type(result).__name__}, and does not say so: write '-> {told}'")
        self.note_levels(engine, picture := self.check_picture(result))
        return picture

    def check_picture(self, result: object, part: str = "") -> Picture:
        """`result` if it is a sound Picture; a DeepDreamError that names the mode if not.

        `part` says what it is of the whole result, as in "a list whose picture 2".
        """
        if not isinstance(result, Picture):
            wrong = f"returned {part} is {type(result).__name__}, not a Picture" if part else ""
            raise self.fault(wrong or _instead_of("a Picture", result))
        if not _finite(result):
            raise self.fault(f"returned {f'{part} has' if part else 'a picture with'} NaN or infinity in it")
        return result

    def note_levels(self, engine: Engine, *made: Picture) -> None:
        """Tell the user of a picture that seems to be made for grey levels from 0 to 1."""
        if any(0 < float(picture.pixels.max()) <= 1 for picture in made):
            engine.say(f"the mode '{self.name}' made a picture with levels from 0 to 1; white is 255")

    def fault(self, what: str) -> DeepDreamError:
        """The error that the mode did `what`, which its author must mend."""
        return DeepDreamError(
            f"the mode '{self.name}' {what}", f"its author must change that in {self.source}"
        )


def _instead_of(wanted: str, result: object) -> str:
    forgotten = ": was 'return' forgotten?" if result is None else ""
    return f"returned {type(result).__name__}, not {wanted}{forgotten}"


def slots(pictures: Mapping[str, Any]) -> dict[str, Any]:
    """`pictures`, each by a name of its own: those of the list `also` are `also`, `also.2`, `also.3`."""
    named: dict[str, Any] = {}
    for name, item in pictures.items():
        several = item if isinstance(item, list | tuple) else [item]
        named.update({f"{name}.{n}" if n > 1 else name: it for n, it in enumerate(several, start=1)})
    return named


def _gathered(pictures: Mapping[str, Picture], several: Iterable[str]) -> dict[str, Any]:
    """What `slots` took apart, put together again for the parameters that take `several` pictures."""
    whole: dict[str, Any] = dict(pictures)
    for name in several:
        numbered = [it for it in whole if it.partition(".")[0] == name]
        if numbered:
            whole[name] = [whole.pop(it) for it in sorted(numbered, key=_number)]
    return whole


def _number(slot: str) -> int:
    number = slot.partition(".")[2]
    return int(number) if number.isdigit() else 1


def _finite(picture: Picture) -> bool:
    import numpy as np

    planes = [picture.pixels] if picture.alpha is None else [picture.pixels, picture.alpha]
    return all(bool(np.isfinite(plane).all()) for plane in planes)


def declares(value: Any) -> bool:
    """Whether `value` is a function that `mode` decorated."""
    return inspect.isfunction(value) and isinstance(getattr(value, _DECLARATION, None), _Declaration)


def declare(function: _Makes, source: str, plugin: Plugin | None = None) -> Mode:
    """The mode that a decorated function declares; a DeepDreamError says what its author must change."""
    name, api, defaults = getattr(function, _DECLARATION)
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise DeepDreamError(f"{name!r} is no name for a mode", "use lower-case words joined by hyphens")
    if name in TOOLS:
        raise DeepDreamError(f"the mode '{name}' has the name of a deepdream command", "rename the mode")
    if not isinstance(api, int):
        wrong = f"the mode '{name}' has the api {api!r}, not a number"
        raise DeepDreamError(wrong, f'write @mode("{name}", api={API_VERSION})')
    if api != API_VERSION:
        newer = api > API_VERSION
        raise DeepDreamError(
            f"the mode '{name}' was written for plugin interface {api}, and this deepdream has {API_VERSION}",
            "upgrade deepdream" if newer else f"its author must port it to interface {API_VERSION}",
        )
    try:
        text = inspect.getdoc(function)
        if not text and sys.flags.optimize >= 2:  # python -OO takes every docstring away
            text = f"The mode '{name}'; its help was left out by python -OO."
        if not text:
            raise DeepDreamError("it has no docstring, which is its help text", "write one")
        engine, parameters, makes = _signature(function)
        Common.check(defaults)
    except DeepDreamError as error:
        raise DeepDreamError(f"the mode '{name}': {error.message}", error.hint) from error
    summary = " ".join(text.partition("\n\n")[0].split())
    return Mode(name, function, summary, text, api, defaults, parameters, engine, source, makes, plugin)


def _signature(function: _Makes) -> tuple[str, tuple[Parameter, ...], Kind]:
    """The name of the Engine parameter, all the others, and what the function makes."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except Exception as error:
        raise DeepDreamError(
            f"an annotation cannot be read: {error}",
            "import the name at the top of the file, and not under TYPE_CHECKING",
        ) from error
    engines: list[str] = []
    parameters: list[Parameter] = []
    for name, item in inspect.signature(function).parameters.items():
        if item.kind not in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY):
            raise DeepDreamError(
                f"parameter '{name}' cannot be given by name", "declare it after a plain '*'"
            )
        if name not in hints:
            raise DeepDreamError(f"parameter '{name}' has no type annotation", "add it")
        if isinstance(getattr(hints[name], "__origin__", None), OptionInfo | ArgumentInfo):
            raise DeepDreamError(
                f"the annotation of '{name}' begins with its {type(get_args(hints[name])[0]).__name__[:-4]}",
                "the type comes first: 'Annotated[bool, Option(...)]', for instance",
            )
        if hints[name] is Engine:
            engines.append(name)
            continue
        if name in COMMON_NAMES:
            raise DeepDreamError(f"every mode already has an option '{name}'", "rename the parameter")
        parameters.append(parameter(name, hints[name], item.default, picture_type=Picture))
    needed = [item.picture and item.required for item in parameters]
    if len(engines) != 1 or (any(needed) and not needed[0]):
        raise DeepDreamError(
            "it must take one Engine, and if it needs pictures, the one to work on first",
            f"declare it 'def {function.__name__}(image: Picture, engine: Engine, *, ...)', "
            "without the image if it works on none",
        )
    if "return" not in hints:
        raise DeepDreamError("it does not say what it returns", _RETURNS)
    return engines[0], tuple(parameters), _kind(hints["return"])


def _kind(annotation: Any) -> Kind:
    """What a function makes that returns this; a DeepDreamError for what is no result of a mode."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    kinds = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    for kind in kinds:
        inside = [item for item in get_args(kind) if item is not ...]
        several = get_origin(kind) in (list, tuple) and set(inside) == {Picture}
        if not (several or kind in (Picture, Animation)):
            name = "None" if kind is types.NoneType else kind.__name__ if type(kind) is type else str(kind)
            raise DeepDreamError(f"it returns {name}, as its '->' says, which no mode can", _RETURNS)
    if Animation in kinds:
        if len(kinds) > 1:
            raise DeepDreamError("it returns an Animation or something else", "make two modes of it")
        return "animation"
    return "pictures" if any(get_origin(kind) in (list, tuple) for kind in kinds) else "picture"
