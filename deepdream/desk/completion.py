"""What the shell offers where a value is typed: choices, presets, networks, their layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from deepdream.jobs.options import Parameter

__all__ = ["complete_layers", "complete_models", "completion_of", "starting"]


def completion_of(item: Parameter) -> Callable[..., Any] | None:
    """What completes the values of an option; None if nothing does."""
    if item.info.autocompletion is not None:
        return item.info.autocompletion
    if item.choices:
        return lambda incomplete: starting(item.choices, incomplete)
    if item.name == "model":
        return complete_models
    if item.name in ("layer", "layers") or item.name.endswith(("_layer", "_layers")):
        return complete_layers
    return None


def complete_models(incomplete: str) -> list[str]:
    """Names of networks that begin with `incomplete`."""
    from deepdream import backbones

    return starting(backbones.names(), incomplete)


def complete_layers(context: typer.Context, incomplete: str) -> list[str]:
    """Names of layers that begin with `incomplete`: of the network on the line, else of the usual two."""
    from deepdream import backbones

    model = context.params.get("model")
    models = [model] if model in backbones.names() else ["vgg16", "inception_v3"]
    names = [layer.name for name in models for layer in backbones.get(name).layers]
    return starting(dict.fromkeys(names), incomplete)


def starting(names: Any, incomplete: str) -> list[str]:
    """Those of `names` that begin with `incomplete`."""
    return [name for name in names if name.startswith(incomplete)]
