// R3 and what Node's fetch is particular about.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { bytes, classify, serve } from "./server.mjs";

describe("fetch", () => {
  let server;
  before(async () => (server = await serve("--max-bytes", "1000000")));
  after(() => server.stop());

  const post = (body, headers = {}, url = server.model) => fetch(url, { method: "POST", body, headers, duplex: "half" });

  it("R3: raw FLAC that is said to be JSON", async () => {
    const response = await post(bytes("formats/yes.flac"), { "content-type": "application/json" });
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), classify("yes.wav"));
  });

  it("R12: a stream is sent in chunks", async () => {
    const response = await post(new Blob([bytes("yes.wav")]).stream());
    assert.deepEqual(await response.json(), classify("yes.wav"));
  });

  it("R13: a form", async () => {
    const form = new FormData();
    form.append("file", new Blob([bytes("yes.wav")]), "yes.wav");
    const response = await post(form);
    assert.deepEqual(await response.json(), classify("yes.wav"));
  });

  // Answered before it is read, such a body gives EPIPE instead of the answer.
  it("30 MB are read before they are refused: 413, 20 times of 20", async () => {
    const body = Buffer.alloc(30_000_000);
    for (let turn = 0; turn < 20; turn++) {
      const response = await post(body);
      assert.equal(response.status, 413);
      assert.match((await response.json()).error, /larger than/);
    }
  });

  it("the same for a path that leads nowhere and a stream", async () => {
    const body = Buffer.alloc(30_000_000);
    assert.equal((await post(body, {}, `${server.url}/nowhere`)).status, 404);
    assert.equal((await post(body, { "x-use-cache": "maybe" })).status, 400);
    assert.equal((await post(new Blob([body]).stream())).status, 413);
  });
});
