"""What trials are compared with: simple models, each a program as a trial's is."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from notebook_automl.record.files import write_json, write_text
from notebook_automl.record.layout import RunFolder
from notebook_automl.source.code import Code
from notebook_automl.source.program import Program, assemble
from notebook_automl.tasks._task import Baseline
from notebook_automl.workers import prepared
from notebook_automl.workers.cells import execute, inside, reason, set_up
from notebook_automl.workers.link import Link
from notebook_automl.workers.parts import Asked, environment, read, scoring

_MODEL = "model.predict(prepare(rows), verbose=0)"
# Stands on the leaderboard where a task has none.
_NONE, _WHY = "baselines", "simple models take one input and give one output"
# Batches of predictions are small; fewer of them are scored sooner.
_BATCH = 4096


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
    baselines = asked.task.baselines(asked.schema, kept.shapes(asked.accelerated))
    missing = [name for name in baselines if name not in known]
    if not baselines:
        link.tell("names", names=[_NONE])
        link.tell("entry", name=_NONE, seconds=0.0, state="skipped", reason=_WHY)
        return
    link.tell("names", names=missing)
    for name in missing:
        began_s = time.perf_counter()
        done = _fit(run, name, program(asked, shared, baselines[name]), kept)
        seconds = time.perf_counter() - began_s
        note = baselines[name].note
        link.tell("entry", name=name, seconds=seconds, **{"reason": note, **done})


def program(asked: Asked, shared: Mapping[str, Code], baseline: Baseline) -> Program:
    """The whole program of a baseline.

    Args:
        asked: The run's description.
        shared: Parts from `shared_parts`.
        baseline: One of the task's.

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
        "compile": scorer_code(asked),
        "train": Code(baseline.train.imports, baseline.train.source + _VALIDATE),
        "evaluate": Code(source=_EVALUATE),
        "predict": Code(
            predict.imports, predict.source.replace(_MODEL, "outputs(prepare(rows))")
        ),
    }
    return assemble(parts, environment(asked))


def _fit(
    run: RunFolder, name: str, text: Program, kept: prepared.Kept
) -> dict[str, Any]:
    """Run a baseline's program; what goes wrong is told and is no end."""
    entry = run.trial(name)
    entry.create()
    write_text(entry.source, text.to_text())
    with inside(entry.path, entry.log):
        try:
            # Nothing chooses a baseline, so that its test score may be known; it is
            # told at the end, with that of the chosen trial.
            namespace = set_up(None, text)
            namespace.update(kept.arrays, **kept.constants)
            for cell in ("build", "compile", "train", "evaluate"):
                execute(text, cell, namespace)
        except Exception as error:
            sys.stdout.write(traceback.format_exc())
            return {"state": "failed", "reason": reason(error), "metrics": {}}
    scores = {f"val_{k}": float(v) for k, v in namespace["validation_metrics"].items()}
    test = {k: float(v) for k, v in namespace["test_metrics"].items()}
    write_json(entry.test, test)
    return {"state": "completed", "metrics": scores}


def scorer_code(asked: Asked) -> Code:
    """Code that leaves `scorer`, a model that scores predictions.

    Args:
        asked: The run's description.
    """
    # A batch or two are scored sooner than a graph for them is made.
    arguments = {**scoring(asked), "run_eagerly": "True"}
    lines = "\n".join(f"    {key}={value}," for key, value in arguments.items())
    return Code(
        ("import keras", "from keras import layers"),
        f"""\
# Scores predictions as those of the trials are scored: by the same loss and metrics.
scorer = keras.Sequential([keras.Input(y_train.shape[1:]), layers.Identity()])
scorer.compile(
{lines}
)
""",
    )


_VALIDATE = f"""

validation_metrics = scorer.evaluate(
    outputs(x_validation),
    y_validation,
    batch_size={_BATCH},
    return_dict=True,
    verbose=0,
)
print(validation_metrics)
"""
_EVALUATE = f"""\
# On rows that it did not learn from, and that chose no trial.
test_metrics = scorer.evaluate(
    outputs(x_test), y_test, batch_size={_BATCH}, return_dict=True, verbose=0
)
print(test_metrics)
"""
