"""How the live view feels: until it stands there, until an epoch is seen, its answers.

    python benchmarks/view.py

Everything is measured in a real JupyterLab in headless Chromium, with real kernels. The
tables are Markdown. Runs live in a temporary folder and are stopped.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

sys.path[:0] = [
    str(Path(__file__).parents[1] / "tests" / part) for part in ("browser", "")
]

import handmade
from lab import Notebook, launch, server, write_notebook
from playwright.sync_api import Browser, CDPSession, expect, sync_playwright

import notebook_automl as automl
from notebook_automl.record import events as kinds
from notebook_automl.record.events import Event, to_line
from notebook_automl.record.lock import RunLock
from notebook_automl.record.snapshot import read_state, save
from notebook_automl.record.tail import Tail
from notebook_automl.record.writer import EventWriter

# What loads libraries and data has run before: a person has data when he searches.
_IMPORT = """\
import time
import notebook_automl as automl
wine, digits = automl.example("wine"), automl.example("digits")"""
_SEARCH = """\
run = automl.Search({data}, target={target!r}, minutes=30, epochs=50).start()
run"""
_BUSY = "while True: sum(range(10_000))"
# Every change of the counters that the view keeps, with the time of day in seconds.
_WATCH = """() => {
  window.seen = [];
  const look = () => {
    const view = document.querySelector('[data-points]');
    const points = Number(view?.dataset.points ?? 0);
    if (points !== window.seen.at(-1)?.[0])
      requestAnimationFrame(() =>
        window.seen.push([points,
          (performance.timeOrigin + performance.now()) / 1000]));
  };
  new MutationObserver(look).observe(document.body,
    {subtree: true, attributes: true, attributeFilter: ['data-points']});
}"""
# From the press of a button to the answer below it; in milliseconds.
_PRESS = """name => new Promise((done, fail) => {
  const view = document.querySelector('.automl-view');
  const button = [...view.querySelectorAll('button')].find(b => b.textContent === name);
  const answer = view.querySelector('.automl-answer');
  const began = performance.now();
  const observer = new MutationObserver(() => {
    if (button.getAttribute('aria-busy') !== 'true') {
      observer.disconnect();
      done(performance.now() - began);
    }
  });
  observer.observe(view, {subtree: true, attributes: true, childList: true});
  button.click();
  setTimeout(() => fail(new Error('no answer to ' + name)), 20000);
})"""
_LONG_TASKS = """() => { window.tasks = [];
  new PerformanceObserver(list => window.tasks.push(...list.getEntries()
    .map(e => e.duration))).observe({type: 'longtask'}); }"""
# Numbers of frames as they come, through the real widget and the real connection.
_REPLAY = """\
import struct
from notebook_automl.ui.display import view_of
view, line = view_of(run), dict(run=None)
sent = []
original, view.send = view.send, lambda content, buffers=None: sent.append(content)
view._feed._send = view.send
view._feed.again(); time.sleep(2)
frame = next(content for content in sent if content.get("kind") == "frame")
def replay(count):
    for step in range(count):
        trial, epoch = step % 20, 1 + step // 20 % 100
        values = [step % 7 / 7] * len(frame["run"]["metrics"])
        told = frame | {"reset": False, "more": False, "sent_s": time.time(),
            "trials": [], "columns": frame["run"]["metrics"], "pieces": 1}
        original(told, [struct.pack("<7f", trial, epoch, 1, *values)])
        time.sleep(0.003)"""


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", help="one of: " + ", ".join(_MEASURES))
    chosen = parser.parse_args().only
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as root,
        server(Path(root), Path(home)) as url,
        sync_playwright() as playwright,
    ):
        browser = launch(playwright)
        print(f"{machine(browser)}\n")
        print("| measure | n | median | p95 | max | goal |")
        print("|---|---:|---:|---:|---:|---|", flush=True)
        for name, measure in _MEASURES.items():
            if chosen in (None, name):
                sys.stderr.write(f"{name}\n")
                measure(Lab(browser, url, Path(root), name))
        browser.close()


class Lab:
    """A JupyterLab to measure in.

    Args:
        browser: The browser.
        url: The server.
        root: Its folder.
        name: Of the measure, and of its notebook.
    """

    def __init__(self, browser: Browser, url: str, root: Path, name: str) -> None:
        self.browser, self.url, self.folder = browser, url, root / name

    def open(self, *sources: str) -> Notebook:
        """Open a new notebook whose first cell has run."""
        write_notebook(self.folder / "a.ipynb", _IMPORT, *sources)
        page = self.browser.new_page(viewport={"width": 1280, "height": 1100})
        notebook = Notebook(page, self.url, f"{self.folder.name}/a.ipynb")
        notebook.run("cell-0")
        return notebook

    @property
    def runs(self) -> Path:
        """Where the notebook's runs are."""
        return self.folder / "automl_runs"

    def close(self, notebook: Notebook) -> None:
        """Stop what runs, and end the kernel."""
        for name in automl.runs(str(self.runs))["name"]:
            run = automl.attach(name, str(self.runs))
            if run.status in ("starting", "running", "paused"):
                run.stop()
                run.stop()
                run.wait()
        notebook.call("await p.sessionContext.shutdown()")
        notebook.page.close()


