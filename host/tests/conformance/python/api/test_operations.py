"""What those who run a server ask it."""

import json
import shutil

import requests
from server import FIXTURES, Server

MODEL = FIXTURES.parent / "commands-m.ear"


def test_health_and_ready(server):
    for path in ["/health", "/ready", "/health/", "/ready/"]:
        assert requests.get(server.url + path).json() == {"status": "ok"}


def test_info(server, expected):
    info = requests.get(server.url + "/info").json()
    assert info["model"]["id"] == "earmark/commands"
    assert sorted(info["model"]["labels"]) == sorted(row["label"] for row in expected)
    assert (info["model"]["sample_rate"], info["model"]["window_samples"]) == (16000, 16000)
    assert info["limits"]["audio_seconds"] == 60
    assert info["version"] and info["artifact_version"] >= 1


def test_models_have_the_names_of_their_files(tmp_path, wav, expected):
    (tmp_path / "owner").mkdir()
    shutil.copy(MODEL, tmp_path / "commands-s.ear")
    shutil.copy(MODEL, tmp_path / "owner" / "name.ear")
    (tmp_path / "readme.txt").write_text("no model")
    with Server("--models", tmp_path) as server:
        models = {model["id"]: model["state"] for model in requests.get(server.url + "/models").json()}
        assert set(models) == {"commands-s", "owner/name", "earmark/commands"}
        # Nobody has asked for them.
        assert (models["commands-s"], models["owner/name"]) == ("Loadable", "Loadable")
        for name in models:
            assert requests.post(f"{server.url}/models/{name}", data=wav.read_bytes()).json() == expected
            assert requests.get(f"{server.url}/status/{name}").json()["loaded"] is True
            assert requests.get(f"{server.url}/models/{name}").json()["id"] == name


def test_metrics(wav):
    with Server() as server:
        requests.post(server.url, data=wav.read_bytes())
        requests.post(server.url, data=wav.read_bytes())
        requests.post(server.url, data=b"")
        response = requests.get(server.url + "/metrics")
        assert response.headers["content-type"].startswith("application/openmetrics-text")
        lines = response.text.splitlines()
        for line in [
            'earmark_requests_total{status="200"} 2', 'earmark_requests_total{status="400"} 1', "earmark_queue_depth 0",
            "earmark_cache_hits_total 1", "earmark_cache_misses_total 1", "earmark_request_seconds_count 3",
            "earmark_compute_seconds_count 2", "earmark_audio_seconds_total 2.0", "# EOF",
        ]:
            assert line in lines, response.text


def test_openapi_and_the_page_to_try_it(server):
    document = requests.get(server.url + "/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert "/models/{owner}/{name}" in document["paths"]
    page = requests.get(server.url + "/docs/")
    assert page.headers["content-type"].startswith("text/html") and "swagger" in page.text.lower()


def test_logs(wav):
    with Server("--log", "json", "--log-level", "debug") as server:
        requests.post(server.url + "/predict", data=wav.read_bytes(), headers={"x-request-id": "seen"})
        requests.get(server.url + "/health")
    entries = [json.loads(line) for line in server.log]
    entry = next(entry for entry in entries if entry.get("id") == "seen")
    assert (entry["method"], entry["path"], entry["status"]) == ("POST", "/predict", 200)
    assert entry["milliseconds"] > 0
    assert all(entry["level"] and entry["timestamp"] for entry in entries)
    with Server("--log-level", "debug") as server:
        requests.post(server.url + "/predict", data=wav.read_bytes(), headers={"x-request-id": "seen"})
    assert any("id=\"seen\"" in line and "DEBUG" in line for line in server.log), server.log
