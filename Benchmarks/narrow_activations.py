#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what activations of 4 bits save and cost; writes the section "Activations of 4 bits" of results.md.

    python3 Benchmarks/narrow_activations.py --models FOLDER [--uq .build/release/uq] [--print]

For each network under FOLDER that has `calib` and `eval`: calibrated with `calib` alone, exported with 8-bit
activations, with 4-bit ones and with `--ram` of 70 % of the first one's arena (or the second one's), each with weights of 8 and of 4
bits, judged on `eval` by `uq compare`, and run on the emulated Cortex-M4 by `uq bench`.
"""
import json
import sys
import tempfile
from pathlib import Path

from comparing import arguments, compare, fraction, present, run
from results_file import write_section

NETWORKS = ["kws_dscnn", "vww_mobilenet025", "ic_resnet8", "motion_nicla_cnn"]


def export(uq, source, calibration, bits, flags, folder):
    """The manifest of an export."""
    run(uq, "export", "--quiet", "--model", source / "model.onnx", "--calibration", calibration,
        "--bits", bits, "--name", "net", *flags, "--output", folder)
    return json.loads((folder / "manifest.json").read_text())


def rows_of(network, source, uq, scratch):
    calibration = scratch / "calibration.uqcal"
    run(uq, "calibrate", "--quiet", "--model", source / "model.onnx", "--data", source / "calib",
        "--output", calibration)
    names, folders, manifests, instructions = [], [], [], []
    for bits in ("8", "4"):
        budget = None
        for label in ("8", "4", "--ram 70 %"):
            flags = ["--ram", budget] if label.startswith("--") else ["--activation-bits", label]
            folder = scratch / f"{network}-{len(folders)}"
            manifest = export(uq, source, calibration, bits, flags, folder)
            if label == "8":
                budget = manifest["arena_bytes"] * 7 // 10
            # What not even 4 bits everywhere keep is refused: then that arena is the budget.
            budget = max(budget, manifest["arena_bytes"]) if label == "4" else budget
            counted = json.loads(run(uq, "bench", "--export", folder, "--board", "mps2-an386", "--json"))
            instructions.append(counted["instructions"])
            names.append((bits, label))
            folders.append(folder)
            manifests.append(manifest)
    samples, variants = compare(uq, source, calibration, folders, scratch)
    for (bits, label), manifest, count, variant in zip(names, manifests, instructions, variants):
        if variant.get("accuracy") is None:
            sys.exit(f"{network} {bits} {label}: {variant}")
        choices = manifest.get("activations", {}).get("layers", [])
        narrow = sum(layer["bits"] == 4 for layer in choices)
        yield [network, bits, label, f"{narrow} of {len(choices)}" if choices else "none",
               f"{manifest['arena_bytes']:,}", fraction(variant["accuracy"]),
               fraction(variant["agreement"]), str(samples), f"{count:,}"]


def main():
    options = arguments(__doc__)
    rows = []
    for network, source in present(options.models, NETWORKS):
        with tempfile.TemporaryDirectory() as scratch:
            for row in rows_of(network, source, options.uq, Path(scratch)):
                rows.append(row)
                print(" ".join(row), file=sys.stderr)
    section = "\n".join([
        "Written by `python3 Benchmarks/narrow_activations.py --models FOLDER`: calibrated with `calib`, judged "
        "on `eval`; instructions of one inference on the emulated Cortex-M4. `--ram 70 %` is 70 % of the arena "
        "of 8-bit activations, or that of 4-bit ones where it is larger.", "",
        "| network | weights | activations | in 4 bits | arena | top-1 | agreement | samples | instructions |",
        "|---|---|---|---|---|---|---|---|---|",
        *("| " + " | ".join(row) + " |" for row in rows)])
    if options.print:
        print(section)
    else:
        write_section("Activations of 4 bits", section)


if __name__ == "__main__":
    main()
