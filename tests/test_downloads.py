"""Downloads of weights into Keras's cache: a good one, and those that go wrong in every way."""

from __future__ import annotations

import dataclasses
import hashlib
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

BODY = np.random.default_rng(0).bytes(200_000)

PREFIX = "https://storage.googleapis.com/tensorflow/keras-applications/"

Answer = Callable[[BaseHTTPRequestHandler], None]


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
