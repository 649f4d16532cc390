//! A recording in the midst of its own background noise.
//!
//! Nothing here needs a device: with this very file, edge's tests make on the host what the simulated microphone plays.

use earmark_edge::{Error, source::Source};

/// Samples at either end of a recording from which the level of its noise is taken: 32 ms at 16 kHz.
pub const LEVEL_SAMPLES: usize = 512;

/// Plays half a second of noise, the recording, and one and a half seconds of noise.
///
/// The noise is white, the same in every run, and has the root mean square of the recording's first [`LEVEL_SAMPLES`] samples, or of its
/// last ones: what is digital silence there, is digital silence here. Of a shorter recording all of it counts.
#[derive(Debug)]
pub struct Padded<S> {
    recording: S,
    part: Part,
    noise: Noise,
    /// The first samples until they were played, then the last ones heard, the oldest at `oldest`.
    edge: [i16; LEVEL_SAMPLES],
    length: usize,
    oldest: usize,
    /// Samples of noise after the recording.
    after: usize,
}

/// What is played next.
#[derive(Debug)]
enum Part {
    /// Nothing was read yet.
    Start {
        noise: usize,
    },
    Before {
        left: usize,
    },
    /// The recording's first samples, which were read ahead for their level.
    Head {
        played: usize,
    },
    Rest,
    After {
        left: usize,
    },
}

impl<S: Source<Item = i16>> Padded<S> {
    /// Plays `recording`, with this many samples a second.
    pub const fn new(recording: S, sample_rate: u32) -> Self {
        let second = sample_rate as usize;
        Self {
            recording,
            part: Part::Start { noise: second / 2 },
            noise: Noise::new(),
            edge: [0; LEVEL_SAMPLES],
            length: 0,
            oldest: 0,
            after: second + second / 2,
        }
    }

    /// Reads ahead what the first level is taken from.
    fn read_head(&mut self) -> Result<(), Error> {
        while self.length < LEVEL_SAMPLES {
            match self.recording.fill(&mut self.edge[self.length..])? {
                0 => break,
                count => self.length += count,
            }
        }
        Ok(())
    }

    /// The recording's next samples, which are remembered.
    fn read_on(&mut self, samples: &mut [i16]) -> Result<usize, Error> {
        let count = self.recording.fill(samples)?;
        for &sample in &samples[..count] {
            self.edge[self.oldest] = sample;
            self.oldest = (self.oldest + 1) % LEVEL_SAMPLES;
        }
        Ok(count)
    }

    /// The next samples of the present part; none if it is over.
    fn play(&mut self, samples: &mut [i16]) -> Result<usize, Error> {
        match &mut self.part {
            Part::Start { .. } => Ok(0),
            Part::Before { left } | Part::After { left } => {
                let count = samples.len().min(*left);
                *left -= count;
                samples[..count].fill_with(|| self.noise.next());
                Ok(count)
            }
            Part::Head { played } => {
                let rest = &self.edge[*played..self.length];
                let count = samples.len().min(rest.len());
                samples[..count].copy_from_slice(&rest[..count]);
                *played += count;
                Ok(count)
            }
            Part::Rest => self.read_on(samples),
        }
    }
}

impl<S: Source<Item = i16>> Source for Padded<S> {
    type Item = i16;

    fn fill(&mut self, samples: &mut [i16]) -> Result<usize, Error> {
        let mut count = 0;
        while count < samples.len() {
            let played = self.play(&mut samples[count..])?;
            count += played;
            if played > 0 {
                continue;
            }
            self.part = match self.part {
                Part::Start { noise } => {
                    self.read_head()?;
                    self.noise.set_level(&self.edge[..self.length]);
                    Part::Before { left: noise }
                }
                Part::Before { .. } => Part::Head { played: 0 },
                Part::Head { .. } => Part::Rest,
                Part::Rest => {
                    self.noise.set_level(&self.edge[..self.length]);
                    Part::After { left: self.after }
                }
                Part::After { .. } => break,
            };
        }
        Ok(count)
    }
}

/// White noise, uniformly distributed.
#[derive(Debug)]
struct Noise {
    state: u32,
    /// Its root mean square, times 2⁸.
    level: u64,
}

/// The root mean square of numbers that are uniformly distributed over all of 16 bits: 2¹⁵ / √3.
const UNIFORM_LEVEL: i64 = 18_919;

impl Noise {
    const fn new() -> Self {
        Self { state: 0x9e37_79b9, level: 0 }
    }

    /// Makes it as loud as these samples.
    fn set_level(&mut self, samples: &[i16]) {
        let squares: u64 = samples.iter().map(|&sample| u64::from(sample.unsigned_abs()).pow(2)).sum();
        self.level = ((squares << 16) / samples.len().max(1) as u64).isqrt();
    }

    fn next(&mut self) -> i16 {
        // Marsaglia's xorshift generator with the shifts 13, 17 and 5.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        let uniform = i64::from((self.state >> 16) as u16 as i16);
        let scaled = uniform * self.level as i64 / UNIFORM_LEVEL;
        ((scaled + (1 << 7)) >> 8).clamp(i16::MIN.into(), i16::MAX.into()) as i16
    }
}
