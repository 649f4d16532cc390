//! What earmark costs on an emulated Cortex-M4F, against the table in `benches/DEVICE.md`.

mod common;
mod elf;
mod firmware;
#[path = "../boards/simulation/src/padding.rs"]
mod padding;

use std::collections::HashMap;

use earmark_edge::source::Source;

/// A figure may grow by this much before somebody must say why.
const GROWTH: f64 = 1.01;

/// A row of the table: the cells, without the lines between them.
fn cells(line: &str) -> Option<[&str; 4]> {
    let cells: Vec<&str> = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
    cells.try_into().ok()
}

fn number(text: &str) -> Option<f64> {
    text.replace(',', "").parse().ok()
}

/// A whole number with a comma between thousands; others as they are.
fn grouped(figure: &str) -> String {
    let whole = figure.bytes().all(|byte| byte.is_ascii_digit());
    let mut text = String::new();
    for (index, digit) in figure.chars().enumerate() {
        if whole && index > 0 && (figure.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Figures of processors without floating point.
const WITHOUT_FPU: [&str; 7] = [
    "one frame",
    "one frame, fixed-point",
    "one second, fixed-point",
    "slots and conditioning",
    "commands-s, steps of one second",
    "all in",
    "all in, fixed-point",
];

/// The figures that firmware prints, by name.
fn counted(device: &firmware::Device) -> HashMap<String, String> {
    let output = firmware::run(device, &[]);
    let stdout = String::from_utf8(output.stdout).expect("figures in UTF-8");
    assert!(output.status.success(), "{}: {stdout}{}", output.status, String::from_utf8_lossy(&output.stderr));
    let figures = stdout.lines().filter_map(|line| line.split_once('\t'));
    figures.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// All figures by name, as the firmware and its files give them.
fn measured() -> HashMap<String, String> {
    let mut figures = counted(&firmware::BUDGETS);
    for (processor, device) in [("Cortex-M0", &firmware::CORTEX_M0_BUDGETS), ("RV32IMC", &firmware::RV32IMC_BUDGETS)] {
        let mut counted = counted(device);
        for name in WITHOUT_FPU {
            let value = counted.remove(name).unwrap_or_else(|| panic!("{processor}: no {name}"));
            figures.insert(format!("{processor}: {name}"), value);
        }
    }
    let sizes = |file| elf::sizes(&std::fs::read(file).expect("the firmware was built"));
    let product = sizes(&*firmware::PRODUCT);
    let stack = stack_of_product();
    let simulator = sizes(&firmware::CORTEX_M4F.file);
    for (name, value) in [
        ("flash of the product", product.flash),
        ("static RAM of the product", product.ram),
        ("stack of the product", stack),
        ("RAM of the product", product.ram + stack),
        ("flash of the simulator", simulator.flash),
        ("static RAM of the simulator", simulator.ram),
    ] {
        figures.insert(name.into(), value.to_string());
    }
    figures
}

/// What the product uses of its stack when it hears a word.
fn stack_of_product() -> u32 {
    let recording = common::samples(&common::root().join("models/fixtures/yes.wav"));
    let mut sound = padding::Padded::new(common::Recording(&recording), 16_000);
    let (mut slots, mut samples) = (Vec::new(), [0; 160]);
    loop {
        match sound.fill(&mut samples).unwrap() {
            0 => break,
            count => {
                slots.extend(samples[..count].iter().flat_map(|sample| [u32::from(sample.cast_unsigned()) << 16, 0]))
            }
        }
    }
    let said = firmware::listen(&slots);
    // The deepest calls are those of a detection's line.
    assert!(said.lines().any(|line| line.contains(r#""label":"yes""#)) && !said.contains("overruns"), "{said}");
    let last = said.lines().last().unwrap_or_default();
    let stack = last.strip_prefix(r#"{"stack":"#).and_then(|rest| rest.strip_suffix('}'));
    stack.and_then(|bytes| bytes.parse().ok()).unwrap_or_else(|| panic!("{said}"))
}

#[test]
fn nothing_costs_more_than_it_did() {
    let path = common::root().join("benches/DEVICE.md");
    let table = std::fs::read_to_string(&path).unwrap();
    let mut measured = measured();
    let mut complaints = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for line in table.lines() {
        let figure = cells(line).and_then(|cells| Some((cells, number(cells[2])?)));
        let Some(([name, what, _, bar], before)) = figure else {
            lines.push(line.to_owned());
            continue;
        };
        let Some(now) = measured.remove(name) else {
            complaints.push(format!("{name}: not measured"));
            continue;
        };
        let value = number(&now).expect("a figure is a number");
        if value > before * GROWTH {
            complaints.push(format!("{name}: {} is more than {before} by over 1 %", grouped(&now)));
        } else if value * GROWTH < before {
            eprintln!("{name}: {} is less than {before}: EARMARK_REWRITE=1 keeps it so", grouped(&now));
        }
        if number(bar).is_some_and(|bar| value > bar) {
            complaints.push(format!("{name}: {} is above the bar, {bar}", grouped(&now)));
        }
        lines.push(format!("| {name} | {what} | {} | {bar} |", grouped(&now)).replace("|  |", "| |"));
    }
    complaints.extend(measured.keys().map(|name| format!("{name}: not in the table")));
    if std::env::var_os("EARMARK_REWRITE").is_some() {
        std::fs::write(path, lines.join("\n") + "\n").expect("a writable checkout");
        complaints.retain(|complaint| complaint.contains("bar") || complaint.contains("not"));
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
}
