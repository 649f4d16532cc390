"""The request rows that need no special client: R1, R2, R11 to R17."""

import base64
import json
import subprocess

import pytest
import requests
from server import FIXTURES, classify


def curl(*arguments):
    """Status and body."""
    command = ["curl", "-sS", "--max-time", "30", "-w", "\n%{http_code}", *map(str, arguments)]
    body, status = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.rsplit(b"\n", 1)
    return int(status), json.loads(body)


def encoded(path):
    return base64.b64encode(path.read_bytes()).decode()


def refused(response, status, *words):
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert isinstance(error, str)
    for word in words:
        assert word in error, error


ROUTES = ["/", "/predict", "/predict/", "/models/earmark/commands", "/models/earmark/commands/"]


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_answers(server, wav, expected, route):
    response = requests.post(server.url + route, data=wav.read_bytes())
    assert (response.status_code, response.json()) == (200, expected)


def test_r1_curl(server, flac, expected):
    assert curl("--data-binary", f"@{flac}", server.model) == (200, expected)


def test_r2_requests(server, flac, expected):
    response = requests.post(server.model, data=flac.read_bytes())
    assert "content-type" not in response.request.headers
    assert (response.status_code, response.json()) == (200, expected)


def test_r3_raw_audio_that_is_said_to_be_json(server, flac, expected):
    response = requests.post(server.model, data=flac.read_bytes(), headers={"content-type": "application/json"})
    assert (response.status_code, response.json()) == (200, expected)


@pytest.mark.parametrize(
    "content_type", ["audio/flac", "audio/x-wav", "text/plain", "application/octet-stream", "multipart/form-data", "nonsense"]
)
def test_content_types_do_not_count(server, wav, expected, content_type):
    headers = {"content-type": content_type}
    for body in [wav.read_bytes(), json.dumps({"inputs": encoded(wav)}), encoded(wav)]:
        response = requests.post(server.model, data=body, headers=headers)
        assert (response.status_code, response.json()) == (200, expected)


@pytest.mark.parametrize("content_type", [None, "application/json", "application/octet-stream"])
def test_r6_json_of_any_type(server, wav, expected, content_type):
    body = json.dumps({"inputs": encoded(wav), "parameters": {"top_k": 2, "function_to_apply": "softmax"}}).encode()
    response = requests.post(server.model, data=body, headers={"content-type": content_type})
    assert (response.status_code, response.json()) == (200, expected[:2])


@pytest.mark.parametrize("parameters", [None, {}, {"top_k": None, "function_to_apply": None}, {"other": [{}]}])
def test_r6_no_parameters(server, wav, expected, parameters):
    response = requests.post(server.model, json={"inputs": encoded(wav), "parameters": parameters, "options": {}})
    assert (response.status_code, response.json()) == (200, expected)


@pytest.mark.parametrize("function", ["softmax", "sigmoid", "none"])
def test_r6_functions_are_those_of_the_command_line(server, wav, function):
    parameters = {"function_to_apply": function}
    response = requests.post(server.model, json={"inputs": encoded(wav), "parameters": parameters})
    assert response.text == classify(wav, "--function-to-apply", function)


def test_r10_bare_base64(server, wav, expected):
    response = requests.post(server.model, data=encoded(wav), headers={"content-type": "text/plain"})
    assert (response.status_code, response.json()) == (200, expected)


@pytest.mark.parametrize("inputs", ["sample1.flac", "/etc/passwd", "http://127.0.0.1:1/a.wav", "file:///etc/passwd", ""])
def test_r11_names_are_never_opened(server, inputs):
    refused(requests.post(server.model, json={"inputs": inputs}, headers={"content-type": "audio/flac"}), 400)


def test_r11_says_what_to_do(server):
    refused(requests.post(server.model, json={"inputs": "sample1.flac"}), 400, "base64")


