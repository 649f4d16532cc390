//! The first factor of eight of the CIC filter: a byte of bits at a time.

use super::cic::ORDER;

/// Bits of a byte.
const BITS: usize = 8;
/// Bytes that a sum reaches over: the filter's impulse response is ORDER · 7 + 1 = 36 bits long.
const REACH: usize = (ORDER * (BITS - 1) + 1).div_ceil(BITS);

/// What a byte adds to the sum that it completes, and to the following ones, for a 1 counted as +1 and a 0 as −1.
static SHARES: [[i16; 256]; REACH] = shares();

/// Sums the last 36 bits with the weights of ORDER moving sums of 8 in a row, once a byte. A sum lies within ±8⁵ = ±32768.
#[derive(Debug, Clone)]
pub(super) struct Bytes {
    /// The sums to come, as far as they are known.
    sums: [i32; REACH - 1],
}

impl Bytes {
    pub(super) const fn new() -> Self {
        Self { sums: [0; REACH - 1] }
    }

    /// The sum that ends with this byte, whose most significant bit is the first.
    pub(super) fn hear(&mut self, byte: u8) -> i32 {
        let share = |age: usize| i32::from(SHARES[age][usize::from(byte)]);
        let sum = self.sums[0] + share(0);
        for age in 1..REACH - 1 {
            self.sums[age - 1] = self.sums[age] + share(age);
        }
        self.sums[REACH - 2] = share(REACH - 1);
        sum
    }
}

/// The weights of a bit by its age, the youngest first.
const fn weights() -> [i32; REACH * BITS] {
    let mut weights = [0; REACH * BITS];
    weights[0] = 1;
    let mut order = 0;
    while order < ORDER {
        // The moving sum of 8, from the oldest on, so that what is read was not written yet.
        let mut age = weights.len();
        while age > 0 {
            age -= 1;
            let mut earlier = 1;
            while earlier < BITS && earlier <= age {
                weights[age] += weights[age - earlier];
                earlier += 1;
            }
        }
        order += 1;
    }
    weights
}

const fn shares() -> [[i16; 256]; REACH] {
    let weights = weights();
    let mut shares = [[0; 256]; REACH];
    let mut age = 0;
    while age < REACH {
        let mut byte = 0;
        while byte < 256 {
            let mut share = 0;
            let mut bit = 0;
            while bit < BITS {
                let weight = weights[age * BITS + bit];
                share += if byte >> bit & 1 == 1 { weight } else { -weight };
                bit += 1;
            }
            shares[age][byte] = share as i16;
            byte += 1;
        }
        age += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_those_of_five_moving_sums() {
        let weights = weights();
        assert_eq!(weights[..5], [1, 5, 15, 35, 70]);
        assert_eq!(weights[36..], [0; 4]);
        assert_eq!(weights.iter().sum::<i32>(), 1 << 15);
        assert!((0..36).all(|age| weights[age] == weights[35 - age]));
    }

    #[test]
    fn shares_fit_their_words() {
        let most = |age: usize| weights()[BITS * age..][..BITS].iter().sum::<i32>();
        for (age, shares) in SHARES.iter().enumerate() {
            assert_eq!((i32::from(shares[255]), i32::from(shares[0])), (most(age), -most(age)));
        }
    }
}
