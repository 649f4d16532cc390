"""What all tests share: one server, and what it must answer."""

import json

import pytest
from server import FIXTURES, Server, classify


@pytest.fixture(scope="session")
def server():
    with Server() as server:
        yield server


@pytest.fixture(scope="session")
def wav():
    return FIXTURES / "yes.wav"


@pytest.fixture(scope="session")
def flac():
    return FIXTURES / "formats" / "yes.flac"


@pytest.fixture(scope="session")
def expected(wav):
    """All labels and scores for the file, as the command line gives them."""
    return json.loads(classify(wav))
