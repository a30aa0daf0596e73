# SPDX-License-Identifier: Apache-2.0
"""Sections of results.md, each written by a program of its own."""
import os
from pathlib import Path

PATH = Path(__file__).resolve().parent / "results.md"


def write_section(title, body):
    """Puts `## title` with `body` in place of the section of that title, or at the end; all others stay."""
    heading = f"## {title}\n"
    text = PATH.read_text()
    start = text.find(heading)
    before = text if start < 0 else text[:start]
    following = text.find("\n## ", start + 1) if start >= 0 else -1
    after = text[following:] if following >= 0 else ""
    beside = PATH.with_name("results.md.new")
    beside.write_text(before.rstrip("\n") + f"\n\n{heading}\n{body.rstrip()}\n" + after)
    os.replace(beside, PATH)
    print(f"wrote the section {title} of Benchmarks/results.md")
