#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Takes the pictures of README and tutorials from reports about the bundled network; `make pictures` runs it.
#
#   Documentation/pictures.sh UQ
set -eu
unset CDPATH

[ $# = 1 ] || { echo "usage: $0 UQ" >&2; exit 64; }
root=$(cd "$(dirname "$0")/.." && pwd)
uq=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
pictures=$root/Documentation/pictures
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$root/Examples/digits/model.onnx" "$work/digits.onnx"
cd "$work"

"$uq" calibrate --quiet --model digits.onnx --data "$root/Examples/digits/samples/calib" --output digits.uqcal

# Writes a report; its name, then further flags.
report() {
    name=$1
    shift
    "$uq" compare --quiet --model digits.onnx --calibration digits.uqcal --target cortex-m4 \
        --data "$root/Examples/digits/samples/eval" --variants float,8,4,3,2,mixed:3500 --html "$name" "$@"
}

# Takes pictures of a report; its name, then selectors and files.
take() {
    name=$1
    shift
    while [ $# -gt 0 ]; do
        python3 "$root/Benchmarks/report_check.py" "$name" --output "$work" --pictures-only --picture "$1" "$pictures/$2"
        shift 2
    done
}

report head.html
take head.html 'header, nav, #accuracy h2, #accuracy p, #accuracy svg' report.png
report frontier.html --frontier 4
why='#allocation h3:first-of-type'
take frontier.html '#accuracy svg' accuracy.png '#layers table.heat' layers.png \
    "$why, $why + p, $why + p + div" why.png '#flash svg' flash.png '#memory svg' memory.png
