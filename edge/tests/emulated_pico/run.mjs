// Runs the Pico's firmware on an emulated RP2040, with a microphone that plays a WAV file (16-bit mono, a header of 44 bytes):
//
//     node run.mjs FIRMWARE.elf SOUND.wav [SPEED]
//
// What comes by USB goes to stdout, the LED's changes to stderr. SPEED is how many times as fast the processor is as the chip's. The
// emulator counts a processor's cycles by rule of thumb, and reads flash without waiting.

import { readFileSync } from 'node:fs';
import { ConsoleLogger, FIFO, LogLevel, Simulator, USBCDC } from 'rp2040js';
import { Microphone } from './microphone.mjs';

const FLASH = 0x10000000;
const VECTORS = 0x10000100; // after the second stage of the boot loader, which is left out
const LED = 25;
const CLOCK = 125e6;
const PIO_CLOCK = 2 * 64 * 16000; // what the firmware divides the clock to
const GRACE = 0.15; // seconds for what waits when the sound has ended
const STEP = 500; // cycles slept at a time

const [firmware, sound, speed = '1'] = process.argv.slice(2);
if (!sound) {
  console.error('usage: node run.mjs FIRMWARE.elf SOUND.wav [SPEED]');
  process.exit(2);
}

const { rp2040: chip, clock } = new Simulator();
chip.logger = new ConsoleLogger(LogLevel.Error);
load(readFileSync(firmware));
const wav = readFileSync(sound);
const samples = new Int16Array(wav.buffer.slice(wav.byteOffset + 44, wav.byteOffset + wav.length));

const usb = new USBCDC(chip.usbCtrl);
usb.onSerialData = (bytes) => process.stdout.write(bytes);

// PIO runs in step with the processor instead of by itself, and its joined queue has 8 places.
const pio = chip.pio[0];
pio.run = () => {};
const [machine] = pio.machines;
machine.rxFIFO = new FIFO(8);
const microphone = new Microphone(samples);
Object.defineProperty(chip, 'gpioValues', { get: () => microphone.pins });

const frequency = CLOCK * Number(speed);
const period = frequency / PIO_CLOCK;
let cycles = 0;
let due = 0;
let end = Infinity;
let lit = false;
while (cycles < end) {
  const taken = chip.core.executeInstruction();
  // A sleeping processor looks for interrupts only.
  const passed = chip.core.waiting ? Math.ceil(Math.min(STEP, Math.max(1, due - cycles))) : taken;
  cycles += passed;
  clock.tick((passed * 1e9) / frequency);
  while (due <= cycles) {
    due += period;
    if (machine.enabled && !microphone.ended) {
      pio.step();
      microphone.follow(pio.pinValues);
      if (microphone.ended) end = cycles + GRACE * frequency;
    }
  }
  if (chip.gpio[LED].outputValue !== lit) {
    lit = !lit;
    console.error(`led ${lit ? 'on' : 'off'}`);
  }
}
process.exit(0);

// Puts what belongs in flash there, and the processor where the vectors say (ELF, 32 bits, little-endian).
function load(elf) {
  const headers = elf.readUInt32LE(28);
  const count = elf.readUInt16LE(44);
  for (let index = 0; index < count; index += 1) {
    const header = headers + 32 * index;
    const [type, offset, , physical, size] = [0, 4, 8, 12, 16].map((field) => elf.readUInt32LE(header + field));
    if (type === 1 && size > 0) chip.flash.set(elf.subarray(offset, offset + size), physical - FLASH);
  }
  const word = (address) => new DataView(chip.flash.buffer).getUint32(address - FLASH, true);
  chip.core.VTOR = VECTORS;
  chip.core.SP = word(VECTORS);
  chip.core.PC = (word(VECTORS + 4) & ~1) >>> 0;
}
