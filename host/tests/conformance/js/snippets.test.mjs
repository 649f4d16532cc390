// The specification's own three examples. They are not copied here: the page that publishes them was made by this package, and so are they.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";

import { snippets } from "specification";

import { classify, fixture, serve } from "./server.mjs";

const run = promisify(execFile);

const asked = { id: "owner/name", pipeline_tag: "audio-classification", tags: [] };
const key = "hf_***";
const published = {
  curl: snippets.curl.getCurlInferenceSnippet(asked, key).content,
  javascript: snippets.js.getJsInferenceSnippet(asked, key).content,
  python: snippets.python.getPythonInferenceSnippet(asked, key)[0].content,
};

describe("the specification's examples", () => {
  // Their file's name, so that it needs no change.
  const file = "sample1.flac";
  const expected = classify("yes.wav");
  let server, directory;
  before(async () => {
    server = await serve();
    directory = mkdtempSync(join(tmpdir(), "earmark-"));
    copyFileSync(fixture("formats/yes.flac"), join(directory, file));
  });
  after(async () => {
    rmSync(directory, { recursive: true });
    await server.stop();
  });

  /** Replaces what is there once. */
  function change(text, from, to) {
    assert.equal(text.split(from).length, 2, `once ${from} in ${text}`);
    return text.replace(from, to);
  }
  const local = (text) => change(text, "https://api-inference.huggingface.co/models/owner/name", server.model);

  /** What a program prints, as JSON. */
  async function answer(program, ...options) {
    assert.ok(options.every((option) => !option.includes("huggingface.co")));
    const { stdout } = await run(program, options, { cwd: directory });
    return JSON.parse(stdout);
  }

  it("curl: only the address is changed", async () => {
    assert.deepEqual(await answer("sh", "-c", local(published.curl)), expected);
  });

  it("Python: only the address is changed", async () => {
    writeFileSync(join(directory, "example.py"), local(published.python));
    // It keeps the answer in a variable.
    const print = "import json, runpy; print(json.dumps(runpy.run_path('example.py')['output']))";
    assert.deepEqual(await answer(process.env.PYTHON, "-c", print), expected);
  });

  it("JavaScript: the address is changed, and the comma added that it lacks", async () => {
    const lacking = `"Bearer ${key}"\n`;
    const text = change(local(published.javascript), lacking, `"Bearer ${key}",\n`);
    // Where a program is an option, Node has `fs` at hand, which the example uses without loading it.
    assert.deepEqual(await answer(process.execPath, "-e", text), expected);
  });
});
