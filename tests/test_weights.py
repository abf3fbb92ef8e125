"""Weights: what is embedded, the order of the search, and downloads that go wrong in every way."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from deepdream import backbones
from deepdream.backbones import weights as module
from deepdream.errors import DeepDreamError, UsageError

ROOT = Path(__file__).resolve().parent.parent
BODY = np.random.default_rng(0).bytes(200_000)
PREFIX = "https://storage.googleapis.com/tensorflow/keras-applications/"
Answer = Callable[[BaseHTTPRequestHandler], None]


def embedded() -> Path:
    path = backbones.locate(backbones.get("vgg16")).path
    assert path is not None
    return path


# --- the embedded VGG16 ---------------------------------------------------------------------------------


def test_embedded_weights_are_the_published_ones() -> None:
    """Statistics of Keras's own file, to the rounding of float16."""
    backbone = backbones.get("vgg16")
    extractor = backbones.open_extractor(backbones.resolve("vgg16", []), [backbone.layers[-1].name])
    kernel = extractor.network.get_layer("block1_conv1").kernel.numpy()
    # Keras's first channel is blue; the extractor's kernel takes red, green, blue.
    np.testing.assert_allclose(kernel[0, 0, 2, :3], [0.42947057, 0.11727387, 0.03401296], rtol=2**-11)
    last = extractor.network.get_layer("block5_conv3")
    kernel, bias = last.kernel.numpy().astype("f8"), last.bias.numpy().astype("f8")
    stats = [kernel.mean(), kernel.std(), kernel.min(), kernel.max()]
    np.testing.assert_allclose(stats, [-0.0010818949, 0.008478405, -0.09288482, 0.28699666], rtol=2**-11)
    stats = [bias.mean(), bias.std(), bias.min(), bias.max()]
    np.testing.assert_allclose(stats, [0.14986369, 0.4928213, -0.50036746, 9.431553], rtol=2**-11)


def test_script_makes_the_embedded_file_from_keras_own(tmp_path: Path) -> None:
    import h5py
    import keras

    model = keras.applications.VGG16(weights=None, include_top=False, input_shape=(None, None, 3))
    model.load_weights(str(embedded()))
    model.save(tmp_path / "notop.h5")  # float32, in the format of Keras's downloads
    spec = importlib.util.spec_from_file_location("script", ROOT / "scripts" / "build_vgg16_weights.py")
    assert spec and spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.convert(tmp_path / "notop.h5", tmp_path / "made.weights.h5")

    def arrays(path: Path) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}
        with h5py.File(path) as file:
            file.visititems(lambda n, o: found.update({n: o[()]}) if isinstance(o, h5py.Dataset) else None)
        return found

    made, shipped = arrays(tmp_path / "made.weights.h5"), arrays(embedded())
    assert made.keys() == shipped.keys() and len(made) == 26
    for name, array in made.items():
        assert array.dtype == np.float16
        np.testing.assert_array_equal(array, shipped[name])


# --- files that the user names --------------------------------------------------------------------------


def test_a_named_file_wins_over_the_embedded_one(tmp_path: Path) -> None:
    own = tmp_path / "own.weights.h5"
    own.write_bytes(embedded().read_bytes())
    choice = backbones.resolve("vgg16", ["block1_conv1"], weights=own)
    assert choice.weights == backbones.Weights(own, "file")
    assert choice.weights.sha256() == hashlib.sha256(own.read_bytes()).hexdigest()
    assert backbones.open_extractor(choice, ["block1_conv1"]).layers == ("block1_conv1",)


def test_a_file_that_is_absent_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeepDreamError, match=r"no weights file .*absent\.h5"):
        backbones.resolve("vgg16", [], weights=tmp_path / "absent.h5")
    (tmp_path / "weights.pth").write_bytes(b"torch")
    with pytest.raises(UsageError, match=r"weights\.pth is no weights file"):
        backbones.resolve("vgg16", [], weights=tmp_path / "weights.pth")


