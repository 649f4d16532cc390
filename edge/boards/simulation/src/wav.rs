//! Reading the one kind of WAV file that the simulated microphone plays.

use earmark_edge::{Error, source::Source};

use crate::failure::Failure;
use crate::semihosting::File;

/// Lengths of the data that a writer puts there when it does not know it: read until the end.
const UNKNOWN_LENGTHS: [u32; 2] = [0, u32::MAX];

/// Samples fetched from the host at a time.
const BLOCK: usize = 160;

const CHANNELS_AND_BITS: Failure = Failure::Wav { expected: "a WAV file of one channel of 16-bit PCM" };

/// A WAV file, open at its next sample.
#[derive(Debug)]
pub struct Wav {
    file: File,
    /// Samples before the end of the data.
    left: usize,
}

impl Wav {
    /// Opens a file of 16-bit PCM in one channel at this sample rate.
    pub fn open(path: &str, sample_rate: u32) -> Result<Self, Failure> {
        let mut file = File::open(path)?;
        let riff: [u8; 12] = chunk(&mut file)?;
        if !riff.starts_with(b"RIFF") || !riff.ends_with(b"WAVE") {
            return Err(CHANNELS_AND_BITS);
        }
        let mut format_seen = false;
        loop {
            let [a, b, c, d, length @ ..]: [u8; 8] = chunk(&mut file)?;
            let length = u32::from_le_bytes(length);
            match &[a, b, c, d] {
                b"fmt " if length >= 16 => {
                    let format: [u8; 16] = chunk(&mut file)?;
                    skip(&mut file, length - 16)?;
                    let [1, 0, 1, 0, r0, r1, r2, r3, _, _, _, _, _, _, 16, 0] = format else {
                        return Err(CHANNELS_AND_BITS);
                    };
                    if u32::from_le_bytes([r0, r1, r2, r3]) != sample_rate {
                        return Err(Failure::Wav { expected: "a WAV file at the model's sample rate" });
                    }
                    format_seen = true;
                }
                b"data" if format_seen => {
                    let left = if UNKNOWN_LENGTHS.contains(&length) { usize::MAX } else { length as usize / 2 };
                    return Ok(Self { file, left });
                }
                _ => skip(&mut file, length.saturating_add(length % 2))?,
            }
        }
    }

    /// Reads the next samples; gives how many there were, 0 at the end.
    fn read(&mut self, samples: &mut [i16]) -> Result<usize, Failure> {
        let wanted = samples.len().min(self.left);
        let mut count = 0;
        for places in samples[..wanted].chunks_mut(BLOCK) {
            let mut bytes = [0; 2 * BLOCK];
            let length = self.file.read(&mut bytes[..2 * places.len()])?;
            let (pairs, _) = bytes[..length].as_chunks();
            for (place, &pair) in places.iter_mut().zip(pairs) {
                *place = i16::from_le_bytes(pair);
                count += 1;
            }
            if length < 2 * places.len() {
                self.left = count;
                break;
            }
        }
        self.left -= count;
        Ok(count)
    }
}

impl Source for Wav {
    type Item = i16;

    fn fill(&mut self, samples: &mut [i16]) -> Result<usize, Error> {
        self.read(samples).map_err(|_| Error::Source { what: "its file cannot be read" })
    }
}

/// The next `N` bytes, which must be there.
fn chunk<const N: usize>(file: &mut File) -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    if file.read(&mut bytes)? < N {
        return Err(Failure::Wav { expected: "a whole WAV file" });
    }
    Ok(bytes)
}

fn skip(file: &mut File, length: u32) -> Result<(), Failure> {
    (0..length).try_for_each(|_| chunk::<1>(file).map(|_| ()))
}
