"""The best trials together: their programs one after the other, and the mean of what
their models give."""

from __future__ import annotations

import ast
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import gcd
from pathlib import Path
from typing import Any

from notebook_automl.record.files import write_json, write_text
from notebook_automl.record.layout import RunFolder
from notebook_automl.source.format import formatted
from notebook_automl.source.literals import literal
from notebook_automl.source.program import SHARED, Cell, Program
from notebook_automl.tasks._task import Prepared
from notebook_automl.workers import prepared
from notebook_automl.workers.baselines import scorer_code
from notebook_automl.workers.cells import execute, inside, reason, set_up
from notebook_automl.workers.link import Link
from notebook_automl.workers.parts import Asked, read, scoring
from notebook_automl.workers.selection import enough, judged

NAME = "ensemble"
_BATCH = 1024
# Cells of a trial that are its own, and needed to have its model.
_OWN = ("build", "compile", "train")


def combine(link: Link, folder: str, numbers: list[int]) -> None:
    """Select an ensemble among trials, and tell whether it helps.

    Args:
        link: The supervisor.
        folder: The run's folder.
        numbers: Trials whose models are kept, the best first.
    """
    run = RunFolder(Path(folder))
    entry, began_s = run.trial(NAME), time.perf_counter()
    entry.create()
    for path in (entry.source, entry.checkpoint, entry.test):
        path.unlink(missing_ok=True)  # of an earlier ending of this run
    with inside(entry.path, entry.log):
        try:
            done = _combine(link, run, numbers)
        except Exception as error:
            sys.stdout.write(traceback.format_exc())
            done = {"state": "failed", "reason": reason(error)}
    done = {"metrics": {}, "weights": {}, **done}
    link.tell("entry", name=NAME, seconds=time.perf_counter() - began_s, **done)


