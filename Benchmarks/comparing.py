# SPDX-License-Identifier: Apache-2.0
"""Comparisons of `uq compare` on networks with `calib` and `eval`, for the programs that write their figures."""
import argparse
import json
import subprocess
import sys
from pathlib import Path

UQ = Path(__file__).resolve().parent.parent / ".build/release/uq"


def arguments(description):
    """What a program that measures the networks of a folder is called with."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--uq", default=str(UQ))
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--print", action="store_true")
    return parser.parse_args()


def present(models, networks, needed="eval"):
    """Name and folder of the networks that have `needed`; says which have not."""
    for network in networks:
        if (models / network / needed).exists():
            yield network, models / network
        else:
            print(f"{network} is not there: left out", file=sys.stderr)


def run(*command):
    """What a command prints; ends the program where it fails."""
    finished = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if finished.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))[:120]}: {finished.stderr[-600:]}")
    return finished.stdout


def compare(uq, source, calibration, variants, folder):
    """Samples of `source/eval`, and the report's variants in order."""
    report = folder / "report.json"
    run(uq, "compare", "--quiet", "--model", source / "model.onnx", "--calibration", calibration,
        "--data", source / "eval", "--variants", ",".join(map(str, variants)), "--instructions", "never",
        "--json", report)
    read = json.loads(report.read_text())
    return read["samples"], read["variants"]


def fraction(value):
    """Four digits after a bare point."""
    return f"{value:.4f}".replace("0.", ".", 1)
