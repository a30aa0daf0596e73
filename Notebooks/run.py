#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every notebook of this folder and throws the outputs away.

    python3 Notebooks/run.py [--uq .build/release/uq] [--samples 90] [NAME ...]

Exits with 1 where a cell fails, or where a notebook was committed with outputs. `--strip` removes them.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent


def strip(path):
    """Removes outputs and counts; says whether there were some."""
    notebook = json.loads(path.read_text())
    had_some = False
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            had_some |= bool(cell["outputs"] or cell["execution_count"])
            cell["outputs"], cell["execution_count"] = [], None
    if had_some:
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
    return had_some


def run(path, output=None):
    """Runs a notebook; says whether it ran through, and a line about it."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.read(path, as_version=4)
    started = time.monotonic()
    try:
        NotebookClient(
            notebook, timeout=600, resources={"metadata": {"path": str(HERE)}},
            extra_arguments=["--log-level=ERROR"]).execute()
    except CellExecutionError as failure:
        return False, f"{path.name}: {failure}"
    if output:
        nbformat.write(notebook, output / path.name)
    skipped = [
        output["text"].strip() for cell in notebook.cells for output in cell.get("outputs", [])
        if output.get("text", "").startswith("skipped:")]
    seconds = time.monotonic() - started
    return True, f"{path.name}: {seconds:.0f} s" + "".join(f"; {text}" for text in skipped)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--uq", type=pathlib.Path, help="the program (default: UQ, PATH, the tree)")
    parser.add_argument("--samples", type=int, help="samples that variants are judged on")
    parser.add_argument("--output", type=pathlib.Path, help="folder for the notebooks with outputs")
    parser.add_argument("--strip", action="store_true", help="only remove outputs from the files")
    options = parser.parse_args()
    paths = [HERE / f"{pathlib.Path(name).stem}.ipynb" for name in options.names]
    paths = paths or sorted(HERE.glob("*.ipynb"))
    if options.strip:
        for path in paths:
            if strip(path):
                print(f"{path.name}: outputs removed")
        return 0
    if options.uq:
        os.environ["UQ"] = str(options.uq.resolve())
    if options.samples:
        os.environ["UQ_SAMPLES"] = str(options.samples)
    kept = [path.name for path in paths if any(
        cell.get("outputs") for cell in json.loads(path.read_text())["cells"])]
    for name in kept:
        print(f"{name}: has outputs; python3 Notebooks/run.py --strip", file=sys.stderr)
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
    failed = False
    # Most of a notebook's time is one thread's: starting, importing, plotting.
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        for ran, text in pool.map(run, paths, [options.output] * len(paths)):
            print(text, file=sys.stdout if ran else sys.stderr, flush=True)
            failed |= not ran
    return 1 if kept or failed else 0


if __name__ == "__main__":
    sys.exit(main())
