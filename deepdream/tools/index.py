"""The commands that are no modes: what there is to choose from, and what a picture was made with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer

from deepdream import backbones
from deepdream.console.streams import Voice, put, table
from deepdream.desk.completion import complete_models
from deepdream.desk.desk import Job
from deepdream.modes.registry import Registry
from deepdream.tools.doctor import examine
from deepdream.tools.layers import layers
from deepdream.tools.plugins import plugin_tools
from deepdream.tools.replaying import ReplayCommand, replay
from deepdream.tools.showing import show_command
from deepdream.tools.style_files import style_file

__all__ = ["add_tools"]

_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Model = typer.Argument(help="A network; see 'deepdream models'.", autocompletion=complete_models)
_Made = Annotated[Path, typer.Argument(metavar="PICTURE", help="A picture made by deepdream.")]


_GOOD_FOR: Mapping[str, str] = MappingProxyType(
    {"inception_v3": "dream", "vgg16": "dream, style", "vgg19": "dream, style"}
)
"""What the networks that people dream and paint with are known for; the others are for the curious."""


def add_tools(app: typer.Typer, registry: Registry) -> None:
    """Give `app` the tools; their names are those of `deepdream.modes.registry.TOOLS`."""
    app.command("layers", rich_help_panel="Tools")(layers)
    app.add_typer(_models(), name="models", rich_help_panel="Tools")
    app.add_typer(plugin_tools(registry), name="plugins", rich_help_panel="Tools")
    app.command("doctor", rich_help_panel="Tools")(_doctor(registry))
    app.command("show", rich_help_panel="Tools")(show_command(registry))
    app.command("replay", rich_help_panel="Tools", cls=ReplayCommand)(_replay(registry))
    app.command("style-file", rich_help_panel="Tools")(style_file)


def _models() -> typer.Typer:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.callback(invoke_without_command=True)
    def models(context: typer.Context, as_json: _AsJson = False) -> None:
        """List the networks, and whether their weights are here; fetch weights."""
        if context.invoked_subcommand is not None:
            return
        found = [(name, backbones.state(backbones.get(name))) for name in backbones.names()]
        if as_json:
            rows = [
                {
                    "model": name,
                    "weights": it.kind,
                    "bytes": it.size,
                    "path": str(it.path) if it.path else None,
                }
                for name, it in found
            ]
            return put(json.dumps(rows))
        table(
            ["model", "weights", "size", "good for"],
            ([name, it.kind, _megabytes(it.size), _GOOD_FOR.get(name, "")] for name, it in found),
        )

    @app.command()
    def fetch(model: Annotated[str, _Model]) -> None:
        """Download Keras's weights of a network into Keras's cache."""
        backbone = backbones.get(model)
        state = backbones.state(backbone)
        if state.kind == "embedded":
            voice = Voice()
            voice.say(f"{backbone.name} is inside this package: nothing to fetch")
            voice.close()
        put(str(state.path if state.kind == "embedded" else backbones.fetch(backbone)))

    return app


def _doctor(registry: Registry) -> Any:
    def doctor(
        quick: Annotated[bool, typer.Option("--quick", help="Do not load TensorFlow.")] = False,
        traces: Annotated[
            bool, typer.Option("--traces", "--debug", help="Show the tracebacks of plugins.")
        ] = False,
        as_json: _AsJson = False,
    ) -> None:
        """Check this installation, and say how to mend what is broken; exit code 1 if something is."""
        findings = list(examine(registry, quick=quick))
        if as_json:
            put(json.dumps([asdict(it) for it in findings]))
        else:
            table([], ([it.kind or ("ok" if it.ok else "BAD"), it.topic, it.says] for it in findings))
            for it in findings:
                if it.hint:
                    put(f"\n{it.topic}: hint: {it.hint}")
                if traces and it.details:
                    put(f"\n{it.topic}: {it.details}")
            if not traces and any(it.details for it in findings):
                put("\nfor the tracebacks: deepdream doctor --quick --traces")
        raise typer.Exit(0 if all(it.ok for it in findings) else 1)

    return doctor


def _replay(registry: Registry) -> Any:
    def command(
        picture: _Made,
        inputs: Annotated[
            list[str] | None,
            typer.Argument(metavar="INPUT", help="Where its inputs are now, in any order, if they moved."),
        ] = None,
        output: Annotated[
            str | None, typer.Option("--output", "-o", metavar="PATH", help="File to write, or a folder.")
        ] = None,
        overwrite: Annotated[
            bool, typer.Option("--overwrite", help="Replace the output if it exists.")
        ] = False,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", "-n", help="Show what would be done, and do nothing.")
        ] = False,
        as_json: _AsJson = False,
        quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
        verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False,
        debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and notices.")] = False,
        any_plugin: Annotated[
            bool, typer.Option("--any-plugin", help="Accept another version of the plugin that has the mode.")
        ] = False,
    ) -> None:
        """Make a picture again from the recipe inside it: the same bytes on the same machine.

        Another picture with its settings: deepdream dream photo.jpg --recipe photo.dream.png --size 800

        Inputs are known by their contents, not by their names: a changed one is refused, and one that
        moved can be given.

        Examples:

          deepdream replay photo.dream.png

          deepdream replay photo.dream.png elsewhere/photo.jpg -o again.png
        """
        job = Job(
            "replay",
            (str(picture),),
            output=output,
            overwrite=overwrite,
            json=as_json,
            dry_run=dry_run,
            quiet=quiet,
            verbose=verbose,
            debug=debug,
            any_plugin=any_plugin,
        )
        raise typer.Exit(replay(job, inputs or [], registry))

    return command


def _megabytes(number: int) -> str:
    return f"{number / 1e6:.0f} MB" if number else ""
