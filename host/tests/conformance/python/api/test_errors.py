"""The error rows: the status, one string under `error`, and what the string must say."""

import base64
import os
import signal
import struct
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from server import FIXTURES, Server

ARTIFACT = FIXTURES.parent / "commands-m.ear"


def silence(seconds, rate=16000):
    """A WAV file."""
    length = 2 * seconds * rate
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + length, b"WAVE", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16, b"data", length)
    return header + bytes(length)


def refused(response, status, *words):
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/json")
    answer = response.json()
    assert isinstance(answer["error"], str) and "\n" not in answer["error"]
    assert set(answer) <= {"error", "error_type", "warnings", "estimated_time"}
    for word in words:
        assert word in answer["error"], answer
    return response


@pytest.mark.parametrize(
    "body, words",
    [
        (b"\0\1\2\3\4\5", ["no audio file of a known format"]),
        (b"<html>", ["text", "neither JSON"]),
        (b"{", ["JSON"]),
        (b'{"inputs": 1}', ["inputs"]),
        (b'{"inputs": {}}', ["inputs"]),
        (b'{"parameters": {}}', ["inputs"]),
        (b'{"inputs": "not base64!"}', ["base64"]),
        (b'{"inputs": "UklGRg==", "parameters": 3}', ["parameters"]),
        (b'\xef\xbb\xbf{"inputs": "UklGRg=="}', ["byte order mark"]),
        (b'{"inputs": "\xff"}', ["UTF-8"]),
        (b"[" * 100_000, []),
        (b'{"a":' * 100_000, []),
        (b'{"inputs": ' + b"[" * 100_000, []),
    ],
    ids=range(13),
)
def test_400(server, body, words):
    refused(requests.post(server.model, data=body), 400, *words)


def test_r9_the_object_that_old_clients_make_of_a_blob(server):
    refused(requests.post(server.model, json={"inputs": {}}), 400, "inputs", "string")


def test_400_for_query_and_headers(server, wav):
    audio = wav.read_bytes()
    for query in ["top_k=0", "top_k=x", "top_k=1&top_k=2", "function_to_apply=max"]:
        refused(requests.post(f"{server.model}?{query}", data=audio), 400, query.split("=")[0])
    for header in ["x-use-cache", "x-wait-for-model"]:
        refused(requests.post(server.model, data=audio, headers={header: "maybe"}), 400, header)


@pytest.fixture(scope="module", params=["option", "variable"])
def guarded(request):
    options, environment = (["--api-key", "sesame"], {}) if request.param == "option" else ([], {"EARMARK_API_KEY": "sesame"})
    with Server(*options, environment=environment) as server:
        yield server


def test_401(guarded, wav, expected):
    def ask(key, path="/"):
        headers = {} if key is None else {"authorization": key}
        return requests.post(guarded.url + path, data=wav.read_bytes(), headers=headers)

    for key in ["Bearer sesame", "Bearer: sesame", "bearer sesame", "BEARER:sesame"]:
        assert ask(key).json() == expected
    for path in ["/", "/predict", "/models/earmark/commands", "/models/earmark/commands/"]:
        for key in [None, "", "Bearer", "Bearer ", "Bearer wrong", "Bearer sesam", "Bearer sesames", "Basic sesame"]:
            assert refused(ask(key, path), 401, "key").headers["www-authenticate"] == "Bearer"
    for path in ["/info", "/metrics", "/models", "/models/earmark/commands", "/status/earmark/commands"]:
        refused(requests.get(guarded.url + path), 401)
    for path in ["/health", "/ready", "/docs/", "/openapi.json", "/"]:
        assert requests.get(guarded.url + path).status_code == 200


def test_keys_do_not_matter_where_none_is_asked_for(server, wav):
    for key in ["Bearer", "Bearer ", "Bearer x", "Bearer: x", "Basic x"]:
        assert requests.post(server.model, data=wav.read_bytes(), headers={"authorization": key}).status_code == 200


def test_404(server, wav):
    for path in ["/models/nobody/nothing", "/models/nothing", "/status/nothing", "/nowhere", "/models/a/b/c", "//predict"]:
        for method in ["GET", "POST"]:
            if path.startswith("/status") and method == "POST":
                continue
            refused(requests.request(method, server.url + path, data=wav.read_bytes()), 404)
    refused(requests.get(server.url + "/models/nothing"), 404, "nothing", "/models")


def test_405(server):
    for method, path, allowed in [
        ("PUT", "/", "POST"), ("GET", "/predict", "POST"), ("POST", "/info", "GET"), ("DELETE", "/models/a/b", "POST"),
    ]:
        response = refused(requests.request(method, server.url + path), 405, allowed)
        assert allowed in response.headers["allow"]


