"""What an exported notebook says beside its code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from notebook_automl.export._exporter import Chosen
from notebook_automl.record.schema import Schema
from notebook_automl.record.trial import TrialState

# A sentence below each heading, by the cell's id.
HEADINGS = {
    "setup": "All that the numbers depend on beside the data is set here, before "
    "anything else is imported.",
    "define": "What the model is measured or built with and Keras does not have.",
    "load": "The rows of the search, which are checked before they are used.",
    "split": "Each row belongs to one of three sets: train, validation, test.",
    "prepare": "What this learns from rows, it learns from the training rows alone.",
    "build": "The model, with the values that the search chose.",
    "compile": "Optimizer, loss and metrics; the best epoch is kept as a checkpoint.",
    "train": "As many epochs as were trained in the search.",
    "keep": "The model of its best epoch becomes a member of the ensemble.",
    "combine": "One model that gives the mean of what its members give.",
    "evaluate": "The last line printed is what the table on top compares.",
    "predict": "From raw rows to predictions.",
}


# How an entry that is no trial came to be.
_CHOSE = {
    "baseline": "with which its trials are compared. Its {metric} on the validation "
    "rows{of_folds} is {value}.{final}",
    "ensemble": "which chose its members by their {metric} on the validation rows: "
    "{value}, each row judged by members that the others chose. The test rows had no "
    "part in it.",
}


def front(chosen: Chosen, stamp: Mapping[str, Any], requirements: str) -> str:
    """The first cell: what was learned from what, how good it is, and with what.

    Args:
        chosen: The trial.
        stamp: What was measured.
        requirements: Name of the file of requirements.
    """
    search, schema, trial = chosen.search, chosen.schema, chosen.trial
    task = search["task"].replace("_", " ").capitalize()
    title = f"{task}: {escaped(schema.title)}" if schema.title else task
    device = "one CPU thread" if search["device"] == "cpu" else "one GPU"
    return "\n".join(
        [
            f"# {title}",
            "",
            f"{_model(trial)}, learned from {_data(schema)}. It is "
            f"{escaped(trial.title)} of the run {escaped(chosen.run.name)}, "
            f"{_choice(chosen)}",
            "",
            f"| {'metric' if search.get('folds') else 'test metric'} "
            "| recorded | reproduced |",
            "|---|---|---|",
            *_scores(stamp["recorded"], stamp.get("reproduced")),
            "",
            "The numbers are those of "
            f"{device}, float32 and seed {search['seed']} with these versions: "
            f"{code(f'pip install -r {shlex.quote(requirements)}')} brings them.",
            "",
            "| package | version |",
            "|---|---|",
            f"| Python | {stamp['python']} |",
            *(f"| {line.replace('==', ' | ')} |" for line in stamp["requirements"]),
        ]
    )


def _choice(chosen: Chosen) -> str:
    """How the run came to the trial."""
    trial, metric = chosen.trial, chosen.search["metric"]
    best = trial.metrics[f"val_{metric}"]
    value, of_folds, final = f"{best:.6g}", "", ""
    if folds := chosen.search.get("folds"):
        spread = trial.metrics[f"val_{metric}_std"]
        value = f"{value} ± {spread:.2g} (mean and standard deviation)"
        of_folds = f" of {folds} folds"
        final = " What is tested learned from the rows of all folds."
    if trial.role != "trial":
        told = {"metric": metric, "value": value, "of_folds": of_folds, "final": final}
        return _CHOSE[trial.role].format(**told)
    if folds:
        return (
            f"which chose it by the {metric} of {value} on the validation "
            f"rows{of_folds}. The final "
            f"model learned from the rows of all folds, in {trial.best_epoch} epochs, "
            "the mean of what was best. The test rows had no part in either."
        )
    return (
        f"which chose it and its epoch {trial.best_epoch} by the {metric} of "
        f"{best:.6g} on the validation rows. The test rows had no part in either."
    )


def _model(trial: TrialState) -> str:
    """What it is, in a word or two."""
    if trial.role == "baseline":
        return "A simple model"
    count = len(trial.weights)
    return f"A mean of {count} Keras models" if count else "A Keras model"


def escaped(text: str) -> str:
    """A name as plain Markdown text on one line.

    Args:
        text: Anything.
    """
    one_line = " ".join(text.split())
    return re.sub(r"([\\`*_{}\[\]<>()#|~$&])", r"\\\1", one_line)


def code(text: str) -> str:
    """Code on one line of Markdown, whatever it holds.

    Args:
        text: The code.
    """
    # Nothing can be escaped in code: its marks are longer than any within.
    longest = max((len(marks) for marks in re.findall("`+", text)), default=0)
    marks = "`" * (longest + 1)
    return f"{marks} {text} {marks}" if longest else f"{marks}{text}{marks}"


def _data(schema: Schema) -> str:
    """The data in words."""
    if schema.inputs:
        parts = [f"{name or 'input'}: {_data(s)}" for name, s in schema.inputs.items()]
        return escaped("; ".join(parts))
    if schema.shape == ():
        return f"{schema.rows:,} texts"
    if schema.shape is not None:
        shape = " by ".join(map(str, schema.shape))
        return f"{schema.rows:,} samples of {shape} numbers"
    counts = [
        f"{len(schema.names(role))} {role}"
        for role in ("numeric", "categorical", "text")
        if schema.names(role)
    ]
    return f"{schema.rows:,} rows with {' and '.join(counts)} columns"


def _scores(
    recorded: Mapping[str, float], reproduced: Mapping[str, float] | None
) -> Iterator[str]:
    """Rows of the table of metrics."""
    for name, value in recorded.items():
        again = "not run yet"
        if reproduced is not None:
            same = repr(reproduced.get(name)) == repr(value)
            verdict = "equal to the last digit" if same else "**differs**"
            again = f"{reproduced.get(name)!r} ({verdict})"
        yield f"| {name} | {value!r} | {again} |"
