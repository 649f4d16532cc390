"""The three requests of the specification's examples: as a Python program, as a JavaScript one and by curl, each with a key."""

import json
import subprocess

FILE = "sample1.flac"

PYTHON = """
import json, requests
with open({file!r}, "rb") as file:
    answer = requests.post({url!r}, headers={{"Authorization": "Bearer hf_***"}}, data=file.read())
print(json.dumps(answer.json()))
"""

# Says that the body is JSON, which it is not.
JAVASCRIPT = """
const fs = require("fs");
const headers = {{ Authorization: "Bearer hf_***", "Content-Type": "application/json" }};
fetch({url!r}, {{ headers, method: "POST", body: fs.readFileSync({file!r}) }})
  .then((response) => response.json())
  .then((answer) => console.log(JSON.stringify(answer)));
"""

CURL = """
curl -sS {url} \\
    -X POST \\
    --data-binary '@{file}' \\
    -H 'Authorization: Bearer hf_***'
"""


def test_the_examples_work(server, flac, expected, tmp_path):
    (tmp_path / FILE).write_bytes(flac.read_bytes())
    for program, text in [(["python3", "-"], PYTHON), (["node", "-"], JAVASCRIPT), (["sh"], CURL)]:
        text = text.format(url=server.model, file=FILE)
        run = subprocess.run(program, input=text, stdout=subprocess.PIPE, text=True, check=True, cwd=tmp_path)
        assert json.loads(run.stdout) == expected, program
