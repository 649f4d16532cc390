//! A microphone, through cpal.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{Data, ErrorKind, FromSample, I24, SampleFormat, SizedSample, U24};

use super::{Capture, CaptureFormat, Captured};
use crate::Error;

/// Seconds of sound that wait for the listener at most.
const QUEUE_SECONDS: usize = 2;

/// An input of the sound card, as the system names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputDevice {
    /// What [`Microphone::open`] takes.
    pub name: String,
    /// What it is, in the system's words.
    pub description: String,
    /// How it captures, unless told otherwise.
    pub format: CaptureFormat,
    /// Whether it is the one that is opened without a name.
    pub is_default: bool,
}

/// A microphone that captures.
///
/// It does so in the format that its driver prefers. Blocks for which there is no room in the queue to the listener are lost, and
/// [`Captured::Overrun`] says so, as it does where the driver itself lost some.
pub struct Microphone {
    description: String,
    format: CaptureFormat,
    blocks: Receiver<Block>,
    /// Frames that lie behind a gap which was told last.
    held_back: Option<Vec<f32>>,
    line: Arc<Line>,
    // Capturing ends when it is dropped.
    _stream: cpal::Stream,
}

/// What the driver's threads and the listener's know of each other.
#[derive(Default)]
struct Line {
    /// Samples on their way.
    waiting: AtomicUsize,
    /// Whether frames were lost behind the last block.
    has_gap: AtomicBool,
    /// What ended the capture.
    fault: Mutex<Option<cpal::Error>>,
}

/// What the driver's thread hands over.
struct Block {
    interleaved: Vec<f32>,
    /// Whether frames were lost before it.
    is_behind_gap: bool,
}

impl Microphone {
    /// Opens an input by its name or description, or the system's default one, and starts to capture.
    ///
    /// # Errors
    /// A `Microphone…` variant of [`Error`]: there is none, it has another name, it may not be used, it cannot be used.
    pub fn open(name: Option<&str>) -> Result<Self, Error> {
        quieten_driver();
        let device = find(name)?;
        let refused = |cause: cpal::Error| opening_failed(name, &cause);
        let config = device.default_input_config().map_err(refused)?;
        let format = CaptureFormat { sample_rate: config.sample_rate(), channels: usize::from(config.channels()) };
        let to_floats = conversion(config.sample_format())
            .ok_or_else(|| Error::MicrophoneFormat { format: config.sample_format().to_string() })?;
        let capacity = QUEUE_SECONDS * format.sample_rate as usize * format.channels;
        let (sender, blocks) = channel();
        let line = Arc::new(Line::default());
        let stream = device.build_input_stream_raw(
            config.config(),
            config.sample_format(),
            on_frames(to_floats, sender, Arc::clone(&line), capacity),
            on_fault(Arc::clone(&line)),
            None,
        );
        let stream = stream.map_err(refused)?;
        stream.play().map_err(refused)?;
        Ok(Self { description: description(&device), format, blocks, held_back: None, line, _stream: stream })
    }

    /// What it is, in the system's words.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// How it captures.
    #[must_use]
    pub const fn format(&self) -> CaptureFormat {
        self.format
    }

    /// All inputs that can be opened.
    ///
    /// # Errors
    /// [`Error::MicrophoneMissing`] if the system has none.
    pub fn list() -> Result<Vec<InputDevice>, Error> {
        quieten_driver();
        let host = cpal::default_host();
        let missing = |cause: cpal::Error| Error::MicrophoneMissing { detail: cause.to_string() };
        let default = host.default_input_device().map(|device| name_of(&device));
        let devices = host.input_devices().map_err(missing)?.filter_map(|device| {
            let config = device.default_input_config().ok()?;
            let name = name_of(&device);
            Some(InputDevice {
                is_default: Some(&name) == default.as_ref(),
                description: description(&device),
                format: CaptureFormat { sample_rate: config.sample_rate(), channels: usize::from(config.channels()) },
                name,
            })
        });
        let devices: Vec<InputDevice> = devices.collect();
        if devices.is_empty() {
            return Err(Error::MicrophoneMissing { detail: "the system lists no input".to_owned() });
        }
        Ok(devices)
    }
}

impl Microphone {
    fn captured(&mut self, block: Block) -> Captured {
        let Block { interleaved, is_behind_gap } = block;
        self.line.waiting.fetch_sub(interleaved.len(), Ordering::Relaxed);
        if is_behind_gap {
            self.held_back = Some(interleaved);
            return Captured::Overrun;
        }
        Captured::Frames { format: self.format, interleaved }
    }
}

impl Capture for Microphone {
    fn next(&mut self, patience: Duration) -> Result<Captured, Error> {
        if let Some(interleaved) = self.held_back.take() {
            return Ok(Captured::Frames { format: self.format, interleaved });
        }
        if let Ok(block) = self.blocks.try_recv() {
            return Ok(self.captured(block));
        }
        // All that was captured before a fault has been heard.
        if let Some(fault) = self.line.fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(capturing_failed(&fault));
        }
        match self.blocks.recv_timeout(patience) {
            Ok(block) => Ok(self.captured(block)),
            Err(RecvTimeoutError::Timeout) => Ok(Captured::Nothing),
            Err(RecvTimeoutError::Disconnected) => {
                Err(Error::MicrophoneLost { detail: "its driver has stopped".to_owned() })
            }
        }
    }
}

