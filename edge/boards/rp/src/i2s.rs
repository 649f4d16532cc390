//! A PIO program that clocks an I2S microphone and takes its bits.

use earmark_firmware::SAMPLE_RATE;
use embassy_rp::Peri;
use embassy_rp::pio::program::pio_asm;
use embassy_rp::pio::{
    Common, Config, Direction, FifoJoin, Instance, PioPin, ShiftConfig, ShiftDirection, StateMachine,
};
use embassy_rp::pio_programs::clock_divider::calculate_pio_clock_divider;

/// Two slots of 32 bits a sample, and two instructions a bit: one with the clock low, one with it high.
const INSTRUCTIONS_A_SECOND: u32 = 2 * 2 * 32 * SAMPLE_RATE;

/// Starts clock and word select on two pins in a row, and fills the receiver's queue: a word a slot, the left one first.
///
/// The microphone puts a bit out when the clock falls, and it is read as the clock rises. The word select goes to the other channel with the
/// last bit of a slot, a bit before the first of the next, as Philips' I2S bus specification has it. At 125 and 150 MHz the clock's divider
/// is exact.
pub fn start<'d, P: Instance, const S: usize>(
    common: &mut Common<'d, P>,
    receiver: &mut StateMachine<'d, P, S>,
    (clock, word_select): (Peri<'d, impl PioPin>, Peri<'d, impl PioPin>),
    data: Peri<'d, impl PioPin>,
) {
    // The sides are word select and clock. An `in` takes bits 0 to 29 in a loop; the jump is the low half of the bit that follows.
    let program = pio_asm!(
        ".side_set 2",
        ".wrap_target",
        "    set x, 29       side 0b00",
        "left:",
        "    in pins, 1      side 0b01",
        "    jmp x-- left    side 0b00",
        "    in pins, 1      side 0b01",
        "    nop             side 0b10",
        "    in pins, 1      side 0b11",
        "    set x, 29       side 0b10",
        "right:",
        "    in pins, 1      side 0b11",
        "    jmp x-- right   side 0b10",
        "    in pins, 1      side 0b11",
        "    nop             side 0b00",
        "    in pins, 1      side 0b01",
        ".wrap",
    );
    let [clock, word_select, data] =
        [common.make_pio_pin(clock), common.make_pio_pin(word_select), common.make_pio_pin(data)];
    let mut settings = Config::default();
    settings.use_program(&common.load_program(&program.program), &[&clock, &word_select]);
    settings.set_in_pins(&[&data]);
    settings.clock_divider = calculate_pio_clock_divider(INSTRUCTIONS_A_SECOND);
    settings.shift_in = ShiftConfig { threshold: 32, direction: ShiftDirection::Left, auto_fill: true };
    settings.fifo_join = FifoJoin::RxOnly;
    receiver.set_config(&settings);
    receiver.set_pin_dirs(Direction::In, &[&data]);
    receiver.set_pin_dirs(Direction::Out, &[&clock, &word_select]);
    receiver.set_enable(true);
}
