#!/bin/sh
# Flashes firmware to a Pico that is in its boot loader, and prints the lines that it sends: run.sh FIRMWARE.
set -eu

if ! command -v picotool >/dev/null; then
    echo "picotool is missing: https://github.com/raspberrypi/picotool (Debian 13: apt-get install picotool)" >&2
    exit 127
fi
picotool load --update --verify --execute -t elf "$1" || {
    echo "hold BOOTSEL while you plug the Pico in, then try again" >&2
    exit 1
}

# Linux and macOS give the serial port a name each.
for _ in 1 2 3 4 5 6 7 8 9 10; do
    sleep 1
    for port in /dev/serial/by-id/usb-earmark_* /dev/cu.usbmodemearmark*; do
        if [ -c "$port" ]; then
            stty raw -echo <"$port"
            exec cat "$port"
        fi
    done
done
echo "there is no serial port of earmark; on Windows open it with a terminal program" >&2
exit 1