def measure_first_view(lab: Lab) -> None:
    """From running the cell that starts a search to its view on the screen."""
    source = _SEARCH.format(data="wine", target="cultivar")
    took_ms = []
    for _ in range(7):
        notebook = lab.open(source)
        took_ms.append(until_drawn_ms(notebook, "cell-1"))
        lab.close(notebook)
    row("cell that starts a search to its view, ms", took_ms, "under 1,000")


def measure_epoch(lab: Lab) -> None:
    """From the end of an epoch in the record to its pixel, with all cores training."""
    notebook = lab.open(_SEARCH.format(data="digits", target=None))
    notebook.page.evaluate(_WATCH)
    notebook.run("cell-1")
    until_points(notebook, 1)
    time.sleep(60)
    seen = notebook.page.evaluate("window.seen")
    (folder,) = [path for path in lab.runs.iterdir() if path.name[0] != "."]
    told = Tail(folder / "events.jsonl").read()
    ended = [event.time_s for event in told if isinstance(event, kinds.EpochEnded)]
    took_ms = []
    for number, time_s in enumerate(ended, 1):
        at_s = next((s for points, s in seen if points >= number), None)
        if at_s is not None and number > 3:
            took_ms.append((at_s - time_s) * 1000)
    row("epoch's end to its pixel, all cores training, ms", took_ms, "p95 under 250")
    lab.close(notebook)


def measure_clicks(lab: Lab) -> None:
    """From a click to the answer, while the kernel is free and while a cell is busy."""
    source = _SEARCH.format(data="digits", target=None)
    notebook = lab.open(source, _BUSY)
    notebook.run("cell-1")
    until_points(notebook, 1)
    for busy in (False, True):
        if busy:
            notebook.run("cell-2", wait=False)
            notebook.until("p.sessionContext.session.kernel.status === 'busy'")
        took_ms = []
        for _ in range(50):
            for name in ("Pause", "Resume"):
                button = notebook.view().get_by_role("button", name=name, exact=True)
                expect(button).to_be_visible()
                took_ms.append(notebook.page.evaluate(_PRESS, name))
        where = "a cell computes" if busy else "the kernel is free"
        row(f"click to its answer while {where}, ms", took_ms, "p95 under 200")
    notebook.call("await p.sessionContext.session.kernel.interrupt()")
    lab.close(notebook)


def measure_load(lab: Lab) -> None:
    """What 500 trials of 100 epochs cost the main thread at 5 updates a second."""
    notebook = lab.open('run = automl.attach("load")\nrun')
    old = [event for n in range(480) for event in trial(n, 100)]
    new = [event for e in range(1, 101) for event in epochs(range(480, 500), e)]
    folder = handmade.write_run(lab.runs, "load", *handmade.started(time.time()), *old)
    with RunLock(folder), EventWriter(folder.events) as writer:
        for n in range(480, 500):
            writer.append(handmade.begun(n, time.time())[0])
        notebook.run("cell-1")
        until_points(notebook, 480 * 100)
        client = notebook.page.context.new_cdp_session(notebook.page)
        client.send("Performance.enable")
        notebook.page.evaluate(_LONG_TASKS)
        before, began_s = metrics(client), time.monotonic()
        for step in range(0, len(new), 20):
            for event in new[step : step + 20]:
                writer.append(event)
            time.sleep(max(0.0, began_s + 0.2 * (step / 20 + 1) - time.monotonic()))
        after, lasted_s = metrics(client), time.monotonic() - began_s
        until_points(notebook, 500 * 100)
        tasks = notebook.page.evaluate("window.tasks")
    share = {n: 100 * (after[n] - before[n]) / lasted_s for n in after if n in before}
    row("500 x 100 at 5 Hz: main thread busy, %", [share["TaskDuration"]], "under 30")
    row("of that, scripts, %", [share["ScriptDuration"]], "")
    row("longest task, ms (0: none over 50)", [max(tasks, default=0)], "under 100")
    lab.close(notebook)


def measure_heap(lab: Lab) -> None:
    """Memory of the page over 18,000 updates that come as fast as they are taken."""
    notebook = lab.open('run = automl.attach("heap")\nrun', _REPLAY, "replay(3000)")
    old = [event for n in range(20) for event in trial(n, 100)]
    handmade.write_run(lab.runs, "heap", *handmade.started(), *old, handmade.over())
    notebook.run("cell-1")
    until_points(notebook, 20 * 100)
    notebook.run("cell-2")
    client = notebook.page.context.new_cdp_session(notebook.page)
    sizes = []
    for _ in range(7):
        notebook.run("cell-3")
        client.send("HeapProfiler.collectGarbage")
        sizes.append(client.send("Runtime.getHeapUsage")["usedSize"] / 2**20)
    growth = sizes[-1] - sizes[0]
    row("heap after 3,000 updates, MiB", [sizes[0]], "")
    row("its growth over 18,000 more, MiB", [growth], "flat")
    lab.close(notebook)


