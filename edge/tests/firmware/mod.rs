//! Building firmware and running it on QEMU.
#![allow(dead_code)] // Not every test needs all of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use crate::common;

/// Firmware and the emulator that runs it.
pub struct Device {
    pub file: PathBuf,
    /// The model in it.
    pub model: PathBuf,
    /// Whether it hears sound at the pace of the clock.
    pub paced: bool,
    emulator: &'static str,
    machine: &'static str,
    /// QEMU's `-icount`: what an instruction takes of virtual time.
    instruction_time: &'static str,
}

/// Cortex-M4F code: hardware floating point, DSP instructions. As fast as at about 64 MHz.
pub static CORTEX_M4F: LazyLock<Device> = LazyLock::new(|| Device {
    instruction_time: "shift=4,sleep=off",
    paced: true,
    ..cortex_m("qemu-mps2-an386", "thumbv7em-none-eabihf", common::model_path())
});
/// Cortex-M0 code: floating point in software, the smallest instruction set. A Cortex-M4 runs it too.
pub static CORTEX_M0: LazyLock<Device> =
    LazyLock::new(|| cortex_m("qemu-mps2-an386", "thumbv6m-none-eabi", common::model_path()));
/// The same with a front end in integers, as fast as at about 125 MHz.
pub static FIXED_CORTEX_M0: LazyLock<Device> = LazyLock::new(|| Device {
    instruction_time: "shift=3,sleep=off",
    paced: true,
    ..cortex_m("qemu-mps2-an386", "thumbv6m-none-eabi", common::fixed_model_path())
});
/// Cortex-M4F code with a front end in integers.
pub static FIXED_CORTEX_M4F: LazyLock<Device> = LazyLock::new(|| Device {
    instruction_time: "shift=4,sleep=off",
    paced: true,
    ..cortex_m("qemu-mps2-an386", "thumbv7em-none-eabihf", common::fixed_model_path())
});
/// Cortex-M4F code that counts its instructions.
pub static BUDGETS: LazyLock<Device> = LazyLock::new(|| Device {
    instruction_time: "shift=7,sleep=off",
    ..cortex_m("qemu-budgets", "thumbv7em-none-eabihf", common::model_path())
});
/// Cortex-M0 code that counts its instructions.
pub static CORTEX_M0_BUDGETS: LazyLock<Device> = LazyLock::new(|| Device {
    instruction_time: "shift=7,sleep=off",
    ..cortex_m("qemu-budgets", "thumbv6m-none-eabi", common::model_path())
});
/// RISC-V code that counts its instructions.
pub static RV32IMC_BUDGETS: LazyLock<Device> =
    LazyLock::new(|| Device { instruction_time: "shift=0,sleep=off", ..rv32imc("qemu-budgets", common::model_path()) });
/// Cortex-M4F code as in a product, with one kind of front end; [`listen`] runs it.
pub static PRODUCT: LazyLock<PathBuf> = LazyLock::new(|| {
    let (target, model) = ("thumbv7em-none-eabihf", common::model_path());
    let one_kind = ["--no-default-features", "--features", "float-frontend"];
    build_for(("qemu-budgets", "earmark-qemu-product"), target, &model, &one_kind, None)
});
/// Cortex-M4F code that runs kernels on arguments from a file.
pub static KERNELS: LazyLock<Device> =
    LazyLock::new(|| cortex_m("qemu-kernels", "thumbv7em-none-eabihf", common::model_path()));
/// The same for a Cortex-M33, which has the DSP instructions as an extension.
pub static KERNELS_ON_CORTEX_M33: LazyLock<Device> = LazyLock::new(|| {
    let (target, model) = ("thumbv8m.main-none-eabihf", common::model_path());
    let file = build_for(
        ("qemu-kernels", "earmark-qemu-kernels"),
        target,
        &model,
        &["--features", "dsp"],
        Some("-Ctarget-cpu=cortex-m33"),
    );
    Device { file, model, paced: false, emulator: "qemu-system-arm", machine: "mps2-an505", instruction_time: "" }
});
/// RISC-V code without an FPU.
pub static RV32IMC: LazyLock<Device> = LazyLock::new(|| rv32imc("qemu-riscv32-virt", common::model_path()));
/// The same with a front end in integers, as fast as at about 125 MHz.
pub static FIXED_RV32IMC: LazyLock<Device> = LazyLock::new(|| Device {
    instruction_time: "shift=3,sleep=off",
    paced: true,
    ..rv32imc("qemu-riscv32-virt", common::fixed_model_path())
});

