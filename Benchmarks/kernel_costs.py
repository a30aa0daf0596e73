#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what kernels take on each target and writes it into Calibration/targets.

    python3 Benchmarks/kernel_costs.py --uq .build/release/uq [--work FOLDER] [--code] [TARGET ...]

Code: every file of the runtime is compiled as `uq verify` does; the bytes of each function and the
functions it calls come from the object files. The model's own function is fitted to exports of the
bundled networks. Instructions: `uq bench` of those exports on the target's emulated board, fitted by
`mac` x multiply-accumulates + `output` x bytes of output, for each kernel; `--code` leaves them as they
are, `--only groups` all but those of kernels with scales for groups of input channels, `--only gates` all
but those of tables and products. Targets whose compiler or emulator is missing keep what they have.
"""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGETS = ROOT / "Calibration" / "targets"
RUNTIME = ROOT / "Sources" / "UQRuntime"
# Compiler prefix and flags of the boards in Sources/UQBoards/Board.swift; cores without a board too.
ARM = ("arm-none-eabi-", ["-mthumb"])
COMPILERS = {
    "cortex-m0": (ARM[0], ARM[1] + ["-mcpu=cortex-m0"]),
    "cortex-m3": (ARM[0], ARM[1] + ["-mcpu=cortex-m3"]),
    "cortex-m4": (ARM[0], ARM[1] + ["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]),
    "cortex-m7": (ARM[0], ARM[1] + ["-mcpu=cortex-m7", "-mfloat-abi=hard", "-mfpu=fpv5-d16"]),
    "cortex-m33": (ARM[0], ARM[1] + ["-mcpu=cortex-m33", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"]),
    "cortex-m55": (ARM[0], ARM[1] + ["-mcpu=cortex-m55", "-mfloat-abi=hard"]),
    "rv32imc": ("riscv64-unknown-elf-", ["-march=rv32imc", "-mabi=ilp32"]),
    "avr": ("avr-", ["-mmcu=avrxmega4"]),
}
EMULATORS = {
    "arm-none-eabi-": "qemu-system-arm",
    "riscv64-unknown-elf-": "qemu-system-riscv32",
    "avr-": "simavr",
}
# Their linkers shorten calls whose target is near.
RELAXING = {"riscv64-unknown-elf-"}
# What the linker rounds functions and constants up to.
CODE_ALIGNMENT = {"avr-": 2}
COMMON = ["-std=c99", "-ffreestanding", "-O2", "-ffunction-sections", "-fdata-sections"]
BITS = ["8", "4", "3", "2", "1"]
# Widths and sizes of groups of input channels; between them the costs of a multiply-accumulate differ by
# some percent.
GROUPS = [(bits, size) for bits in ["4", "3", "2"] for size in ["16", "32"]]
# Their compilers come without <string.h>; boards bring the two functions that are used.
FREESTANDING = {"riscv64-unknown-elf-", "avr-"}


def run(*command, **keywords):
    return subprocess.run(
        [str(part) for part in command], check=True, capture_output=True, text=True, **keywords
    ).stdout


def compile_file(prefix, flags, includes, source, target):
    """An object file, compiled as `uq verify` compiles it."""
    if prefix in FREESTANDING:
        own = target.parent / "include"
        own.mkdir(exist_ok=True)
        header = ROOT / "Sources/UQBoards/Support/freestanding_string.h"
        (own / "string.h").write_text(f'#include "{header}"\n')
        includes = [own, *includes]
    paths = [word for folder in includes for word in ("-I", folder)]
    run(prefix + "gcc", *COMMON, *flags, *paths, "-c", source, "-o", target)


def sections(prefix, file):
    """Bytes of each code or constant section of an object, and what its relocations name."""
    sizes, calls = {}, {}
    for line in run(prefix + "objdump", "-h", file).splitlines():
        words = line.split()
        if len(words) > 2 and re.match(r"\.(text|s?rodata|data\.rel\.ro)\.", words[1]):
            unit = CODE_ALIGNMENT.get(prefix, 4)
            sizes[words[1]] = (int(words[2], 16) + unit - 1) // unit * unit
    section = None
    for line in run(prefix + "objdump", "-r", file).splitlines():
        if line.startswith("RELOCATION RECORDS FOR ["):
            section = line[len("RELOCATION RECORDS FOR ["):].rstrip("]:")
        elif section and len(line.split()) == 3 and line.split()[0] != "OFFSET":
            calls.setdefault(section, set()).add(re.split(r"[+-]0x", line.split()[2])[0])
    return sizes, calls


def linked_sizes(prefix, flags, objects, work):
    """{(stem, section): bytes} where the linker shortens calls; empty where it does not."""
    if prefix not in RELAXING:
        return {}
    support = work / "memory_functions.o"
    source = ROOT / "Sources/UQBoards/Support/memory.c"
    run(prefix + "gcc", *COMMON, *flags, "-fno-builtin", "-fno-tree-loop-distribute-patterns", "-c",
        source, "-o", support)
    listing = work / "linked.map"
    run(prefix + "gcc", *flags, *objects, support, "-nostdlib", "-lgcc", "-Wl,-e,0",
        "-Wl,-Ttext=0x80000000", f"-Wl,-Map={listing}", "-o", work / "linked.elf")
    text = listing.read_text().split("Linker script and memory map")[1]
    # A long section name stands on a line of its own.
    found = re.findall(r"^ (\.\S+)\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S+)\.o$", text, re.MULTILINE)
    return {(pathlib.Path(file).name, section): int(size, 16) for section, size, file in found}


def measure_code(prefix, flags, work):
    """{function: {bytes, calls}} of the whole runtime."""
    functions, owners = {}, {}
    objects = {source: work / (source.stem + ".o") for source in sorted(RUNTIME.glob("*.c"))}
    for source, target in objects.items():
        compile_file(prefix, flags, [RUNTIME / "include", RUNTIME], source, target)
    linked = linked_sizes(prefix, flags, objects.values(), work)
    for source, target in objects.items():
        sizes, calls = sections(prefix, target)
        for section, size in sizes.items():
            kind, name = re.match(r"\.(text|s?rodata|data\.rel\.ro)\.(.*)", section).groups()
            # Static functions of different files may share a name.
            is_public = kind == "text" and re.match(r"uq_\w+$", name)
            key = name if is_public else f"{source.stem}:{name}"
            owners[(source.stem, section)] = key
            functions[key] = {
                "bytes": linked.get((source.stem, section), size), "calls": set()}
        for section, names in calls.items():
            if (source.stem, section) in owners:
                functions[owners[(source.stem, section)]]["calls"] |= {
                    (source.stem, name) for name in names
                }
    for key, function in functions.items():
        resolved = set()
        for stem, name in function["calls"]:
            for candidate in (name, f"{stem}:{name}", owners.get((stem, name)),
                              f"{stem}:{re.sub(r'^[.](text|s?rodata)[.]', '', name)}"):
                if candidate in functions and candidate != key:
                    resolved.add(candidate)
        function["calls"] = sorted(resolved)
    return dict(sorted(functions.items()))


def closure(functions, symbol):
    found, open_ = set(), [symbol]
    while open_:
        name = open_.pop()
        if name in functions and name not in found:
            found.add(name)
            open_ += functions[name]["calls"]
    return found


def least_squares(rows, values):
    """Non-negative least squares for few unknowns, by dropping what comes out negative."""
    count = len(rows[0])
    active = list(range(count))
    while active:
        a = [[sum(r[i] * r[j] for r in rows) for j in active] for i in active]
        b = [sum(r[i] * v for r, v in zip(rows, values)) for i in active]
        n = len(active)
        for i in range(n):
            a[i][i] += 1e-9 * (a[i][i] + 1)
        for i in range(n):
            for j in range(i + 1, n):
                factor = a[j][i] / a[i][i]
                for k in range(i, n):
                    a[j][k] -= factor * a[i][k]
                b[j] -= factor * b[i]
        x = [0.0] * n
        for i in reversed(range(n)):
            x[i] = (b[i] - sum(a[i][k] * x[k] for k in range(i + 1, n))) / a[i][i]
        if min(x) >= 0:
            result = [0.0] * count
            for i, value in zip(active, x):
                result[i] = value
            return result
        active.pop(x.index(min(x)))
    return [0.0] * count


def networks(*names):
    """Model and calibration samples of the bundled network and of those beside the tree that are there."""
    models = [(ROOT / "Examples/digits/model.onnx", ROOT / "Examples/digits/samples/calib")]
    shared = ROOT.parent / "shared/models"
    for name in names:
        if (shared / name / "calib").exists():
            models.append((shared / name / "model.onnx", shared / name / "calib"))
    return models


# No bundled network has fully connected layers before its last one. What the weights are costs nothing.
DENSE = """#[version = "0.0.5"]
def @main(%x: Tensor[(1, 1, 8, 8), float32]) {
  %0 = reshape(%x, newshape=[1, 64]);
  %1 = nn.dense(%0, full(0.01f, shape=[64, 64], dtype="float32"), units=64);
  %2 = nn.relu(%1);
  %3 = nn.dense(%2, full(0.01f, shape=[96, 64], dtype="float32"), units=96);
  %4 = nn.relu(%3);
  nn.dense(%4, full(0.01f, shape=[10, 96], dtype="float32"), units=10)
}
"""


# Nor has it tables and products, which gates are made of.
GATES = """#[version = "0.0.5"]
def @main(%x: Tensor[(1, 1, 8, 8), float32]) {
  %0 = nn.conv2d(%x, full(0.1f, shape=[12, 1, 3, 3], dtype="float32"), padding=[1, 1, 1, 1],
    channels=12, kernel_size=[3, 3]);
  %1 = multiply(%0, sigmoid(%0));
  %2 = nn.global_avg_pool2d(%1);
  %3 = multiply(%1, tanh(%2));
  %4 = nn.conv2d(%3, full(0.1f, shape=[7, 12, 1, 1], dtype="float32"), strides=[2, 2], channels=7,
    kernel_size=[1, 1]);
  %5 = multiply(%4, tanh(%4));
  %6 = nn.batch_flatten(sigmoid(%5));
  nn.dense(%6, full(0.01f, shape=[10, 112], dtype="float32"), units=10)
}
"""


def gate_exports(uq, work):
    """Exports with tables and products, of 8 and of 4 bits; their other layers do not count."""
    model, data = work / "gates/model.relay", networks()[0][1]
    model.parent.mkdir(exist_ok=True)
    model.write_text(GATES)
    calibration = work / "gates.uqcal"
    if not calibration.exists():
        run(uq, "calibrate", "--quiet", "--model", model, "--data", data, "--samples", 32,
            "--keep", 0, "--output", calibration)
    made = []
    for bits in ["8", "4"]:
        folder = work / f"gates-a{bits}"
        if not folder.exists():
            run(uq, "export", "--quiet", "--model", model, "--calibration", calibration, "--method",
                "minmax", "--activation-bits", bits, "--name", "m", "--output", folder)
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["only"] = "^uq_(lut|mul)_s"
        if made:
            # Costs go by the elements that calls write, not by their bytes.
            manifest["outputs_of_calls"] = output_bytes(made[0][1])
        made.append((folder, manifest))
    return made


def grouped_exports(uq, work):
    """Exports with scales for groups of input channels, whose other layers do not count."""
    made = []
    dense = work / "dense/model.relay"
    dense.parent.mkdir(exist_ok=True)
    dense.write_text(DENSE)
    known = networks("kws_dscnn", "ic_resnet8")
    for model, data in [*known, (dense, known[0][1])]:
        name = model.parent.name
        calibration = work / f"{name}-0.uqcal"
        if not calibration.exists():
            # Costs do not depend on the weights: they may be rounded to nearest.
            run(uq, "calibrate", "--quiet", "--model", model, "--data", data, "--samples", 32,
                "--keep", 0, "--output", calibration)
        for bits, size in GROUPS:
            folder = work / f"{name}-{bits}-g{size}"
            if not folder.exists():
                run(uq, "export", "--quiet", "--model", model, "--calibration", calibration,
                    "--method", "minmax", "--bits", bits, "--layer", f"*:{bits}g{size}", "--name",
                    "m", "--output", folder)
            manifest = json.loads((folder / "manifest.json").read_text())
            manifest["only"] = "groupwise"
            made.append((folder, manifest))
    return made


def exports(uq, work):
    """Exports of every network that is here, at every width: folder and manifest."""
    models = networks("kws_dscnn", "vww_mobilenet025", "ic_resnet8")
    made = []
    for model, data in models:
        name = model.parent.name
        calibration = work / f"{name}.uqcal"
        if not calibration.exists():
            run(uq, "calibrate", "--quiet", "--model", model, "--data", data, "--samples", 32,
                "--output", calibration)
        for bits in BITS:
            folder = work / f"{name}-{bits}"
            if not folder.exists():
                run(uq, "export", "--quiet", "--model", model, "--calibration", calibration,
                    "--method", "minmax", "--bits", bits, "--name", "m", "--output", folder)
            made.append((folder, json.loads((folder / "manifest.json").read_text())))
        for bits in ["8", "4"]:
            folder = work / f"{name}-{bits}-a4"
            if not folder.exists():
                run(uq, "export", "--quiet", "--model", model, "--calibration", calibration,
                    "--method", "minmax", "--bits", bits, "--activation-bits", "4", "--name", "m",
                    "--output", folder)
            manifest = json.loads((folder / "manifest.json").read_text())
            wide = next(known for path, known in made if path.name == f"{name}-{bits}")
            # Costs go by the elements that calls write, not by their bytes.
            manifest["outputs_of_calls"] = output_bytes(wide)
            made.append((folder, manifest))
    return made


def computed_by(layer):
    """The kernel that a tiled call hands its tiles to, or None."""
    if layer["kernel"] not in ("uq_conv2d_s4", "uq_depthwise_conv2d_s4"):
        return None
    width = "" if layer["bits"] == 8 else f"_w{layer['bits']}"
    return layer["kernel"].replace("_s4", "_s8") + width


def output_bytes(manifest):
    """Bytes that each call writes, 8 bits an element."""
    if "outputs_of_calls" in manifest:
        return manifest["outputs_of_calls"]
    sizes = [0] * len(manifest["layers"])
    for entry in manifest["memory_map"]:
        if entry["kind"] == "activation":
            sizes[entry["first_call"]] += entry["bytes"]
    last = 1
    for extent in manifest["outputs"][0]["shape"]:
        last *= extent
    sizes[-1] = sizes[-1] or last
    return sizes


def arguments(text, symbol_counts):
    """Arguments of all kernel calls of a generated model."""
    total = 0
    for call in re.findall(r"\b(uq_\w+)\(([^;{}]*)\);", text):
        if call[0] in symbol_counts:
            total += call[1].count(",") + 1
    return total


def measure_model(prefix, flags, made, work):
    """Bytes of the model's own function: for each model, call and argument."""
    rows, values = [], []
    for folder, manifest in made:
        target = work / "model.o"
        try:
            compile_file(prefix, flags, [folder], folder / "uq_m.c", target)
        except subprocess.CalledProcessError as error:
            # An array of half the address space and more: no chip of the family holds the network.
            if "is too large" not in error.stderr:
                raise
            continue
        sizes, _ = sections(prefix, target)
        if prefix in RELAXING:
            objects = [target]
            for source in sorted(folder.glob("*.c")):
                if source.stem not in ("uq_m", "selftest"):
                    objects.append(work / f"model_{source.stem}.o")
                    compile_file(prefix, flags, [folder], source, objects[-1])
            sizes = {
                section: size
                for (stem, section), size in linked_sizes(prefix, flags, objects, work).items()
                if stem == "model"
            }
        code = sum(size for name, size in sizes.items() if name.startswith(".text"))
        symbols = {layer["kernel"] for layer in manifest["layers"]}
        text = (folder / "uq_m.c").read_text()
        rows.append([1, len(manifest["layers"]), arguments(text, symbols)])
        values.append(code)
    return [round(x) for x in least_squares(rows, values)]


