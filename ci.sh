#!/usr/bin/env bash
# The one test command. It installs what it needs, then checks formatting, lints, tests, documentation, and that the core and the
# firmware build for microcontrollers. `./ci.sh --full` also runs the long proofs whole instead of as a seeded sample.
set -euo pipefail
cd "$(dirname "$0")"

case "${1:-}" in
    "") ;;
    --full) export EARMARK_FULL=1 ;;
    *) echo "usage: ./ci.sh [--full]" >&2; exit 2 ;;
esac

readonly targets=(thumbv6m-none-eabi thumbv7em-none-eabihf thumbv8m.main-none-eabihf riscv32imc-unknown-none-elf)
readonly boards=(edge/boards/qemu-mps2-an386 edge/boards/qemu-riscv32-virt edge/boards/qemu-kernels edge/boards/qemu-budgets)
# Boards that people own; what they share is linted apart.
readonly hardware=(edge/boards/stm32f411 edge/boards/nrf52840-dk edge/boards/pico edge/boards/pico2 edge/boards/esp32c3)

step() { printf '\n== %s\n' "$*"; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

debian_packages() {
    command -v apt-get >/dev/null || return 0
    as_root apt-get update -qq
    # Without recommends: those of qemu-system-arm can clash with a newer qemu-utils.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

# Where rustup has no server to ask, Debian's compiler builds the core's dependencies on `core` itself from source.
build_without_rustup() {
    debian_packages rustc-web rust-web-src rust-web-llvm lld-22
    for target in "${targets[@]}"; do
        RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 cargo build -p earmark-core -Zbuild-std=core,alloc --target "$target" \
            --target-dir target/debian
    done
}

need() {
    command -v "$1" >/dev/null || debian_packages "$2"
    command -v "$1" >/dev/null || { echo "$1 is missing: apt-get install $2" >&2; exit 1; }
}

step "tools"
# The toolchain that rust-toolchain.toml names, where rustup does not fetch it by itself.
cargo --version 2>/dev/null || rustup toolchain install
need qemu-system-arm qemu-system-arm
need qemu-system-riscv32 qemu-system-misc
# For an emulated RP2040, and for clients of the server.
need node nodejs
need npm npm
# ALSA's headers, for the feature `listen`.
pkg-config --exists alsa 2>/dev/null || debian_packages libasound2-dev pkg-config
have_targets=yes
rustup target add "${targets[@]}" i686-unknown-linux-musl || have_targets=no

step "format"
cargo fmt --all --check
for folder in "${boards[@]}" "${hardware[@]}" edge/boards/{simulation,firmware,rp}; do
    (cd "$folder" && cargo fmt --check)
done

step "lints"
cargo clippy --workspace --all-targets --features earmark/listen -- -D warnings
cargo clippy -p earmark --no-default-features --all-targets -- -D warnings

step "tests"
if [ "$have_targets" = yes ]; then
    cargo test --workspace --features earmark/listen
    # Where addresses have 32 bits, as on a microcontroller; Rust brings all that linking for this target takes.
    RUSTFLAGS="-Clinker=rust-lld -Clink-self-contained=yes -Ctarget-feature=+crt-static" \
        cargo test -p earmark-core --target i686-unknown-linux-musl --tests
    # With one kind of front end, as firmware has it.
    for kind in float fixed; do
        cargo test -p earmark-core --no-default-features --features "$kind-frontend" --test front_ends
    done
else
    # Without the targets there is no firmware to compare with.
    echo "the bare-metal targets are missing: leaving out edge's tests that run firmware" >&2
    cargo test --workspace --exclude earmark-edge --features earmark/listen -- --skip the_module_builds_for_bare_metal
    cargo test -p earmark-edge --lib --test active_low --test handover --test listening --test pdm --test slots --test windowed
    cargo test -p earmark-edge --doc
fi

# In a normal run the same test reads a sample of these networks, with onnxruntime's answers, from the repository.
if [ -n "${EARMARK_FULL:-}" ]; then
    step "thousands of random networks against onnxruntime"
    vectors=target/golden-ops
    if [ ! -x "$vectors/venv/bin/pip" ]; then
        python3 -m venv "$vectors/venv" 2>/dev/null || { debian_packages python3-venv; python3 -m venv "$vectors/venv"; }
    fi
    "$vectors/venv/bin/pip" install --quiet -r host/tests/golden/ops/requirements.txt
    "$vectors/venv/bin/python" host/tests/golden/ops/make.py --full --output "$vectors"
    "$vectors/venv/bin/python" host/tests/golden/calibrate/make_random.py --networks 1500 --output "$vectors"
    EARMARK_GOLDEN_OPS="$PWD/$vectors" cargo test -p earmark --test ops -- --nocapture
    EARMARK_FLOAT_GRAPHS="$PWD/$vectors" cargo test -p earmark --test float_graphs -- --nocapture random_networks
fi

step "clients of the server"
need curl curl
need chromium chromium
host/tests/conformance/run.sh target/debug/earmark

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --features earmark/listen --no-deps

step "microcontrollers"
for target in "${targets[@]}"; do
    if cargo tree -p earmark-core -p earmark-edge --target "$target" -e features,no-dev,no-proc-macro --prefix none | grep -E 'feature "(std|alloc)"'; then
        echo "no dependency of the core and the edge may use std or alloc on $target" >&2
        exit 1
    fi
done
if [ "$have_targets" = yes ]; then
    for target in "${targets[@]}"; do
        cargo build -p earmark-core -p earmark-edge --target "$target"
    done
    for folder in "${boards[@]}"; do
        (cd "$folder" && cargo clippy --release -- -D warnings)
    done
    (cd edge/boards/qemu-budgets && cargo clippy --release --no-default-features --features float-frontend -- -D warnings)
    for target in thumbv7em-none-eabihf riscv32imc-unknown-none-elf; do
        (cd edge/boards/simulation && cargo clippy --target "$target" -- -D warnings)
    done
    cargo clippy -p earmark-edge --features defmt --target thumbv7em-none-eabihf -- -D warnings
    # One folder for all of these, so that what they depend on is built once.
    export CARGO_TARGET_DIR="$PWD/target/boards"
    for folder in "${hardware[@]}"; do
        # Linking shows that the firmware fits the chip.
        (cd "$folder" && cargo clippy --release -- -D warnings && cargo build --release)
    done
    (cd edge/boards/stm32f411 && cargo clippy --release --features nucleo-f411re -- -D warnings)
    (cd edge/boards/firmware && cargo clippy --release --target thumbv7em-none-eabihf --features float-frontend -- -D warnings)
    (cd edge/boards/rp && cargo clippy --release --target thumbv6m-none-eabi --features rp2040,float-frontend -- -D warnings)
    unset CARGO_TARGET_DIR
else
    build_without_rustup
fi

step "all checks passed"
