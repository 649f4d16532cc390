// The page for people, in Chromium.

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { chromium } from "playwright-core";

import { bytes, classify, fixture, serve } from "./server.mjs";

const pictures = process.env.EARMARK_PICTURES;

describe("the page", () => {
  let server, browser, page;
  const requests = [];
  const complaints = [];

  /** Opens the page of a server, and notes everything it asks for and complains about. */
  async function open(url) {
    const context = await browser.newContext({ viewport: { width: 800, height: 860 }, permissions: ["microphone"] });
    const page = await context.newPage();
    page.on("request", (request) => requests.push(request.url()));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(url);
    return page;
  }

  before(async () => {
    server = await serve();
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM,
      args: [
        "--no-sandbox",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        `--use-file-for-fake-audio-capture=${fixture("yes.wav")}`,
      ],
    });
    page = await open(server.url);
  });
  after(async () => {
    await browser.close();
    await server.stop();
  });

  const rows = () =>
    page.locator("#scores li").evaluateAll((rows) =>
      rows.map((row) => ({ label: row.querySelector("b").textContent, score: Number(row.querySelector("data").value) })));

  /** Whether the picture shows anything: how many different colours there are. */
  const colours = () =>
    page.locator("#spectrogram").evaluate((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size;
    });

  /** Drops a file on the page, as a hand would. */
  async function drop(name, contents, type) {
    const transfer = await page.evaluateHandle(
      ([name, text, type]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], name, { type }));
        return transfer;
      },
      [name, contents.toString("base64"), type],
    );
    await page.dispatchEvent("#drop", "drop", { dataTransfer: transfer });
  }

  it("tells which words the model knows", async () => {
    await page.locator("#labels", { hasText: "yes, no" }).waitFor();
    assert.equal(await page.locator("#model").inputValue(), "earmark/commands");
  });

  it("shows scores and spectrogram of a chosen file", async () => {
    await page.setInputFiles("#file", fixture("yes.wav"));
    await page.locator("#name", { hasText: "yes.wav" }).waitFor();
    await page.locator("#result").waitFor({ state: "visible" });
    assert.deepEqual(await rows(), classify("yes.wav"));
    assert.ok((await colours()) > 100);
    assert.match(await page.locator("#facts").textContent(), /^1\.00 s/);
    if (pictures) {
      mkdirSync(pictures, { recursive: true });
      await page.screenshot({ path: `${pictures}/serve.png`, fullPage: true });
    }
  });

  for (const container of ["yes.flac", "yes.mp3", "yes.ogg", "yes.m4a", "yes.opus", "yes.webm"]) {
    it(`takes ${container}, dropped`, async () => {
      await drop(container, bytes(`formats/${container}`), "");
      await page.locator("#name", { hasText: container }).waitFor();
      assert.deepEqual(await rows(), classify(`formats/${container}`));
    });
  }

  it("records from the microphone", async () => {
    await page.click("#record");
    await page.locator("#record.on").waitFor();
    await page.waitForTimeout(2500);
    await page.click("#record");
    await page.locator("#name", { hasText: "recording" }).waitFor();
    const [first] = await rows();
    assert.equal(first.label, "yes");
    assert.ok((await colours()) > 100);
  });

  it("tells what is wrong with a file in the server's words", async () => {
    await drop("page.wav", Buffer.from("<html>"), "audio/wav");
    await page.locator("#message", { hasText: "the body is text" }).waitFor();
    assert.ok(await page.locator("#result").isHidden());
    // A refused file is a failed request, which the console tells of.
    assert.match(complaints.pop(), /400/);
  });

  /** What the browser records of a tone, in base64. */
  const recordedTone = () =>
    page.evaluate(async () => {
      const context = new AudioContext();
      const tone = new OscillatorNode(context);
      const target = context.createMediaStreamDestination();
      tone.connect(target);
      tone.start();
      const recorder = new MediaRecorder(target.stream, { mimeType: "audio/webm;codecs=opus" });
      const done = new Promise((resolve) => (recorder.ondataavailable = ({ data }) => resolve(data)));
      recorder.start();
      setTimeout(() => recorder.stop(), 1200);
      const bytes = new Uint8Array(await (await done).arrayBuffer());
      await context.close();
      return btoa(String.fromCharCode(...bytes));
    });

  it("takes what a browser's MediaRecorder makes", async () => {
    await drop("tone.webm", Buffer.from(await recordedTone(), "base64"), "audio/webm");
    await page.locator("#name", { hasText: "tone.webm" }).waitFor();
    assert.ok((await rows()).length > 1);
    assert.deepEqual(complaints, []);
  });

  it("sends what only the browser can decode as WAV", async () => {
    // A codec that the server lacks and every browser has is hard to find, so its refusal is put in the server's mouth.
    const bodies = [];
    await page.route("**/models/**", async (route) => {
      bodies.push(route.request().postDataBuffer().subarray(0, 4).toString("latin1"));
      if (bodies.length > 1) return route.continue();
      return route.fulfill({ status: 415, json: { error: "this codec cannot be decoded" } });
    });
    await drop("foreign.webm", Buffer.from(await recordedTone(), "base64"), "audio/webm");
    await page.locator("#name", { hasText: "foreign.webm" }).waitFor();
    assert.ok((await rows()).length > 1);
    assert.deepEqual(bodies, ["\x1aE\xdf\xa3", "RIFF"]);
    assert.match(complaints.pop(), /415/);
    await page.unroute("**/models/**");
  });

  it("asks for the key of a server that has one", async () => {
    const guarded = await serve("--api-key", "sesame");
    const page = await open(guarded.url);
    await page.locator("#login").waitFor({ state: "visible" });
    assert.match(complaints.pop(), /401/);
    await page.fill("#key", "sesame");
    await page.click("#login button");
    await page.locator("#labels", { hasText: "yes" }).waitFor();
    await page.setInputFiles("#file", fixture("no.wav"));
    await page.locator("#scores li b", { hasText: "no" }).first().waitFor();
    await page.context().close();
    await guarded.stop();
  });

  it("finds models whatever their files are called", async () => {
    const models = mkdtempSync(join(tmpdir(), "earmark-page-"));
    const id = "a b/50% #1?&";
    mkdirSync(join(models, "a b"));
    copyFileSync(fixture("../commands-m.ear"), join(models, `${id}.ear`));
    const odd = await serve("--models", models, "--default-model", id);
    const page = await open(odd.url);
    await page.locator("#labels", { hasText: "yes, no" }).waitFor();
    assert.equal(await page.locator("#model").inputValue(), id);
    await page.setInputFiles("#file", fixture("yes.wav"));
    await page.locator("#scores li b", { hasText: "yes" }).first().waitFor();
    await page.context().close();
    await odd.stop();
    rmSync(models, { recursive: true });
  });

  it("the page to try the API works", async () => {
    const page = await open(`${server.url}/docs/`);
    await page.locator(".opblock", { hasText: "/predict" }).first().waitFor();
    await page.context().close();
  });

  it("asked no other host, and had nothing to complain about", () => {
    const foreign = requests.filter((url) => !/^(http:\/\/127\.0\.0\.1:\d+\/|data:|blob:http:\/\/127\.0\.0\.1:)/.test(url));
    assert.deepEqual(foreign, []);
    assert.deepEqual(complaints, []);
  });
});
