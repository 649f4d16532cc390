//! The question: `{"inputs": base64 audio, "parameters": {"function_to_apply": …, "top_k": …}}`.

use core::num::NonZeroU32;

use super::json::{Escaped, Kind, Scanner};
use super::{Base64, FunctionToApply};
use crate::Error;

/// The settings that a request may bring along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parameters {
    /// How scores are made of raw outputs; absent: as the model says.
    pub function_to_apply: Option<FunctionToApply>,
    /// How many labels to answer with, from 1; absent: all.
    pub top_k: Option<NonZeroU32>,
}

impl Parameters {
    /// These, and what they leave open from `others`.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            function_to_apply: self.function_to_apply.or(others.function_to_apply),
            top_k: self.top_k.or(others.top_k),
        }
    }
}

/// A request read where it lies, audio still encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'b> {
    /// The audio file, of whatever format.
    pub inputs: Base64<'b>,
    /// Its settings; absent ones are `None`.
    pub parameters: Parameters,
}

impl<'b> Request<'b> {
    /// Reads a JSON body.
    ///
    /// Unknown keys are ignored, but must be valid JSON like the rest. `null` for a parameter means absent, as does
    /// `"parameters": null`. A whole number in any notation will do for `top_k`: `3`, `3.0`, `3e0`.
    ///
    /// # Errors
    /// One that names the field or the place: see the `Request…`, `Base64…`, `FunctionUnknown` and `TopKInvalid` variants
    /// of [`Error`]. Never a panic, whatever the bytes; the stack used does not depend on them.
    pub fn read(body: &'b [u8]) -> Result<Self, Error> {
        if body.starts_with(b"\xef\xbb\xbf") {
            return Err(Error::RequestByteOrderMark);
        }
        let text = core::str::from_utf8(body).map_err(|error| Error::RequestNotUtf8 { offset: error.valid_up_to() })?;
        let mut scanner = Scanner::new(text);
        match scanner.kind()? {
            Kind::Object => {}
            kind => return Err(wrong_type("the request", "an object", kind)),
        }
        let mut inputs = Field::new("inputs");
        let mut parameters = Field::new("parameters");
        scanner.object(|scanner, key| {
            if key.is("inputs") {
                inputs.set(Base64::new(string(scanner, "inputs", "the audio file as a base64 string")?)?)
            } else if key.is("parameters") {
                parameters.set(read_parameters(scanner)?)
            } else {
                scanner.skip()
            }
        })?;
        scanner.end()?;
        Ok(Self {
            inputs: inputs.value.ok_or(Error::RequestFieldMissing { field: "inputs" })?,
            parameters: parameters.value.unwrap_or_default(),
        })
    }
}

/// Reads `top_k` where it stands alone, in a query or a form, by the same rules as in JSON.
///
/// ```
/// use earmark_core::api::parse_top_k;
///
/// assert_eq!(parse_top_k("3.0").map(|k| k.get()), Ok(3));
/// assert!(parse_top_k("0").is_err() && parse_top_k("three").is_err());
/// ```
///
/// # Errors
/// [`Error::TopKInvalid`].
pub fn parse_top_k(text: &str) -> Result<NonZeroU32, Error> {
    let mut scanner = Scanner::new(text);
    let number = scanner.number().and_then(|number| scanner.end().map(|()| number));
    number.ok().and_then(whole_number).ok_or(Error::TopKInvalid)
}

fn read_parameters(scanner: &mut Scanner<'_>) -> Result<Parameters, Error> {
    let mut function_to_apply = Field::new("parameters.function_to_apply");
    let mut top_k = Field::new("parameters.top_k");
    match scanner.kind()? {
        Kind::Null => return scanner.skip().map(|()| Parameters::default()),
        Kind::Object => {}
        kind => return Err(wrong_type("parameters", "an object", kind)),
    }
    scanner.object(|scanner, key| {
        if key.is("function_to_apply") {
            function_to_apply.set(optional(scanner, |scanner| {
                let name = string(scanner, "parameters.function_to_apply", "one of sigmoid, softmax and none")?;
                let known = FunctionToApply::NAMES.into_iter().find(|known| name.is(known));
                known.ok_or(Error::FunctionUnknown)?.parse()
            })?)
        } else if key.is("top_k") {
            top_k.set(optional(scanner, |scanner| match scanner.kind()? {
                Kind::Number => whole_number(scanner.number()?).ok_or(Error::TopKInvalid),
                kind => Err(wrong_type("parameters.top_k", "a whole number of 1 or more", kind)),
            })?)
        } else {
            scanner.skip()
        }
    })?;
    Ok(Parameters { function_to_apply: function_to_apply.value.flatten(), top_k: top_k.value.flatten() })
}

/// A member that may come once.
struct Field<T> {
    name: &'static str,
    value: Option<T>,
}

impl<T> Field<T> {
    fn new(name: &'static str) -> Self {
        Self { name, value: None }
    }

    fn set(&mut self, value: T) -> Result<(), Error> {
        match self.value.replace(value) {
            None => Ok(()),
            Some(_) => Err(Error::RequestFieldTwice { field: self.name }),
        }
    }
}

fn wrong_type(field: &'static str, expected: &'static str, found: Kind) -> Error {
    Error::RequestFieldType { field, expected, found: found.name() }
}

fn string<'b>(scanner: &mut Scanner<'b>, field: &'static str, expected: &'static str) -> Result<Escaped<'b>, Error> {
    match scanner.kind()? {
        Kind::String => scanner.string(),
        kind => Err(wrong_type(field, expected, kind)),
    }
}

/// A value, or `null` for none.
fn optional<'b, T>(
    scanner: &mut Scanner<'b>,
    value: impl FnOnce(&mut Scanner<'b>) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    match scanner.kind()? {
        Kind::Null => scanner.skip().map(|()| None),
        _ => value(scanner).map(Some),
    }
}

/// The value of a JSON number if it is whole and at least 1; what is larger than a `u32` counts as the largest one.
///
/// Worked out on the digits: no float parser, which is large on a device, and no rounding that would make 1 of
/// 0.99999999999999999.
fn whole_number(number: &str) -> Option<NonZeroU32> {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    // An exponent beyond i32 shifts any digits out of sight either way.
    let is_small = exponent.starts_with('-');
    let exponent = exponent.parse::<i32>().unwrap_or(if is_small { i32::MIN } else { i32::MAX });
    let point = i64::try_from(whole.len()).ok()? + i64::from(exponent);

    let mut value = 0_u32;
    let mut place = 0_i64;
    for digit in whole.chars().chain(fraction.chars()) {
        // A minus sign is no digit, so negative numbers end here.
        let digit = digit.to_digit(10)?;
        if place < point {
            value = value.saturating_mul(10).saturating_add(digit);
        } else if digit != 0 {
            return None;
        }
        place += 1;
    }
    // Zeros that the exponent appends; ten of them saturate any value but 0.
    for _ in place..point.min(place + 10) {
        value = value.saturating_mul(10);
    }
    NonZeroU32::new(value)
}
