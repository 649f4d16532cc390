"""Samples over a WebSocket: the lines that `earmark stream` prints for the same samples in a file."""

import subprocess
import wave

import pytest
import websocket
from server import BINARY, FIXTURES


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """Words with pauses between them."""
    path = tmp_path_factory.mktemp("stream") / "speech.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        for name in ["yes", "no", "go", "stop", "yes", "left"]:
            with wave.open(str(FIXTURES / f"{name}.wav")) as word:
                file.writeframes(bytes(24000) + word.readframes(word.getnframes()))
        file.writeframes(bytes(32000))
    return path


@pytest.mark.parametrize("piece", [320, 3200, 65536])
def test_the_same_events_as_the_command_line(server, speech, piece):
    expected = subprocess.run([BINARY, "stream", speech], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    assert expected
    with wave.open(str(speech)) as file:
        samples = file.readframes(file.getnframes())
    url = server.model.replace("http://", "ws://") + "/stream?rate=16000&format=s16le"
    socket = websocket.create_connection(url, timeout=60)
    for start in range(0, len(samples), piece):
        socket.send_binary(samples[start : start + piece])
    socket.send_binary(b"")
    events = []
    while True:
        kind, data = socket.recv_data()
        if kind == websocket.ABNF.OPCODE_CLOSE:
            break
        events.append(data.decode())
    assert events == expected
    assert int.from_bytes(data[:2], "big") == 1000
