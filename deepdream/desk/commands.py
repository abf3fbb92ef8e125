"""A mode's typed function as a command: its own options, and those that every mode shares."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from deepdream.desk.answers import Answers
from deepdream.desk.batch import run_job
from deepdream.desk.completion import completion_of, starting
from deepdream.desk.desk import Job
from deepdream.desk.making import FRAMES
from deepdream.desk.origins import found_in, naming_variables
from deepdream.desk.sweeping import parse_sweep
from deepdream.errors import UsageError
from deepdream.jobs.options import REQUIRED, Parameter
from deepdream.jobs.recipe import Common, preset, preset_names
from deepdream.modes.mode import slots
from deepdream.modes.registry import Mode, Registry
from deepdream.runs.session import seed_parameter

__all__ = ["add_mode"]

_SHAPING = "Network and size"
_RUNNING = "Output and running"
_LAST = {
    True: "Several pictures are done one after another with the same options.",
    False: "It works on no picture and makes one of its own.",
}


def add_mode(app: typer.Typer, mode: Mode, registry: Registry) -> None:
    """Make `mode` a command of `app`."""
    presets = preset_names(mode.name)
    epilog = [f"Presets for --recipe: {', '.join(presets)}."] if presets else []
    variables = [f"DEEPDREAM_{_shout(mode.name)}_{_shout(item.name)}" for item in mode.options[:1]]
    epilog.append(
        "Every option can also be set in the environment, such as "
        + " and ".join([*variables, "DEEPDREAM_MODEL"])
        + "; a flag wins over it, and it over a preset."
    )
    app.command(
        mode.name,
        # A last paragraph that is not indented keeps rich from taking the indentation of examples away.
        help=_plain(f"{mode.help}\n\n{_LAST[mode.subject is not None]}"),
        short_help=_plain(mode.summary),
        epilog="\n\n".join(epilog),
        rich_help_panel="Modes",
        cls=_ModeCommand,
    )(_command(mode, registry))


class _ModeCommand(TyperCommand):
    """A command that counts its pictures: the parser would miss the first whichever is missing."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = list(args)
        try:
            with naming_variables(ctx):
                return super().parse_args(ctx, args)
        except typer.TyperException as error:
            name = next((word for word in given if word.startswith("-") and Path(word).is_file()), None)
            if name is not None:
                raise UsageError(f"{name} is taken for options", f"a file of that name: ./{name}") from None
            if getattr(getattr(error, "param", None), "param_type_name", None) != "argument":
                raise
        pictures = [item for item in self.get_params(ctx) if item.param_type_name == "argument"]
        names = [item.metavar or str(item.name).upper() for item in pictures]
        parsed, *_ = self.make_parser(ctx).parse_args(given)
        values = [parsed[item.name] for item in pictures if parsed.get(item.name) is not None]
        got = sum(len(value) if isinstance(value, tuple) else 1 for value in values)
        needs = "a picture" if len(names) == 1 else f"{len(names)} pictures"
        listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        examples = (line.strip() for line in (self.help or "").splitlines())
        example = next((line for line in examples if line.startswith(f"{ctx.command_path} ")), None)
        raise UsageError(
            f"{ctx.info_name} needs {needs}, {listed}, and got {got or 'none'}",
            f"for example: {example}"
            if example
            else f"usage: {ctx.command_path} [OPTIONS] {' '.join([names[0] + '...', *names[1:]])}",
        )


def _command(mode: Mode, registry: Registry) -> Callable[..., None]:
    subject = mode.subject
    others = [item for item in mode.pictures if item is not subject]
    common = {item.name: item for item in Common.parameters()}

    def command(_context: typer.Context, **values: Any) -> None:
        options = {item.name: values[item.name] for item in mode.options}
        images = () if subject is None else tuple(values[subject.name])
        with Answers(images, as_json=values["json"]), naming_variables(_context):
            given = {it.name: named for it in others if (named := _named(it, values[it.name]))}
            along = {}
            if source := values["recipe"]:
                along = mode.settings(preset(source, mode.name, modes=registry.modes), given, source)
            job = Job(
                mode=mode.name,
                images=images,
                pictures={**slots(given), **along},
                remarks=_said_of(along, source),
                # What Typer leaves at None, or empty for a list, was given by nobody.
                options=mode.check(
                    {name: value for name, value in options.items() if value not in (None, [])}
                ),
                common=Common.of(
                    {**mode.defaults, **{name: values[name] for name in common if values[name] is not None}}
                ),
                seed=seed_parameter().check(values["seed"]),
                save_every=_SAVE_EVERY.check(values["save_every"]),
                sweep=parse_sweep(values["sweep"] or [], mode),
                film_every=_FILM_EVERY.check(values.get("film_every")),
                **{name: values[name] for name in _SWITCHES if name in values},
            )
        raise typer.Exit(run_job(job, registry, naming=lambda: naming_variables(_context)))

    declared = list(_declarations(mode, others, common, registry))
    annotations = {name: annotation for name, annotation, _ in declared}
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
            for name, annotation, default in declared
        ]
    )
    command.__annotations__ = annotations
    return command