@pytest.mark.parametrize(
    ("name", "cut", "model", "message"),
    [
        ("cut.weights.h5", 100_000, "vgg16", "is damaged or no weights file"),
        ("cut.h5", 100_000, "vgg16", "is damaged or no weights file"),
        ("other.weights.h5", None, "vgg19", "does not hold the weights of vgg19"),
        ("other.h5", None, "vgg19", "does not hold the weights of vgg19"),
    ],
)
def test_weights_damaged_or_of_another_model_end_in_one_line(
    tmp_path: Path, name: str, cut: int | None, model: str, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(embedded().read_bytes()[:cut])
    with pytest.raises(DeepDreamError, match=message) as error:
        choice = backbones.resolve(model, ["block1_conv1"], weights=path)
        backbones.open_extractor(choice, ["block1_conv1"])
    assert str(path) in error.value.message and "\n" not in error.value.message
    assert error.value.hint


# --- the cache and the network --------------------------------------------------------------------------


class Server:
    """A web server on this machine whose answer to GET is a function; HEAD is answered at once."""

    def __init__(self) -> None:
        self.answer: Answer = good
        self.paths: list[str] = []
        self.release = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.paths.append(self.path)
                server.answer(self)

            def do_HEAD(self) -> None:
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/mirror"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.release.set()
        self.http.shutdown()
        self.http.server_close()


def good(handler: BaseHTTPRequestHandler) -> None:
    send(handler, BODY)


def wrong(handler: BaseHTTPRequestHandler) -> None:
    send(handler, BODY[::-1])


def truncated(handler: BaseHTTPRequestHandler) -> None:
    send(handler, BODY[:50_000], length=len(BODY))


def absent(handler: BaseHTTPRequestHandler) -> None:
    handler.send_error(404)


def send(handler: BaseHTTPRequestHandler, body: bytes, length: int | None = None) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(length or len(body)))
    handler.end_headers()
    handler.wfile.write(body)
    handler.wfile.flush()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    import keras  # noqa: F401  (so that no test's clock counts its import)

    running = Server()
    monkeypatch.setenv("DEEPDREAM_OFFLINE", "0")
    monkeypatch.setenv("DEEPDREAM_MIRROR", running.url + "/")
    monkeypatch.setattr(module, "TIMEOUT", 0.6)
    yield running
    running.close()


@pytest.fixture
def network() -> backbones.Backbone:
    """InceptionV3 as if its weights were 200 kB."""
    file = backbones.WeightsFile(
        "small.h5", PREFIX + "inception_v3/small.h5", hashlib.md5(BODY).hexdigest(), len(BODY)
    )
    return dataclasses.replace(backbones.get("inception_v3"), weights=file)


def cache() -> Path:
    return Path(os.environ["KERAS_HOME"]) / "models"


def files() -> list[Path]:
    return list(cache().rglob("*")) if cache().exists() else []


def test_a_good_download_lands_in_kerass_cache(
    server: Server, network: backbones.Backbone, capsys: pytest.CaptureFixture[str]
) -> None:
    assert backbones.state(network).kind == "to download"
    assert backbones.locate(network, download=False) == backbones.Weights(None, "download")
    found = backbones.locate(network)
    assert found == backbones.Weights(cache() / "small.h5", "download")
    assert files() == [cache() / "small.h5"] and files()[0].read_bytes() == BODY
    assert server.paths == ["/mirror/inception_v3/small.h5"]
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1 and "small.h5" in said.err
    assert backbones.locate(network).origin == "cache"
    assert backbones.state(network) == backbones.State("cached", len(BODY), cache() / "small.h5")
    assert len(server.paths) == 1


def test_a_quiet_download_says_nothing(
    server: Server, network: backbones.Backbone, capsys: pytest.CaptureFixture[str]
) -> None:
    backbones.fetch(network, quiet=True)
    assert capsys.readouterr() == ("", "")


def hang(server: Server, first: bytes) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if first:
            send(handler, first, length=len(BODY))
        server.release.wait(10)

    return answer


def interrupt(server: Server) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        send(handler, BODY[:50_000], length=len(BODY))
        os.kill(os.getpid(), signal.SIGINT)
        server.release.wait(10)

    return answer