fn cortex_m(board: &str, target: &str, model: PathBuf) -> Device {
    let file = build(board, target, &model);
    Device { file, model, paced: false, emulator: "qemu-system-arm", machine: "mps2-an386", instruction_time: "" }
}

fn rv32imc(board: &str, model: PathBuf) -> Device {
    let file = build(board, "riscv32imc-unknown-none-elf", &model);
    Device { file, model, paced: false, emulator: "qemu-system-riscv32", machine: "virt", instruction_time: "" }
}

/// The boards' folder.
pub fn boards() -> PathBuf {
    common::root().join("edge/boards")
}

/// Builds a board's firmware with a model in it; gives its file.
fn build(board: &str, target: &str, model: &Path) -> PathBuf {
    build_for((board, &format!("earmark-{board}")), target, model, &[], None)
}

/// The same for one of a board's binaries, with options for cargo, and flags for the compiler.
fn build_for(
    (board, binary): (&str, &str),
    target: &str,
    model: &Path,
    options: &[&str],
    flags: Option<&str>,
) -> PathBuf {
    // Firmware with another model has another folder, so that neither is built again.
    let folder = boards().join(board).join("target");
    let folder = if model == common::model_path() { folder } else { folder.join("fixed") };
    build_in(&folder, (board, binary), target, model, options, flags)
}

/// The same in a target folder.
pub fn build_in(
    folder: &Path,
    (board, binary): (&str, &str),
    target: &str,
    model: &Path,
    options: &[&str],
    flags: Option<&str>,
) -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .current_dir(boards().join(board))
        .args(["build", "--release", "--locked", "--target", target, "--target-dir"])
        .arg(folder)
        .args(["--bin", binary])
        .args(options)
        .envs(flags.map(|flags| ("RUSTFLAGS", flags)))
        .env("EARMARK_MODEL", model)
        .output()
        .expect("cargo runs");
    assert!(
        built.status.success(),
        "the firmware does not build; if the target is missing: rustup target add {target}\n{}",
        String::from_utf8_lossy(&built.stderr)
    );
    folder.join(target).join("release").join(binary)
}

/// Runs the product's firmware on a sound, two slots a sample; gives what it writes to its serial port.
pub fn listen(slots: &[u32]) -> String {
    let mut sound = (slots.len() as u32).to_le_bytes().to_vec();
    sound.extend(slots.iter().flat_map(|slot| slot.to_le_bytes()));
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sound.slots");
    std::fs::write(&file, sound).expect("the tests' folder can be written to");
    let output = Command::new("timeout")
        .args(["--foreground", "60", "qemu-system-arm", "-icount", "shift=4,sleep=off", "-M", "mps2-an386"])
        .args(["-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot", "-device"])
        .arg(format!("loader,file={},addr=0x21000000,force-raw=on", file.display()))
        .arg("-kernel")
        .arg(&*PRODUCT)
        .output()
        .expect("coreutils' timeout");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {stderr}; apt-get install qemu-system-arm brings QEMU", output.status);
    String::from_utf8(output.stdout).expect("JSON is UTF-8")
}

/// Runs the firmware on QEMU.
pub fn run(device: &Device, arguments: &[&str]) -> Output {
    Command::new(boards().join("simulation/run.sh"))
        .args([device.emulator, device.machine])
        .arg(&device.file)
        .args(arguments)
        .env("EARMARK_QEMU_ICOUNT", device.instruction_time)
        .output()
        .expect("a POSIX shell runs run.sh")
}