def _named(item: Parameter, given: Any) -> Any:
    """The files given for a picture; an empty name is refused: it is a script's empty variable."""
    if "" in (given if isinstance(given, list | tuple) else [given]):
        raise UsageError(f"{item.flag} names no file", "leave it out, or give the name of a picture")
    return given


_Declaration = tuple[str, Any, Any]
_FILM_EVERY = Parameter("film_every", int | None, int, None, typer.Option(min=1), optional=True)
_SAVE_EVERY = Parameter("save_every", int | None, int, None, typer.Option(min=1), optional=True)
_RESULT = {
    "picture": "File to write, its suffix being the format (png, jpg, webp, tif), or a folder",
    "pictures": "File to write, its suffix being the format (png, jpg, webp, tif); several are numbered. "
    "Or a folder",
    "animation": "File to write, its suffix being the format (gif, webp, mp4), or a folder for frames as PNG",
}
_SWITCHES = ("output", "film", "report", "overwrite", "json", "dry_run", "quiet", "verbose", "debug")


def _declarations(
    mode: Mode,
    others: list[Parameter],
    common: Mapping[str, Parameter],
    registry: Registry,
) -> Iterator[_Declaration]:
    """Name, annotation and default of every parameter of the command, as Typer wants them."""
    yield "_context", typer.Context, REQUIRED  # no option can have that name
    if (subject := mode.subject) is not None:
        yield subject.name, Annotated[list[str], _argument(subject, "One or more pictures.")], REQUIRED
    for item in others:
        if item.required:
            yield item.name, Annotated[str, _argument(item)], REQUIRED
    for item in mode.parameters:
        if not item.required or not item.picture:
            yield _option(
                item, f"DEEPDREAM_{_shout(mode.name)}_{_shout(item.name)}", f"Options of {mode.name}"
            )
    for name, item in common.items():
        default = mode.defaults.get(name, item.default)
        if name == "size" and default is None and mode.subject is not None:
            text = f"{item.info.help} (default: the picture's own)"
            item = replace(item, info=typer.Option(help=text, min=item.info.min))
        yield _option(item, f"DEEPDREAM_{_shout(name)}", _SHAPING, default=default)
    yield from _running(mode, registry)


def _said_of(along: Mapping[str, str], source: str | None) -> tuple[str, ...]:
    """What to tell of pictures that came along with a recipe."""
    listed = ", ".join(f"{name} {path}" for name, path in along.items())
    return (f"from {source}: {listed}",) if listed else ()


