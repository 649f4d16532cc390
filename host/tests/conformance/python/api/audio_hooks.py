"""Tells schemathesis what no schema can: which bytes are audio."""

import base64
import io
import wave

import schemathesis
from hypothesis import strategies


def silence(rate, channels, frames):
    """A WAV file, short because schemathesis prints what it finds."""
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(channels)
        wav.setsampwidth(2)
        wav.setframerate(rate)
        wav.writeframes(bytes(2 * channels * frames))
    return file.getvalue()


AUDIO = [silence(16000, 1, 10), silence(44100, 2, 20), silence(8000, 1, 1)]

schemathesis.openapi.format("byte", strategies.sampled_from([base64.b64encode(audio).decode() for audio in AUDIO]))
for media_type in ("audio/*", "application/octet-stream"):
    schemathesis.openapi.media_type(media_type, strategies.sampled_from(AUDIO))
schemathesis.openapi.format("binary", strategies.sampled_from(AUDIO))


@schemathesis.hook
def filter_body(context, body):
    """No form can hold a field whose name has control characters."""
    return not isinstance(body, dict) or all(name.isprintable() for name in body)
