"""Deep Dream and neural style: gradient ascent on the pixels of a picture.

Every mode is a function here: `deepdream.dream("a.jpg", layer="mixed4").save("b.png")`. Modes are
looked up when they are asked for, plugins included; TensorFlow is loaded by the first that runs.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

__version__ = "0.1.0"

# Where the names live that are worth having at hand; imported when first asked for.
_HOMES = {
    "DeepDreamError": "errors",
    "UsageError": "errors",
    "Picture": "pictures.picture",
    "load": "pictures.picture",
    "Common": "jobs.recipe",
    "Input": "jobs.recipe",
    "Recipe": "jobs.recipe",
    "preset": "jobs.recipe",
    "Result": "runs.session",
    "Session": "runs.session",
}


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return __dir__()
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

    # A submodule is only missing here while it is being imported, by the very machinery that modes need.
    if not name.startswith("_") and find_spec(f"{__name__}.{name}") is None:
        from deepdream.runs.functions import function, shared_session

        session = shared_session()
        mode = session.registry.modes.get(name.replace("_", "-"))
        if mode is not None:
            return function(session, mode)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    from deepdream.runs.functions import shared_session

    modes = (name.replace("-", "_") for name in shared_session().registry.modes)
    return sorted({"__version__", *_HOMES, *modes})
