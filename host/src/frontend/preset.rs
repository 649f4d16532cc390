//! The defaults that users of a library get.

use earmark_core::frontend::{ClipSettings, Compression, MIN_FFT_LENGTH, Peak, Spectrum};
use serde::Deserialize;

use super::options::{ArithmeticKind, MelNorm, MelScale, MelTriangles, MfccNorm, Settings, Window};

/// The library whose features are reproduced.
///
/// Each preset is a set of defaults for [`Settings`], all of which a model can override. Frames start at sample 0 and are not padded at the
/// ends (`center=False`) unless `center` says so, and the FFT's length is a power of two: the smallest that holds the window.
///
/// | | `torchaudio` | `librosa` | `tf_signal` | `mlperf_tiny` |
/// |---|---|---|---|---|
/// | sample rate, Hz | 16000 | 22050 | 16000 | 16000 |
/// | window | 400, Hann | 2048, Hann | 1024, Hann | 480, Hann |
/// | hop | half the window | a quarter of the window | a quarter of the window | two thirds of the window |
/// | mel bands | 128, 0 Hz to half the rate | 128, 0 Hz to half the rate | 80, 80 to 7600 Hz | 40, 20 to 4000 Hz |
/// | mel scale, norm | HTK, none | Slaney, Slaney | HTK, none | HTK, none |
/// | spectrum | power | power | magnitude | magnitude |
/// | compression | ln(x + 10⁻⁶) | 10·log₁₀(max(x, 10⁻¹⁰)) | ln(x + 10⁻⁶) | ln(x + 10⁻⁶) |
/// | coefficients | – | – | – | 10 |
/// | samples | / 32768 | / 32768 | / 32768 | / the clip's highest |
///
/// What divides samples by 32768 does as the libraries' readers of audio files do. Without coefficients features are log-mel unless
/// `mfcc_coefficients` is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// `torchaudio.transforms.MelSpectrogram` and `MFCC(log_mels=True)`.
    ///
    /// From the signatures of torchaudio 2: `n_fft=400`, `hop_length=win_length // 2`, `n_mels=128`, `power=2.0`,
    /// `f_min=0`, `f_max=sample_rate // 2`, `mel_scale="htk"`, `norm=None`; the logarithm is that of `MFCC`.
    Torchaudio,
    /// `librosa.feature.melspectrogram`, `power_to_db` and `mfcc`.
    ///
    /// From the signatures of librosa 0.10: `sr=22050`, `n_fft=2048`, `hop_length=512`, `power=2.0`, `n_mels=128`,
    /// `fmin=0`, `fmax=sr / 2`, `htk=False`, `norm="slaney"`, `amin=1e-10`. `top_db` clips to 80 dB below the loudest
    /// value of the whole clip, which no live stream has: train with `top_db=None`.
    Librosa,
    /// `tf.signal.stft`, `linear_to_mel_weight_matrix` and `mfccs_from_log_mel_spectrograms`.
    ///
    /// Most of these functions' arguments have no default; these are the values of the example in the documentation of
    /// `mfccs_from_log_mel_spectrograms`.
    TfSignal,
    /// The MFCCs of MLPerf Tiny's keyword spotting, for clips only: samples are divided by the highest one of the clip. With `peak = "none"`
    /// and `pcm_scale` for the loudness that is expected, a model can listen.
    ///
    /// From `get_dataset.py` and the flags' defaults in the repository mlcommons/tiny, `benchmark/training/keyword_spotting`.
    MlperfTiny,
}

impl Preset {
    /// The defaults, which follow the sample rate and the window's length where the library's do.
    pub(super) fn settings(self, sample_rate: Option<u32>, window_length: Option<usize>) -> Settings {
        let (usual_rate, usual_window) = match self {
            Self::Torchaudio => (16_000, 400),
            Self::Librosa => (22_050, 2_048),
            Self::TfSignal => (16_000, 1_024),
            Self::MlperfTiny => (16_000, 480),
        };
        let sample_rate = sample_rate.unwrap_or(usual_rate);
        let window_length = window_length.unwrap_or(usual_window);
        let torchaudio = Settings {
            sample_rate,
            window_length,
            hop_length: window_length / 2,
            // A window too long for it stays what it is, and is refused for what it is.
            fft_length: window_length.checked_next_power_of_two().unwrap_or(window_length).max(MIN_FFT_LENGTH),
            window: Window::Hann,
            mel_bands: 128,
            low_hz: 0.0,
            high_hz: f64::from(sample_rate) / 2.0,
            mel_scale: MelScale::Htk,
            mel_norm: MelNorm::None,
            mel_triangles: MelTriangles::Hertz,
            spectrum: Spectrum::Power,
            compression: Compression::LnPlus,
            floor: 1e-6,
            pcm_scale: 1.0 / 32_768.0,
            mfcc_coefficients: 0,
            mfcc_norm: MfccNorm::Ortho,
            arithmetic: ArithmeticKind::Float,
            clip: ClipSettings::NONE,
            offset: Vec::new(),
            scale: Vec::new(),
        };
        match self {
            Self::Torchaudio => torchaudio,
            Self::Librosa => Settings {
                hop_length: window_length / 4,
                mel_scale: MelScale::Slaney,
                mel_norm: MelNorm::Slaney,
                compression: Compression::DecibelMax,
                floor: 1e-10,
                ..torchaudio
            },
            Self::MlperfTiny => Settings {
                hop_length: window_length.saturating_mul(2) / 3,
                mel_bands: 40,
                low_hz: 20.0,
                high_hz: 4_000.0,
                pcm_scale: 1.0,
                mfcc_coefficients: 10,
                clip: ClipSettings { peak: Peak::Highest, ..ClipSettings::NONE },
                ..Self::TfSignal.settings(Some(sample_rate), Some(window_length))
            },
            Self::TfSignal => Settings {
                hop_length: window_length / 4,
                // `tf.signal.hann_window(periodic=True)` is symmetric when its length is odd.
                window: if window_length.is_multiple_of(2) { Window::Hann } else { Window::HannSymmetric },
                mel_bands: 80,
                low_hz: 80.0,
                high_hz: 7_600.0,
                mel_triangles: MelTriangles::Mel,
                spectrum: Spectrum::Magnitude,
                mfcc_norm: MfccNorm::Htk,
                ..torchaudio
            },
        }
    }
}