/// Takes blocks from the driver's thread, which must not wait.
fn on_frames(
    to_floats: fn(&Data) -> Vec<f32>,
    sender: Sender<Block>,
    line: Arc<Line>,
    capacity: usize,
) -> impl FnMut(&Data, &cpal::InputCallbackInfo) + Send + 'static {
    move |data, _| {
        let (length, waiting) = (data.len(), line.waiting.load(Ordering::Relaxed));
        // A block that is longer than the whole queue finds room in an empty one.
        if waiting > 0 && waiting + length > capacity {
            line.has_gap.store(true, Ordering::Relaxed);
            return;
        }
        line.waiting.fetch_add(length, Ordering::Relaxed);
        let is_behind_gap = line.has_gap.swap(false, Ordering::Relaxed);
        // Nobody listens any more while the microphone is being closed.
        let _ = sender.send(Block { interleaved: to_floats(data), is_behind_gap });
    }
}

/// Tells what only costs frames from what ends the capture.
fn on_fault(line: Arc<Line>) -> impl FnMut(cpal::Error) + Send + 'static {
    move |cause| match cause.kind() {
        // The system may have put another microphone in its place: what came before belongs to the old one.
        ErrorKind::Xrun | ErrorKind::DeviceChanged => line.has_gap.store(true, Ordering::Relaxed),
        ErrorKind::RealtimeDenied => {}
        _ => {
            line.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(cause);
        }
    }
}

/// The input of a name or a description.
fn find(name: Option<&str>) -> Result<cpal::Device, Error> {
    let host = cpal::default_host();
    let missing = |detail: String| Error::MicrophoneMissing { detail };
    let Some(name) = name else {
        return host.default_input_device().ok_or_else(|| missing("the system names no default input".to_owned()));
    };
    let devices: Vec<cpal::Device> = host.devices().map_err(|cause| missing(cause.to_string()))?.collect();
    let is_wanted = |device: &&cpal::Device| name_of(device) == name || description(device) == name;
    devices.iter().find(is_wanted).cloned().ok_or_else(|| Error::MicrophoneUnknown { name: name.to_owned() })
}

/// Keeps ALSA's library from writing to stderr from this thread: what goes wrong is said in one line, by the caller.
fn quieten_driver() {
    // Where that fails, there are more lines.
    #[cfg(target_os = "linux")]
    let _ = alsa::Output::local_error_handler();
}

/// What the system calls it.
fn name_of(device: &cpal::Device) -> String {
    device.id().map(|id| id.id().to_owned()).unwrap_or_default()
}

fn description(device: &cpal::Device) -> String {
    device.description().map(|description| description.name().to_owned()).unwrap_or_else(|_| name_of(device))
}

fn opening_failed(name: Option<&str>, cause: &cpal::Error) -> Error {
    let detail = cause.to_string();
    match (cause.kind(), name) {
        (ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable, None) => Error::MicrophoneMissing { detail },
        (ErrorKind::PermissionDenied, _) => Error::MicrophoneForbidden { detail },
        _ => Error::MicrophoneUnusable { detail },
    }
}

fn capturing_failed(cause: &cpal::Error) -> Error {
    match cause.kind() {
        ErrorKind::StreamInvalidated => Error::MicrophoneInvalidated,
        _ => Error::MicrophoneLost { detail: cause.to_string() },
    }
}

/// From a driver's samples to floats, full scale ±1; absent for formats that are no amplitudes.
fn conversion(format: SampleFormat) -> Option<fn(&Data) -> Vec<f32>> {
    Some(match format {
        SampleFormat::I8 => floats::<i8>,
        SampleFormat::I16 => floats::<i16>,
        SampleFormat::I24 => floats::<I24>,
        SampleFormat::I32 => floats::<i32>,
        SampleFormat::I64 => floats::<i64>,
        SampleFormat::U8 => floats::<u8>,
        SampleFormat::U16 => floats::<u16>,
        SampleFormat::U24 => floats::<U24>,
        SampleFormat::U32 => floats::<u32>,
        SampleFormat::U64 => floats::<u64>,
        SampleFormat::F32 => floats::<f32>,
        SampleFormat::F64 => floats::<f64>,
        _ => return None,
    })
}

fn floats<T: SizedSample>(data: &Data) -> Vec<f32>
where
    f32: FromSample<T>,
{
    let samples = data.as_slice::<T>().unwrap_or(&[]);
    // A driver's not-a-number is a click at most, and no reason to stop listening.
    samples
        .iter()
        .map(|&sample| f32::from_sample_(sample))
        .map(|sample| if sample.is_finite() { sample } else { 0.0 })
        .collect()
}
