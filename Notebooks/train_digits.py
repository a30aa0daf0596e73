#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the network of Examples/digits and writes everything in that folder but its README.

    python3 Notebooks/train_digits.py [--output Examples/digits] [--epochs 60]

Reads no file and no network address: the pictures come inside the scikit-learn package. Writes
model.onnx, samples/dataset.json and samples/{calib,eval}/<digit>/NNNN.png, where NNNN is the
picture's index in the data set, and prints the accuracy that ONNX Runtime measures on the PNG files
as written.
One thread and fixed seeds: two runs on the same machine with the packages of requirements-train.txt write
the same bytes.
"""

import argparse
import json
import pathlib
import shutil
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn

SEED = 2026
CLASSES = 10
CALIB_PER_CLASS = 16
EVAL_PER_CLASS = 36
BATCH = 64


class Separable(nn.Module):
    """Depthwise 3x3, then pointwise 1x1; the input is added where the shapes allow it."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        self.depthwise = nn.Conv2d(
            inputs, inputs, 3, stride=stride, padding=1, groups=inputs, bias=False
        )
        self.depthwise_norm = nn.BatchNorm2d(inputs)
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.pointwise_norm = nn.BatchNorm2d(outputs)
        self.residual = inputs == outputs and stride == 1
        self.relu = nn.ReLU()

    def forward(self, x):
        y = self.relu(self.depthwise_norm(self.depthwise(x)))
        y = self.pointwise_norm(self.pointwise(y))
        return self.relu(x + y if self.residual else y)


class Digits(nn.Module):
    """[N, 1, 8, 8] in 0...1 -> [N, 10]: logits while training, then probabilities."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.blocks = nn.Sequential(
            Separable(16, 16),
            Separable(16, 32, stride=2),
            Separable(32, 32),
            Separable(32, 48),
            Separable(48, 48),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(48, CLASSES)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x):
        x = self.relu(self.stem_norm(self.stem(x)))
        logits = self.classifier(self.flatten(self.pool(self.blocks(x))))
        return logits if self.training else self.softmax(logits)


def load():
    """Pictures [1797, 8, 8] as bytes, labels [1797]. The data set counts 0...16, a PNG 0...255."""
    data = load_digits()
    return np.rint(data.images * (255 / 16)).astype(np.uint8), data.target


def split(labels):
    """Indices of the calib, eval and train parts: disjoint, the first two with equal classes."""
    order = np.random.default_rng(SEED)
    parts = {"calib": [], "eval": [], "train": []}
    for label in range(CLASSES):
        shuffled = order.permutation(np.flatnonzero(labels == label))
        held = CALIB_PER_CLASS + EVAL_PER_CLASS
        parts["calib"] += shuffled[:CALIB_PER_CLASS].tolist()
        parts["eval"] += shuffled[CALIB_PER_CLASS:held].tolist()
        parts["train"] += shuffled[held:].tolist()
    return {name: np.array(sorted(indices)) for name, indices in parts.items()}


def augment(x, generator):
    """Moves each picture by at most one pixel, scales its ink by 0.8...1.0, adds a little noise."""
    padded = nn.functional.pad(x, (1, 1, 1, 1))
    moves = torch.randint(0, 3, (len(x), 2), generator=generator)
    moved = torch.stack(
        [picture[:, r : r + 8, c : c + 8] for picture, (r, c) in zip(padded, moves.tolist())]
    )
    ink = 0.8 + 0.2 * torch.rand((len(x), 1, 1, 1), generator=generator)
    noise = 0.03 * torch.randn(x.shape, generator=generator)
    return (moved * ink + noise).clamp(0, 1)


def train(images, labels, epochs):
    """A fixed schedule without early stopping: no held-out picture has a say in the weights."""
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    x = torch.from_numpy(images).float().unsqueeze(1) / 255
    y = torch.from_numpy(labels)
    model = Digits()
    batches = len(x) // BATCH
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=epochs * batches)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    model.train()
    for epoch in range(epochs):
        order = torch.randperm(len(x), generator=generator)
        total = 0.0
        for batch in order[: batches * BATCH].split(BATCH):
            loss = loss_of(model(augment(x[batch], generator)), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: loss {total / batches:.4f}")
    return model.eval()


def export(model, path):
    """ONNX with the batch norms as trained (PRESERVE keeps the exporter from folding them)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (torch.zeros(1, 1, 8, 8),),
            str(path),
            opset_version=13,
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            input_names=["image"],
            output_names=["probabilities"],
            dynamic_axes={"image": {0: "N"}, "probabilities": {0: "N"}},
            dynamo=False,
        )
    onnx.checker.check_model(onnx.load(path), full_check=True)


def write_samples(images, labels, parts, folder):
    for part in ("calib", "eval"):
        shutil.rmtree(folder / part, ignore_errors=True)
        for index in parts[part]:
            target = folder / part / str(labels[index])
            target.mkdir(parents=True, exist_ok=True)
            Image.fromarray(images[index]).save(target / f"{index:04}.png", optimize=True)


def measure(model, folder):
    """Right answers and pictures of a class folder, read back as any other program would."""
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    right = count = 0
    for path in sorted(folder.glob("*/*.png")):
        picture = np.asarray(Image.open(path), dtype=np.float32)[None, None] / np.float32(255)
        answer = int(session.run(None, {"image": picture})[0].argmax())
        right += answer == int(path.parent.name)
        count += 1
    return right, count


DATASET = {
    "task": "classification",
    "metric": "top1",
    "classes": [str(label) for label in range(CLASSES)],
    "input": "image",
    "preprocess": {
        "color": "gray",
        "layout": "NCHW",
        "scale": 1 / 255,
        "mean": [0],
        "std": [1],
    },
    "model_source": "trained by Notebooks/train_digits.py, Apache-2.0",
    "data_source": "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI "
    "Machine Learning Repository, 1998, doi:10.24432/C50P49 (test part, as in scikit-learn)",
    "data_licence": "CC BY 4.0",
}


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description="Trains the network of Examples/digits.")
    parser.add_argument("--output", type=pathlib.Path, default=root / "Examples" / "digits")
    parser.add_argument("--epochs", type=int, default=60)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    images, labels = load()
    parts = split(labels)
    model = train(images[parts["train"]], labels[parts["train"]], options.epochs)

    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "model.onnx"
    export(model, path)
    write_samples(images, labels, parts, options.output / "samples")
    (options.output / "samples" / "dataset.json").write_text(json.dumps(DATASET, indent=2) + "\n")

    print(f"parameters {sum(p.numel() for p in model.parameters())}, {path.stat().st_size} bytes")
    print(f"trained on {len(parts['train'])} pictures")
    for part in ("calib", "eval"):
        right, count = measure(path, options.output / "samples" / part)
        print(f"{part}: {right} of {count} right, top-1 {right / count:.4f}")


if __name__ == "__main__":
    main()
