# SPDX-License-Identifier: Apache-2.0
"""What the notebooks share: the program, and a folder with a network and samples to work in.

The program is that of the environment variable UQ, else `uq` on PATH, else the one built here.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile

ROOT = next(
    folder for folder in pathlib.Path(__file__).resolve().parents
    if (folder / "Examples" / "digits").is_dir())


def _program():
    named = os.environ.get("UQ") or shutil.which("uq")
    if named:
        return str(pathlib.Path(named).resolve())
    for kind in ("release", "debug"):
        built = ROOT / ".build" / kind / "uq"
        if built.exists():
            return str(built)
    raise SystemExit("there is no uq: build it with `make build`, or name it with UQ=path")


UQ = _program()

#: Samples that variants are judged on; fewer make the notebooks faster and the intervals wider.
SAMPLES = int(os.environ.get("UQ_SAMPLES", "360"))


def folder(example="digits"):
    """A fresh copy of an example to work in."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="uq-notebook-"))
    shutil.copytree(ROOT / "Examples" / example, path, dirs_exist_ok=True)
    return path


def uq(*arguments, cwd, shows=True):
    """Runs uq; shows what it prints and returns it. A failure is an error here too."""
    words = [str(word) for word in arguments]
    if shows:
        print("$ uq", *words)
    done = subprocess.run([UQ, *words], cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"uq {' '.join(words)}: {done.stderr.strip()}")
    if shows:
        print(done.stdout, end="")
    return done.stdout
