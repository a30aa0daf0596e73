#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures accuracy, bytes, instructions and times, and writes results.csv and results.md.

    make bench
    python3 Benchmarks/run.py --uq .build/release/uq [--models ../shared/models] [--only kws_dscnn]

Needs only Python's standard library. The bundled network is always measured; the larger models are
not part of the tree (see Benchmarks/README.md) and are left out, and named, where they are absent.
Every finished step is kept under .build/bench for this very program, so a run that was cut off goes
on where it stopped; --fresh starts over. --readme puts the table of accuracy into README.md too.
"""

import argparse
import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HERE = Path(__file__).resolve().parent
WORK = ROOT / ".build" / "bench"
BOARD = "mps2-an386"

# Name, folder under --models or in the tree, short name, variants.
MODELS = [
    ("digits", ROOT / "Examples" / "digits", "digits", ["8", "4", "3", "2"]),
    ("kws_dscnn", None, "kws", ["8", "4", "3", "2"]),
    ("ic_resnet8", None, "ic", ["8", "4"]),
    ("vww_mobilenet025", None, "vww", ["8", "4"]),
    ("sww_1dconv", None, "sww", ["8", "4"]),
    ("ad_autoencoder", None, "ad", ["8", "4"]),
    ("motion_nicla_cnn", None, "motion", ["8", "4"]),
    ("ocr_direction_ppocr", None, "ocr", ["8", "4"]),
]
CALIBRATION_RATIO_MODEL = "ic_resnet8"


class StepFailed(Exception):
    pass


class Runner:
    """Runs steps of one model and remembers their results."""

    def __init__(self, uq, digest, name, fresh):
        self.uq = uq
        self.folder = WORK / name
        self.file = self.folder / "steps.json"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.steps = {}
        if self.file.exists() and not fresh:
            stored = json.loads(self.file.read_text())
            if stored.get("program") == digest:
                self.steps = stored["steps"]
        self.digest = digest

    def step(self, name, work):
        if name not in self.steps:
            start = time.monotonic()
            try:
                self.steps[name] = {"value": work()}
            except StepFailed as problem:
                self.steps[name] = {"problem": str(problem)}
            print(f"  {name}: {time.monotonic() - start:.1f} s", flush=True)
            text = json.dumps({"program": self.digest, "steps": self.steps}, indent=1)
            beside = self.file.with_suffix(".new")
            beside.write_text(text)
            os.replace(beside, self.file)
        entry = self.steps[name]
        if "problem" in entry:
            print(f"  {name} failed: {entry['problem']}", flush=True)
        return entry.get("value")

    def run(self, *arguments, limit=300):
        """Runs uq; wall seconds, peak kilobytes and standard output."""
        start = time.monotonic()
        output = self.folder / "output"
        errors = self.folder / "errors"
        with open(output, "wb") as out, open(errors, "wb") as err:
            process = subprocess.Popen(
                [str(self.uq), *map(str, arguments)], cwd=self.folder, stdout=out, stderr=err)
            try:
                status, peak = self.wait(process, start + limit)
            except TimeoutError:
                process.kill()
                process.wait()
                raise StepFailed(f"took longer than {limit} s") from None
        seconds = time.monotonic() - start
        if status != 0:
            lines = errors.read_text(errors="replace").strip().splitlines() or ["no message"]
            raise StepFailed(lines[-1])
        return seconds, peak, output.read_text()

    @staticmethod
    def wait(process, deadline):
        """Exit status and peak kilobytes: VmHWM, since ru_maxrss counts this script's own image too."""
        peak = 0
        while True:
            try:
                text = Path(f"/proc/{process.pid}/status").read_text()
                marks = [line for line in text.splitlines() if line.startswith("VmHWM")]
                peak = max([peak] + [int(line.split()[1]) for line in marks])
            except OSError:
                pass
            status = process.poll()
            if status is not None:
                return status, peak
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(0.002)


