// A picture of a sound: time to the right, mel bands upwards, loudness in colour.

const LENGTH = 512; // samples of a transform
const BANDS = 64;
const RANGE = 70; // decibels below the loudest that are shown

/** Draws mono samples all over a canvas. */
export function draw(canvas, samples, rate) {
  const context = canvas.getContext("2d");
  const { width, height } = canvas;
  const columns = Math.max(1, Math.min(width, Math.ceil(samples.length / 80)));
  const bands = melBands(rate);
  const levels = Array.from({ length: columns }, (_, column) => {
    const center = Math.round(((column + 0.5) * samples.length) / columns);
    const power = powerSpectrum(samples, center - LENGTH / 2);
    return bands.map((weights) => 10 * Math.log10(weights.reduce((sum, [bin, weight]) => sum + weight * power[bin], 1e-10)));
  });
  const loudest = levels.reduce((most, column) => Math.max(most, ...column), -40);
  const image = new ImageData(columns, BANDS);
  levels.forEach((column, x) => column.forEach((level, band) => {
    const place = 4 * (x + columns * (BANDS - 1 - band));
    image.data.set([...colour(Math.max(0, 1 + (level - loudest) / RANGE)), 255], place);
  }));
  const small = new OffscreenCanvas(columns, BANDS);
  small.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  context.drawImage(small, 0, 0, width, height);
}

/** For each band the bins of the spectrum that belong to it, with their weights. */
function melBands(rate) {
  const mel = (hertz) => 2595 * Math.log10(1 + hertz / 700);
  const top = mel(rate / 2);
  return Array.from({ length: BANDS }, (_, band) => {
    const weights = [];
    for (let bin = 0; bin <= LENGTH / 2; bin++) {
      const distance = Math.abs((mel((bin * rate) / LENGTH) * (BANDS + 1)) / top - (band + 1));
      if (distance < 1) weights.push([bin, 1 - distance]);
    }
    // Low bands are narrower than a bin.
    const nearest = Math.round(((700 * (10 ** (((band + 1) * top) / (BANDS + 1) / 2595) - 1)) * LENGTH) / rate);
    return weights.length ? weights : [[nearest, 1]];
  });
}

const WINDOW = Float64Array.from({ length: LENGTH }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / LENGTH));

/** Power of the samples from `start` on, under a Hann window; beyond the sound's ends there is silence. */
function powerSpectrum(samples, start) {
  const [re, im] = [new Float64Array(LENGTH), new Float64Array(LENGTH)];
  for (let n = 0, reversed = 0; n < LENGTH; n++) {
    re[reversed] = (samples[start + n] ?? 0) * WINDOW[n];
    let bit = LENGTH >> 1;
    while (reversed & bit) {
      reversed ^= bit;
      bit >>= 1;
    }
    reversed ^= bit;
  }
  for (let half = 1; half < LENGTH; half *= 2) {
    for (let k = 0; k < half; k++) {
      const [cos, sin] = [Math.cos((Math.PI * k) / half), -Math.sin((Math.PI * k) / half)];
      for (let a = k; a < LENGTH; a += 2 * half) {
        const b = a + half;
        const [x, y] = [re[b] * cos - im[b] * sin, re[b] * sin + im[b] * cos];
        [re[b], im[b]] = [re[a] - x, im[a] - y];
        re[a] += x;
        im[a] += y;
      }
    }
  }
  return re.slice(0, LENGTH / 2 + 1).map((x, bin) => x * x + im[bin] * im[bin]);
}

/** From night over violet and orange to pale yellow. */
const STOPS = [[13, 6, 32], [58, 20, 104], [140, 41, 129], [222, 73, 104], [254, 159, 109], [252, 253, 191]];

function colour(value) {
  const place = Math.min(0.9999, value) * (STOPS.length - 1);
  const stop = Math.floor(place);
  return STOPS[stop].map((channel, index) => channel + (STOPS[stop + 1][index] - channel) * (place - stop));
}
