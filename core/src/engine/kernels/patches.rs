//! What a convolution reads where the inputs of an output are no run of memory.

use crate::model::Window;

/// The inputs of a convolution, height × width × channels, of which each output takes a patch.
#[derive(Debug, Clone, Copy)]
pub struct Patches<'a> {
    /// How the kernel slides.
    pub window: Window,
    /// The values.
    pub values: &'a [i8],
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels.
    pub channels: usize,
    /// The value of padding.
    pub zero_point: i8,
    /// Columns of the output.
    pub columns: usize,
}

impl Patches<'_> {
    /// Fills a line with a row of inputs with its padding: the padded inputs' row `row`, from column `first` on.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn line(&self, row: usize, first: usize, line: &mut [i8]) {
        let pad = self.window.pad.map(usize::from);
        // Before the first row, this wraps to far behind the last.
        let inputs = self.row(row.wrapping_sub(pad[0])).unwrap_or(&[]);
        let before = pad[1].saturating_sub(first).saturating_mul(self.channels).min(line.len());
        let inputs = inputs.get(first.saturating_sub(pad[1]).saturating_mul(self.channels)..).unwrap_or(&[]);
        let (before, rest) = line.split_at_mut(before);
        let (inside, behind) = rest.split_at_mut(inputs.len().min(rest.len()));
        before.fill(self.zero_point);
        inside.copy_from_slice(&inputs[..inside.len()]);
        behind.fill(self.zero_point);
    }

    /// A row of inputs, if it is one.
    #[cfg(target_arch = "x86_64")]
    fn row(&self, row: usize) -> Option<&[i8]> {
        let length = self.width * self.channels;
        self.values.get(row.checked_mul(length).filter(|_| row < self.height)?..)?.get(..length)
    }
}