def measure_instructions(uq, board, made):
    """{kernel: {mac, output}} of the layers that count."""
    kernels, calls = {}, []
    for folder, manifest in made:
        try:
            report = json.loads(run(uq, "bench", "--export", folder, "--board", board, "--json"))
        except subprocess.CalledProcessError as error:
            if not re.search("verify.link.failed|is too large|to range of 'int'", error.stderr):
                raise
            print(f"{folder.name} does not fit {board}")
            continue
        for layer, counted, output in zip(
                manifest["layers"], report["layers"], output_bytes(manifest)):
            # Other layers of the network were counted in an export without groups.
            if re.search(manifest.get("only", ""), layer["kernel"]):
                calls.append((layer, counted["instructions"], output))
    fit(kernels, [(layer["kernel"], layer["macs"], output, count, count)
                  for layer, count, output in calls if not computed_by(layer)])
    # A tiled call takes its own share and that of the kernel which computes the tiles.
    fit(kernels, [(layer["kernel"], layer["macs"], output,
                   count - share(kernels, computed_by(layer), layer["macs"], output), count)
                  for layer, count, output in calls if computed_by(layer)])
    return dict(sorted(kernels.items()))


def share(kernels, kernel, macs, output):
    """Instructions of a kernel that was fitted."""
    return kernels[kernel]["mac"] * macs + kernels[kernel]["output"] * output


