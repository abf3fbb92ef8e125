"""Style files: the same result as with the picture, and every kind of damage said in one line."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from deepdream import cli
from deepdream.climb.engine import Engine, Pool
from deepdream.errors import DeepDreamError, UsageError
from deepdream.jobs.recipe import Common
from deepdream.modes.mode import slots
from deepdream.modes.registry import load as load_registry
from deepdream.pictures.picture import Picture, load, read_recipe
from deepdream.pictures.styles import Statistics, StyleFile, pack, read_style
from deepdream.testing import picture
from deepdream.tools.style_files import measure

LAYERS = ["block1_conv1", "block2_conv1"]
RNG = np.random.default_rng(2)


def small() -> Statistics:
    f = RNG.standard_normal((9, 5)).astype(np.float32)
    return Statistics("vgg16", {("block1_conv1", size): (f.T @ f, f.mean(0)) for size in (64, 128)})


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    statistics, path = small(), tmp_path / "a.style"
    path.write_bytes(pack(statistics, picture(20, 10)))
    found = load(path)
    assert isinstance(found, StyleFile) and found.statistics is not None
    assert found.size == (20, 10) and found.source is not None and found.source.format == "style"
    assert found.statistics.model == "vgg16"
    for key, (second, mean) in statistics.moments.items():
        np.testing.assert_allclose(found.statistics.moments[key][0], second, rtol=1e-6)
        np.testing.assert_array_equal(found.statistics.moments[key][1], mean)


def test_the_nearest_size_counts_and_a_missing_layer_is_named() -> None:
    statistics = small()
    assert statistics.at("block1_conv1", 80) is statistics.moments["block1_conv1", 64]
    assert statistics.at("block1_conv1", 4000) is statistics.moments["block1_conv1", 128]
    with pytest.raises(UsageError, match="no statistics of block3_conv1"):
        statistics.at("block3_conv1", 64)


def test_a_file_gives_the_picture_that_its_picture_gives(tmp_path: Path) -> None:
    painting, photo, pool = picture(50, 60, seed=2), picture(64, 48, seed=1), Pool()
    mode = load_registry({"DEEPDREAM_NO_PLUGINS": "1"}).modes["style"]
    options = {"content_layer": ["block2_conv1"], "style_layer": LAYERS, "octaves": 1, "steps": 4}

    def made(style: Picture) -> Picture:
        engine = Engine(Common(precision="float32"), pool=pool)
        return mode.call(engine, slots({"image": photo, "style": style}), options)

    engine = Engine(Common(precision="float32"), pool=pool)
    path = tmp_path / "p.style"
    path.write_bytes(pack(measure(painting, engine, LAYERS, 64), painting))
    np.testing.assert_allclose(made(read_style(path)).pixels, made(painting).pixels, atol=0.1)
    with pytest.raises(UsageError, match="style file has no pixels"):
        mode.call(engine, {"image": photo, "style": read_style(path)}, {**options, "keep_colors": "match"})
    other = StyleFile(painting.pixels, statistics=Statistics("vgg19", small().moments))
    with pytest.raises(UsageError, match="made with vgg19"):
        made(other)


def test_the_command_writes_one_that_the_mode_takes_and_the_recipe_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    picture(40, 30, seed=1).save("photo.png")
    picture(40, 40, seed=2).save("monet.png")
    assert cli.run(["style-file", "monet.png", "--size", "48", "--layer", "block1_conv1"]) == 0
    assert capsys.readouterr().out == "monet.style\n"
    assert cli.run(["style-file", "monet.png"]) == 1, "it is there"
    assert cli.run(["style-file", "monet.png", "-o", "monet.png2"]) == 2
    flags = "--style-layer block1_conv1 --content-layer block1_conv2 --size 40 --octaves 1 --steps 1"
    assert cli.run(["style", "photo.png", "monet.style", *flags.split(), "-o", "made.png"]) == 0
    assert read_recipe("made.png")["inputs"]["style"]["path"] == "monet.style"


def damaged(kind: str) -> bytes:
    sound = pack(small(), picture(8, 8))
    if kind == "cut":
        return sound[: len(sound) // 2]
    if kind == "empty":
        return b""
    if kind == "a picture":
        return b"\x89PNG\r\n\x1a\n" + bytes(50)
    stored = dict(np.load(io.BytesIO(sound)))
    if kind == "newer":
        header = json.loads(bytes(stored["header"])) | {"format": 99}
        stored["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    elif kind == "not finite":
        stored["mean0"] = np.full_like(stored["mean0"], np.nan)
    elif kind == "other shapes":
        stored["second0"] = stored["second0"][:-1]
    stream = io.BytesIO()
    np.savez(stream, **stored)
    if kind == "a pickle":
        with zipfile.ZipFile(stream, "a") as archive:
            array = io.BytesIO()
            np.save(array, np.array([{"a": 1}], object), allow_pickle=True)
            archive.writestr("more.npy", array.getvalue())
    return stream.getvalue()


@pytest.mark.parametrize(
    "kind", ["cut", "empty", "a picture", "newer", "not finite", "other shapes", "a pickle"]
)
def test_a_damaged_file_is_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.style"
    path.write_bytes(damaged(kind))
    with pytest.raises(DeepDreamError) as caught:
        load(path)
    assert "bad.style" in caught.value.message and "\n" not in caught.value.message and caught.value.hint


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeepDreamError, match="no such file"):
        load(tmp_path / "gone.style")