@pytest.mark.parametrize("before", [None, BODY, b"damaged"], ids=["empty", "sound", "damaged"])
@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("wrong", "wrong checksum"),
        ("truncated", "broke off"),
        ("absent", "says 404 Not Found"),
        ("hangs", "does not answer"),
        ("hangs half way", "does not answer"),
        ("interrupted", ""),
    ],
)
def test_a_bad_download_leaves_the_cache_as_it_was(
    server: Server, network: backbones.Backbone, trouble: str, reason: str, before: bytes | None
) -> None:
    place = cache() / "small.h5"
    if before is not None:
        cache().mkdir(parents=True)
        place.write_bytes(before)
    server.answer = {
        "wrong": wrong,
        "truncated": truncated,
        "absent": absent,
        "hangs": hang(server, b""),
        "hangs half way": hang(server, BODY[:50_000]),
        "interrupted": interrupt(server),
    }[trouble]
    began = time.monotonic()
    if trouble == "interrupted":
        with pytest.raises(KeyboardInterrupt):
            backbones.fetch(network)
    else:
        with pytest.raises(backbones.WeightsMissingError, match=reason) as error:
            backbones.fetch(network)
        assert "\n" not in error.value.message and len(error.value.reason) < 250
        assert str(place) in str(error.value.hint) and "DEEPDREAM_MIRROR" in str(error.value.hint)
    assert time.monotonic() - began < 5
    assert files() == ([] if before is None else [place])
    assert before is None or place.read_bytes() == before


@pytest.mark.parametrize("answer", [b"<html>welcome to our hotel</html>", b"\x89HDF\r\n\x1a\n but short"])
def test_weights_that_keras_has_no_checksum_of_must_look_like_weights(
    server: Server, network: backbones.Backbone, answer: bytes
) -> None:
    assert network.weights is not None
    network = dataclasses.replace(network, weights=dataclasses.replace(network.weights, hash=""))
    server.answer = lambda handler: send(handler, answer)
    with pytest.raises(backbones.WeightsMissingError, match=r"127\.0\.0\.1:[0-9]+ sent is not the weights"):
        backbones.fetch(network)
    assert files() == []
    whole = b"\x89HDF\r\n\x1a\n" + BODY
    server.answer = lambda handler: send(handler, whole)
    assert backbones.fetch(network).read_bytes() == whole
    assert backbones.state(network).kind == "cached"
    (cache() / "small.h5").write_bytes(answer)
    assert backbones.state(network).kind == "damaged"


def test_a_sound_file_is_not_called_damaged_because_a_new_one_cannot_be_had(
    server: Server, network: backbones.Backbone
) -> None:
    backbones.fetch(network)
    server.answer = absent
    with pytest.raises(backbones.WeightsMissingError) as error:
        backbones.fetch(network)
    assert error.value.reason.endswith("says 404 Not Found")


def test_a_damaged_file_in_the_cache_is_replaced_not_used(
    server: Server, network: backbones.Backbone
) -> None:
    cache().mkdir(parents=True)
    (cache() / "small.h5").write_bytes(b"damaged")
    assert backbones.state(network).kind == "damaged"
    assert backbones.locate(network).origin == "download"
    assert (cache() / "small.h5").read_bytes() == BODY


def test_a_server_that_never_speaks_is_given_up_in_time(
    server: Server, network: backbones.Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like a firewall that swallows packets: the connection is open, not even HEAD is answered."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("DEEPDREAM_MIRROR", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(backbones.WeightsMissingError, match="does not answer"):
            backbones.locate(network)
        assert time.monotonic() - began < 3


def test_nobody_at_the_address_means_the_stand_in(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.close()
    choice = backbones.resolve("auto", ["mixed4"])
    assert choice.backbone.name == "vgg16"
    assert "connection refused" in str(choice.note)


def test_offline_asks_nobody_and_says_so(
    server: Server, network: backbones.Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPDREAM_OFFLINE", "1")
    with pytest.raises(backbones.WeightsMissingError, match="offline"):
        backbones.locate(network)
    assert server.paths == []


def test_state_of_what_is_embedded() -> None:
    state = backbones.state(backbones.get("vgg16"))
    assert state == backbones.State("embedded", embedded().stat().st_size, embedded())
