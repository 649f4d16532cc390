// The real server as a child process.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { join } from "node:path";

const binary = process.env.EARMARK;

const fixtures = process.env.FIXTURES;

/** The path of a file of `models/fixtures`. */
export const fixture = (name) => join(fixtures, name);

/** Its bytes. */
export const bytes = (name) => readFileSync(fixture(name));

/** All labels and scores for a file, as the command line gives them. */
export const classify = (name) => JSON.parse(execFileSync(binary, ["classify", fixture(name)]));

/** `earmark serve` on a free port of the loopback. */
export async function serve(...options) {
  const child = spawn(binary, ["serve", "--addr", "127.0.0.1:0", ...options], { stdio: ["ignore", "ignore", "pipe"] });
  const lines = createInterface({ input: child.stderr });
  const url = await new Promise((resolve, reject) => {
    lines.on("line", (line) => {
      const address = line.match(/listening on (http:\/\/127\.0\.0\.1:\d+)/);
      if (address) resolve(address[1]);
    });
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  });
  return {
    url,
    model: `${url}/models/earmark/commands`,
    async stop() {
      child.removeAllListeners("exit");
      const exit = once(child, "exit");
      child.kill("SIGTERM");
      assert.deepEqual(await exit, [0, null]);
    },
  };
}
