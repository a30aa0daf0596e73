#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what each width of the weights takes on a Cortex-M4, and that its C computes the simulator's bytes; writes the section "Low bits" of results.md.

    python3 Benchmarks/low_bits.py [--uq .build/release/uq] [--models FOLDER] [--print]

For each network and width: `uq export --target cortex-m4`, its own prediction of flash against `size` of
the export, compiled and linked with what nothing calls left out; and `uq verify` on this machine's
compilers and on the emulated board.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from results_file import write_section

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
FLAGS = ["-mthumb", "-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-std=c99",
         "-ffreestanding", "-O2", "-ffunction-sections", "-fdata-sections"]
FLASH = ["digits", "kws_dscnn", "vww_mobilenet025", "ic_resnet8", "motion_nicla_cnn"]
VERIFIED = ["digits", "kws_dscnn"]


def run(*command):
    finished = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if finished.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))[:120]}: {finished.stderr[-600:]}")
    return finished.stdout


def size(export, prefix, folder):
    """Bytes of code and constants that a program which calls the model gets."""
    linked = folder / "linked.o"
    sources = [path for path in sorted(export.glob("*.c")) if path.name != "selftest.c"]
    run("arm-none-eabi-gcc", *FLAGS, "-nostdlib", "-r", "-Wl,--gc-sections",
        f"-Wl,-e,{prefix}_run", *sources, "-o", linked)
    total = 0
    for line in run("arm-none-eabi-size", "-A", linked).splitlines():
        words = line.split()
        if len(words) == 3 and words[0].startswith((".text", ".rodata", ".data")):
            total += int(words[1])
    return total


def measure(uq, name, source, bits, calibration, folder):
    """What an export says of itself, and what it is."""
    export = folder / f"{name}-{bits}"
    run(uq, "export", "--quiet", "--model", source / "model.onnx", "--calibration", calibration,
        "--bits", bits, "--target", "cortex-m4", "--name", "m", "--output", export)
    manifest = json.loads((export / "manifest.json").read_text())
    return export, manifest, size(export, "uq_m", folder)


def verified(uq, source, export, calibration, board, count):
    found = json.loads(run(
        uq, "verify", "--quiet", "--json", "--model", source / "model.onnx", "--export", export,
        "--calibration", calibration, "--board", board, "--inputs", count))
    builds = found.get("builds", [])
    instructions = next((b["instructions"] for b in builds if b.get("instructions")), None)
    return [f"{found['outputs']:,}", str(found["mismatches"])], instructions


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--uq", default=ROOT / ".build" / "release" / "uq", type=Path)
    parser.add_argument("--models", default=ROOT.parent / "shared" / "models", type=Path)
    parser.add_argument("--print", action="store_true", help="print the section, write nothing")
    options = parser.parse_args()
    uq = options.uq.resolve()
    flash, proofs = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for network in FLASH:
            source = ROOT / "Examples" / "digits" if network == "digits" else options.models / network
            if not (source / "model.onnx").exists():
                print(f"{network} is not here: left out", file=sys.stderr)
                continue
            data = source / "samples" / "calib" if network == "digits" else source / "calib"
            calibration = folder / f"{network}.uqcal"
            run(uq, "calibrate", "--quiet", "--model", source / "model.onnx", "--data", data,
                "--output", calibration)
            wanted = ["8", "4", "2", "mixed"] if network not in VERIFIED else [
                "8", "4", "3", "2", "1", "mixed"]
            if network == "digits":
                # Alone it would take 4 bits everywhere: its weights are too few for more code.
                wanted[-1] = "mixed:3500"
            for bits in wanted:
                export, manifest, taken = measure(uq, network, source, bits, calibration, folder)
                foreseen = manifest["flash_bytes"]
                gap = manifest.get("allocation", {}).get("gap")
                flash.append([
                    network, bits, f"{manifest['weight_bytes']:,}", f"{foreseen:,}", f"{taken:,}",
                    f"{100 * (foreseen - taken) / taken:+.2f} %",
                    "" if gap is None else f"{100 * gap:.3f} %", f"{manifest['arena_bytes']:,}"])
                print(" ".join(flash[-1]), file=sys.stderr)
                if network in VERIFIED:
                    host, _ = verified(uq, source, export, calibration, "host", 1000)
                    board, count = verified(uq, source, export, calibration, "mps2-an386", 20)
                    proofs.append([network, bits, *host, *board, f"{count:,}" if count else ""])
                    print(" ".join(proofs[-1]), file=sys.stderr)
    section = "\n".join([
        "Written by `python3 Benchmarks/low_bits.py`. Flash as `uq export --bits B --target cortex-m4` "
        "foresees it (`flash_bytes` of the manifest) against `arm-none-eabi-size` of the export "
        "compiled with -O2 and linked with `--gc-sections`; the arena is exact, since `uq_NAME_run` "
        "refuses one byte less.", "",
        table(["model", "bits", "weights", "flash foreseen", "flash of the object", "error",
               "optimality gap", "arena"], flash), "",
        "`uq verify --board host --inputs 1000` (six builds by gcc and clang) and `uq verify --board "
        "mps2-an386 --inputs 20`: output bytes of the compiled C that differ from the simulator's.",
        "",
        table(["model", "bits", "host output bytes", "mismatches", "M4 output bytes", "mismatches",
               "M4 instructions"], proofs), ""])
    if options.print:
        print(section)
        return
    write_section("Low bits", section)


main()
