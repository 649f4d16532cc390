//! Where sound comes from.

use crate::Error;

/// Delivers samples, or the raw slots of an I2S bus, in the order in which they were heard.
///
/// embedded-hal has no trait for audio, so this is the one to implement for a board's I2S or PDM peripheral: a few lines around its
/// DMA. [`Decoded`](crate::slots::Decoded) makes samples of slots.
///
/// ```
/// use earmark_edge::{Error, source::Source};
///
/// /// Sound that is in memory already.
/// struct Recording<'r>(&'r [i16]);
///
/// impl Source for Recording<'_> {
///     type Item = i16;
///
///     fn fill(&mut self, items: &mut [i16]) -> Result<usize, Error> {
///         let (now, later) = self.0.split_at(items.len().min(self.0.len()));
///         items[..now.len()].copy_from_slice(now);
///         self.0 = later;
///         Ok(now.len())
///     }
/// }
///
/// let mut items = [0; 2];
/// let mut recording = Recording(&[1, 2, 3]);
/// assert_eq!(recording.fill(&mut items), Ok(2));
/// assert_eq!(recording.fill(&mut items), Ok(1));
/// assert_eq!(recording.fill(&mut items), Ok(0)); // the end
/// ```
pub trait Source {
    /// What is delivered: `i16` for samples of one channel, or the word that the bus puts a slot in.
    type Item: Copy;

    /// Waits until something was heard and puts it at the front of `items`.
    ///
    /// Gives how many were put there. 0 means that no more will come; a microphone never says so.
    ///
    /// # Errors
    /// [`Error::Overrun`] if something was lost since the last call. Nothing is delivered then, and the next call starts afresh: on
    /// a stereo bus with a left slot. Any other error means that the source does not work.
    fn fill(&mut self, items: &mut [Self::Item]) -> Result<usize, Error>;

    /// As [`fill`](Self::fill), for a source that may show items where they are: at most as many as `buffer` has, by way of which others go.
    ///
    /// A source with a buffer of its own, such as that of a DMA controller, spares a copy by it.
    ///
    /// # Errors
    /// As [`fill`](Self::fill).
    fn show<'s>(&'s mut self, buffer: &'s mut [Self::Item]) -> Result<&'s [Self::Item], Error> {
        let count = self.fill(buffer)?;
        Ok(buffer.get(..count).unwrap_or(buffer))
    }
}

impl<S: Source + ?Sized> Source for &mut S {
    type Item = S::Item;

    fn fill(&mut self, items: &mut [S::Item]) -> Result<usize, Error> {
        (**self).fill(items)
    }

    fn show<'s>(&'s mut self, buffer: &'s mut [S::Item]) -> Result<&'s [S::Item], Error> {
        (**self).show(buffer)
    }
}

/// As [`Source`], but waits without blocking: for drivers with `async` methods, as embedded-hal-async has them.
///
/// The future need not be `Send`: an executor for microcontrollers polls it where it is.
///
/// ```
/// use earmark_edge::{Error, source::AsyncSource};
///
/// /// Stands for a HAL's driver of a DMA ring.
/// struct Driver;
///
/// impl Driver {
///     async fn read(&mut self, slots: &mut [u32]) -> Result<usize, ()> {
///         slots.fill(0);
///         Ok(slots.len())
///     }
/// }
///
/// struct Microphone(Driver);
///
/// impl AsyncSource for Microphone {
///     type Item = u32;
///
///     async fn fill(&mut self, items: &mut [u32]) -> Result<usize, Error> {
///         self.0.read(items).await.map_err(|()| Error::Overrun)
///     }
/// }
/// ```
#[allow(async_fn_in_trait)] // No bound that a caller could want to add suits every executor.
pub trait AsyncSource {
    /// As [`Source::Item`].
    type Item: Copy;

    /// As [`Source::fill`].
    ///
    /// # Errors
    /// As [`Source::fill`].
    async fn fill(&mut self, items: &mut [Self::Item]) -> Result<usize, Error>;
}

impl<S: AsyncSource + ?Sized> AsyncSource for &mut S {
    type Item = S::Item;

    async fn fill(&mut self, items: &mut [S::Item]) -> Result<usize, Error> {
        (**self).fill(items).await
    }
}
