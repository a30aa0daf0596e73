#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Opens a report of `uq compare --html` in headless Chromium and says what is wrong with it.

    python3 Benchmarks/report_check.py report.html [--output DIR] [--axe axe.min.js]

Wide and narrow (1400 and 390 pixels), light and dark: errors of the console, requests to anywhere,
elements that reach beyond the page, texts of a drawing that overlap or are cut, text smaller than
11 pixels, keys that reach nothing, and what axe-core calls serious or critical. Writes a screenshot of
each, and print.pdf, to DIR. Exits with 1 where something is wrong.

axe-core is looked for in the package axe-core-python (`pip install axe-core-python`); without it the
check is left out and that is said. Chromium is spoken to through a pipe; nothing else is needed.

    --picture 'CSS SELECTOR' FILE.png    writes a picture of the elements, wide and light, for documents
    --pictures-only                      does nothing else
"""

import argparse
import base64
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

WIDTHS = (1400, 390)
SCHEMES = ("light", "dark")
SERIOUS = ("serious", "critical")

# What a reader sees: boxes of elements beyond the page, and of texts in drawings on each other.
LAYOUT = r"""
(() => {
  const found = [];
  const page = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > page)
    found.push(`the page is ${document.documentElement.scrollWidth} wide, the window ${page}`);
  const shown = e => e.checkVisibility() && e.getBoundingClientRect().width > 0;
  for (const e of document.querySelectorAll('body *')) {
    if (!shown(e) || e.closest('.scroll, pre, .skip, .hidden, svg')) continue;
    const box = e.getBoundingClientRect();
    if (box.right > page + 1 || box.left < -1)
      found.push(`<${e.tagName.toLowerCase()}> reaches from ${box.left} to ${box.right}: ${e.textContent.slice(0, 40)}`);
  }
  for (const svg of document.querySelectorAll('svg')) {
    if (!shown(svg)) continue;
    const name = (svg.querySelector('title') || svg).textContent.slice(0, 50);
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll('text')].filter(t => t.textContent.trim());
    const boxes = texts.map(t => t.getBoundingClientRect());
    boxes.forEach((box, i) => {
      const text = texts[i].textContent;
      if (box.left < frame.left - 2 || box.right > frame.right + 2 || box.top < frame.top - 3 || box.bottom > frame.bottom + 3)
        found.push(`${name}: '${text}' is cut`);
      const size = parseFloat(getComputedStyle(texts[i]).fontSize) * frame.width / svg.viewBox.baseVal.width;
      if (size < 10.5) found.push(`${name}: '${text}' is ${size.toFixed(1)} pixels high`);
      for (let j = i + 1; j < boxes.length; ++j) {
        const other = boxes[j];
        const x = Math.min(box.right, other.right) - Math.max(box.left, other.left);
        const y = Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top);
        if (x > 1 && y > 4) found.push(`${name}: '${text}' on '${texts[j].textContent}'`);
      }
    });
  }
  for (const e of document.querySelectorAll('.scroll')) {
    if (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== 'auto')
      found.push(`${e.getAttribute('aria-label')} is cut`);
  }
  return found;
})()
"""

KEYS = r"""
(() => {
  const stops = [...document.querySelectorAll('a[href], summary, [tabindex="0"]')].filter(e => e.checkVisibility());
  const lost = stops.filter(e => { e.focus(); return document.activeElement !== e; });
  return lost.map(e => `the keyboard does not reach ${e.outerHTML.slice(0, 60)}`);
})()
"""


class Browser:
    """Chromium, spoken to by the DevTools protocol through a pipe."""

    def __init__(self, program):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_read, self.write_end = os.pipe()
        self.read_end, to_write = os.pipe()

        def connect():
            # Chromium reads from 3 and writes to 4; both may be in use for the other end here.
            spare_read, spare_write = os.dup(to_read), os.dup(to_write)
            os.dup2(spare_read, 3)
            os.dup2(spare_write, 4)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
             "--hide-scrollbars", f"--user-data-dir={self.profile.name}", "about:blank"],
            close_fds=False, preexec_fn=connect,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.pending, self.number, self.events, self.session = b"", 0, [], None
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self.session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self(f"{domain}.enable")

    def read(self):
        while b"\0" not in self.pending:
            part = os.read(self.read_end, 1 << 20)
            if not part:
                raise SystemExit("Chromium ended unexpectedly")
            self.pending += part
        message, self.pending = self.pending.split(b"\0", 1)
        return json.loads(message)

    def __call__(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_end, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise SystemExit(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def wait(self, event):
        while not any(seen.get("method") == event for seen in self.events):
            self.events.append(self.read())

    def value(self, expression):
        result = self("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise SystemExit(f"in the page: {result['exceptionDetails']}")
        return result["result"].get("value")

    def open(self, url, width, scheme):
        self.events.clear()
        self("Emulation.setDeviceMetricsOverride", width=width, height=900, mobile=width < 600,
             deviceScaleFactor=2 if width < 600 else 1)
        self("Emulation.setEmulatedMedia",
             features=[{"name": "prefers-color-scheme", "value": scheme}])
        self("Page.navigate", url=url)
        self.wait("Page.loadEventFired")

    def complaints(self, url):
        """What the console and the network say."""
        for event in self.events:
            params = event.get("params", {})
            match event.get("method"):
                case "Runtime.exceptionThrown":
                    yield f"console: {params['exceptionDetails'].get('text')}"
                case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning"):
                    yield f"console: {params['args']}"
                case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                    yield f"console: {params['entry']['text']}"
                case "Network.requestWillBeSent":
                    asked = params["request"]["url"]
                    if asked != url and not asked.startswith("data:"):
                        yield f"asks for {asked}"

    def picture(self, path, clip=None):
        size = self("Page.getLayoutMetrics")["cssContentSize"]
        area = clip or {"x": 0, "y": 0, "width": size["width"], "height": size["height"]}
        data = self("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                    clip={**area, "scale": 1})["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))

    def close(self):
        os.write(self.write_end, json.dumps({"id": 0, "method": "Browser.close"}).encode() + b"\0")
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


def axe_source(named):
    if named:
        return pathlib.Path(named).read_text()
    package = importlib.util.find_spec("axe_core_python")
    for folder in (package.submodule_search_locations if package else []):
        for file in pathlib.Path(folder).glob("**/axe.min.js"):
            return file.read_text()
    return None


def axe_problems(browser, source):
    browser.value(source + "; true")
    found = browser.value(
        "axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(v => "
        "({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map(n => n.html.slice(0, 90))})))")
    for violation in found:
        yield (violation["impact"] in SERIOUS,
               f"axe, {violation['impact']}: {violation['help']} [{violation['id']}] at "
               f"{len(violation['nodes'])}: {violation['nodes'][0]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path(".build/report-check"))
    parser.add_argument("--axe", help="axe.min.js")
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"))
    parser.add_argument("--picture", nargs=2, action="append", default=[],
                        metavar=("SELECTOR", "FILE"))
    parser.add_argument("--pictures-only", action="store_true")
    options = parser.parse_args()
    if not options.chromium:
        raise SystemExit("there is no chromium; apt-get install chromium")
    options.output.mkdir(parents=True, exist_ok=True)
    url = options.report.resolve().as_uri()
    axe = axe_source(options.axe)
    if not axe:
        print("skipped: axe-core is not installed (pip install axe-core-python)")
    wrong = []
    browser = Browser(options.chromium)
    try:
        for width in () if options.pictures_only else WIDTHS:
            for scheme in SCHEMES:
                browser.open(url, width, scheme)
                name = f"{width}-{scheme}"
                faults = list(browser.complaints(url))
                browser.picture(options.output / f"{name}.png")
                # What is folded away is looked at too.
                browser.value("document.querySelectorAll('details').forEach(d => { d.open = true })")
                faults += browser.value(LAYOUT) + browser.value(KEYS)
                browser.picture(options.output / f"{name}-open.png")
                remarks = []
                for serious, text in axe_problems(browser, axe) if axe else []:
                    (faults if serious else remarks).append(text)
                print(f"{name}: {len(faults)} faults, {len(remarks)} remarks")
                for text in faults[:20] + remarks:
                    print(f"    {text}")
                wrong += faults
        browser.open(url, 1400, "light")
        if not options.pictures_only:
            pdf = browser("Page.printToPDF", printBackground=True, paperWidth=8.27, paperHeight=11.69)
            (options.output / "print.pdf").write_bytes(base64.b64decode(pdf["data"]))
        for selector, path in options.picture:
            box = browser.value(
                f"(() => {{ const b = [...document.querySelectorAll({json.dumps(selector)})]"
                ".filter(e => e.checkVisibility()).map(e => e.getBoundingClientRect());"
                " if (!b.length) return null;"
                " const [x, y] = [Math.min(...b.map(r => r.left)) - 12, Math.min(...b.map(r => r.top)) - 12];"
                " return {x, y: y + scrollY, width: Math.max(...b.map(r => r.right)) + 12 - x,"
                " height: Math.max(...b.map(r => r.bottom)) + 12 - y} })()")
            if not box:
                raise SystemExit(f"nothing in the page is '{selector}'")
            browser.picture(path, box)
    finally:
        browser.close()
    print(f"{options.report}: {options.report.stat().st_size} bytes, {len(wrong)} faults")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
