"""How long a person waits: for the import, for `start()`, for the first epoch.

    python benchmarks/start.py --repetitions 5

Everything is measured in fresh processes, what is compared side by side in each round.
The tables are Markdown. Runs live in a temporary folder and are stopped and deleted.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from statistics import median

import notebook_automl as automl
from notebook_automl.record.events import EpochEnded, StageEntered, TrialBuilt
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.lock import holder
from notebook_automl.record.tail import Tail

Times = dict[str, list[float]]

_TIMEOUT_S = 300.0
_PACKAGES = ("notebook-automl", "autokeras", "keras", "tensorflow", "distributed")
# What a trial's first cell sets on a CPU, so that the peer trains as a trial does.
_ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "",
    "KERAS_BACKEND": "tensorflow",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
}
_IMPORTS = {
    "bare interpreter": "pass",
    "import notebook_automl": "import notebook_automl",
    "import notebook_automl; notebook_automl.Search": (
        "import notebook_automl; notebook_automl.Search"
    ),
}
# About 100 MB each.
_TABLE = """
values = np.random.default_rng(0).standard_normal((100_000, 125))
df = pd.DataFrame(values, columns=[f"c{i}" for i in range(125)])
search = dict(data=df, target="c0")
"""
_ARRAYS = """
values = np.random.default_rng(0).standard_normal((8_000, 56, 56), dtype="float32")
search = dict(data=(values, np.arange(8_000) % 10))
"""
# The first start() of a kernel that holds the data already, and before it how long the
# bytes alone take to disk.
_START = """
import time
import numpy as np, pandas as pd
import notebook_automl as automl
{data}
clock = time.perf_counter
began = clock(); np.save("floor.npy", values); floor = clock() - began
began = clock(); automl.Search(**search, folder="runs").start(); took = clock() - began
print("\\nseconds", floor, took)
"""
_SMALL = """
import notebook_automl as automl
df = automl.example("wine")
automl.Search(df, target="cultivar", folder="runs", workers={workers}).start()
"""
# The least that must happen before an epoch of AutoKeras's space can end: the libraries
# are loaded, counted from the start of the process, and one layer is trained.
_PEER = """
import sys, time
import numpy as np
import keras, autokeras
loaded = time.time()
model = keras.Sequential([keras.Input((13,)), keras.layers.Dense(3, "softmax")])
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
x, y = np.zeros((106, 13), "float32"), np.eye(3, dtype="float32")[np.arange(106) % 3]
model.fit(x, y, batch_size=32, epochs=1, verbose=0)
print("\\nseconds", loaded - float(sys.argv[1]), time.time() - loaded)
"""
_STAGES = (
    "start() to the supervisor's first event",
    "starting (the workers)",
    "loading Keras",
    "preparing data",
    "searching, to the first trial built",
    "first epoch",
)


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repetitions", type=int, default=5, help="rounds, at least 1")
    parser.add_argument("--workers", type=int, help="of the small search; as it likes")
    options = parser.parse_args()
    repetitions = max(1, options.repetitions)
    imports, starts, epochs = Times(), Times(), Times()
    for number in range(repetitions):
        sys.stderr.write(f"round {number + 1} of {repetitions}\n")
        measure_imports(imports)
        measure_start(starts, "table", _TABLE)
        measure_start(starts, "arrays", _ARRAYS)
        measure_first_epoch(epochs, options.workers)
        measure_peer(epochs)
    print(f"{machine()} Seconds, {repetitions} rounds.\n")
    show("Import (goal: less than 0.3 s over a bare interpreter)", imports)
    show("`start()` with 100 MB in memory (goal: less than 1 s)", starts)
    show("From `start()` to the end of the first epoch, 178 rows", epochs)


def measure_imports(times: Times) -> None:
    """Time whole processes, and what each takes over the bare one of its round."""
    with tempfile.TemporaryDirectory() as folder:
        took = {}
        for name, code in _IMPORTS.items():
            began_s = time.perf_counter()
            python(code, Path(folder))
            took[name] = time.perf_counter() - began_s
    bare, *others = took
    add(times, bare, took[bare])
    for name in others:
        add(times, name, took[name])
        add(times, f"{name}, over bare", took[name] - took[bare])


def measure_start(times: Times, name: str, data: str) -> None:
    """Time `start()`, beside writing the same bytes to disk."""
    with runs() as folder:
        floor_s, start_s = python(_START.format(data=data), folder)
    add(times, f"{name}: floor, `np.save`", floor_s)
    add(times, f"{name}: `start()`", start_s)


def measure_first_epoch(times: Times, workers: int | None) -> None:
    """Time the stages of a run, by its own events."""
    with runs() as folder:
        python(_SMALL.format(workers=workers), folder)
        run = automl.attach(folder=str(folder / "runs"))
        moments_s = [float(run.search["started_s"]), *first_moments_s(run)]
    for name, (before_s, after_s) in zip(_STAGES, pairwise(moments_s), strict=True):
        add(times, name, after_s - before_s)
    add(times, "**all**", moments_s[-1] - moments_s[0])


def first_moments_s(run: automl.Run) -> list[float]:
    """When each stage began, the first trial stood, and the first epoch ended."""
    stages: list[float] = []
    built_s = None
    tail, until_s = Tail(RunFolder(run.folder).events), time.monotonic() + _TIMEOUT_S
    while time.monotonic() < until_s:
        for event in tail.read():
            match event:
                case StageEntered():
                    stages.append(event.time_s)
                case TrialBuilt() if built_s is None:
                    built_s = event.time_s
                case EpochEnded() if built_s is not None:
                    return [*stages, built_s, event.time_s]
        time.sleep(0.1)
    raise TimeoutError(f"Expected an epoch within {_TIMEOUT_S} s, got {run!r}")


def measure_peer(times: Times) -> None:
    """Time the floor: one epoch of one layer in a process that only loads Keras."""
    with tempfile.TemporaryDirectory() as folder:
        load_s, fit_s = python(_PEER, Path(folder), str(time.time()))
    add(times, "peer: `import keras, autokeras`", load_s)
    add(times, "peer: `fit`, one epoch of one layer", fit_s)
    add(times, "**peer, all**", load_s + fit_s)


@contextmanager
def runs() -> Iterator[Path]:
    """A folder in which no run outlives the context."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            yield Path(folder)
        finally:
            home = f"{folder}/runs"
            for name in automl.runs(home)["name"]:
                run = automl.attach(name, home)
                run.stop()
                run.stop()  # at once
                while holder(RunFolder(run.folder)) is not None:
                    time.sleep(0.1)
                run.delete()


def python(code: str, folder: Path, *arguments: str) -> list[float]:
    """Run code in a fresh interpreter; returns what it measured, in seconds."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=os.environ | _ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
    )
    if done.returncode:
        raise SystemExit(f"A measured process failed.\n{code}\n{done.stderr}")
    *_, measured = done.stdout.rpartition("\nseconds ")
    return [float(number) for number in measured.split()]


def add(times: Times, name: str, seconds: float) -> None:
    """Keep one measurement."""
    times.setdefault(name, []).append(seconds)


def show(title: str, times: Times) -> None:
    """Print one table."""
    print(f"### {title}\n\n| | median | min | max |\n|---|---:|---:|---:|")
    for name, took in times.items():
        print(f"| {name} | {median(took):.3f} | {min(took):.3f} | {max(took):.3f} |")
    print()


def machine() -> str:
    """Say on what this was measured; nothing in it names the machine."""
    gpus = len(automl.devices().gpus)
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        f"{platform.system()} on {platform.machine()}, {os.cpu_count()} cores, "
        f"{gpus or 'no'} GPU, Python {platform.python_version()}, {versions}."
    )


if __name__ == "__main__":
    main()