def measure(name, folder, short, variants, runner, has_board):
    """Rows of results.csv for one model."""
    model = folder / "model.onnx"
    samples = folder / "samples" if (folder / "samples" / "calib").is_dir() else folder
    calib = samples / "calib"
    if not calib.exists():
        calib = folder / "example_inputs.npy"
    evaluation = samples / "eval"
    flags = ["--model", model, "--quiet"]

    calibrated = runner.step(
        "calibrate", lambda: runner.run("calibrate", *flags, "--data", calib)[0])
    if calibrated is None:
        return []

    rows = {}
    for bits in variants:
        def export(bits=bits):
            runner.run("export", *flags, "--bits", bits, "--name", short, "--target", "cortex-m4",
                       "--output", f"export{bits}")
            manifest = json.loads((runner.folder / f"export{bits}" / "manifest.json").read_text())
            return {key: manifest[key] for key in (
                "arena_bytes", "weight_bytes", "bias_bytes", "scale_bytes", "table_bytes", "macs")}

        made = runner.step(f"export {bits}", export)
        if made is None:
            continue
        rows[bits] = {"model": name, "variant": bits, **made}
        if has_board and bits in ("8", "4"):
            def bench(bits=bits):
                text = runner.run("bench", "--export", f"export{bits}", "--board", BOARD, "--json")[2]
                found = json.loads(text)
                return {key: found[key] for key in ("instructions", "stack_bytes", "flash_bytes")}

            counted = runner.step(f"bench {bits}", bench)
            if counted:
                rows[bits].update(
                    m4_instructions=counted["instructions"], stack_bytes=counted["stack_bytes"],
                    flash_bytes=counted["flash_bytes"])

    if evaluation.exists():
        def compare():
            runner.run("compare", *flags, "--data", evaluation, "--variants",
                       ",".join(["float", *rows]), "--json", "report.json", limit=600)
            report = json.loads((runner.folder / "report.json").read_text())
            return {
                "samples": report["samples"], "metric": report["metric"],
                "variants": {
                    v["name"]: {
                        "accuracy": v["accuracy"], "low": v["confidence"][0],
                        "high": v["confidence"][1], "agreement": v["agreement"],
                    } for v in report["variants"]},
            }

        judged = runner.step("compare", compare)
        if judged:
            for variant, figures in judged["variants"].items():
                row = rows.setdefault(variant, {"model": name, "variant": variant})
                row.update(samples=judged["samples"], metric=judged["metric"], **figures)
    order = ["float", *variants]
    return [rows[key] for key in order if key in rows]


def ratios(folder, runner):
    """Time and memory of calibration against the float forward pass of the same samples."""
    flags = ["--model", folder / "model.onnx", "--quiet"]
    data = folder / "calib"

    def best(*arguments):
        runs = [runner.run(*arguments) for _ in range(3)]
        return min(run[0] for run in runs), min(run[1] for run in runs)

    def work():
        few = best("calibrate", *flags, "--data", data, "--samples", 50, "--output", "few.uqcal")
        all_of_them = best("calibrate", *flags, "--data", data, "--output", "ratio.uqcal")
        forward = best("compare", *flags, "--data", data, "--variants", "float")
        return {
            "calibrate_seconds": all_of_them[0], "forward_seconds": forward[0],
            "time_ratio": all_of_them[0] / forward[0], "peak_kilobytes": all_of_them[1],
            "peak_kilobytes_50": few[1], "memory_ratio": all_of_them[1] / few[1],
        }

    return runner.step("calibration ratio", work)


COLUMNS = [
    "model", "variant", "metric", "samples", "accuracy", "low", "high", "agreement",
    "weight_bytes", "bias_bytes", "scale_bytes", "table_bytes", "arena_bytes", "macs",
    "m4_instructions", "stack_bytes", "flash_bytes",
]


def shown(value):
    if value is None or value == "":
        return ""
    if isinstance(value, float):
        return f"{value:.4f}".lstrip("0") if value < 1 else f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def peers():
    with open(HERE / "peers.csv", newline="") as file:
        return list(csv.DictReader(file))


def accuracy_table(rows, rivals):
    """uq against its rivals, a line for each variant."""
    lines = []
    for row in rows:
        if row.get("accuracy") is None:
            continue
        others = [
            f"{other['rival']} {float(other['value']):.4f}".replace(" 0.", " .")
            for other in rivals
            if other["model"] == row["model"] and other["variant"] == row["variant"]
            and other["figure"] == "accuracy"]
        what = row["variant"] if row["variant"] == "float" else row["variant"] + " bits"
        lines.append([
            row["model"], what, f"{shown(row['accuracy'])} ({shown(row['low'])}-{shown(row['high'])})",
            str(row["samples"]), shown(row.get("agreement")), shown(row.get("weight_bytes")),
            shown(row.get("arena_bytes")), shown(row.get("m4_instructions")), "; ".join(others)])
    return table(
        ["model", "weights", "accuracy (95 %)", "samples", "as float", "weight bytes", "arena bytes",
         "M4 instructions", "others' accuracy, same samples"], lines)


def size_table(rows, rivals):
    lines = []
    for row in rows:
        if row["variant"] == "float":
            continue
        others = [
            f"{other['rival']} {other['figure'].replace('_', ' ')} {int(other['value']):,}"
            for other in rivals
            if other["model"] == row["model"] and other["variant"] == row["variant"]
            and other["figure"] != "accuracy"]
        lines.append([
            row["model"], row["variant"], *(shown(row.get(key)) for key in (
                "weight_bytes", "bias_bytes", "scale_bytes", "arena_bytes", "macs",
                "m4_instructions", "stack_bytes", "flash_bytes")), "; ".join(others)])
    return table(
        ["model", "bits", "weights", "biases", "scales", "arena", "MACs", "M4 instructions", "stack",
         "flash with code", "others"], lines)


