#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Takes the bundled network (Examples/digits) from ONNX to verified C; `make demo` runs it.
#
#   Examples/demo.sh [--brief] UQ FOLDER
#
# UQ is the program, FOLDER a place to work in, emptied first. --brief verifies fewer inputs on one
# build, for the tests.
set -eu
unset CDPATH

brief=
if [ "${1:-}" = --brief ]; then
    brief=yes
    shift
fi
[ $# = 2 ] || { echo "usage: $0 [--brief] UQ FOLDER" >&2; exit 64; }

digits=$(cd "$(dirname "$0")/digits" && pwd)
uq=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
folder=$2
rm -rf "$folder"
mkdir -p "$folder"
cp "$digits/model.onnx" "$folder/"
cp -R "$digits/samples" "$folder/"
cd "$folder"

# Says what comes.
title() {
    echo
    echo "== $1"
}

# Shows a command of uq and runs it.
try() {
    echo
    echo "\$ uq $*"
    "$uq" "$@"
}

echo "A network that reads handwritten digits, trained in float, becomes integer C for a chip"
echo "without an operating system: first with weights of 8 bits, then of 4."

title "The network, and what uq makes of it"
try init model.onnx --target cortex-m4
try inspect

title "Run 160 sample pictures, and keep the range of every tensor"
try calibrate --data samples/calib

title "Write the C, with 8-bit and with 4-bit weights"
try export --bits 8 --name digits --output export8
try export --bits 4 --name digits --output export4

title "Does the C compute what it should? Compile it, run it, compare every byte"
if [ -n "$brief" ]; then
    try verify --export export4 --data samples/eval --board host --inputs 20
else
    try verify --export export8 --data samples/eval
    try verify --export export4 --data samples/eval
    if command -v arm-none-eabi-gcc qemu-system-arm >/dev/null; then
        title "What does one picture cost on a Cortex-M4? (emulated; instructions by layer)"
        try bench --export export4 --board mps2-an386
    fi
fi

title "What did the bits cost? 360 pictures that nothing above has seen"
try compare --data samples/eval --variants float,8,4

echo
echo "The C is here:"
echo
echo "  $folder/export8    8-bit weights"
echo "  $folder/export4    4-bit weights"
echo
echo "uq_digits.h is what a program includes; Documentation/Tutorial-firmware.md shows how. To see the"
echo "C test itself on this machine:"
echo
echo "  cd $folder/export4 && cc -std=c99 *.c && ./a.out && echo passed"
