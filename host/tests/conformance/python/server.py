"""The real server as a child process."""

import os
import re
import subprocess
import threading
from pathlib import Path

BINARY = os.environ["EARMARK"]
FIXTURES = Path(__file__).resolve().parents[4] / "models" / "fixtures"


class Server:
    """`earmark serve` on a free port of the loopback; use it in a `with` statement."""

    def __init__(self, *options, environment=None):
        command = [BINARY, "serve", "--addr", "127.0.0.1:0", *map(str, options)]
        self.log = []
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}
        )
        for line in self.process.stderr:
            self.log.append(line)
            if address := re.search(r"listening on (http://127\.0\.0\.1:\d+)", line):
                self.url = address[1]
                break
        else:
            raise RuntimeError("the server did not start: " + "".join(self.log))
        threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True).start()

    @property
    def model(self):
        return f"{self.url}/models/earmark/commands"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        assert self.process.wait(timeout=30) == 0, "".join(self.log)


def classify(path, *options):
    """What the command line answers, as text."""
    return subprocess.run(
        [BINARY, "classify", *options, path], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
