#!/bin/sh
# Builds the firmware of the boards with a microphone, and prints what each takes, in bytes: flash, and RAM without the stack.
# Boards may be named; all if none is.
set -eu
cd "$(dirname "$0")"

if ! command -v llvm-size >/dev/null; then
    echo "llvm-size is missing; on Debian: apt-get install llvm" >&2
    exit 127
fi
[ $# -gt 0 ] || set -- stm32f411 nrf52840-dk pico2 pico esp32c3

folder=${CARGO_TARGET_DIR:-$PWD/../../target/boards}
echo "| board | flash | RAM, static |"
echo "|---|---|---|"
for board in "$@"; do
    target=$(sed -n 's/^target = "\(.*\)"/\1/p' "$board/.cargo/config.toml")
    (cd "$board" && cargo build --quiet --release --target-dir "$folder")
    llvm-size -A "$folder/$target/release/earmark-$board" | awk -v board="$board" '
        # What is copied to RAM at the start is in both.
        $1 ~ /^\.(vector_table|start_block|boot2|flash\.appdesc|text|rodata|data|trap|rwtext)$/ { flash += $2 }
        $1 ~ /^\.(data|bss|uninit|noinit|trap|rwtext)$/ { ram += $2 }
        END { printf "| `%s` | %d | %d |\n", board, flash, ram }'
done
