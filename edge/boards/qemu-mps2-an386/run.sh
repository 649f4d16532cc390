#!/bin/sh
# Runs a firmware file on QEMU: run.sh FIRMWARE [ARGUMENT…]. The firmware's exit status is this script's; 124 means that it was
# still running after a minute (EARMARK_QEMU_SECONDS changes that).
set -eu

if ! command -v qemu-system-arm >/dev/null; then
    echo "qemu-system-arm is missing; on Debian: apt-get install --no-install-recommends qemu-system-arm" >&2
    exit 127
fi

firmware=$1
shift
semihosting=enable=on,target=native,arg=earmark
for argument in "$@"; do
    # QEMU reads two commas as one that does not end the option.
    semihosting="$semihosting,arg=$(printf %s "$argument" | sed 's/,/,,/g')"
done

exec timeout --foreground "${EARMARK_QEMU_SECONDS:-60}" \
    qemu-system-arm -M mps2-an386 -display none -monitor none -serial none \
    -semihosting-config "$semihosting" -kernel "$firmware" </dev/null