def test_413(wav):
    with Server("--max-bytes", 100_000, "--max-seconds", 2) as server:
        assert requests.post(server.model, data=silence(2)).status_code == 200
        refused(requests.post(server.model, data=silence(3)), 413, "2 s")
        refused(requests.post(server.model, json={"inputs": base64.b64encode(silence(3)).decode()}), 413, "2 s")
        # Base64 makes 4 bytes of 3; what it holds is what counts.
        most = silence(2) + bytes(100_000 - 64_044)
        assert requests.post(server.model, json={"inputs": base64.b64encode(most).decode()}).status_code == 200
        for request in [
            {"data": most + b"\0"},
            {"json": {"inputs": base64.b64encode(most + b"\0").decode()}},
            {"data": base64.b64encode(most + b"\0")},
            {"data": bytes(1_000_000)},
            {"data": iter([bytes(100_000)] * 10)},
            {"files": {"file": bytes(1_000_000)}},
        ]:
            refused(requests.post(server.model, **request), 413, "bytes")


def test_415_for_encodings(server, wav):
    refused(requests.post(server.model, data=wav.read_bytes(), headers={"content-encoding": "br"}), 415, "gzip")


def test_429():
    audio = silence(60)
    with Server("--workers", 1, "--queue", 0) as server, ThreadPoolExecutor(16) as threads:
        ask = lambda _: requests.post(server.model, data=audio, headers={"x-use-cache": "false"})
        answers = []
        # Requests may by chance come one after the other.
        for _ in range(50):
            answers += threads.map(ask, range(16))
            if any(answer.status_code == 429 for answer in answers):
                break
        assert {answer.status_code for answer in answers} == {200, 429}
        for answer in answers:
            if answer.status_code == 429:
                assert int(refused(answer, 429, "again").headers["retry-after"]) >= 1
                # Kept back, lest clients that ask again at once take the processor from those that are served.
                assert answer.elapsed.total_seconds() >= 0.15
        assert requests.post(server.model, data=audio).status_code == 200


@pytest.fixture
def slow(tmp_path):
    """A directory with a model that is not read before somebody writes it."""
    os.mkfifo(tmp_path / "slow.ear")
    yield tmp_path


def test_503_while_loading(slow, wav, expected):
    with Server("--models", slow, "--load-wait", 1) as server, ThreadPoolExecutor() as threads:
        ask = lambda headers: requests.post(f"{server.url}/models/slow", data=wav.read_bytes(), headers=headers)
        patient = threads.submit(ask, {"x-wait-for-model": "true"})
        response = refused(ask({}), 503, "slow", "loading")
        # No client that tries again at once may do so in a loop.
        assert response.elapsed.total_seconds() >= 1
        assert response.json()["estimated_time"] > 0
        assert int(response.headers["retry-after"]) >= 1
        assert requests.get(f"{server.url}/status/slow").json()["state"] == "Loading"
        assert requests.post(server.model, data=wav.read_bytes()).json() == expected
        (slow / "slow.ear").write_bytes(ARTIFACT.read_bytes())
        assert patient.result().json() == expected
        assert ask({}).json() == expected


def test_504(slow, wav):
    with Server("--models", slow, "--timeout", 1) as server:
        url = f"{server.url}/models/slow"
        refused(requests.post(url, data=wav.read_bytes(), headers={"x-wait-for-model": "1"}), 504, "1 s")
        (slow / "slow.ear").write_bytes(ARTIFACT.read_bytes())


def test_requests_in_progress_are_finished_at_sigterm(slow, wav, expected):
    with Server("--models", slow) as server, ThreadPoolExecutor() as threads:
        answer = threads.submit(requests.post, f"{server.url}/models/slow", data=wav.read_bytes())
        while requests.get(f"{server.url}/status/slow").json()["state"] != "Loading":
            pass
        server.process.send_signal(signal.SIGTERM)
        while not any("stopping" in line for line in server.log):
            threading.Event().wait(0.01)
        (slow / "slow.ear").write_bytes(ARTIFACT.read_bytes())
        assert answer.result().json() == expected
        assert server.process.wait(30) == 0
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{server.url}/health")


def test_500_for_a_model_that_cannot_be_used(tmp_path, wav, expected):
    (tmp_path / "broken.ear").write_bytes(ARTIFACT.read_bytes()[:5000])
    with Server("--models", tmp_path) as server:
        for _ in range(3):
            refused(requests.post(f"{server.url}/models/broken", data=wav.read_bytes()), 500, "broken", "bytes")
        assert requests.get(f"{server.url}/status/broken").json()["state"] == "Failed"
        assert requests.post(server.model, data=wav.read_bytes()).json() == expected