def _running(mode: Mode, registry: Registry) -> Iterator[_Declaration]:
    """The options that decide how a job is run and where its result goes."""

    def option(name: str, kind: Any, help: str, *flags: str, metavar: str = "", **more: Any) -> _Declaration:
        info = typer.Option(
            *flags,
            help=help,
            metavar=metavar,
            envvar=f"DEEPDREAM_{_shout(name)}",
            show_envvar=False,
            rich_help_panel=_RUNNING,
            **more,
        )
        return name, Annotated[kind, info], False if kind is bool else None

    def apply_preset(context: typer.Context, value: str | None) -> str | None:
        if value is not None and not context.resilient_parsing:
            chosen = preset(value, mode.name, modes=registry.modes)
            with found_in(value):
                values = {**mode.check(chosen.options, partial=True), **Common.check(chosen.common)}
                values["seed"] = chosen.seed
            # Typer's own place for defaults that come after flags and environment.
            context.default_map = {name: _text(item) for name, item in values.items() if item is not None}
        return value

    yield option(
        "output",
        str | None,
        f"{_RESULT[mode.makes]}; one that ends in '/' is made if need be. (default: "
        + ("IMAGE's name with ." if mode.subject else "")
        + f"{mode.name}.{'webp' if mode.makes == 'animation' else 'png'}, here; with -2, -3, ... if taken)",
        "--output",
        "-o",
        metavar="PATH",
    )
    yield option("overwrite", bool, "Replace the output if it exists.", "--overwrite")
    yield option(
        "recipe",
        str | None,
        "Preset by name, or a recipe: a TOML file, or a picture made by deepdream.",
        "--recipe",
        "--preset",
        metavar="NAME|PATH",
        is_eager=True,
        callback=apply_preset,
        autocompletion=lambda incomplete: starting(preset_names(mode.name), incomplete),
    )
    yield option("seed", str | None, seed_parameter().info.help or "", metavar="INT")
    yield option(
        "save_every",
        str | None,
        "Save a snapshot beside the output every INT steps.",
        metavar="INT",
        hidden=mode.makes == "animation",
    )
    yield option(
        "report",
        str | None,
        "Write the curves of the objective: a JSON file, and a plot beside it.",
        metavar="PATH",
    )
    yield option(
        "sweep",
        list[str],
        "Make a contact sheet of an option at several values (parted by ';' if they have commas); "
        "twice: of every combination.",
        metavar="OPTION=VALUE,...",
        hidden=mode.makes != "picture",
    )
    yield option(
        "film",
        str | None,
        "Film of the making: a gif, webp or mp4 file, or a folder for frames as PNG.",
        metavar="PATH",
        hidden=mode.makes == "animation",
    )
    yield option(
        "film_every",
        str | None,
        f"Steps from frame to frame. (default: {FRAMES} frames at most)",
        metavar="INT",
        hidden=mode.makes == "animation",
    )
    yield option("dry_run", bool, "Show what would be done, and do nothing.", "--dry-run", "-n")
    yield option("json", bool, "Print a line for each picture, failed ones too: a JSON object.", "--json")
    yield option("quiet", bool, "Say nothing but errors.", "--quiet", "-q")
    yield option("verbose", bool, "Say more: network, formula, sizes.", "--verbose", "-v")
    yield option("debug", bool, "Show tracebacks and TensorFlow's notices.", "--debug")


def _argument(item: Parameter, otherwise: str = "") -> Any:
    return typer.Argument(
        metavar=item.info.metavar or item.name.upper(),
        help=_plain(item.info.help or otherwise),
        hidden=item.info.hidden,
    )


def _option(item: Parameter, variable: str, panel: str, **given: Any) -> _Declaration:
    """A parameter as an option of text: `Parameter.check` is the one place that judges its value."""
    default = given.get("default", item.default)
    flags = [f"{item.flag}/{item.flag.replace('--', '--no-', 1)}"] if item.item is bool else [item.flag]
    kind: Any = bool if item.item is bool else str
    if item.multiple:
        kind = list[str]
    elif default is None or default is REQUIRED:
        kind = kind | None
    shown = None if default in (None, REQUIRED, []) else _text(default)
    metavar = "" if item.item is bool else item.info.metavar or _metavar(item)
    info = typer.Option(
        *flags,
        help=_plain(_with_default(item, shown)),
        show_default=False,
        metavar=f"{metavar} ...".lstrip() if item.multiple else metavar,
        envvar=variable,
        show_envvar=False,
        hidden=item.info.hidden,
        rich_help_panel=item.info.rich_help_panel or panel,
        autocompletion=completion_of(item),
    )
    return item.name, Annotated[kind, info], shown


def _with_default(item: Parameter, default: Any) -> str:
    """The help text with range and default inside one pair of brackets; a switch is off unless it is said."""
    if default is None or default is False:
        return item.help
    said = ", ".join(default) if isinstance(default, list) else "on" if default is True else default
    ranged = item.help != (item.info.help or "")
    return f"{item.help[:-1]}; default: {said})" if ranged else f"{item.help} (default: {said})".lstrip()


def _metavar(item: Parameter) -> str:
    if item.choices:
        return "|".join(item.choices)
    return "PICTURE" if item.picture else {int: "INT", float: "NUMBER", str: "TEXT"}[item.item]


def _text(value: Any) -> Any:
    """A JSON value as the command line would have it."""
    if isinstance(value, list | tuple):
        return [_text(item) for item in value]
    value = value.value if isinstance(value, Enum) else value
    return value if isinstance(value, bool) else str(value)


def _shout(name: str) -> str:
    return name.upper().replace("-", "_")


def _plain(text: str) -> str:
    """`text` with what rich would take for markup escaped."""
    return re.sub(r"(\\*)(\[[a-z#/@][^\[]*?\])", r"\1\1\\\2", text)
