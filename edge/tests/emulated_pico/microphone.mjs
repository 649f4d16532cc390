// An INMP441 on the pins of PIO 0: it is clocked by the firmware, and says its samples in the left slots.

const CLOCK = 10;
const WORD_SELECT = 11;
const DATA = 12;

export class Microphone {
  constructor(samples) {
    this.samples = samples;
    this.heard = 0; // left slots begun
    this.seed = 1;
    this.clock = 0;
    this.channel = 0;
    this.turns = false; // the next falling edge begins a slot
    this.begin();
  }

  get ended() {
    return this.heard > this.samples.length;
  }

  // What the pins read.
  get pins() {
    return this.left < 32 ? ((this.slot >>> (31 - this.left)) & 1) << DATA : 0;
  }

  // A bit goes out when the clock falls, and a slot begins with the fall after that at which the word select has changed.
  follow(pins) {
    const clock = (pins >> CLOCK) & 1;
    if (clock && !this.clock) {
      const channel = (pins >> WORD_SELECT) & 1;
      this.turns = channel !== this.channel;
      this.channel = channel;
    } else if (!clock && this.clock) {
      if (this.turns) this.begin();
      else this.left += 1;
    }
    this.clock = clock;
  }

  begin() {
    this.left = 0;
    const noise = this.noise();
    if (this.channel) {
      this.slot = noise;
    } else {
      this.slot = ((this.samples[this.heard] ?? 0) << 16) | (noise & 0xff);
      this.heard += 1;
    }
  }

  // For the other channel and the bits that are nobody's (the generator of "Numerical Recipes").
  noise() {
    this.seed = (Math.imul(this.seed, 1664525) + 1013904223) >>> 0;
    return this.seed;
  }
}
