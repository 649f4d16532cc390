"""Tells schemathesis what no schema can: which bytes are audio."""

import base64
from pathlib import Path

import schemathesis
from hypothesis import strategies

FIXTURES = Path(__file__).resolve().parents[5] / "models" / "fixtures"
AUDIO = [(FIXTURES / name).read_bytes() for name in ("yes.wav", "formats/yes.flac", "formats/yes.mp3")]

schemathesis.openapi.format("byte", strategies.sampled_from([base64.b64encode(audio).decode() for audio in AUDIO]))
for media_type in ("audio/*", "application/octet-stream"):
    schemathesis.openapi.media_type(media_type, strategies.sampled_from(AUDIO))
schemathesis.openapi.format("binary", strategies.sampled_from(AUDIO))
