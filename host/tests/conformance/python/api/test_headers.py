"""The header rows, in both directions, and the cache that one of them speaks of."""

import gzip
import os
import re
import shutil
import subprocess

import pytest
import requests
from server import BINARY, FIXTURES, Server


def post(server, audio, path="/", **headers):
    return requests.post(server.url + path, data=audio, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_content_type(server, wav):
    for response in [post(server, wav.read_bytes()), post(server, b""), requests.get(server.url + "/nowhere")]:
        assert response.headers["content-type"].startswith("application/json")


def test_request_ids(server, wav):
    for audio in [wav.read_bytes(), b""]:
        assert post(server, audio, x_request_id="mine").headers["x-request-id"] == "mine"
        assert post(server, audio, x_amzn_trace_id="Root=1-2-3").headers["x-request-id"] == "Root=1-2-3"
        both = post(server, audio, x_request_id="mine", x_amzn_trace_id="Root=1-2-3")
        assert both.headers["x-request-id"] == "mine"
    ids = {post(server, b"").headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20 and "" not in ids


def test_compute_headers(server, wav):
    for use_cache in ["true", "false"]:
        headers = post(server, wav.read_bytes(), x_use_cache=use_cache).headers
        assert re.fullmatch(r"\d+\.\d{3}", headers["x-compute-time"])
        assert headers["x-compute-audio-length"] == "1.000"


def test_cors(server, wav):
    origin = "http://example.org"
    response = post(server, wav.read_bytes(), origin=origin)
    assert response.headers["access-control-allow-origin"] == "*"
    exposed = response.headers["access-control-expose-headers"].lower()
    for name in ["x-request-id", "x-compute-time", "x-compute-audio-length", "x-cache", "retry-after"]:
        assert name in exposed
    asked = "authorization,content-type,x-use-cache,x-wait-for-model,x-request-id"
    headers = {"origin": origin, "access-control-request-method": "POST", "access-control-request-headers": asked}
    response = requests.options(server.model, headers=headers)
    assert response.status_code == 200
    assert "POST" in response.headers["access-control-allow-methods"]
    assert response.headers["access-control-allow-headers"] == asked
    # Errors can be read by scripts, too.
    assert post(server, b"", origin=origin).headers["access-control-allow-origin"] == "*"


def test_one_origin():
    with Server("--allow-origin", "http://example.org") as server:
        assert post(server, b"").headers["access-control-allow-origin"] == "http://example.org"


def test_gzip(server, wav, expected):
    response = requests.get(server.url + "/openapi.json", headers={"accept-encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip" and response.json()["openapi"].startswith("3.1")
    # Short answers are not worth it.
    assert "content-encoding" not in post(server, wav.read_bytes()).headers
    packed = post(server, gzip.compress(wav.read_bytes()), content_encoding="gzip")
    assert packed.json() == expected
    assert post(server, b"no gzip", content_encoding="gzip").status_code == 400


class TestCache:
    @pytest.fixture
    def fresh(self, tmp_path):
        shutil.copy(FIXTURES.parent / "commands-m.ear", tmp_path / "other.ear")
        with Server("--models", tmp_path) as server:
            yield server

    def test_what_is_repeated_is_a_hit(self, fresh, wav, flac, expected):
        def ask(audio=wav.read_bytes(), path="/", **headers):
            response = post(fresh, audio, path, **headers)
            assert response.status_code == 200
            return response.headers["x-cache"], response.json()

        assert ask() == ("miss", expected)
        assert ask() == ("hit", expected)
        assert ask(path="/models/earmark/commands") == ("hit", expected)
        for value in ["false", "0", "False"]:
            assert ask(x_use_cache=value) == ("miss", expected)
        for value in ["true", "1", "TRUE", ""]:
            assert ask(x_use_cache=value) == ("hit", expected)
        # Everything that an answer depends on tells them apart.
        for other in [{"audio": flac.read_bytes()}, {"path": "/models/other"}, {"path": "/?top_k=2"}, {"path": "/?function_to_apply=none"}]:
            assert ask(**other)[0] == "miss"
            assert ask(**other)[0] == "hit"
        # However the same question is put.
        assert requests.post(fresh.url, files={"file": wav.open("rb")}).headers["x-cache"] == "hit"
        assert ask(path="/?function_to_apply=softmax") == ("hit", expected)

    def test_what_was_fresh_on_demand_is_not_kept(self, fresh, wav):
        assert post(fresh, wav.read_bytes(), x_use_cache="false").headers["x-cache"] == "miss"
        assert post(fresh, wav.read_bytes()).headers["x-cache"] == "miss"

    def test_errors_are_not_kept(self, fresh):
        for _ in range(2):
            response = post(fresh, b"RIFF\0\0\0\0WAVE")
            assert response.status_code == 400 and "x-cache" not in response.headers

    def test_none(self, wav):
        with Server("--cache-bytes", 0) as server:
            for _ in range(2):
                assert post(server, wav.read_bytes()).headers["x-cache"] == "miss"


def test_an_empty_key_is_none_that_protects():
    environment = {**os.environ, "EARMARK_API_KEY": ""}
    assert subprocess.run([BINARY, "serve", "--addr", "127.0.0.1:0"], env=environment, timeout=30).returncode == 2
