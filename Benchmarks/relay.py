#!/usr/bin/env python3
"""Measures how Relay text is read, and integer programs on the emulated Cortex-M4; writes the section "Relay" of results.md.

The text is made here: calls in a chain of blocks, and constants in base64 as TVM prints its metadata.
"""

import argparse
import base64
import json
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PROGRAMS = ["mlperf_kws_dscnn_tflite_i8", "mlperf_ic_resnet8_tflite_i8"]


def array(index, count):
    """A float32 array in TVM's binary form, its numbers all different."""
    head = struct.pack("<QQiii", 0xDD5E40F096B4A13F, 0, 1, 0, 1)
    kind = struct.pack("<BBHq", 2, 32, 1, count)
    data = b"".join(
        struct.pack("<f", ((index * 7919 + place) % 65521) / 65521) for place in range(count))
    return base64.b64encode(head + kind + struct.pack("<q", len(data)) + data).decode()


def write_program(path, calls, constants, length):
    """A program of `calls` elementwise calls and `constants` arrays of `length` numbers."""
    with open(path, "w") as file:
        file.write('#[version = "0.0.5"]\n')
        kind = f"Tensor[({length}), float32]"
        file.write(f"def @main(%x: {kind} /* ty={kind} span=model.input:0:0 */) -> {kind} {{\n")
        last, operators = "%x", ["add", "multiply", "subtract", "maximum", "nn.relu", "tanh"]
        for index in range(calls):
            name = operators[index % len(operators)]
            second = ""
            if index % len(operators) < 4:
                second = f", meta[relay.Constant][{index % constants}] /* ty={kind} */"
            file.write(f"  %{index} = {name}({last}{second}) "
                       f"/* ty={kind} span=block_{index // 6}/{name}:0:0 */;\n")
            last = f"%{index}"
        file.write(f"  nn.relu({last}) /* ty={kind} */\n}}\n\n#[metadata]\n")
        nodes = ['{"type_key": ""}',
                 '{"type_key": "Map", "keys": ["relay.Constant"], "data": [2]}',
                 '{"type_key": "Array", "data": [' +
                 ", ".join(str(index + 5) for index in range(constants)) + "]}",
                 '{"type_key": "VirtualDevice", "attrs": {"device_type_int": "-1", '
                 '"memory_scope": "4", "target": "0", "virtual_device_id": "-1"}}',
                 '{"type_key": "runtime.String"}']
        nodes += ['{"type_key": "relay.Constant", "attrs": {"_checked_type_": "0", '
                  f'"data": "{index}", "span": "0", "virtual_device_": "3"}}}}'
                  for index in range(constants)]
        file.write('{\n  "root": 1,\n  "nodes": [\n    ' + ",\n    ".join(nodes))
        file.write('\n  ],\n  "b64ndarrays": [\n')
        for index in range(constants):
            end = "," if index + 1 < constants else ""
            file.write(f'    "{array(index, length)}"{end}\n')
        file.write('  ],\n  "attrs": {"tvm_version": "0.14.0"}\n}\n')


def timed(command):
    """Processor seconds of the user, and peak bytes, of a command."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command[1]} failed with status {process.returncode}")
    return usage.ru_utime, usage.ru_maxrss * 1024


def measure_text(uq, folder):
    """The table's line: reading, checking and building the graph of a text of 50 MB and more."""
    path = folder / "large.relay"
    write_program(path, calls=120_000, constants=300, length=24_576)
    size = path.stat().st_size
    runs = [timed([str(uq), "inspect", "--model", str(path), "--json"]) for _ in range(3)]
    seconds, peak = min(run[0] for run in runs), max(run[1] for run in runs)
    return [f"{size:,}", "120,001", "300", f"{seconds:.2f}", f"{peak:,}", f"{peak / size:.2f}"]


def measure_program(uq, folder, path):
    """The table's line: an integer program as C on the emulated Cortex-M4 against the simulator."""
    export = folder / path.parent.name
    subprocess.run(
        [str(uq), "export", "--model", str(path), "--target", "cortex-m4", "--name", "net",
         "--output", str(export)], check=True, stdout=subprocess.DEVNULL)
    text = subprocess.run(
        [str(uq), "verify", "--model", str(path), "--export", str(export), "--board",
         "mps2-an386", "--json", "--quiet"], check=True, capture_output=True, text=True).stdout
    found = json.loads(text)
    manifest = json.loads((export / "manifest.json").read_text())
    runs = found["builds"][0] if found.get("builds") else {}
    return [path.parent.name, f"{manifest['weight_bytes']:,}", f"{manifest['arena_bytes']:,}",
            f"{found['outputs']:,}", str(found["mismatches"]),
            f"{runs['instructions']:,}" if runs.get("instructions") else ""]


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--uq", default=ROOT / ".build" / "release" / "uq", type=Path)
    parser.add_argument("--corpus", default=ROOT.parent / "shared" / "relay" / "corpus", type=Path)
    parser.add_argument("--print", action="store_true", help="print the section, write nothing")
    options = parser.parse_args()
    uq = options.uq.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = measure_text(uq, folder)
        paths = [options.corpus / program / "model.relay" for program in PROGRAMS]
        programs = [measure_program(uq, folder, path) for path in paths if path.exists()]
    section = "\n".join([
        "## Relay", "",
        "Written by `python3 Benchmarks/relay.py`, which makes the text: parsed, checked and built "
        "into a graph by `uq inspect`; least user time of 3 runs on one machine, largest peak.", "",
        table(["bytes of text", "calls", "constants", "user seconds", "peak bytes", "peak / size"],
              [text]), "",
        "Programs of the QNN dialect as written, `uq verify --board mps2-an386`: output bytes of "
        "the C on the emulated Cortex-M4 that differ from the simulator's.", "",
        table(["program", "weight bytes", "arena bytes", "output bytes", "mismatches",
               "M4 instructions"], programs), ""])
    if options.print:
        print(section)
        return
    results = HERE / "results.md"
    before = results.read_text().split("## Relay")[0].rstrip("\n")
    beside = results.with_name("results.md.new")
    beside.write_text(before + "\n\n" + section)
    os.replace(beside, results)
    print("wrote the section Relay of Benchmarks/results.md")


main()