def test_r12_chunked(server, wav, expected):
    def pieces():
        audio = wav.read_bytes()
        for start in range(0, len(audio), 5000):
            yield audio[start : start + 5000]

    response = requests.post(server.model, data=pieces())
    assert response.request.headers["transfer-encoding"] == "chunked"
    assert (response.status_code, response.json()) == (200, expected)


def test_r12_expect_continue(server, wav, expected):
    assert curl("-H", "Expect: 100-continue", "--data-binary", f"@{wav}", server.model) == (200, expected)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_r12_other_methods(server, wav, method):
    response = requests.request(method, server.model, data=wav.read_bytes())
    refused(response, 405, "POST")
    assert set(response.headers["allow"].split(",")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize("field", ["file", "inputs", "audio"])
def test_r13_multipart(server, wav, expected, field):
    response = requests.post(server.model, files={field: wav.open("rb")})
    assert (response.status_code, response.json()) == (200, expected)
    response = requests.post(server.model, files={field: wav.open("rb")}, data={"top_k": "2"})
    assert (response.status_code, response.json()) == (200, expected[:2])
    assert curl("-F", f"{field}=@{wav}", server.model) == (200, expected)


def test_r13_other_fields_are_ignored(server, wav, expected):
    response = requests.post(server.model, files={"file": wav.open("rb")}, data={"comment": "from the kitchen", "on": "1"})
    assert (response.status_code, response.json()) == (200, expected)


def test_r13_not_two_files(server, wav):
    refused(requests.post(server.model, files={"a": wav.open("rb"), "b": wav.open("rb")}), 400, "one")


@pytest.mark.parametrize("container", ["yes.wav", "formats/yes.flac", "formats/yes.mp3", "formats/yes.ogg"])
def test_r14_stripped_bytes(server, container):
    status, answer = curl("-d", f"@{FIXTURES / container}", server.model)
    assert status == 400
    assert "--data-binary" in answer["error"]


@pytest.mark.parametrize("content_type", ["", "audio/wav", "application/json"])
def test_r15_query(server, wav, content_type):
    query = {"top_k": 3, "function_to_apply": "sigmoid"}
    headers = {"content-type": content_type}
    response = requests.post(server.model, params=query, data=wav.read_bytes(), headers=headers)
    assert response.status_code == 200
    assert response.text == classify(wav, "--top-k", "3", "--function-to-apply", "sigmoid")


def test_r16_base64_in_its_varieties(server, flac, expected):
    text = encoded(flac)
    lines = "\n".join(text[start : start + 76] for start in range(0, len(text), 76))
    for body in [
        json.dumps({"inputs": lines}),
        json.dumps({"inputs": lines.replace("\n", "\r\n")}),
        json.dumps({"inputs": text.rstrip("=")}),
        json.dumps({"inputs": text}).replace("/", "\\/"),
    ]:
        response = requests.post(server.model, data=body)
        assert (response.status_code, response.json()) == (200, expected), response.text


def test_r17_empty(server):
    for body in [b"", b" \n"]:
        refused(requests.post(server.model, data=body), 400, "empty")


@pytest.mark.parametrize("top_k, length", [("1", 1), ("3.0", 3), ("1000", 12), ("1e99", 12)])
def test_top_k_is_clamped(server, wav, top_k, length):
    body = f'{{"inputs": "{encoded(wav)}", "parameters": {{"top_k": {top_k}}}}}'
    assert len(requests.post(server.model, data=body).json()) == length


@pytest.mark.parametrize("top_k", ["0", "-1", "1.5", '"3"', "true", "[]"])
def test_top_k_is_checked(server, wav, top_k):
    body = f'{{"inputs": "{encoded(wav)}", "parameters": {{"top_k": {top_k}}}}}'
    refused(requests.post(server.model, data=body), 400, "top_k")


@pytest.mark.parametrize("function", ["Softmax", "", "relu", 1, {}])
def test_function_names_are_exact(server, wav, function):
    body = {"inputs": encoded(wav), "parameters": {"function_to_apply": function}}
    refused(requests.post(server.model, json=body), 400, "function_to_apply")
