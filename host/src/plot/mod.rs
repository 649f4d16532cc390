//! Pictures as PNG files, drawn by plotters with a font that is in the binary: nothing on the system is asked for.

use std::error::Error as Cause;
use std::sync::Once;

use plotters::prelude::{BitMapBackend, DrawingArea, IntoDrawingArea, WHITE};
use plotters::style::{FontStyle, register_font};

use crate::Error;

/// The font's name, for text of plotters: Noto Sans.
pub const FONT: &str = "sans-serif";

/// What is drawn on: coordinates are pixels from the upper left corner; [`DrawingArea::split_evenly`] and the like part it.
pub type Area<'a> = DrawingArea<BitMapBackend<'a>, plotters::coord::Shift>;

/// Draws a picture of `width` × `height` pixels on white and gives the bytes of its PNG file.
///
/// # Errors
/// [`Error::Plot`] with what `draw` or the encoder says.
///
/// ```
/// use plotters::prelude::*;
///
/// let png = earmark::plot::png(64, 32, |area| {
///     area.draw(&Text::new("yes", (4, 4), (earmark::plot::FONT, 12)))?;
///     Ok(())
/// })?;
/// assert!(png.starts_with(b"\x89PNG"));
/// # Ok::<(), earmark::Error>(())
/// ```
pub fn png(
    width: u32,
    height: u32,
    draw: impl FnOnce(&Area<'_>) -> Result<(), Box<dyn Cause>>,
) -> Result<Vec<u8>, Error> {
    let failed = |cause: &dyn std::fmt::Display| Error::Plot { detail: cause.to_string() };
    prepare_font();
    let mut pixels = vec![0; width as usize * height as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        let drawn = area.fill(&WHITE).map_err(Box::from).and_then(|()| draw(&area));
        drawn.and_then(|()| area.present().map_err(Box::from)).map_err(|cause| failed(&cause))?;
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels));
    written.map_err(|cause| failed(&cause))?;
    Ok(file)
}

/// Tells plotters about the font, once in a process.
fn prepare_font() {
    static FONT_REGISTERED: Once = Once::new();
    // It can only fail on a font file that is none; text then fails to draw, with plotters' own words.
    FONT_REGISTERED.call_once(|| drop(register_font(FONT, FontStyle::Normal, notosans::REGULAR_TTF)));
}
