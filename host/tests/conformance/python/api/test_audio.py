"""The same audio in every container, raw and as base64: the same scores, and those of the command line."""

import base64
import json

import pytest
import requests
from server import FIXTURES, classify

SUFFIXES = {".wav", ".flac", ".mp3", ".ogg", ".m4a", ".opus", ".webm", ".mp4"}
FILES = sorted(path for path in FIXTURES.rglob("yes*") if path.suffix in SUFFIXES)


def ogg_page(kind, number, packet):
    """A page of an Ogg file, with one packet in it."""
    page = b"OggS\0" + bytes([kind]) + bytes(8) + b"\1\0\0\0" + bytes([number]) + bytes(7) + bytes([1, len(packet)]) + packet
    checksum = 0
    for byte in page:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = (checksum << 1 ^ 0x04C11DB7 * (checksum >> 31)) & 0xFFFFFFFF
    return page[:22] + checksum.to_bytes(4, "little") + page[26:]


# Bytes that begin as formats do that cannot be decoded here.
FOREIGN = {
    "Opus": ogg_page(2, 0, b"OpusHead\x01\x03\x38\x01\x80\xbb\0\0\0\0\xff\x03\0\0\1\2") + ogg_page(0, 1, b"OpusTags" + bytes(8)) + ogg_page(4, 2, b"\xf8\xff\xfe"),
    "Windows Media": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    "AMR": b"#!AMR\n\x3c",
}


def forms(audio):
    text = base64.b64encode(audio)
    return {
        "raw": {"data": audio},
        "raw with a type": {"data": audio, "headers": {"content-type": "audio/x"}},
        "json": {"json": {"inputs": text.decode()}},
        "bare base64": {"data": text},
        "form": {"files": {"file": ("clip", audio)}},
    }


def test_all_containers_are_there():
    assert {path.suffix for path in FILES} == SUFFIXES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_identical_scores(server, path):
    expected = classify(path)
    for form, request in forms(path.read_bytes()).items():
        response = requests.post(server.model, **request)
        assert (response.status_code, response.text) == (200, expected), form


def test_lossless_containers_agree(server, expected):
    for name in ["yes.wav", "formats/yes.flac"]:
        assert requests.post(server.model, data=(FIXTURES / name).read_bytes()).json() == expected


@pytest.mark.parametrize("codec", FOREIGN)
def test_codecs_that_cannot_be_decoded(server, codec):
    for form, request in forms(FOREIGN[codec]).items():
        response = requests.post(server.model, **request)
        assert response.status_code == 415, (form, response.text)
        assert codec in response.json()["error"]


@pytest.mark.parametrize("name", ["yes.wav", "formats/yes.flac", "formats/yes.mp3", "formats/yes.m4a", "formats/yes.webm"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.5, 0.9])
def test_truncated_files(server, name, part):
    audio = (FIXTURES / name).read_bytes()
    for form, request in forms(audio[: int(part * len(audio))]).items():
        response = requests.post(server.model, **request)
        # An MP3 without a length may end anywhere.
        if name.endswith("mp3") and response.status_code == 200:
            continue
        assert response.status_code == 400, (form, response.text)
        assert isinstance(json.loads(response.text)["error"], str)
