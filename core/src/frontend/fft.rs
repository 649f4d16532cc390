//! The spectrum of a frame.

use microfft::real;

/// Replaces `frame`, whose length is a supported power of two, by its power spectrum: |X\[k\]|² for bins 0 to N/2 in the
/// first N/2 + 1 places. What follows them is left over.
pub(super) fn power_spectrum(frame: &mut [f32]) {
    transform(frame);
    // microfft packs the two real bins into one: DC in its real part, half the sample rate in its imaginary part.
    let &mut [dc, nyquist, ..] = frame else { return };
    let bins = frame.len() / 2;
    for bin in 1..bins {
        let Some(&[re, im]) = frame.get(2 * bin..).and_then(<[f32]>::first_chunk) else { return };
        frame[bin] = re * re + im * im;
    }
    frame[0] = dc * dc;
    frame[bins] = nyquist * nyquist;
}

/// The FFT in place; each size is code of its own in microfft.
fn transform(frame: &mut [f32]) {
    macro_rules! sizes {
        ($($length:literal => $rfft:ident),+) => {
            match frame.len() {
                $($length => {
                    if let Some(frame) = frame.first_chunk_mut::<$length>() {
                        let _ = real::$rfft(frame);
                    }
                })+
                // `FrontEndSpec::check` lets no other length through.
                _ => {}
            }
        };
    }
    sizes!(
        32 => rfft_32, 64 => rfft_64, 128 => rfft_128, 256 => rfft_256, 512 => rfft_512, 1024 => rfft_1024,
        2048 => rfft_2048
    );
}
