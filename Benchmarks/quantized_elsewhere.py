#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares exports of networks that ONNX Runtime quantized with ONNX Runtime's own results; writes the section
"Networks quantized elsewhere" of results.md. Needs numpy, onnx and onnxruntime (measured with 1.23.2 and 1.32).

    python3 Benchmarks/quantized_elsewhere.py --models FOLDER [--uq .build/release/uq] [--print]

For each network under FOLDER with `calib/inputs.npy` and `eval`: quantized statically to 8 bits with scales for
channels, in both forms, calibrated with `calib`, exported with default flags, judged on `eval`. ONNX Runtime runs
without graph optimisations, which change what the QDQ form computes.
"""
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from comparing import arguments, fraction, present, run
from results_file import write_section

NETWORKS = ["kws_dscnn", "motion_nicla_cnn", "ocr_direction_ppocr"]


class Samples(CalibrationDataReader):
    def __init__(self, name, samples):
        self.rest = iter([{name: sample[None]} for sample in samples])

    def get_next(self):
        return next(self.rest, None)


def outputs(model, samples):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(model), options)
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: sample[None]})[0] for sample in samples])


def measure(uq, source, form, folder):
    data = {part: np.load(source / part / "inputs.npy").astype(np.float32) for part in ("calib", "eval")}
    labels = np.load(source / "eval" / "labels.npy").reshape(-1)
    prepared, model = folder / "prepared.onnx", folder / "model.onnx"
    # Scales for channels came with operator set 13.
    original = onnx.load(source / "model.onnx")
    version = max(13, next(entry.version for entry in original.opset_import if not entry.domain))
    onnx.save(onnx.version_converter.convert_version(original, version), prepared)
    quant_pre_process(prepared, prepared, skip_symbolic_shape=True)
    name = onnxruntime.InferenceSession(str(prepared)).get_inputs()[0].name
    quantize_static(prepared, model, Samples(name, data["calib"]), quant_format=form, per_channel=True,
                    activation_type=QuantType.QInt8, weight_type=QuantType.QInt8)
    calibration = folder / "calibration.uqcal"
    run(uq, "calibrate", "--quiet", "--model", model, "--data", source / "calib", "--output", calibration)
    theirs = outputs(model, data["eval"]).reshape(len(labels), -1)
    ours = {}
    for kind, flags in (("float", []), ("integers", ["--calibration", calibration])):
        run(uq, "run", "--quiet", "--model", model, "--input", source / "eval" / "inputs.npy",
            "--output-dir", folder / kind, *flags)
        ours[kind] = np.load(next((folder / kind).glob("*.npy"))).reshape(theirs.shape)
    integers = ours["integers"]
    levels = np.unique(np.diff(np.unique(integers)).round(7))
    step = levels[levels > 0].min()
    return [
        fraction((theirs.argmax(1) == labels).mean()), fraction((integers.argmax(1) == labels).mean()),
        str(len(labels)), fraction((theirs.argmax(1) == integers.argmax(1)).mean()),
        f"{np.abs(ours['float'] - theirs).max():.1g}",
        fraction((np.abs(integers - theirs) < step / 4).mean()),
        f"{np.abs(integers - theirs).max() / step:.1f}"]


def main():
    options = arguments(__doc__)
    onnxruntime.set_default_logger_severity(4)
    rows = []
    for network, source in present(options.models, NETWORKS, "eval/inputs.npy"):
        for form in (QuantFormat.QDQ, QuantFormat.QOperator):
            with tempfile.TemporaryDirectory() as scratch:
                label = "QDQ" if form == QuantFormat.QDQ else "QLinear"
                rows.append([network, label, *measure(options.uq, source, form, Path(scratch))])
                print(" ".join(rows[-1]), file=sys.stderr)
    section = "\n".join([
        "Written by `python3 Benchmarks/quantized_elsewhere.py --models FOLDER`: quantized to 8 bits by ONNX "
        f"Runtime {onnxruntime.__version__}, exported with default flags. Accuracy of ONNX Runtime without graph "
        "optimisations and of the exported integers, share of samples with the same class, largest difference "
        "of `uq run` in float, share of outputs that are the same number, largest difference in steps of the "
        "output.", "",
        "| model | form | accuracy there | here | samples | same class | float differs by | same outputs "
        "| furthest |",
        "|---|---|---|---|---|---|---|---|---|",
        *["| " + " | ".join(row) + " |" for row in rows], "",
        "What differs comes from ties and from what stays float there: `motion_nicla_cnn` in QLinear form normalises "
        "its input, six channels of unlike range, before quantizing it, where the C function takes integers of one "
        "scale.", ""])
    if options.print:
        print(section)
        return
    write_section("Networks quantized elsewhere", section)


main()
