"""What makes `fit` of a trial faster, and what a trial takes beside it.

    python benchmarks/fit.py                              # TensorFlow, all sets
    python benchmarks/fit.py --backend jax --sets wine
    python benchmarks/fit.py --outside                    # the second table alone

The programs are those of real trials. For the first table a warm process trains each
of them as it is and with one thing changed, in turn in each round; a fit is whole, from
its `compile` on, as each trial's is. For the second one, a process does what a worker
does with trials, one after the other, and times their parts.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import sets

import notebook_automl as automl
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.parameters import Parameter, Value
from notebook_automl.source.program import Program

_EPOCHS = 20
_TRIALS = 6
Change = Callable[[str], str]


def main() -> None:
    """Make a run of each set, measure its program in a fresh process, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backend", choices=("tensorflow", "jax"), default="")
    parser.add_argument("--sets", nargs="+", default=["wine", "digits", "docstrings"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--outside", action="store_true")
    parser.add_argument("--changes", nargs="+", help="only these, by their beginning")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        measure = outside if asked.outside else changed
        sys.stdout.write(json.dumps(measure(Path(asked.child), asked)) + "\n")
        return
    backend = asked.backend or "tensorflow"
    rows: list[list[str]] = []
    for name in asked.sets:
        with tempfile.TemporaryDirectory(prefix="fit-") as folder:
            run = _run(name, backend, folder)
            words = [*sys.argv[1:], "--child", str(run)]
            ended = subprocess.run(
                [sys.executable, __file__, *words],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
        found = json.loads(ended.stdout.splitlines()[-1])
        rows += [[name, *row] for row in found]
    head = _HEAD_OUTSIDE if asked.outside else _HEAD
    print(f"{backend}\n")
    for row in [head, ["---"] * len(head), *rows]:
        print(f"| {' | '.join(row)} |")


def _run(name: str, backend: str, folder: str) -> Path:
    """A run of one trial, with AutoKeras's own defaults."""
    data = sets.load(name)
    search = automl.Search(
        data.ours,
        target=data.target,
        metric=data.metric,
        folder=folder,
        backend=backend,
        trials=1,
        epochs=_EPOCHS,
        workers=1,
    )
    run = search.start()
    run.wait()
    return Path(run.folder)


def changed(folder: Path, asked: argparse.Namespace) -> list[list[str]]:
    """Fit a trial's program as it is and changed; rows of the first table."""
    text, start = _prepared(folder)
    import keras

    found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    losses = {}
    for round_ in range(-1, asked.rounds):  # the first one warms the process
        for name, change in _changes(asked.backend or "tensorflow").items():
            if asked.changes and not name.startswith(("as it is", *asked.changes)):
                continue
            keras.backend.clear_session()
            times, losses[name] = _fit(text, change, dict(start), keras)
            if round_ >= 0:
                found[name].append(times)
    usual = found["as it is"]
    rows = []
    for name, times in found.items():
        whole, first, epoch = (median(column) for column in zip(*times, strict=True))
        pairs = zip(times, usual, strict=True)
        ratio = median(one[0] / other[0] for one, other in pairs)
        same = "same" if losses[name] == losses["as it is"] else "other"
        numbers = f"{whole:.2f}", f"{first:.2f}", f"{1000 * epoch:.0f}", f"{ratio:.2f}"
        rows.append([name, *numbers, same])
    return rows


def _prepared(folder: Path) -> tuple[Program, dict[str, Any]]:
    """The program of a run's trial, and what its cells up to "prepare" leave."""
    text = Program.from_text(RunFolder(folder).trial(0).source.read_text("utf-8"))
    os.chdir(folder)
    start: dict[str, Any] = {"__name__": "__main__"}
    for cell in text.cells:
        if cell.id == "build":
            break
        exec(cell.source, start)
    return text, start


def _fit(
    text: Program, change: Change, namespace: dict[str, Any], keras: Any
) -> tuple[tuple[float, float, float], list[float]]:
    """Seconds of a whole fit, to the end of its first epoch, and of a later epoch."""
    cells = Program.from_text(change(text.to_text()))
    ends: list[float] = []
    with contextlib.redirect_stdout(io.StringIO()):
        exec(cells["build"], namespace)
        began_s = time.perf_counter()
        exec(cells["compile"], namespace)
        namespace["callbacks"][:] = [
            *(c for c in namespace["callbacks"] if "Stopping" not in type(c).__name__),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda *_: ends.append(time.perf_counter())
            ),
        ]
        exec(cells["train"], namespace)
    whole_s = time.perf_counter() - began_s
    later = [b - a for a, b in pairwise(ends)]
    losses = namespace["history"].history["val_loss"]
    return (whole_s, ends[0] - began_s, median(later)), losses


def _changes(backend: str) -> dict[str, Change]:
    """What is compared, by name."""
    found = {
        "as it is": lambda text: text,
        "as it is, again": lambda text: text,
        "1 step an execution": _option("steps_per_execution", None),
        "4 steps an execution": _option("steps_per_execution", 4),
        "8 steps an execution": _option("steps_per_execution", 8),
        "16 steps an execution": _option("steps_per_execution", 16),
        "one batch validates": _one_batch,
        "nothing printed": lambda text: text.replace("verbose=2", "verbose=0"),
    }
    if backend == "jax":
        other = {"no jit_compile": _option("jit_compile", False)}
    else:
        other = {
            "jit_compile": _option("jit_compile", True),
            "arrays": _arrays,
            "variables in the first step": _late,
            "both, as Keras has it": lambda text: _late(_arrays(text)),
            "a dataset with its usual options": lambda text: text.replace(
                "options.autotune.enabled = False", ""
            ),
        }
    return found | other


def _option(name: str, value: Any) -> Change:
    """Another value of an argument of `compile`."""

    def change(text: str) -> str:
        text = re.sub(rf"(?m)^    {name}=.*\n", "", text)
        given = "" if value is None else f"    {name}={value},\n"
        return text.replace("model.compile(\n", f"model.compile(\n{given}", 1)

    return change


def _arrays(text: str) -> str:
    """Arrays instead of datasets."""
    text = text.replace("    shuffle=False,\n", "")
    text = re.sub(r"(?m)^    train_set\.shuffle.*$", "    x_train,\n    y_train,", text)
    given = "    validation_data=(x_validation, y_validation),\n"
    batches = "    batch_size=BATCH_SIZE,"
    return re.sub(r"(?m)^    validation_data=validation_set.*$", given + batches, text)


def _late(text: str) -> str:
    """Variables made by the first step."""
    text = re.sub(r"(?m)^model\.optimizer\.build.*$", "", text)
    return re.sub(r'keras\.metrics\.\w+\(name="accuracy"\)', '"accuracy"', text)


def _one_batch(text: str) -> str:
    """Validation rows in one batch."""
    text = text.replace(
        "validation_set.batch(BATCH_SIZE)", "validation_set.batch(len(x_validation))"
    )
    given = "    validation_batch_size=len(x_validation),\n    batch_size=BATCH_SIZE,"
    return text.replace("    batch_size=BATCH_SIZE,", given)


class _Link:
    """A task's line to a supervisor that answers at once, by chance."""

    def __init__(self) -> None:
        self._draws = random.Random(5)

    def tell(self, kind: str, **fields: Any) -> None:
        """Nobody listens."""

    def ask(self, parameter: Parameter) -> Value:
        """A choice, or the default."""
        return (
            self._draws.choice(parameter.choices)
            if parameter.choices
            else parameter.default
        )

    def word(self, timeout_s: float | None) -> str | None:
        """No word."""
        return None


class _Times:
    """Seconds of functions, without what other timed ones take within them."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = defaultdict(float)
        self._within: list[float] = []

    def watch(self, place: Any, function: str, part: str) -> None:
        """Time each call of a function as a part."""
        called = getattr(place, function)

        @functools.wraps(called)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.of(part):
                return called(*args, **kwargs)

        setattr(place, function, timed)

    @contextlib.contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Time what is done within."""
        began_s = time.perf_counter()
        self._within.append(0.0)
        try:
            yield
        finally:
            seconds = time.perf_counter() - began_s
            self.parts[part] += seconds - self._within.pop()
            if self._within:
                self._within[-1] += seconds


def outside(folder: Path, asked: argparse.Namespace) -> list[list[str]]:
    """Do what a worker does with trials; rows of the second table."""
    from notebook_automl.workers import trial

    link, found = _Link(), []
    trial.prepare(link, str(folder))
    times = _watched(trial)
    for number in range(1, _TRIALS + 1):
        times.parts.clear()
        with times.of("else"):
            trial.train(link, str(folder), number)
        found.append(dict(times.parts))
    parts = ["fit", "graph", "code", "build", "collecting", "else"]
    rows = []
    for name, trials in (("first", found[:1]), ("later", found[1:])):
        columns = [median(t.get(part, 0.0) for t in trials) for part in parts]
        beside = median(sum(t.values()) - t["fit"] for t in trials)
        rows.append([name, *(f"{s:.3f}" for s in columns), f"{beside:.3f}"])
    return rows


def _watched(trial: Any) -> _Times:
    """Times of the parts of trials to come."""
    import gc

    import keras

    from notebook_automl.source import program
    from notebook_automl.tasks import _autokeras

    times = _Times()
    times.watch(keras.Model, "fit", "fit")
    times.watch(_autokeras, "build_graph", "graph")
    times.watch(gc, "collect", "collecting")
    times.watch(program, "formatted", "code")
    times.watch(trial, "program", "code")
    times.watch(trial, "execute", "build")
    return times


_HEAD = ["set", "program", "fit, s", "first epoch, s", "epoch, ms", "ratio", "losses"]
_HEAD_OUTSIDE = [
    *("set", "trials", "fit, s", "AutoKeras's graph", "code", "build and compile"),
    *("collecting", "else", "beside fit, s"),
]

if __name__ == "__main__":
    main()
