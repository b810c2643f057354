"""The search against its peers, side by side: time, scores, workers, overhead.

    python benchmarks/search.py                      # all cells that are not done yet
    python benchmarks/search.py --measure trials --set wine --seeds 1
    python benchmarks/search.py --table              # what was measured so far

A cell is one measure of one set with one seed: all that is compared in it runs one
after the other, each in a fresh process. Its outcome is appended to `search.jsonl`
beside this file; what stands there is not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from sets import SETS

_HERE = Path(__file__).parent
_ROWS = _HERE / "search.jsonl"
_MOST_S = 480.0
_SEEDS = 5
# What AutoKeras's own documentation calls a short search.
_TRIALS, _EPOCHS = 10, 20
_MINUTES = 1.0
_MOST_MINUTES = 4.0
_PEERS = ("autokeras", "hyperband", "random", "optuna")
_PACKAGES = ("notebook-automl", "autokeras", "keras-tuner", "keras", "tensorflow")
Found = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One measure of one set with one seed.

    Args:
        measure: A name in `_MEASURES`.
        set: A name in `SETS`.
        seed: Of the split, the proposals and the training.
    """

    measure: str
    set: str
    seed: int


def main() -> None:
    """Run the cells that are asked for and not done, then print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--measure", choices=sorted(_MEASURES))
    parser.add_argument("--set", choices=SETS)
    parser.add_argument("--seeds", type=int, default=_SEEDS, help="from 0")
    parser.add_argument("--minutes", type=float, help="begin no cell after so many")
    parser.add_argument("--table", action="store_true", help="run nothing")
    asked = parser.parse_args()
    began_s, rows = time.monotonic(), read()
    done = {Cell(row["measure"], row["set"], row["seed"]) for row in rows}
    for cell in [] if asked.table else cells(asked):
        spent_minutes = (time.monotonic() - began_s) / 60
        if cell in done or (asked.minutes or spent_minutes) < spent_minutes:
            continue
        sys.stderr.write(f"{cell.measure} of {cell.set}, seed {cell.seed}\n")
        found = _MEASURES[cell.measure](cell)
        row = {**vars(cell), "machine": machine(), "found": found}
        with _ROWS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    print(table(read()))


def cells(asked: argparse.Namespace) -> Iterator[Cell]:
    """The cells that are asked for, all sets and measures with one seed first."""
    for seed in range(asked.seeds):
        for measure in [asked.measure] if asked.measure else _MEASURES:
            for name in [asked.set] if asked.set else SETS:
                yield Cell(measure, name, seed)


def read() -> list[dict[str, Any]]:
    """The cells that are done."""
    lines = _ROWS.read_text("utf-8").splitlines() if _ROWS.exists() else []
    return [json.loads(line) for line in lines]


def ours(cell: Cell, until: float | None = None, **fields: Any) -> Found:
    """One search of ours."""
    words = ["ours.py", cell.set, "--fields", json.dumps({"seed": cell.seed, **fields})]
    return _run(words + ([] if until is None else ["--until", repr(until)]))


def peer(name: str, cell: Cell, *words: str) -> Found:
    """One search of a peer."""
    fixed = ["--seed", str(cell.seed), "--epochs", str(_EPOCHS)]
    return _run(["peers.py", name, cell.set, *fixed, *words])


def _run(words: list[str]) -> Found:
    """A fresh process; what it found, or why it found nothing."""
    path = [str(_HERE.parent), os.environ.get("PYTHONPATH", "")]
    try:
        ended = subprocess.run(
            [sys.executable, str(_HERE / words[0]), *words[1:]],
            capture_output=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, path))},
            text=True,
            timeout=_MOST_S,
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"took longer than {_MOST_S:g} s"}
    if ended.returncode:
        return {"failed": ended.stderr.strip().splitlines()[-1]}
    found: Found = json.loads(ended.stdout.splitlines()[-1])
    return found


def _trials(cell: Cell) -> Found:
    """The same number of trials and epochs, both as they come."""
    there = peer("autokeras", cell, "--trials", str(_TRIALS))
    here = ours(cell, trials=_TRIALS, epochs=_EPOCHS)
    return {"autokeras": there, "ours": here}


def _reach(cell: Cell) -> Found:
    """How long until the validation score that a peer ends with."""
    found = {}
    for name in ("autokeras", "hyperband"):
        there = peer(name, cell, "--trials", str(_TRIALS))
        until = there.get("validation")
        found[name] = there
        if until is not None:
            found[f"ours_{name}"] = ours(cell, until, minutes=_MOST_MINUTES)
    return found


def _minutes(cell: Cell) -> Found:
    """Test scores after equal minutes."""
    limit = ("--minutes", str(_MINUTES))
    found = {name: peer(name, cell, *limit) for name in _PEERS}
    found["ours"] = ours(cell, minutes=_MINUTES)
    if cell.set not in ("digits", "glyphs", "docstrings"):
        found["sklearn"] = peer("sklearn", cell)
    return found


def _workers(cell: Cell) -> Found:
    """The same trials on one worker and on two; what is lost outside `fit`."""
    fields = {"trials": 8, "epochs": _EPOCHS, "tuner": "random", "pruner": "none"}
    return {
        "one": ours(cell, workers=1, **fields),
        "two": ours(cell, workers=2, **fields),
    }


_MEASURES: dict[str, Callable[[Cell], Found]] = {
    "trials": _trials,
    "reach": _reach,
    "workers": _workers,
    "minutes": _minutes,
}


def table(rows: list[dict[str, Any]]) -> str:
    """All that was measured, in Markdown; medians over the seeds."""
    parts = []
    for name, write in _TABLES.items():
        mine = [row for row in rows if row["measure"] == name]
        lines = [line for each in SETS for line in write(each, _of(mine, each))]
        if lines:
            parts.append("\n".join([*_HEADS[name], *lines]))
    machines = dict.fromkeys(row["machine"] for row in rows)
    return "\n\n".join([*machines, *parts])


def _of(rows: list[dict[str, Any]], name: str) -> list[Found]:
    return [row["found"] for row in rows if row["set"] == name]


def _pairs(found: list[Found], one: str, other: str, key: str) -> list[Any]:
    """What two searches of one cell have of a key, where both have it."""
    pairs = [(f.get(one, {}).get(key), f.get(other, {}).get(key)) for f in found]
    return [pair for pair in pairs if None not in pair]


def _trials_rows(name: str, found: list[Found]) -> Iterator[str]:
    pairs = _pairs(found, "autokeras", "ours", "wall_s")
    if pairs:
        ratio = median(there / here for there, here in pairs)
        times = [median(column) for column in zip(*pairs, strict=True)]
        yield _row(name, len(pairs), *(f"{t:.1f}" for t in times), f"{ratio:.2f}")


def _reach_rows(name: str, found: list[Found]) -> Iterator[str]:
    for other in ("autokeras", "hyperband"):
        cells = [f for f in found if f"ours_{other}" in f]
        ratios = []
        for f in cells:
            goal, mine = f[other]["validation"], f[f"ours_{other}"]
            theirs_s = f[other]["curve"][-1][0]
            ours_s = _reached_s(mine.get("curve", []), goal, name == "diabetes")
            ratios.append(0.0 if ours_s is None else theirs_s / ours_s)
        if ratios:
            never = sum(ratio == 0.0 for ratio in ratios)
            yield _row(name, other, len(ratios), f"{median(ratios):.2f}", never)


def _reached_s(curve: list[list[float]], goal: float, less: bool) -> float | None:
    slack = 1e-6 * abs(goal)
    for at_s, value in curve:
        if value <= goal + slack if less else value >= goal - slack:
            return at_s
    return None


def _workers_rows(name: str, found: list[Found]) -> Iterator[str]:
    pairs = _pairs(found, "one", "two", "searching_s")
    if pairs:
        speedup = median(one / two for one, two in pairs)
        alone = [f["one"] for f in found if "searching_s" in f["one"]]
        outside = [(o["searching_s"] - o["fit_s"]) / o["trials"] for o in alone]
        fit = [o["fit_s"] / o["trials"] for o in alone]
        numbers = (f"{n:.2f}" for n in (speedup, median(fit), median(outside)))
        yield _row(name, len(pairs), *numbers)


def _minutes_rows(name: str, found: list[Found]) -> Iterator[str]:
    if found:
        columns = (*_PEERS, "sklearn", "ours")
        scores = [
            [f[who]["test"] for f in found if f.get(who, {}).get("test") is not None]
            for who in columns
        ]
        repaired = [f["autokeras"].get("test_repaired") for f in found]
        scores.insert(1, [score for score in repaired if score is not None])
        texts = (f"{median(s):.4g} ({len(s)})" if s else "-" for s in scores)
        yield _row(name, *texts)


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _head(*cells: str) -> list[str]:
    return [_row(*cells), _row("---", *["---:"] * (len(cells) - 1))]


_TABLES: dict[str, Callable[[str, list[Found]], Iterator[str]]] = {
    "trials": _trials_rows,
    "reach": _reach_rows,
    "workers": _workers_rows,
    "minutes": _minutes_rows,
}
_HEADS = {
    "trials": _head("10 trials of 20 epochs", "n", "AutoKeras, s", "ours, s", "ratio"),
    "reach": _head("time to the peer's score", "peer", "n", "ratio", "never reached"),
    "workers": _head(
        "8 trials of 20 epochs",
        "n",
        "two workers / one",
        "fit, s/trial",
        "else, s/trial",
    ),
    "minutes": _head(
        f"test score after {_MINUTES:g} min",
        *("AutoKeras", "repaired", "Hyperband", "random", "Optuna", "scikit-learn"),
        "ours",
    ),
}


def machine() -> str:
    """What it was measured on."""
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    cores = len(os.sched_getaffinity(0))
    return (
        f"{platform.system()} on {platform.machine()}, {cores} cores, Python "
        f"{platform.python_version()}, {versions}."
    )


if __name__ == "__main__":
    main()
