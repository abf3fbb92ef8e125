"""Program that writes `deepdream/backbones/tables/*.json` from the installed Keras.

    python scripts/build_tables.py [NAME ...]

Every network is built in a process of its own, one at a time, because Keras numbers unnamed layers per
process and the largest networks need some gigabytes. No weights are downloaded: what `keras.applications`
would ask `get_file` for is caught and recorded. Run it again when Keras gains networks.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TABLES = ROOT / "deepdream" / "backbones" / "tables"


class _AskedForError(Exception):
    """Carries what a constructor asked `get_file` for."""


def snake(function: str) -> str:
    """`EfficientNetV2B0` -> `efficientnet_v2_b0`: versions and sizes part."""
    parted = re.sub(r"(?<=[a-z0-9])(?=V\d|B\d|Tiny|Small|Base|Large|XLarge|[SML]$)", "_", function)
    return parted.replace("InceptionResNet", "Inception_ResNet").lower()


def functions() -> dict[str, str]:
    """The constructors of `keras.applications`, by the names the catalogue gives their networks."""
    import keras

    # NASNet is left out: Keras joins its branches by the size it is built for, so that other sizes fail.
    found = [name for name in dir(keras.applications) if name[0].isupper() and "NASNet" not in name]
    return {snake(name): name for name in found}


def weights_file(function: str, parameters: int) -> dict[str, Any] | None:
    """What Keras downloads for the ImageNet weights without the classifier."""
    import keras
    from keras.src.utils import file_utils

    def get_file(fname: str, origin: str, **kwargs: Any) -> None:
        found = kwargs.get("file_hash") or kwargs.get("md5_hash") or ""
        raise _AskedForError({"filename": fname, "url": origin, "hash": found, "size": 4 * parameters})

    file_utils.get_file = get_file
    try:
        getattr(keras.applications, function)(weights="imagenet", include_top=False)
    except _AskedForError as asked:
        return dict(asked.args[0])
    return None


def preprocess(function: str) -> str:
    """The mode that the module's own `preprocess_input` amounts to, told by what it does to a picture."""
    import keras
    import numpy as np

    if re.fullmatch(r"EfficientNetB\d", function):
        # Its ImageNet weights come with a rescaling that Keras adds only when it downloads them itself.
        return "efficientnet"
    module = sys.modules[getattr(keras.applications, function).__module__]
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 4, 4, 3)).astype("float32")
    result = module.preprocess_input(pixels.copy())
    for mode in ("tf", "caffe", "torch"):
        if np.array_equal(
            result, keras.applications.imagenet_utils.preprocess_input(pixels.copy(), mode=mode)
        ):
            return mode
    assert np.array_equal(result, pixels), function
    return "none"


def table(name: str) -> dict[str, Any]:
    """The table of one network. Runs in a fresh process."""
    import dataclasses

    import keras

    from deepdream.backbones.introspect import layer_table, stable_names

    function = functions()[name]
    network = getattr(keras.applications, function)(
        weights=None, include_top=False, input_shape=(None, None, 3)
    )
    known = stable_names(network)
    assert all(key == operation.name for key, operation in known.items()), "not a fresh process"
    rows = layer_table(network, known, strict=True)
    assert len({row.name for row in rows}) == len(rows)
    parameters = network.count_params()
    del network, known
    return {
        "function": function,
        "preprocess": preprocess(function),
        "weights": weights_file(function, parameters),
        "layers": [list(dataclasses.astuple(row)) for row in rows],
    }


def write(name: str) -> None:
    result = table(name)
    rows = result.pop("layers")
    head = json.dumps(result, separators=(",", ":"), ensure_ascii=False)[:-1]
    lines = ",\n".join(json.dumps(row, separators=(",", ":"), ensure_ascii=False) for row in rows)
    path = TABLES / f"{name}.json"
    path.write_text(f'{head},"layers":[\n{lines}\n]}}\n', encoding="utf-8")
    print(f"{name}: {len(rows)} layers, {path.stat().st_size} bytes")


def main(wanted: list[str]) -> None:
    TABLES.mkdir(exist_ok=True)
    if len(wanted) == 1:
        write(wanted[0])
        return
    for name in wanted or list(functions()):
        subprocess.run([sys.executable, __file__, name], check=True)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main(sys.argv[1:])
