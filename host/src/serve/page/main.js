// The page: takes a sound, asks the server, shows what it says.

import { record } from "/page/microphone.js";
import { draw } from "/page/spectrogram.js";
import { wav } from "/page/wav.js";

const at = (id) => document.getElementById(id);
const [model, message, result] = [at("model"), at("message"), at("result")];
let stop = null; // ends the recording in progress
let asked = 0; // what was asked last is what is shown

/** Asks the server, with the key if there is one; an answer that is none becomes an error with the server's words. */
async function ask(path, options = {}) {
  const key = at("key").value;
  const headers = key ? { authorization: `Bearer ${key}` } : {};
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch {
    throw new Error("the server does not answer: is it still running?");
  }
  if (response.ok) return response;
  at("login").hidden = response.status !== 401;
  const text = await response.json().then((body) => body.error, () => response.statusText);
  throw Object.assign(new Error(text), { status: response.status });
}

/** Where a model answers; names of files may hold anything. */
const pathOf = (id) => `/models/${id.split("/").map(encodeURIComponent).join("/")}`;

const json = async (path) => (await ask(path)).json();

function say(error) {
  message.textContent = error ? error.message : "";
  message.hidden = !error;
}

/** What the browser makes of the sound, for the picture; nothing if it cannot read it. */
async function decode(blob) {
  try {
    const context = new OfflineAudioContext(1, 1, 16000);
    return (await context.decodeAudioData(await blob.arrayBuffer())).getChannelData(0);
  } catch {
    return null;
  }
}

async function hear(blob, name) {
  const turn = ++asked;
  const path = pathOf(model.value);
  say(null);
  const samples = await decode(blob);
  let response;
  try {
    response = await ask(path, { method: "POST", body: blob }).catch((error) => {
      // A codec that only the browser knows: what the browser makes of it is sent.
      if (error.status === 415 && samples) return ask(path, { method: "POST", body: wav(samples, 16000) });
      throw error;
    });
  } catch (error) {
    if (turn === asked) {
      result.hidden = true;
      say(error);
    }
    return;
  }
  const scores = await response.json();
  if (turn !== asked) return;
  const [seconds, compute] = ["x-compute-audio-length", "x-compute-time"].map((header) => Number(response.headers.get(header)));
  at("name").textContent = name;
  at("facts").textContent = `${seconds.toFixed(2)} s of audio, heard in ${(compute * 1000).toFixed(0)} ms`;
  show(scores);
  result.hidden = false;
  at("spectrogram").hidden = !samples;
  if (samples) draw(at("spectrogram"), samples, 16000);
  const player = at("player");
  URL.revokeObjectURL(player.src);
  player.src = URL.createObjectURL(blob);
}

function show(scores) {
  const rows = scores.map(({ label, score }) => {
    const [row, name, bar, fill, value] = ["li", "b", "span", "i", "data"].map((tag) => document.createElement(tag));
    name.textContent = label;
    fill.style.width = `${100 * Math.min(1, Math.max(0, score))}%`;
    value.textContent = `${(100 * score).toFixed(1)} %`;
    value.value = score;
    bar.append(fill);
    row.append(name, bar, value);
    return row;
  });
  at("scores").replaceChildren(...rows);
}

async function toggle() {
  if (stop) return stop();
  const button = at("record");
  const say_ = (text) => (button.lastElementChild.textContent = text);
  say(null);
  try {
    const recording = await record(60, (level) => button.style.setProperty("--level", level));
    stop = recording.stop;
    button.classList.add("on");
    say_("stop");
    const { samples, rate } = await recording.done;
    await hear(wav(samples, rate), "recording");
  } catch (error) {
    say(error);
  } finally {
    stop = null;
    button.classList.remove("on");
    say_("record");
  }
}

async function labels() {
  try {
    const info = await json(pathOf(model.value));
    at("labels").textContent = `It knows: ${info.labels.filter((label) => !/^_.*_$/.test(label)).join(", ")}.`;
  } catch (error) {
    say(error);
  }
}

async function start() {
  try {
    const info = await json("/info");
    at("login").hidden = true;
    say(null);
    at("version").textContent = `earmark ${info.version}`;
    model.replaceChildren(...info.models.map((id) => new Option(id, id, false, id === info.model.id)));
    await labels();
  } catch (error) {
    say(error);
  }
}

const drop = at("drop");
for (const type of ["dragenter", "dragover", "dragleave", "drop"]) {
  addEventListener(type, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", type === "dragenter" || type === "dragover");
    const file = type === "drop" && event.dataTransfer.files[0];
    if (file) hear(file, file.name);
  });
}
at("file").addEventListener("change", ({ target }) => {
  if (target.files[0]) hear(target.files[0], target.files[0].name);
  target.value = "";
});
at("record").addEventListener("click", toggle);
model.addEventListener("change", labels);
at("login").addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
start();
