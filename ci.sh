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
readonly firmware=edge/boards/qemu-mps2-an386

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

step "tools"
command -v qemu-system-arm >/dev/null || debian_packages qemu-system-arm
command -v qemu-system-arm >/dev/null || { echo "qemu-system-arm is missing: apt-get install qemu-system-arm" >&2; exit 1; }
have_targets=yes
rustup target add "${targets[@]}" || have_targets=no

step "format"
cargo fmt --all --check
(cd "$firmware" && cargo fmt --check)

step "lints"
cargo clippy --workspace --all-targets -- -D warnings
cargo clippy -p earmark --no-default-features --all-targets -- -D warnings

step "tests"
cargo test --workspace

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

step "microcontrollers"
for target in "${targets[@]}"; do
    if cargo tree -p earmark-core --target "$target" -e features,no-dev,no-proc-macro --prefix none | grep -E 'feature "(std|alloc)"'; then
        echo "the core's dependencies must not use std or alloc on $target" >&2
        exit 1
    fi
done
if [ "$have_targets" = yes ]; then
    for target in "${targets[@]}"; do
        cargo build -p earmark-core -p earmark-edge --target "$target"
    done
    (cd "$firmware" && cargo clippy --release -- -D warnings)
else
    build_without_rustup
fi

step "all checks passed"