def report(rows, ratio, absent, has_board):
    rivals = peers()
    parts = [
        "# Results", "",
        "Written by `make bench` (Benchmarks/run.py). Accuracy is on the held-out `eval` samples, "
        "their number beside it; bytes are exact; instructions are those executed by one inference "
        "on an emulated Cortex-M4 (QEMU mps2-an386, -O2). Others' figures are in peers.csv, with "
        "how they were measured in [README.md](README.md).", "",
        "## Accuracy", "", accuracy_table(rows, rivals), "",
        "## Bytes and instructions", "", size_table(rows, rivals), "",
    ]
    if ratio:
        parts += [
            "## Calibration", "",
            f"{CALIBRATION_RATIO_MODEL}, all range methods at once, best of 3 runs of the whole "
            "command on one machine:", "",
            table(["", "calibration", "comparison", "ratio"], [
                ["time, against the float forward pass of the same samples",
                 f"{ratio['calibrate_seconds']:.2f} s", f"{ratio['forward_seconds']:.2f} s",
                 f"{ratio['time_ratio']:.2f}"],
                ["peak memory, all samples against 50", f"{ratio['peak_kilobytes']:,} KiB",
                 f"{ratio['peak_kilobytes_50']:,} KiB", f"{ratio['memory_ratio']:.2f}"]]), ""]
    if not has_board:
        parts += ["Instructions are missing: qemu-system-arm or arm-none-eabi-gcc is not installed.",
                  ""]
    if absent:
        parts += ["Not measured, as the models are not here: " + ", ".join(absent) + ".", ""]
    return "\n".join(parts)


def write(path, text):
    beside = path.with_name(path.name + ".new")
    beside.write_text(text)
    os.replace(beside, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--uq", default=ROOT / ".build" / "release" / "uq", type=Path)
    parser.add_argument("--models", default=ROOT.parent / "shared" / "models", type=Path)
    parser.add_argument("--only", action="append", help="measure this model; may be repeated")
    parser.add_argument("--fresh", action="store_true", help="forget finished steps")
    parser.add_argument("--readme", action="store_true", help="write the figures of README.md")
    options = parser.parse_args()
    uq = options.uq.resolve()
    if not uq.exists():
        sys.exit(f"{uq} is not there: run make build")
    digest = hashlib.sha256(uq.read_bytes()).hexdigest()
    has_board = all(shutil.which(tool) for tool in ("arm-none-eabi-gcc", "qemu-system-arm"))

    rows, absent, ratio = [], [], None
    for name, folder, short, variants in MODELS:
        if options.only and name not in options.only:
            continue
        folder = (folder or options.models / name).resolve()
        if not (folder / "model.onnx").exists():
            absent.append(name)
            continue
        print(name, flush=True)
        runner = Runner(uq, digest, name, options.fresh)
        rows += measure(name, folder, short, variants, runner, has_board)
        if name == CALIBRATION_RATIO_MODEL:
            ratio = ratios(folder, runner)
    if absent:
        print("not here:", ", ".join(absent), f"(looked in {options.models})")
    if options.only:
        print(accuracy_table(rows, peers()))
        print(size_table(rows, peers()))
        return

    with open(HERE / "results.csv.new", "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({
                key: f"{value:.6f}" if isinstance(value, float) else value
                for key, value in row.items()})
    os.replace(HERE / "results.csv.new", HERE / "results.csv")
    results = HERE / "results.md"
    text = report(rows, ratio, absent, has_board)
    before = results.read_text() if results.exists() else ""
    # The last sections are measured otherwise: see README.md.
    others = ("\n## Low bits\n", "\n## Report\n", "\n## Relay\n")
    kept = [before.index(name) for name in others if name in before]
    if kept:
        text += before[min(kept):]
    write(results, text)
    print("wrote Benchmarks/results.csv and results.md")
    if options.readme:
        readme = ROOT / "README.md"
        text = readme.read_text()
        start, end = "<!-- figures: from Benchmarks/results.md -->", "<!-- /figures -->"
        before, rest = text.split(start)
        chosen = [row for row in rows if row["variant"] in ("float", "8", "4")
                  and row.get("accuracy") is not None]
        write(readme, before + start + "\n" + accuracy_table(chosen, peers()) + "\n" + end
              + rest.split(end)[1])
        print("wrote the figures of README.md")


main()
