// R7 to R10: the JavaScript client in its three generations.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import * as v2 from "inference-2";
import * as v3 from "inference-3";
import * as v4 from "inference-4";

import { bytes, classify, serve } from "./server.mjs";

const generations = {
  2: (url) => new v2.HfInferenceEndpoint(url),
  3: (url) => new v3.HfInference(undefined, { endpointUrl: url }),
  4: (url) => new v4.InferenceClient(undefined, { endpointUrl: url }),
};
// Without a name, generation 2 looks for one on the net.
const model = "earmark/commands";
const blob = (audio, type) => new Blob([audio], type ? { type } : {});
const forms = {
  Buffer: (audio) => audio,
  ArrayBuffer: (audio) => Uint8Array.from(audio).buffer,
  Blob: (audio) => blob(audio),
  "Blob of audio/wav": (audio) => blob(audio, "audio/wav"),
  "Blob of audio/flac": (audio) => blob(audio, "audio/flac"),
};

for (const [generation, connect] of Object.entries(generations)) {
  describe(`@huggingface/inference ${generation}`, () => {
    const expected = classify("yes.wav");
    const audio = bytes("yes.wav");
    let server, client;
    before(async () => {
      server = await serve();
      client = connect(server.model);
    });
    after(() => server.stop());

    for (const [form, make] of Object.entries(forms)) {
      it(`R7: data as ${form}`, async () => {
        assert.deepEqual(await client.audioClassification({ model, data: make(audio) }), expected);
      });
    }

    for (const container of ["yes.flac", "yes.mp3", "yes.ogg", "yes.m4a"]) {
      it(`R7: ${container}`, async () => {
        const answer = await client.audioClassification({ model, data: blob(bytes(`formats/${container}`)) });
        assert.deepEqual(answer, classify(`formats/${container}`));
      });
    }

    const inputs = { model, inputs: blob(audio, "audio/wav"), parameters: { top_k: 2 } };
    if (generation === "2") {
      it("R9: a Blob in JSON is an empty object, and said to be wrong", async () => {
        await assert.rejects(client.audioClassification(inputs), /inputs/);
      });
    } else {
      it("R8: parameters beside a Blob do not leave the client", async () => {
        assert.deepEqual(await client.audioClassification(inputs), expected);
      });
      it("R10: base64 is sent bare", async () => {
        assert.deepEqual(await client.audioClassification({ model, inputs: audio.toString("base64") }), expected);
      });
    }

    it("errors tell their text", async () => {
      await assert.rejects(client.audioClassification({ model, data: blob("no audio") }), (error) => {
        const told = `${error.message} ${JSON.stringify(error.httpResponse?.body ?? "")}`;
        assert.match(told, /the body is text/);
        return true;
      });
    });
  });
}
