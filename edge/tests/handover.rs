//! The hand-over between an interrupt handler and the run loop.

mod scripted;

use std::sync::Mutex;

use earmark_edge::Error;
use earmark_edge::handover::Handover;
use earmark_edge::source::Source;
use proptest::prelude::*;
use scripted::{Later, Script, block_on};

proptest! {
    /// Whatever the reader asks for and whenever the writer writes, what arrives is in order, and a gap is always told of.
    #[test]
    fn no_gap_goes_untold(steps in prop::collection::vec((0usize..4, 1usize..7), 1..60)) {
        let mut handover = Handover::<u32, 3, 4>::new();
        let next = Mutex::new(0u32);
        let block = || {
            let mut next = next.lock().unwrap();
            *next += 3;
            [*next - 3, *next - 2, *next - 1]
        };
        // The reader only waits when it has read everything, so the writer has a place then.
        let waited = Mutex::new(false);
        let (mut writer, mut reader) = handover.split(|| *waited.lock().unwrap() = true);
        let mut expected = None;
        for (writes, wanted) in steps {
            for _ in 0..writes {
                writer.push(block());
            }
            if writes == 0 {
                continue;
            }
            let mut items = vec![0; wanted];
            match reader.fill(&mut items) {
                Ok(count) => {
                    prop_assert!(count > 0);
                    for &item in &items[..count] {
                        prop_assert!(expected.is_none_or(|expected| item == expected));
                        expected = Some(item + 1);
                    }
                }
                Err(error) => {
                    prop_assert_eq!(error, Error::Overrun);
                    expected = None;
                }
            }
        }
        prop_assert!(!*waited.lock().unwrap());
    }
}

#[test]
fn the_reader_waits_for_the_writer() {
    let mut handover = Handover::<i16, 2, 2>::new();
    let waits = Mutex::new(0);
    std::thread::scope(|scope| {
        let (mut writer, mut reader) = handover.split(|| {
            *waits.lock().unwrap() += 1;
            std::thread::yield_now();
        });
        let writing = scope.spawn(move || writer.push([1, 2]));
        let mut items = [0; 4];
        assert_eq!(reader.fill(&mut items), Ok(2));
        assert_eq!(items, [1, 2, 0, 0]);
        writing.join().unwrap();
    });
}

#[test]
fn a_loss_that_the_peripheral_reports_is_an_overrun() {
    let mut handover = Handover::<i16, 2, 4>::default();
    let (mut writer, mut reader) = handover.split(|| unreachable!("nothing to wait for"));
    writer.push([1, 2]);
    writer.lost();
    let mut items = [0; 2];
    assert_eq!(reader.fill(&mut items), Err(Error::Overrun));
    writer.push([3, 4]);
    assert_eq!(reader.fill(&mut items[..1]), Ok(1));
    assert_eq!(reader.fill(&mut items), Ok(1));
    assert_eq!(items[0], 4);
    assert_eq!(reader.fill(&mut []), Ok(0));
}

/// What a source delivers in chunks of any length arrives whole; what a loss cuts short is dropped, and the loss is told of.
#[test]
fn a_task_hands_over_what_a_source_delivers() {
    let mut handover = Handover::<i16, 4, 9>::new();
    let (mut writer, mut reader) = handover.split(|| unreachable!("nothing to wait for"));
    let mut items = [0; 4];

    let chunks = [Ok(vec![1]), Ok(vec![2, 3, 4, 5, 6, 7]), Ok(vec![8, 9])];
    assert_eq!(block_on(writer.capture(Later(Script::new(chunks)))), Ok(()));
    for expected in [[1, 2, 3, 4], [5, 6, 7, 8]] {
        assert_eq!(reader.fill(&mut items), Ok(4));
        assert_eq!(items, expected);
    }

    let chunks = [Ok(vec![1, 2, 3]), Err(Error::Overrun)];
    assert_eq!(block_on(writer.capture(Later(Script::new(chunks)))), Ok(()));
    assert_eq!(reader.fill(&mut items), Err(Error::Overrun));

    let failed = Error::Source { what: "the bus is stuck" };
    let chunks = [Ok(vec![4, 5, 6, 7]), Err(failed), Ok(vec![8, 9, 10, 11])];
    assert_eq!(block_on(writer.capture(Later(Script::new(chunks)))), Err(failed));
    assert_eq!(reader.fill(&mut items), Ok(4));
    assert_eq!(items, [4, 5, 6, 7]);
}
