#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what accuracy uniform and mixed widths keep; writes the section "Accuracy at few bits" of results.md.

    python3 Benchmarks/low_bit_accuracy.py --models FOLDER [--uq .build/release/uq] [--print]

For each network under FOLDER that has `calib` and `eval`: calibrated with `calib` alone, compared on `eval`
by `uq compare` with default flags. Mixed networks get the weight bytes of uniform 4 and 3 bits, and 2.5 bits
for each weight.
"""
import sys
import tempfile
from pathlib import Path

from comparing import arguments, compare, fraction, present, run
from results_file import write_section

NETWORKS = ["kws_dscnn", "vww_mobilenet025", "ic_resnet8", "motion_nicla_cnn", "ocr_direction_ppocr"]


def main():
    options = arguments(__doc__)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for network, source in present(options.models, NETWORKS):
            calibration = folder / f"{network}.uqcal"
            run(options.uq, "calibrate", "--quiet", "--model", source / "model.onnx", "--data",
                source / "calib", "--output", calibration)
            _, (first,) = compare(options.uq, source, calibration, ["8"], folder)
            bytes8 = first["weight_bytes"]
            mixed = {f"mixed:{int(bytes8 * bits / 8)}": f"mixed, {bits:g} bits for each weight"
                     for bits in (4, 3, 2.5)}
            samples, found = compare(
                options.uq, source, calibration, ["float", "8", "4", "3", "2", *mixed], folder)
            for variant in found:
                name = variant["name"]
                if variant.get("accuracy") is None:
                    sys.exit(f"{network} {name}: {variant}")
                label = mixed.get(name, name if name == "float" else f"{name} bits")
                weights = "" if name == "float" else f"{variant['weight_bytes']:,}"
                rows.append([network, label, fraction(variant["accuracy"]),
                             fraction(variant["agreement"]), str(samples), weights])
                print(" ".join(rows[-1]), file=sys.stderr)
    section = "\n".join([
        "Written by `python3 Benchmarks/low_bit_accuracy.py --models FOLDER`: calibrated with `calib`, judged "
        "on `eval`, default flags.", "",
        "Not untouched by `eval`: the damping of rounding, the rate and the threshold of tuning and the "
        "starts of rounding were settled by looking at these networks' `eval` splits. Among settings with "
        "equal divergence top-1 moved by up to a point, agreement by two: differences of a few samples "
        "between rows are noise.", "",
        "| model | weights | accuracy | as float | samples | weight bytes |",
        "|---|---|---|---|---|---|",
        *["| " + " | ".join(row) + " |" for row in rows], ""])
    if options.print:
        print(section)
        return
    write_section("Accuracy at few bits", section)


main()