def fit(kernels, calls):
    """Adds {mac, output} of the kernels of calls: (kernel, macs, output, instructions, those of the call)."""
    rows, values, sizes = {}, {}, {}
    for kernel, macs, output, own, count in calls:
        rows.setdefault(kernel, []).append([macs, output])
        values.setdefault(kernel, []).append(own)
        sizes.setdefault(kernel, []).append(count)
    for kernel in sorted(rows):
        # Large layers count, small ones must not be lost: weights by the root of the size.
        weights = [1 / max(v, 1) ** 0.5 for v in sizes[kernel]]
        mac, output = least_squares(
            [[x * w for x in row] for row, w in zip(rows[kernel], weights)],
            [v * w for v, w in zip(values[kernel], weights)])
        kernels[kernel] = {"mac": round(mac, 3), "output": round(output, 3)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--uq", default=ROOT / ".build/release/uq")
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--code", action="store_true", help="measure no instructions")
    parser.add_argument("--only", choices=["groups", "gates"],
                        help="measure the instructions of some kernels alone")
    parser.add_argument("targets", nargs="*")
    options = parser.parse_args()
    work = options.work or pathlib.Path(tempfile.mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    uq = pathlib.Path(options.uq).resolve()
    special = []
    if not options.code and options.only != "gates":
        special += grouped_exports(uq, work)
    if not options.code and options.only != "groups":
        special += gate_exports(uq, work)
    made = [] if options.only else exports(uq, work)
    for path in sorted(TARGETS.glob("*.json")):
        target = json.loads(path.read_text())
        name = target["name"]
        if options.targets and name not in options.targets:
            continue
        prefix, flags = COMPILERS.get(name, (None, None))
        if not prefix or not shutil.which(prefix + "gcc"):
            print(f"{name}: no compiler, kept as it is")
            continue
        version = run(prefix + "gcc", "-dumpfullversion", "-dumpversion").strip()
        if not options.only:
            bytewise = [(folder, known) for folder, known in made if "outputs_of_calls" not in known]
            base, call, argument = measure_model(prefix, flags, bytewise, work)
            target["code"] = {
                "compiler": f"{prefix}gcc {version} -O2 {' '.join(flags)}",
                "base": base, "call": call, "argument": argument,
                "functions": measure_code(prefix, flags, work),
            }
        board = target.get("board")
        if board and shutil.which(EMULATORS[prefix]) and not options.code:
            known = target["instructions"]["kernels"] if options.only else {}
            found = measure_instructions(uq, board, made + special)
            target["instructions"] = {
                "board": board, "kernels": dict(sorted((known | found).items()))}
        text = json.dumps(target, indent=2)
        text = re.sub(r"\[\s*([\d,\s]+?)\s*\]",
                      lambda m: "[" + ", ".join(re.findall(r"\d+", m.group(1))) + "]", text)
        # A function or kernel to a line.
        text = re.sub(r"\{\s*(\"(?:bytes|mac)\": [^{}]*?)\s*\}",
                      lambda m: "{" + re.sub(r"\s+", " ", m.group(1)).replace("[ ", "[").replace(
                          " ]", "]") + "}", text)
        path.write_text(text + "\n")
        code = target["code"]
        print(f"{name}: {len(code['functions'])} functions, model {code['base']} + {code['call']} a "
              f"call + {code['argument']} an argument")


if __name__ == "__main__":
    main()
