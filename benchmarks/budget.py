"""Whether a budget of minutes is kept: searches of several kinds, by a clock outside.

    python benchmarks/budget.py --minutes 1 --searches 6

A search's time begins before `start()` is called and ends when its record says that it
has ended. The table is Markdown. Runs live in a temporary folder and are deleted.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from itertools import cycle, islice
from typing import Any

import numpy as np
import pandas as pd

import notebook_automl as automl

_ENDED = ("completed", "stopped", "failed", "interrupted")
_POLL_S = 0.02
# What a run may be late: 5 % or 5 s, whichever is more.
_SHARE, _LEAST_S = 0.05, 5.0
_PACKAGES = ("notebook-automl", "keras", "tensorflow")


def table(rows: int) -> dict[str, Any]:
    """A table of noise; its epochs take as long as one likes."""
    noise = np.random.default_rng(0)
    frame = pd.DataFrame(noise.normal(size=(rows, 8)), columns=list("abcdefgh"))
    return {
        "data": frame.assign(label=noise.integers(0, 2, rows) == 1),
        "target": "label",
    }


def images(side: int) -> dict[str, Any]:
    """Images of noise."""
    noise = np.random.default_rng(0)
    x = noise.random((2_000, side, side), dtype="float32")
    return {"data": (x, np.arange(2_000) % 10)}


def example(name: str, target: str | None) -> dict[str, Any]:
    """One of the package's own data sets."""
    return {"data": automl.example(name), "target": target}


KINDS: dict[str, Callable[[], dict[str, Any]]] = {
    "wine": lambda: example("wine", "cultivar"),
    "digits, 8 x 8 images": lambda: example("digits", None),
    "50,000 rows, an epoch takes seconds": lambda: table(50_000),
    "diabetes, numbers": lambda: example("diabetes", "progression"),
    "1,000,000 rows, an epoch may outlast it": lambda: table(1_000_000),
    "2,000 images of 48 x 48": lambda: images(48),
}


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--searches", type=int, default=len(KINDS), help="how many")
    parser.add_argument("--minutes", type=float, default=1.0, help="budget of each")
    options = parser.parse_args()
    names = list(islice(cycle(KINDS), options.searches))
    print(f"{machine()} Searches of {options.minutes:g} min, in seconds.\n")
    print("| data | trials | finished | took | over | why it ended |")
    print("|---|---:|---:|---:|---:|---|")
    worst_s = max(row(name, options.minutes) for name in names)
    late_s = max(_LEAST_S, _SHARE * options.minutes * 60)
    print(
        f"\nThe worst of {len(names)}: {worst_s:+.1f} s; goal: at most {late_s:+.1f} s."
    )


def row(name: str, minutes: float) -> float:
    """Run one search and print its row; returns by how many seconds it was late."""
    sys.stderr.write(f"{name}\n")
    given = KINDS[name]()
    with tempfile.TemporaryDirectory() as folder:
        began_s = time.monotonic()
        run = automl.Search(**given, minutes=minutes, folder=folder).start()
        while run.status not in _ENDED:
            time.sleep(_POLL_S)
        took_s = time.monotonic() - began_s
        trials, finished = len(run.state.trials), len(run.state.finished())
        reason = run.state.reason
        run.delete()
    over_s = took_s - minutes * 60
    print(
        f"| {name} | {trials} | {finished} | {took_s:.1f} | {over_s:+.1f} | {reason} |"
    )
    return over_s


def machine() -> str:
    """Say on what this was measured; nothing in it names the machine."""
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        f"{platform.system()} on {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {versions}."
    )


if __name__ == "__main__":
    main()
