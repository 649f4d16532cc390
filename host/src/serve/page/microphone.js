// Records from the microphone, sample by sample: a compressed recording would change what is heard.

/** Starts to record `longest` seconds at most; `onLevel` hears how loud it is, from 0 to 1. */
export async function record(longest, onLevel) {
  if (!navigator.mediaDevices) throw new Error("the browser lends the microphone only to https:// and http://localhost");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
  } catch (error) {
    throw new Error(`there is no microphone to record from: ${error.message}`);
  }
  const context = new AudioContext();
  await context.audioWorklet.addModule("/page/recorder.js");
  const recorder = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
  const blocks = [];
  let length = 0;
  let stop;
  const stopped = new Promise((resolve) => (stop = resolve));
  recorder.port.onmessage = ({ data }) => {
    blocks.push(data);
    length += data.length;
    onLevel(Math.max(...data.map(Math.abs)));
    if (length >= longest * context.sampleRate) stop();
  };
  context.createMediaStreamSource(stream).connect(recorder);
  const done = stopped.then(async () => {
    for (const track of stream.getTracks()) track.stop();
    const rate = context.sampleRate;
    await context.close();
    const samples = new Float32Array(length);
    let place = 0;
    for (const block of blocks) {
      samples.set(block, place);
      place += block.length;
    }
    return { samples: samples.subarray(0, longest * rate), rate };
  });
  return { stop, done };
}
