"""What trials are compared with: simple models, each a program as a trial's is."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from notebook_automl.record.files import write_json, write_text
from notebook_automl.record.layout import RunFolder
from notebook_automl.source.code import Code
from notebook_automl.source.folds import score_folds
from notebook_automl.source.literals import literal
from notebook_automl.source.program import Program, assemble
from notebook_automl.tasks._task import Baseline, Prepared
from notebook_automl.workers import prepared
from notebook_automl.workers.cells import execute, inside, reason, set_up
from notebook_automl.workers.folds import stand_in
from notebook_automl.workers.link import Link
from notebook_automl.workers.parts import (
    Asked,
    environment,
    left_by_prepare,
    read,
    scoring,
)

_MODEL = "model.predict(prepare(rows), verbose=0)"
# Batches of predictions are small; fewer of them are scored sooner.
# A few seconds of a core; of a budget shorter than this less.
_MOST_NUMBERS, _LONG_MINUTES = 20_000_000, 5.0
_SCORE = """scorer.evaluate(
    outputs(x_{0}), y_{0}, batch_size=4096, return_dict=True, verbose=0
)"""


def fit(link: Link, folder: str, known: list[str]) -> None:
    """Fit and score each baseline of the task, and tell of each.

    Args:
        link: The supervisor.
        folder: The run's folder.
        known: Names of those that are done already.
    """
    run = RunFolder(Path(folder))
    asked, shared = read(run)
    set_up(link, assemble(shared, environment(asked)))
    kept = prepared.load(prepared.place(run, shared))
    # With folds the final model has the most rows.
    rows = prepared.count(kept.arrays["y_train"])
    shapes = replace(kept.shapes(asked.accelerated), rows=rows)
    most = _most(asked.search["minutes"]) // (asked.folds + 1)
    baselines = asked.task.baselines(asked.schema, shapes, most)
    missing = [name for name in baselines if name not in known]
    link.tell("names", names=missing)
    for name in missing:
        began_s = time.perf_counter()
        text = program(asked, shared, baselines[name], shapes)
        done = _fit(run, name, text, {**kept.values, **stand_in(asked, kept)})
        seconds = time.perf_counter() - began_s
        note = baselines[name].note
        link.tell("entry", name=name, seconds=seconds, **{"reason": note, **done})


def _most(minutes: float | None) -> int:
    """How many numbers a baseline may learn from."""
    share = 1.0 if minutes is None else min(1.0, minutes / _LONG_MINUTES)
    return int(_MOST_NUMBERS * share)


def program(
    asked: Asked, shared: Mapping[str, Code], baseline: Baseline, arrays: Prepared
) -> Program:
    """The whole program of a baseline.

    Args:
        asked: The run's description.
        shared: Parts from `shared_parts`.
        baseline: One of the task's.
        arrays: What is known of the prepared arrays.

    Returns:
        The formatted program, with the cells of a trial's.
    """
    predict = asked.task.predict(asked.schema)
    setup = [
        line
        for line in shared["setup"].source.splitlines()
        if not line.startswith("CHECKPOINT")  # it keeps no model
    ]
    parts = {
        **shared,
        "setup": Code(shared["setup"].imports, "\n".join(setup)),
        "build": baseline.build,
        **_learned(asked, baseline.fit, scorer_code(asked, arrays)),
        "predict": Code(
            predict.imports, predict.source.replace(_MODEL, "outputs(prepare(rows))")
        ),
    }
    return assemble(parts, environment(asked))


def _learned(asked: Asked, fit: str, scorer: Code) -> dict[str, Code]:
    """The cells in which it learns and is scored."""
    if asked.folds:
        return score_folds(scorer, fit, _SCORE, left_by_prepare(asked))
    comment = "# Scores predictions by the loss and the metrics of the trials.\n"
    validated = f"\nvalidation_metrics = {_SCORE.format('validation')}\n"
    evaluate = f"""\
# On rows that it did not learn from, and that chose no trial.
test_metrics = {_SCORE.format("test")}
print(test_metrics)
"""
    return {
        "compile": Code(scorer.imports, comment + scorer.source),
        "train": Code(source=f"{fit}{validated}print(validation_metrics)\n"),
        "evaluate": Code(source=evaluate),
    }


def _fit(
    run: RunFolder, name: str, text: Program, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Run a baseline's program; what goes wrong is told and is no end."""
    entry = run.trial(name)
    entry.create()
    write_text(entry.source, text.to_text())
    with inside(entry.path, entry.log):
        try:
            # Nothing chooses a baseline, so that its test score may be known; it is
            # told at the end, with that of the chosen trial.
            namespace = set_up(None, text) | dict(values)
            for cell in ("build", "compile", "train", "evaluate"):
                execute(text, cell, namespace)
        except Exception as error:
            sys.stdout.write(traceback.format_exc())
            return {"state": "failed", "reason": reason(error), "metrics": {}}
    test = {k: float(v) for k, v in namespace["test_metrics"].items()}
    write_json(entry.test, test)
    # With folds the program names them so itself, as a trial's does.
    before = "" if "folds" in namespace else "val_"
    found = namespace["validation_metrics"].items()
    scores = {f"{before}{name}": float(value) for name, value in found}
    return {"state": "completed", "metrics": scores}


def scorer_code(asked: Asked, arrays: Prepared) -> Code:
    """Code that leaves `scorer`, a model that scores predictions.

    Args:
        asked: The run's description.
        arrays: What is known of the prepared arrays.
    """
    # A batch or two are scored sooner than a graph for them is made.
    arguments = {**scoring(asked), "run_eagerly": "True"}
    lines = "\n".join(f"    {key}={value}," for key, value in arguments.items())
    shapes = {
        name: f"keras.Input({literal(shape)}{f', name={literal(name)}' * bool(name)})"
        for name, shape in arrays.y_shapes.items()
    }
    given = shapes.get("", f"{{{_pairs(shapes)}}}")
    same = _pairs({n: f"layers.Identity()(given[{literal(n)}])" for n in shapes})
    same = "layers.Identity()(given)" if "" in shapes else f"{{{same}}}"
    return Code(
        ("import keras", "from keras import layers"),
        f"""\
given = {given}
scorer = keras.Model(given, {same})
scorer.compile(
{lines}
)
""",
    )


def _pairs(values: Mapping[str, str]) -> str:
    return ", ".join(f"{literal(name)}: {value}" for name, value in values.items())
