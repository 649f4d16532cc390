//! The one error type of the crate.

/// What can go wrong on the host. The message says what is wrong and what to do; it is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The core refused a model or some input.
    #[error(transparent)]
    Core(#[from] earmark_core::Error),
    /// A model file could not be read.
    #[error("cannot read the model {}: {cause}; give the path of an .ear or .onnx file", path.display())]
    ReadModel {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A compiled model could not be written.
    #[error("cannot write the model {}: {cause}; check the directory and the disk's space", path.display())]
    WriteModel {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A compiled model would overwrite the ONNX file that it is compiled from.
    #[error("{} is the ONNX file itself and would be overwritten: give another path as --output", path.display())]
    OverwritesSource {
        /// The file.
        path: std::path::PathBuf,
    },
    /// What is to be compiled is an artifact already.
    #[error("{} is a compiled model already: {advice}", path.display())]
    CompiledAlready {
        /// The file.
        path: std::path::PathBuf,
        /// What to do.
        advice: &'static str,
    },
    /// The module of Rust would overwrite the artifact that it embeds.
    #[error("{} is where the module of Rust goes: give another path as --output, such as one that ends in .ear", path.display())]
    OverwritesArtifact {
        /// The file.
        path: std::path::PathBuf,
    },
    /// An artifact is damaged.
    #[error("cannot use the model {name}: {cause}")]
    Model {
        /// The file, or the built-in model's name.
        name: String,
        /// What is wrong with it.
        cause: earmark_core::Error,
    },
    /// The reference runtime needs the ONNX file that an artifact was compiled from, and it is not there.
    #[error("`--engine tract` runs the model's ONNX file, and {} cannot be read: {cause}; put it there or give it as --model", path.display())]
    ReadSource {
        /// Where it was looked for.
        path: std::path::PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The ONNX file beside an artifact is not the one that it was compiled from.
    #[error("{} is not the file that {model} was compiled from (its SHA-256 differs): compile it anew", path.display())]
    OtherSource {
        /// The artifact.
        model: String,
        /// The ONNX file.
        path: std::path::PathBuf,
    },
    /// An ONNX model was given to an earmark that was built without the model compiler.
    #[error("{} is an ONNX file and this earmark was built without the feature `tract`: give an .ear file", path.display())]
    NoCompiler {
        /// The file.
        path: std::path::PathBuf,
    },
    /// An ONNX file cannot be read or has a shape that no recogniser has.
    #[error("cannot compile the ONNX model: {what}")]
    Onnx {
        /// What is wrong.
        what: String,
    },
    /// The ONNX file holds an operator that the compiler does not know, or not in this form.
    #[error("cannot compile node {node} ({operator}, input {shape}): {why}; supported are {supported}")]
    UnsupportedOperator {
        /// The node's name.
        node: String,
        /// Its operator.
        operator: String,
        /// The shape of its inputs.
        shape: String,
        /// What is wrong with it.
        why: String,
        /// What could stand in its place.
        supported: &'static str,
    },
    /// A float model cannot be quantised with the audio that was given.
    #[error("cannot calibrate the model: {what}")]
    Calibration {
        /// What is wrong and what to do.
        what: String,
    },
    /// What a model says about itself is wrong or missing.
    #[error("the model's description is wrong: {what}")]
    Metadata {
        /// What is wrong and what to do.
        what: String,
    },
    /// Detector defaults that no artifact can hold.
    #[error("the detector's settings are wrong: {what}; change them")]
    Detector {
        /// What is wrong.
        what: String,
    },
    /// A setting is for a label that the model does not have.
    #[error("the model has no label {label}: it has {known}")]
    LabelUnknown {
        /// The label that was given.
        label: String,
        /// The labels that there are.
        known: String,
    },
    /// The detections of several files are to become one label track.
    #[error("a label track belongs to one file: give one FILE, or --format json for several")]
    TrackOfSeveral,
    /// There is no such audio file.
    #[error("there is no such file: check the path")]
    AudioMissing,
    /// The audio file is a directory.
    #[error("this is a directory: give the files in it")]
    AudioDirectory,
    /// The audio file cannot be read.
    #[error("cannot be read: {cause}; check the path and its permissions")]
    AudioUnreadable {
        /// Why.
        cause: std::io::Error,
    },
    /// The audio file has no bytes.
    #[error("the file is empty: record or copy it again")]
    AudioEmpty,
    /// The file is larger than allowed.
    #[error("the file is larger than {limit} bytes: split it")]
    AudioTooLarge {
        /// The most bytes that are accepted.
        limit: u64,
    },
    /// The audio lasts longer than allowed.
    #[error("the audio is longer than {limit} s: split it")]
    AudioTooLong {
        /// The most seconds that are accepted.
        limit: u64,
    },
    /// The decoded audio does not fit in memory.
    #[error("there is not enough memory for the audio: split it")]
    AudioMemory,
    /// The file is text.
    #[error("this is text, not audio, whatever its name says: give an audio file")]
    AudioIsText,
    /// The file is nothing known.
    #[error("this is no audio file of a known format: convert it to WAV, FLAC, MP3, Ogg or M4A")]
    AudioUnknown,
    /// The file's codec or container is known but cannot be decoded.
    #[error("{codec} cannot be decoded: convert it to WAV, FLAC, MP3, Ogg or M4A")]
    AudioCodec {
        /// The codec or container.
        codec: String,
    },
    /// The container holds no audio.
    #[error("the file has no audio track: give one that has")]
    AudioNoTrack,
    /// The audio file's header is wrong.
    #[error("the WAV header is damaged: {detail}; record or convert the file again")]
    AudioHeader {
        /// What is wrong.
        detail: String,
    },
    /// The header says that there are no channels.
    #[error("the header says 0 channels: record or convert the file again")]
    AudioNoChannels,
    /// The header says that the sample rate is 0.
    #[error("the header says a sample rate of 0 Hz: record or convert the file again")]
    AudioNoRate,
    /// A sample rate that no recording has, as the header says or as somebody said.
    #[error(
        "it is said to have a sample rate of {sample_rate} Hz, which cannot be: give another rate, or record or convert the file again"
    )]
    AudioRate {
        /// That rate, in hertz.
        sample_rate: u32,
    },
    /// The file ends too early.
    #[error("the file is truncated: it should have {needed} {unit} and has {given}; copy or download it again")]
    AudioTruncated {
        /// What there should be.
        needed: u64,
        /// What there is.
        given: u64,
        /// Of what.
        unit: &'static str,
    },
    /// The file's contents are wrong.
    #[error("the file is damaged ({detail}): copy or convert it again")]
    AudioDamaged {
        /// What its decoder says.
        detail: String,
    },
    /// The file decodes to nothing.
    #[error("no audio could be decoded: the file is truncated or holds no samples; record or copy it again")]
    AudioNoFrames,
    /// A sample is infinite or not a number.
    #[error("frame {frame} is not a number or infinite: export the file again, best as 16-bit PCM")]
    AudioNotFinite {
        /// The frame, from 0.
        frame: usize,
    },
    /// The audio cannot be brought to the model's sample rate.
    #[error("cannot resample from {from} Hz to {to} Hz: {detail}; convert the file to {to} Hz first")]
    AudioResample {
        /// The file's rate.
        from: u32,
        /// The model's rate.
        to: u32,
        /// Why.
        detail: String,
    },
    /// Results could not be written.
    #[error("cannot write the result: {0}; check what reads it, or the disk's space")]
    Output(#[source] std::io::Error),
    /// What is to be measured on cannot be used.
    #[error("{} {what}", path.display())]
    EvalInput {
        /// The file or folder.
        path: std::path::PathBuf,
        /// What is wrong with it and what to do.
        what: String,
    },
    /// What is to be measured cannot be.
    #[error("{what}")]
    EvalOption {
        /// What is wrong and what to do.
        what: String,
    },
    /// A file of results could not be written.
    #[error("cannot write {}: {cause}; check the directory and the disk's space", path.display())]
    WriteFile {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// Features are to be written in a form that there is not.
    #[error("{} does not say what to write: give a name that ends in .png, .npy or .json", path.display())]
    FeaturesForm {
        /// The file.
        path: std::path::PathBuf,
    },
    /// A picture is to be written into a file that is named as if it were something else.
    #[error("{} does not end in .png, which is what the picture will be: give another name", path.display())]
    PlotForm {
        /// The file.
        path: std::path::PathBuf,
    },
    /// A picture could not be drawn.
    #[error("cannot draw the picture: {detail}")]
    Plot {
        /// What its drawer says.
        detail: String,
    },
    /// A frequency of the front end is out of range.
    #[error(
        "the front end's {option} is {given} Hz and must be {expected}: change it in the model's front-end options"
    )]
    FrontEndOption {
        /// The option.
        option: &'static str,
        /// Its value, in hertz.
        given: f64,
        /// The values it may have.
        expected: String,
    },
    /// A network that takes samples was to listen.
    #[error("the model takes a window of samples at a time and cannot listen: give it whole clips")]
    WaveformListens,
    /// A normalisation of features is given in two ways.
    #[error("the front end's {option} say the same thing: leave one out of the model's front-end options")]
    FrontEndTwice {
        /// The two options.
        option: &'static str,
    },
    /// No samples came from a microphone that is open.
    #[error("no samples came from the microphone for {seconds} s: plug it in again, or give another --device")]
    MicrophoneStalled {
        /// How long it was waited for.
        seconds: u64,
    },
    /// The microphone's format is another one than before.
    #[error(
        "the microphone's format changed on the way, from {from} Hz to {to} Hz: start again to listen to it as it is now"
    )]
    MicrophoneChanged {
        /// Its sample rate before, in hertz.
        from: u32,
        /// Its sample rate now.
        to: u32,
    },
    /// The system has changed the microphone's settings.
    #[error(
        "the microphone's sample rate or channels were changed on the way: start again to listen to it as it is now"
    )]
    MicrophoneInvalidated,
    /// The microphone is gone.
    #[error("the microphone is gone ({detail}): plug it in and start again")]
    MicrophoneLost {
        /// What the system says.
        detail: String,
    },
    /// There is no microphone.
    #[error("there is no microphone ({detail}): plug one in, or give a recording to `earmark stream`")]
    MicrophoneMissing {
        /// What the system says.
        detail: String,
    },
    /// There is no microphone of that name.
    #[error("there is no microphone {name}: `earmark listen --list-devices` names those that there are")]
    MicrophoneUnknown {
        /// The name that was given.
        name: String,
    },
    /// The system does not allow to use the microphone.
    #[error("the microphone may not be used ({detail}): allow it in the system's settings, or join the group `audio`")]
    MicrophoneForbidden {
        /// What the system says.
        detail: String,
    },
    /// The microphone cannot be opened.
    #[error("the microphone cannot be used ({detail}): close what else uses it, or give another --device")]
    MicrophoneUnusable {
        /// What the system says.
        detail: String,
    },
    /// The microphone gives something else than amplitudes.
    #[error("the microphone gives {format}, which is no PCM: give another --device")]
    MicrophoneFormat {
        /// Its sample format.
        format: String,
    },
    /// A microphone was asked of an earmark that was built without.
    #[error(
        "this earmark was built without microphones: build it with `--features listen` (on Linux that needs ALSA's headers, on \
         Debian libasound2-dev), or listen through a pipe, as in `arecord -t wav - | earmark stream -`"
    )]
    MicrophoneNotBuiltIn,
    /// The signals that end the command cannot be caught.
    #[error("cannot catch Ctrl-C: {detail}; start the command in another way")]
    Signals {
        /// What the system says.
        detail: String,
    },
    /// The server cannot listen at its address.
    #[cfg(feature = "serve")]
    #[error("cannot listen on {address}: {cause}; give another --addr")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        cause: std::io::Error,
    },
    /// What should name a web site does not, as browsers would.
    #[cfg(feature = "serve")]
    #[error(
        "{text:?} is no origin that browsers send: write scheme://host or scheme://host:port, in lower case and with nothing behind it, \
         such as https://example.org"
    )]
    Origin {
        /// What was given.
        text: String,
    },
    /// The directory of models cannot be read.
    #[cfg(feature = "serve")]
    #[error("cannot read the models in {}: {cause}; give a directory as --models", path.display())]
    ModelsDirectory {
        /// The directory.
        path: std::path::PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// There is no model of that name.
    #[cfg(feature = "serve")]
    #[error("there is no model {id}: there are {known}")]
    ModelUnknown {
        /// The name that was given.
        id: String,
        /// The names that there are.
        known: String,
    },
    /// The system does not let the server start.
    #[cfg(feature = "serve")]
    #[error("cannot start the server: {0}; check the limits on threads and files")]
    Server(#[source] std::io::Error),
}
