"""R4, R5, R6: the Python client, synchronous and asynchronous, with a path, with bytes and with parameters."""

import asyncio
import inspect
import os

import pytest
from huggingface_hub import AsyncInferenceClient, InferenceClient
from server import FIXTURES

# It blocks even requests to this machine.
assert "HF_HUB_OFFLINE" not in os.environ

CONTAINERS = ["yes.wav", "formats/yes.flac", "formats/yes.mp3", "formats/yes.ogg", "formats/yes.m4a", "formats/yes.opus", "formats/yes.webm"]
HAS_PARAMETERS = "top_k" in inspect.signature(InferenceClient.audio_classification).parameters


def ask(kind, url, audio, **parameters):
    if kind == "sync":
        answer = InferenceClient(model=url).audio_classification(audio, **parameters)
    else:
        async def run():
            client = AsyncInferenceClient(model=url)
            try:
                return await client.audio_classification(audio, **parameters)
            finally:
                if hasattr(client, "close"):
                    await client.close()

        answer = asyncio.run(run())
    # Dictionaries in old versions, objects in new ones.
    return [row if type(row) is dict else {"label": row.label, "score": row.score} for row in answer]


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("form", ["path", "text", "bytes"])
@pytest.mark.parametrize("container", CONTAINERS)
def test_r4_r5_audio(server, expected, kind, form, container):
    path = FIXTURES / container
    audio = {"path": path, "text": str(path), "bytes": path.read_bytes()}[form]
    answer = ask(kind, server.model, audio)
    assert [row["label"] for row in answer][0] == "yes"
    if container in ("yes.wav", "formats/yes.flac"):
        assert answer == expected


@pytest.mark.skipif(not HAS_PARAMETERS, reason="this version sends no parameters")
@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("form", ["path", "bytes"])
@pytest.mark.parametrize("top_k", [None, 1, 3, 1000])
@pytest.mark.parametrize("function", [None, "softmax", "sigmoid", "none"])
def test_r6_parameters(server, expected, wav, kind, form, top_k, function):
    parameters = {name: value for name, value in (("top_k", top_k), ("function_to_apply", function)) if value}
    answer = ask(kind, server.model, wav if form == "path" else wav.read_bytes(), **parameters)
    assert len(answer) == min(top_k or 1000, len(expected))
    if function in (None, "softmax"):
        assert answer == expected[: len(answer)]
    else:
        assert answer[0]["label"] == "yes"
        assert answer[0]["score"] != expected[0]["score"]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_errors_tell_their_text(server, kind):
    """What the client makes of an error must still hold the server's words, or at least the status."""
    with pytest.raises(Exception) as caught:
        ask(kind, server.model, b"this is no audio")
    told = f"{caught.value} {getattr(caught.value, 'response_error_payload', '')}"
    assert "400" in told or "text" in told