def measure_large(lab: Lab) -> None:
    """From running the cell to all of 10,000 trials and a million epochs drawn."""
    notebook = lab.open('run = automl.attach("large")\nrun')
    folder = handmade.write_run(lab.runs, "large", *handmade.started())
    # Not through the record's writer, which waits for the disk after each line.
    with folder.events.open("a") as file:
        for n in range(10_000):
            file.writelines(map(to_line, trial(n, 100)))
        file.write(to_line(handmade.over()))
    save(folder, read_state(folder), folder.events.stat().st_size)
    drawn_ms, all_ms = [], []
    for _ in range(5):
        began_s = time.monotonic()
        drawn_ms.append(until_drawn_ms(notebook, "cell-1", 10_000 * 100))
        notebook.page.wait_for_function(
            "n => Number(document.querySelector('[data-values]').dataset.values) >= n",
            arg=10_000 * 100 * 4,
        )
        all_ms.append((time.monotonic() - began_s) * 1000)
        notebook.restart()
        notebook.run("cell-0")
    name = "10,000 trials, a million epochs: cell to all drawn, ms"
    row(name, drawn_ms, "under 2,000")
    row("to the three metrics that are not drawn, too, ms", all_ms, "")
    lab.close(notebook)


def trial(number: int, count: int) -> list[Event]:
    """A finished trial of so many epochs."""
    first, built = handmade.begun(number, number)
    last = 0.5 + 0.5 * (number * 7919 % 1000) / 1000
    every = [event for e in range(1, count + 1) for event in epochs([number], e)]
    end = handmade.ended(number, number + 1.0, val_accuracy=last, val_loss=1 - last)
    return [first, built, *every, end]


def epochs(trials: Any, number: int) -> list[Event]:
    """One epoch of each of these trials."""
    return [
        handmade.happened(
            kinds.EpochEnded,
            time.time(),
            trial=n,
            epoch=number,
            epochs=100,
            metrics=dict.fromkeys(
                ("accuracy", "loss", "val_accuracy", "val_loss"),
                (0.5 + 0.5 * (n * 7919 % 1000) / 1000) * (1 - 1 / (number + 1)),
            ),
            seconds=0.1,
        )
        for n in trials
    ]


def until_drawn_ms(notebook: Notebook, cell: str, points: int = 0) -> float:
    """Run a cell and wait until its view has drawn so much; in milliseconds."""
    index = [found["id"] for found in notebook.cells()].index(cell)
    script = """
        const began = performance.now();
        p.content.activeCellIndex = a[0];
        void window.jupyterapp.commands.execute('notebook:run-cell');
        return await new Promise(done => {
          const look = () => {
            const view = p.node.querySelector('[data-points]');
            if (view && Number(view.dataset.points) >= a[1])
              requestAnimationFrame(() => done(performance.now() - began));
            else setTimeout(look, 5);
          };
          look();
        });"""
    return float(notebook.call(script, [index, points]))


def until_points(notebook: Notebook, points: int) -> None:
    """Wait until the view has so many epochs."""
    notebook.page.wait_for_function(
        "n => Number(document.querySelector('[data-points]')?.dataset.points) >= n",
        arg=points,
        timeout=120_000,
    )


def metrics(client: CDPSession) -> dict[str, float]:
    """What Chromium counts of the page."""
    counted = client.send("Performance.getMetrics")["metrics"]
    return {metric["name"]: metric["value"] for metric in counted}


def row(name: str, values: list[float], goal: str) -> None:
    """Print one line of the table."""
    ordered = sorted(values)
    p95 = ordered[math.ceil(0.95 * len(ordered)) - 1]
    cells = [f"{value:,.1f}" for value in (median(ordered), p95, ordered[-1])]
    print(f"| {name} | {len(values)} | {' | '.join(cells)} | {goal} |", flush=True)


def machine(browser: Browser) -> str:
    """What it was measured on."""
    packages = ("notebook-automl", "jupyterlab", "ipykernel", "anywidget")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    cores = len(os.sched_getaffinity(0))
    return (
        f"{platform.system()} on {platform.machine()}, {cores} cores, Python "
        f"{platform.python_version()}, {versions}, Chromium {browser.version}."
    )


_MEASURES: dict[str, Callable[[Lab], None]] = {
    "first_view": measure_first_view,
    "epoch": measure_epoch,
    "clicks": measure_clicks,
    "load": measure_load,
    "heap": measure_heap,
    "large": measure_large,
}

if __name__ == "__main__":
    main()
