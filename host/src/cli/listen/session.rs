//! One session of listening: from the microphone to what is printed.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use earmark::Error;
use earmark::listen::{ListenerMemory, LiveEvent, Microphone, Session, listen};

use super::super::track::{Track, TrackFormat, clock};
use super::super::{FAILED, Output, PARTLY_FAILED, complain, printable};
use super::view::View;
use super::{Listen, LiveFormat};

impl Listen {
    /// Listens until Ctrl-C, or shows what could be listened to.
    pub fn run(&self) -> Result<ExitCode, Error> {
        if self.list_devices {
            return list();
        }
        let model = self.model.open()?;
        let mut memory = ListenerMemory::new(&model, self.model.engine())?;
        let settings = self.listening.settings(memory.model());
        let mut listener = memory.listener(&settings)?;
        self.listening.tune(&mut listener)?;

        let mut microphone = Microphone::open(self.device.as_deref())?;
        let stop = stop_on_signals()?;
        let format = microphone.format();
        complain(&format_args!(
            "listening to {} ({} Hz, channels: {}) for {}; Ctrl-C ends it",
            microphone.description(),
            format.sample_rate,
            format.channels,
            model.name(),
        ));
        let labels: Vec<&str> = listener.model().labels().collect();
        let sample_rate = listener.model().sample_rate();
        let mut screen = Screen::new(self.format, &labels, sample_rate);
        let mut counts = vec![0_usize; labels.len()];
        let is_stopped = || stop.load(Ordering::Relaxed);
        let outcome = listen(&mut microphone, &mut listener, is_stopped, |event| {
            if let LiveEvent::Detection(detection) = event
                && let Some(count) = counts.get_mut(detection.label)
            {
                *count += 1;
            }
            screen.show(&event)
        });
        screen.close()?;
        let Session { samples, overruns, fault } = outcome?;
        if let Some(fault) = &fault {
            complain(fault);
        }
        complain(&summary(&clock(samples, sample_rate), &labels, &counts, overruns));
        Ok(ExitCode::from(match (fault, samples) {
            (None, _) => 0,
            (Some(_), 0) => FAILED,
            (Some(_), _) => PARTLY_FAILED,
        }))
    }
}

/// What was heard, in one line.
fn summary(time: &str, labels: &[&str], counts: &[usize], overruns: u64) -> String {
    let heard = labels.iter().zip(counts).filter(|(_, count)| **count > 0);
    let heard: Vec<String> = heard.map(|(label, count)| format!("{label} {count}")).collect();
    let detections = match counts.iter().sum::<usize>() {
        0 => "nothing detected".to_owned(),
        1 => format!("1 detection ({})", heard.join(", ")),
        count => format!("{count} detections ({})", heard.join(", ")),
    };
    let lost = match overruns {
        0 => String::new(),
        1 => ", samples lost once".to_owned(),
        count => format!(", samples lost {count} times"),
    };
    format!("heard {time}: {detections}{lost}")
}

/// Ctrl-C and SIGTERM ask to stop; a second one does not wait.
fn stop_on_signals() -> Result<Arc<AtomicBool>, Error> {
    /// What shells give for a command that SIGINT ended.
    const INTERRUPTED: i32 = 130;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let handler = move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED);
        }
    };
    ctrlc::set_handler(handler).map_err(|cause| Error::Signals { detail: cause.to_string() })?;
    Ok(stop)
}

/// Prints the inputs: a table for people, a line of JSON each for programs.
fn list() -> Result<ExitCode, Error> {
    let devices = Microphone::list()?;
    let mut output = Output::new();
    for device in devices {
        let (rate, channels) = (device.format.sample_rate, device.format.channels);
        if output.is_terminal() {
            let mark = if device.is_default { '*' } else { ' ' };
            let (name, description) = (printable(&device.name), printable(&device.description));
            output.write(format_args!("{mark} {name}\n    {description}, {rate} Hz, channels: {channels}\n"))?;
        } else {
            let line = serde_json::json!({
                "name": device.name,
                "description": device.description,
                "sample_rate": rate,
                "channels": channels,
                "default": device.is_default,
            });
            output.write(format_args!("{line}\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Where events are shown.
struct Screen<'a> {
    surface: Surface,
    track: Track<'a>,
    words: Words,
}

enum Surface {
    View(View),
    Lines(Output),
}

impl<'a> Screen<'a> {
    fn new(format: Option<LiveFormat>, labels: &'a [&'a str], sample_rate: u32) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let format = format.unwrap_or(if is_terminal { LiveFormat::View } else { LiveFormat::Json });
        let surface = match format {
            LiveFormat::View if is_terminal => Surface::View(View::new(labels, sample_rate)),
            // Without a terminal there is nothing to draw on.
            _ => Surface::Lines(Output::new()),
        };
        let format = if format == LiveFormat::Json { TrackFormat::Json } else { TrackFormat::Table };
        Self { surface, track: Track::new(format, labels, sample_rate, None), words: Words { sample_rate, told: None } }
    }

    fn show(&mut self, event: &LiveEvent<'_>) -> Result<(), Error> {
        let detected = match event {
            LiveEvent::Detection(detection) => Some(self.track.entry(detection)?),
            _ => None,
        };
        let words = self.words.of(event);
        match &mut self.surface {
            Surface::View(view) => {
                view.show(event);
                detected.iter().chain(&words).try_for_each(|line| view.print(line.trim_end()))
            }
            Surface::Lines(output) => {
                words.iter().for_each(|words| complain(words));
                detected.iter().try_for_each(|line| output.write(line))
            }
        }
    }

    fn close(&self) -> Result<(), Error> {
        match &self.surface {
            Surface::View(view) => view.clear(),
            Surface::Lines(_) => Ok(()),
        }
    }
}

/// What is to be told beside detections.
struct Words {
    sample_rate: u32,
    /// When lost samples were told last, in samples.
    told: Option<u64>,
}

impl Words {
    fn of(&mut self, event: &LiveEvent<'_>) -> Option<String> {
        let rate = self.sample_rate;
        match *event {
            LiveEvent::Signal { at, condition } => Some(format!("at {}: {condition}", clock(at, rate))),
            // Once in a second of sound is enough; the summary has them all.
            LiveEvent::Overrun { at, count } if self.told.is_none_or(|told| at >= told + u64::from(rate)) => {
                self.told = Some(at);
                let at = clock(at, rate);
                Some(format!("at {at}: samples were lost (times so far: {count}): the machine is too busy to listen"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_one_line() {
        let labels = ["yes", "no"];
        assert_eq!(summary("0:01.00", &labels, &[0, 0], 0), "heard 0:01.00: nothing detected");
        assert_eq!(summary("0:01.00", &labels, &[0, 1], 1), "heard 0:01.00: 1 detection (no 1), samples lost once");
        assert_eq!(
            summary("9:00.00", &labels, &[2, 1], 3),
            "heard 9:00.00: 3 detections (yes 2, no 1), samples lost 3 times"
        );
    }
    #[test]
    fn lost_samples_are_told_once_a_second() {
        let mut words = Words { sample_rate: 16_000, told: None };
        let told: Vec<u64> = (0..40)
            .filter(|tenth| words.of(&LiveEvent::Overrun { at: tenth * 1_600, count: tenth + 1 }).is_some())
            .collect();
        assert_eq!(told, [0, 10, 20, 30]);
    }
}
