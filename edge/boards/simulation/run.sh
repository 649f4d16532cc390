#!/bin/sh
# Runs firmware on QEMU: run.sh EMULATOR MACHINE FIRMWARE [ARGUMENT…]. The firmware's exit status is this script's; 124 means that
# it was still running after a minute (EARMARK_QEMU_SECONDS changes that). EARMARK_QEMU_ICOUNT is QEMU's -icount: instructions count time.
set -eu

emulator=$1 machine=$2 firmware=$3
shift 3

if ! command -v "$emulator" >/dev/null; then
    case $emulator in
        qemu-system-arm) package=qemu-system-arm ;;
        *) package=qemu-system-misc ;;
    esac
    echo "$emulator is missing; on Debian: apt-get install --no-install-recommends $package" >&2
    exit 127
fi

semihosting=enable=on,target=native,arg=earmark
for argument in "$@"; do
    # QEMU reads two commas as one that does not end the option.
    semihosting="$semihosting,arg=$(printf %s "$argument" | sed 's/,/,,/g')"
done

exec timeout --foreground "${EARMARK_QEMU_SECONDS:-60}" \
    "$emulator" ${EARMARK_QEMU_ICOUNT:+-icount "$EARMARK_QEMU_ICOUNT"} -M "$machine" -bios none -display none -monitor none -serial none \
    -semihosting-config "$semihosting" -kernel "$firmware" </dev/null
