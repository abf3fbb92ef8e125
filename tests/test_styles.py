"""Style files: the same result as with the picture, and every kind of damage said in one line."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deepdream import cli
from deepdream.backbones.weights import EMBEDDED
from deepdream.climb import memory
from deepdream.climb.engine import Engine, Pool
from deepdream.errors import DeepDreamError
from deepdream.jobs.recipe import Common
from deepdream.modes.mode import slots
from deepdream.modes.registry import load as load_registry
from deepdream.pictures.picture import Picture, load, read_recipe
from deepdream.pictures.styles import Origin, Statistics, StyleFile, pack, read_style
from deepdream.testing import picture
from deepdream.tools.style_files import measure

LAYERS = ["block1_conv1", "block2_conv1"]
RNG = np.random.default_rng(2)


def small() -> Statistics:
    f = RNG.standard_normal((9, 5)).astype(np.float32)
    return Statistics(
        Origin("vgg16", "ab" * 32, preprocess="caffe"),
        {("block1_conv1", size): (f.T @ f, f.mean(0)) for size in (64, 128)},
    )


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    statistics, path = small(), tmp_path / "a.style"
    path.write_bytes(pack(statistics, picture(20, 10)))
    found = load(path)
    assert isinstance(found, StyleFile) and found.statistics is not None
    np.testing.assert_array_equal(found.pixels, picture(20, 10).pixels)
    assert found.size == (20, 10) and found.source is not None and found.source.format == "style"
    assert found.statistics.origin == statistics.origin
    for key, (second, mean) in statistics.moments.items():
        np.testing.assert_allclose(found.statistics.moments[key][0], second, rtol=1e-6)
        np.testing.assert_array_equal(found.statistics.moments[key][1], mean)


def test_only_statistics_of_that_very_size_layer_and_network_count() -> None:
    statistics = small()
    own = statistics.origin
    assert statistics.at("block1_conv1", 64, own) is statistics.moments["block1_conv1", 64]
    assert statistics.at("block1_conv1", 64, Origin("vgg16")) is not None, "unknown weights may be these"
    for other in (("block1_conv1", 65, own), ("block3_conv1", 64, own)):
        assert statistics.at(*other) is None
    changes = {
        "model": "vgg19",
        "weights": "cd" * 32,
        "pooling": "average",
        "preprocess": "tf",
        "replicate": True,
    }
    for change in ({name: value} for name, value in changes.items()):
        assert statistics.at("block1_conv1", 64, replace(own, **change)) is None


PAINTING, PHOTO, POOL = picture(50, 60, seed=2), picture(64, 48, seed=1), Pool()
SHALLOW = {
    "content_layer": ["block2_conv1"],
    "style_layer": LAYERS,
    "octaves": 1,
    "steps": 2,
    "optimiser": "adam",
}


def painted(style: Picture, **options: object) -> np.ndarray:
    mode = load_registry({"DEEPDREAM_NO_PLUGINS": "1"}).modes["style"]
    engine = Engine(Common(precision="float32"), pool=POOL)
    made: Picture = mode.call(engine, slots({"image": PHOTO, "style": style}), {**SHALLOW, **options})
    return made.pixels


@pytest.fixture(scope="module")
def kept() -> Statistics:
    return measure(PAINTING, Engine(Common(precision="float32"), pool=POOL), LAYERS, 64)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"style_scale": 0.8, "style_layer": ["block1_conv2"]},
        {"keep_colors": "match", "pooling": "average"},
        {"replicate": True},
    ],
    ids=["measured", "another size and layer", "recoloured", "padded otherwise"],
)
def test_a_file_gives_the_picture_that_its_picture_gives(
    kept: Statistics, tmp_path: Path, options: dict[str, object]
) -> None:
    path = tmp_path / "p.style"
    path.write_bytes(pack(kept, PAINTING))
    np.testing.assert_allclose(painted(read_style(path), **options), painted(PAINTING, **options), atol=0.1)


def test_sizes_that_do_not_fit_into_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 0.5)
    with pytest.raises(DeepDreamError, match=r"measuring at \d+x\d+ px takes about") as refused:
        measure(PAINTING, Engine(Common(precision="float32"), pool=POOL), LAYERS, 20000)
    assert str(refused.value.hint).startswith("--size ")


def test_what_was_measured_is_not_measured_again(kept: Statistics) -> None:
    other = StyleFile(picture(50, 60, seed=9).pixels, statistics=kept)
    np.testing.assert_allclose(painted(other), painted(PAINTING), atol=0.1)


def test_a_file_knows_the_weights_it_was_measured_with(kept: Statistics) -> None:
    digest = hashlib.sha256(EMBEDDED["vgg16"].read_bytes()).hexdigest()
    assert kept.origin == Origin("vgg16", digest, "max", "caffe")


def test_a_file_of_another_network_is_measured_on_its_picture(kept: Statistics) -> None:
    wrong = {key: (2 * second, mean) for key, (second, mean) in kept.moments.items()}
    other = StyleFile(PAINTING.pixels, statistics=Statistics(replace(kept.origin, weights="ab" * 32), wrong))
    np.testing.assert_array_equal(painted(other), painted(PAINTING))


def test_statistics_with_other_channels_than_the_layer_has_do_not_count(kept: Statistics) -> None:
    other = StyleFile(PAINTING.pixels, statistics=Statistics(kept.origin, small().moments))
    np.testing.assert_array_equal(painted(other), painted(PAINTING))


def test_the_command_writes_one_that_the_mode_takes_and_the_recipe_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    picture(40, 30, seed=1).save("photo.png")
    picture(40, 40, seed=2).save("monet.png")
    assert cli.run(["style-file", "monet.png", "--size", "48", "--layer", "block1_conv1"]) == 0
    done = capsys.readouterr()
    assert done.out == "monet.style\n" and "size 1/1  measured at 48 px" in done.err
    assert cli.run(["show", "monet.style", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["picture"], shown["layers"], shown["sizes"]) == ([40, 40], ["block1_conv1"], [48])
    assert cli.run(["show", "monet.style"]) == 0
    assert "40x40" in capsys.readouterr().out
    flags = ["--size", "48", "--layer", "block1_conv1", "--quiet", "--overwrite"]
    assert cli.run(["style-file", "monet.png", *flags]) == 0 and not capsys.readouterr().err
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
    elif kind in ("no sizes", "a size of nothing"):
        moments = [] if kind == "no sizes" else [["block1_conv1", 0], ["block1_conv1", 64]]
        header = json.loads(bytes(stored["header"])) | {"moments": moments}
        stored["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    elif kind == "no picture":
        stored["picture"] = np.zeros((0, 0, 3), np.uint8)
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
    "kind",
    [
        "cut",
        "empty",
        "a picture",
        "newer",
        "no sizes",
        "a size of nothing",
        "no picture",
        "not finite",
        "other shapes",
        "a pickle",
    ],
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
