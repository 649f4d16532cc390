//! Reading cases from the host's file.

use earmark_simulation::die;
use earmark_simulation::semihosting::File;

/// Words of the longest case.
pub const MEMORY: usize = 256 * 1024;
/// Most numbers of a case.
const NUMBERS: usize = 16;
/// Most arrays of a case.
const ARRAYS: usize = 6;

/// The arguments of a kernel, and behind them what it must give.
#[derive(Debug)]
pub struct Record<'a> {
    /// The kernel.
    pub kind: u32,
    /// Its numbers; those that it does not take are 0.
    pub numbers: [i32; NUMBERS],
    arrays: [&'a [u32]; ARRAYS],
    lengths: [usize; ARRAYS],
    count: usize,
}

impl<'a> Record<'a> {
    /// Reads the next case; `None` at the file's end.
    pub fn read(file: &mut File, memory: &'a mut [u32; MEMORY]) -> Option<Self> {
        let mut kind = [0];
        if !words(file, &mut kind) {
            return None;
        }
        let mut numbers = [0; NUMBERS];
        let count = length(file).min(NUMBERS);
        words(file, &mut numbers[..count]);
        let mut record = Self {
            kind: kind[0],
            numbers: numbers.map(u32::cast_signed),
            arrays: [&[]; ARRAYS],
            lengths: [0; ARRAYS],
            count: 0,
        };
        let mut free = &mut memory[..];
        for _ in 0..length(file) {
            let bytes = length(file);
            let Some((array, rest)) = free.split_at_mut_checked(bytes.div_ceil(4)) else {
                die(format_args!("a case is too long"))
            };
            words(file, array);
            (record.arrays[record.count], record.lengths[record.count]) = (array, bytes);
            record.count += 1;
            free = rest;
        }
        Some(record)
    }

    /// An array of bytes.
    pub fn bytes(&self, index: usize) -> &'a [i8] {
        &bytemuck::cast_slice(self.arrays[index])[..self.lengths[index]]
    }

    /// An array of words.
    pub fn words<T: bytemuck::AnyBitPattern>(&self, index: usize) -> &'a [T] {
        bytemuck::cast_slice(self.arrays[index])
    }

    /// What the kernel must give: the last array.
    pub fn expected(&self) -> &'a [i8] {
        self.bytes(self.count - 1)
    }
}

fn length(file: &mut File) -> usize {
    let mut word = [0];
    words(file, &mut word);
    word[0] as usize
}

/// Fills words from the file; `false` at its end.
fn words(file: &mut File, places: &mut [u32]) -> bool {
    let bytes = bytemuck::cast_slice_mut::<u32, u8>(places);
    match file.read(bytes) {
        Ok(read) if read == bytes.len() => true,
        Ok(0) => false,
        _ => die(format_args!("the file ends within a case")),
    }
}
