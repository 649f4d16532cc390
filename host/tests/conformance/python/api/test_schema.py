"""schemathesis against the OpenAPI document: every answer is one that the document speaks of, and none is a 500."""

import base64
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_the_document_is_true(server, tmp_path):
    command = [
        Path(sys.executable).with_name("schemathesis"), "--config-file", HERE / "schemathesis.toml",
        "run", f"{server.url}/openapi.json", "--checks", "all", "--no-color",
    ]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stdout
    assert "No issues found" in run.stdout, run.stdout
