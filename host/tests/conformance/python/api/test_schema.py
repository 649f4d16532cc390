"""schemathesis against the OpenAPI document: every answer is one that the document speaks of, and none is a 500."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from server import FIXTURES, Server

HERE = Path(__file__).parent


def test_the_document_is_true(tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    shutil.copy(FIXTURES.parent / "commands-m.ear", models / "commands.ear")
    with Server("--models", models) as server:
        command = [
            Path(sys.executable).with_name("schemathesis"), "--config-file", HERE / "schemathesis.toml",
            "run", f"{server.url}/openapi.json", "--checks", "all", "--no-color",
        ]
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": "audio_hooks", "PYTHONPATH": str(HERE)}
        run = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path, env=environment
        )
    assert run.returncode == 0, run.stdout
    generated, passed = re.search(r"(\d+) generated, (\d+) passed\n", run.stdout).groups()
    assert generated == passed and int(generated) > 500, run.stdout
