//! How samples come, as a stream's query says.

use std::ops::RangeInclusive;

use crate::audio::{PcmConverter, PcmFormat};

use super::super::failure::Failure;

/// Rates that are taken, in hertz: at a lower one, few bytes would be much audio.
const RATES: RangeInclusive<u32> = 8_000..=192_000;
const CHANNELS: RangeInclusive<u16> = 1..=8;

/// How samples come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pcm {
    /// Hertz; absent: the model's.
    rate: Option<u32>,
    format: PcmFormat,
    channels: u16,
}

impl Pcm {
    /// Reads a query's pairs; others are ignored.
    pub(super) fn read<'q>(pairs: impl Iterator<Item = (&'q str, &'q str)>) -> Result<Self, Failure> {
        let (mut rate, mut format, mut channels) = (None, None, None);
        for (name, value) in pairs {
            let is_repeated = match name {
                "rate" => rate.replace(number(name, value, &RATES)?).is_some(),
                "channels" => channels.replace(number(name, value, &CHANNELS)?).is_some(),
                "format" => {
                    let known = match value {
                        "s16le" => PcmFormat::S16le,
                        "f32le" => PcmFormat::F32le,
                        _ => return Err(Failure::bad_request("format must be s16le or f32le")),
                    };
                    format.replace(known).is_some()
                }
                _ => false,
            };
            if is_repeated {
                return Err(Failure::bad_request(format!("{name} is there twice: send it once")));
            }
        }
        Ok(Self { rate, format: format.unwrap_or_default(), channels: channels.unwrap_or(1) })
    }

    /// What brings such samples to a model's rate.
    pub(super) fn converter(&self, sample_rate: u32) -> Result<PcmConverter, crate::Error> {
        PcmConverter::new(self.format, self.rate.unwrap_or(sample_rate), self.channels, sample_rate)
    }
}

fn number<N: std::str::FromStr + PartialOrd + std::fmt::Display>(
    name: &str,
    value: &str,
    allowed: &RangeInclusive<N>,
) -> Result<N, Failure> {
    value.parse().ok().filter(|number| allowed.contains(number)).ok_or_else(|| {
        Failure::bad_request(format!("{name} must be a whole number from {} to {}", allowed.start(), allowed.end()))
    })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn queries_are_read_or_refused() {
        let read = |pairs: &[(&str, &str)]| Pcm::read(pairs.iter().copied());
        assert_eq!(read(&[]), Ok(Pcm { rate: None, format: PcmFormat::S16le, channels: 1 }));
        assert_eq!(
            read(&[("rate", "48000"), ("format", "f32le"), ("channels", "2"), ("other", "?")]),
            Ok(Pcm { rate: Some(48_000), format: PcmFormat::F32le, channels: 2 })
        );
        for (name, value) in [
            ("rate", ""),
            ("rate", "7999"),
            ("rate", "192001"),
            ("rate", "16e3"),
            ("rate", "-1"),
            ("format", "S16LE"),
            ("format", "u8"),
            ("channels", "0"),
            ("channels", "9"),
            ("channels", "65536"),
        ] {
            assert_eq!(read(&[(name, value)]).unwrap_err().status(), StatusCode::BAD_REQUEST, "{name}={value}");
        }
        assert_eq!(read(&[("channels", "1"), ("channels", "1")]).unwrap_err().status(), StatusCode::BAD_REQUEST);
    }
}