def _combine(link: Link, run: RunFolder, numbers: list[int]) -> dict[str, Any]:
    asked, shared = read(run)
    kept = prepared.load(prepared.place(run, shared))
    outputs = _Outputs(kept.arrays["y_validation"])
    labels = outputs.joined(kept.arrays["y_validation"])
    if not enough(labels):
        few = f"{len(labels)} validation rows are too few to choose and to judge one"
        return {"state": "skipped", "reason": few}
    texts = {
        number: Program.from_text(run.trial(number).source.read_text("utf-8"))
        for number in numbers
    }
    base = set_up(link, texts[numbers[0]])
    base.update(kept.arrays, **kept.constants)
    code = scorer_code(asked, kept.shapes(asked.accelerated))
    exec("\n".join([*code.imports, code.source]), base)
    given = [
        _predictions(base["keras"], run.trial(number).checkpoint, kept, outputs)
        for number in numbers
    ]
    score = _Score(base["scorer"], labels, outputs, asked.metric, asked.mode)
    verdict = judged(given, labels, score)
    gain = f"{verdict.gain:.4g} ± {verdict.noise:.2g} {asked.metric} on rows held out"
    if not verdict.helps:
        told = f"not better than trial {numbers[0]}: a gain of {gain}"
        return {"state": "skipped", "reason": told}
    share = gcd(*verdict.counts)
    pairs = zip(numbers, verdict.counts, strict=True)
    weights = {number: count // share for number, count in pairs if count}
    scores = base["scorer"].evaluate(
        outputs.apart(verdict.held_out),
        outputs.apart(labels),
        batch_size=_BATCH,
        return_dict=True,
        verbose=0,
    )
    text = program(asked, texts, weights, kept.shapes(asked.accelerated))
    _write(run, text, weights, kept)
    members = " + ".join(f"{n} x trial {number}" for number, n in weights.items())
    return {
        "state": "completed",
        "reason": f"{members}: better by {gain}",
        "metrics": {f"val_{name}": float(value) for name, value in scores.items()},
        "weights": {str(number): n for number, n in weights.items()},
    }


class _Outputs:
    """Numbers of several outputs side by side, as which an ensemble is selected.

    Args:
        labels: Prepared ones, by the outputs' names if there are several.
    """

    def __init__(self, labels: Any) -> None:
        self._widths: dict[str, int] = {}
        if isinstance(labels, dict):
            self._widths = {name: each.shape[1] for name, each in labels.items()}

    def joined(self, arrays: Any) -> Any:
        """One array (rows, numbers of all outputs)."""
        import numpy as np

        if not self._widths:
            return np.asarray(arrays)
        return np.hstack([np.asarray(arrays[name]) for name in self._widths])

    def apart(self, array: Any) -> Any:
        """The same by the outputs' names, or itself if there is one only."""
        import numpy as np

        if not self._widths:
            return array
        *ends, _ = accumulate(self._widths.values())
        parts = np.split(array, ends, axis=1)
        return dict(zip(self._widths, parts, strict=True))


def _predictions(
    keras: Any, checkpoint: Path, kept: prepared.Kept, outputs: _Outputs
) -> Any:
    """What a trial's model gives for the validation rows.

    Called batch by batch: `predict` would make a graph of each model, and TensorFlow
    warns of so many.
    """
    import numpy as np

    model = keras.models.load_model(checkpoint, compile=False)
    x = kept.arrays["x_validation"]
    places = range(0, prepared.count(x), _BATCH)
    batches = (prepared.some(x, slice(at, at + _BATCH)) for at in places)
    given = (model(batch, training=False) for batch in batches)
    to_numpy = keras.ops.convert_to_numpy
    return np.concatenate(
        [outputs.joined(keras.tree.map_structure(to_numpy, each)) for each in given]
    )


class _Score:
    """How good predictions are by the objective; more is better.

    Args:
        scorer: A compiled model, which has the trials' loss and metrics.
        labels: Of all rows.
        outputs: What labels and predictions hold side by side.
        metric: The objective, without "val_".
        mode: "max" or "min".
    """

    def __init__(
        self, scorer: Any, labels: Any, outputs: _Outputs, metric: str, mode: str
    ) -> None:
        self._scorer, self._labels, self._metric = scorer, labels, metric
        self._outputs = outputs
        self._sign = 1 if mode == "max" else -1

    def __call__(self, predictions: Any, rows: Any) -> float:
        labels = self._outputs.apart(self._labels[rows])
        predictions = self._outputs.apart(predictions)
        if self._metric == "loss":
            value = self._scorer.compute_loss(None, labels, predictions)
        else:
            self._scorer.reset_metrics()
            values = self._scorer.compute_metrics(None, labels, predictions)
            value = values[self._metric]
        return self._sign * float(value)


def _write(
    run: RunFolder, text: Program, weights: Mapping[int, int], kept: prepared.Kept
) -> None:
    """Write the program, and run of it what needs no training: the models are there."""
    entry = run.trial(NAME)
    write_text(entry.source, text.to_text())
    namespace = set_up(None, text)
    namespace.update(kept.arrays, **kept.constants)
    for number in weights:
        namespace["CHECKPOINT"] = str(run.trial(number).checkpoint)
        execute(text, f"keep_{number}", namespace)
    namespace["CHECKPOINT"] = str(entry.checkpoint)
    execute(text, "combine", namespace)
    execute(text, "evaluate", namespace)
    test = {name: float(value) for name, value in namespace["test_metrics"].items()}
    write_json(entry.test, test)


def program(
    asked: Asked,
    texts: Mapping[int, Program],
    weights: Mapping[int, int],
    arrays: Prepared,
) -> Program:
    """The whole program of an ensemble.

    Args:
        asked: The run's description.
        texts: The programs of trials, by their numbers.
        weights: How often each member counts.
        arrays: What is known of the prepared arrays.

    Returns:
        The members' own cells, each followed by one that keeps the model; then one
        that combines them.
    """
    first = texts[next(iter(weights))]
    cells = [cell for cell in first.cells if cell.id in (*SHARED, "define")]
    cells[0] = Cell("setup", _with_imports(first["setup"], texts, weights))
    for place, number in enumerate(weights):
        cells += [Cell(f"{id}_{number}", texts[number][id]) for id in _OWN]
        cells.append(Cell(f"keep_{number}", _keep(number, first=place == 0)))
    cells.append(Cell("combine", _combined(asked, weights, arrays)))
    cells.append(Cell("evaluate", _EVALUATE))
    cells.append(Cell("predict", first["predict"]))
    return Program.from_text(formatted(Program(tuple(cells)).to_text()))


def _with_imports(
    setup: str, texts: Mapping[int, Program], weights: Mapping[int, int]
) -> str:
    """A set-up cell with all that the members import, where it imports."""
    found = [
        ast.unparse(node)
        for number in weights
        for node in ast.parse(texts[number]["setup"]).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    begin = max(
        node.end_lineno or 0
        for node in ast.parse(setup).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    )
    lines = setup.splitlines()
    return "\n".join([*lines[:begin], *dict.fromkeys(found), *lines[begin:]])


def _keep(number: int, first: bool) -> str:
    begin = "members = {}\n" if first else ""
    return f"""\
{begin}members[{number}] = keras.models.load_model(CHECKPOINT, compile=False)
members[{number}].name = "trial_{number}"
"""


def _combined(asked: Asked, weights: Mapping[int, int], arrays: Prepared) -> str:
    first = next(iter(weights))
    each: Sequence[int] = [n for n, count in weights.items() for _ in range(count)]
    mean = f"layers.Average()([{', '.join(f'outputs[{n}]' for n in each)}])"
    if "" not in arrays.y_shapes:
        mean = _MEANS.format(each=literal(each))
    inputs = _INPUT if "" in arrays.x_shapes else _INPUTS
    lines = "\n".join(f"    {key}={value}," for key, value in scoring(asked).items())
    weighted = literal({f"trial {number}": n for number, n in weights.items()})
    return f"""\
# How often each member counts: {weighted}.
first = members[{first}]
{inputs}
outputs = {{number: member(inputs) for number, member in members.items()}}
model = keras.Model(inputs, {mean})
model.compile(
{lines}
)
model.save(CHECKPOINT)
"""


_INPUT = "inputs = keras.Input(first.input_shape[1:], dtype=first.input.dtype)"
_INPUTS = """\
inputs = {
    name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)
    for name, tensor in first.input.items()
}"""
_MEANS = """{{
    name: layers.Average(name=name)([outputs[number][name] for number in {each}])
    for name in first.output
}}"""
_EVALUATE = """\
# On rows that chose neither the members nor their epochs.
test_metrics = model.evaluate(x_test, y_test, return_dict=True, verbose=0)
print(test_metrics)
"""
