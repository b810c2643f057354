"""What to try: one dataclass, from which form, magic and command line are made."""

from __future__ import annotations

import os
import secrets
import sys
import time
from dataclasses import dataclass, field, fields
from typing import Any

from notebook_automl.api.names import names_of
from notebook_automl.api.run import Run
from notebook_automl.data._source import source_for
from notebook_automl.errors import (
    AutoMLError,
    RunDiffersError,
    SearchError,
    UnknownNameError,
    nearest,
    received,
)
from notebook_automl.record.layout import (
    RunFolder,
    folder_error,
    read_json,
    runs_folder,
    write_json,
)
from notebook_automl.record.schema import Schema
from notebook_automl.search._tuner import TUNERS
from notebook_automl.tasks._task import TASKS, propose, split_sizes
from notebook_automl.workers.devices import devices

_DEFAULT_MINUTES = 10.0
# Copying more than this takes long enough to say so.
_SAID_BYTES = 100e6
# Fields that say where and how long, not what: two runs of a name may differ in them.
_NOT_COMPARED = ("name", "folder", "started_s", "workers")


@dataclass
class Search:
    """A search for a model: what to learn from, and how long to try.

    Args:
        data: A DataFrame, or a pair of arrays (x, y) with x as (samples, height, width)
            or (samples, height, width, channels).
        target: The column to learn, for a DataFrame.
        task: A task's name, or "auto" to propose one from the data.
        metric: The objective, measured on the validation set, or "auto".
        minutes: Budget of time; 10 if neither minutes nor trials are given.
        trials: Budget of trials.
        epochs: Most epochs of one trial.
        batch_size: Rows a training step.
        tuner: Who proposes values.
        validation_split: Share of the rows that choose epoch and trial.
        test_split: Share of the rows that are scored once, for the chosen trial.
        seed: Seed of split, proposals and training.
        device: "auto", "cpu" or "gpu".
        workers: Worker processes; one a GPU, or one a core, if not given.
        name: The run's name; starting it twice attaches to the first.
        folder: Where runs are kept; `automl_runs` here, if not given.

    Raises:
        SearchError: A field that cannot be, with `field` naming it.
    """

    data: Any = field(default=None, metadata={"help": "table or arrays to learn from"})
    target: str | int | None = field(default=None, metadata={"help": "column to learn"})
    task: str = field(default="auto", metadata={"help": "what to learn"})
    metric: str = field(
        default="auto", metadata={"help": "objective, measured on the validation set"}
    )
    minutes: float | None = field(
        default=None, metadata={"help": "minutes to search; 10 without any budget"}
    )
    trials: int | None = field(default=None, metadata={"help": "budget of trials"})
    epochs: int = field(default=50, metadata={"help": "most epochs of one trial"})
    batch_size: int = field(default=32, metadata={"help": "rows a training step"})
    tuner: str = field(default="tpe", metadata={"help": "who proposes values"})
    validation_split: float = field(
        default=0.2, metadata={"help": "share of rows that choose the trial"}
    )
    test_split: float = field(
        default=0.2, metadata={"help": "share of rows that are scored once"}
    )
    seed: int = field(
        default=0, metadata={"help": "seed of split, proposals and training"}
    )
    device: str = field(default="auto", metadata={"help": "auto, cpu or gpu"})
    workers: int | None = field(default=None, metadata={"help": "worker processes"})
    name: str | None = field(default=None, metadata={"help": "the run's name"})
    folder: str | None = field(default=None, metadata={"help": "where runs are kept"})

    def __post_init__(self) -> None:
        if self.minutes is None and self.trials is None:
            self.minutes = _DEFAULT_MINUTES
        _check_numbers(self)
        _check_name(self.name)
        if self.tuner not in TUNERS.names():
            TUNERS.get(self.tuner)
        if self.task != "auto" and self.task not in TASKS.names():
            TASKS.get(self.task)
        if self.device not in ("auto", "cpu", "gpu"):
            choices = ("auto", "cpu", "gpu")
            raise SearchError(
                f"Expected device to be one of {', '.join(choices)}, "
                f"{received(self.device)}.{nearest(self.device, choices)} "
                'Type device="auto".',
                field="device",
            )

    def start(self, detach: bool = True) -> Run:
        """Start the search in processes of its own and come back at once.

        Args:
            detach: Whether the search outlives this kernel.

        Returns:
            The run; with a `name` that exists, the run of that name.

        Raises:
            DataError: Data that cannot be searched.
            RunFolderError: The run folder cannot be written.
            RunDiffersError: The name is taken by another description or other data.
        """
        started_s = time.time()
        _, source = source_for(self.data)
        schema = source.describe(self.data, self.target, names_of(self.data))
        description = self._description(schema, started_s)
        name = self.name or _new_name(started_s)
        parent = runs_folder(self.folder)
        folder = RunFolder(parent / name)
        if self.name is not None and folder.search.exists():
            _same_run(folder, description, schema)
            return Run(folder)
        # Under a name of its own until it is whole: whatever ends this process, the
        # run's name stands for a whole run or for none.
        draft = RunFolder(parent / f".{name}.{secrets.token_hex(4)}")
        draft.create()
        try:
            if schema.bytes > _SAID_BYTES:
                size = f"{schema.bytes / 1e6:.0f} MB"
                sys.stdout.write(f"Copying {size} of data to {folder.path}\n")
            source.save(self.data, schema, draft.data)
            write_json(draft.schema, schema.to_json())
            write_json(draft.search, description)
            draft.rename(folder)
        except OSError as error:
            draft.delete()
            if isinstance(error, AutoMLError):
                raise
            raise folder_error("copy the data to", folder.data, error) from error
        run = Run(folder)
        run._launch(detach)
        return run

    def _description(self, schema: Schema, started_s: float) -> dict[str, Any]:
        """What is asked, in plain JSON, with everything "auto" decided."""
        task_name = propose(schema) if self.task == "auto" else self.task
        task = TASKS.get(task_name)
        if schema.source not in task.sources:
            raise SearchError(
                f"Expected data of the kind {' or '.join(task.sources)} for the task "
                f"{task_name!r}, got {schema.source} ({type(self.data).__name__}). "
                'Type task="auto".',
                field="task",
            )
        task.check(schema)
        split_sizes(
            schema, self.validation_split, self.test_split, task.classes(schema)
        )
        metrics = task.metrics(schema)
        metric = task.default_metric if self.metric == "auto" else self.metric
        if metric not in metrics:
            raise UnknownNameError(
                f"No metric {metric!r} for {task_name}.{nearest(metric, metrics)} "
                f"There are: {', '.join(metrics)}.",
                field="metric",
            )
        found = devices()
        if self.device == "gpu" and not found.gpus:
            raise SearchError(
                f'Expected a GPU for device="gpu", got none. {found.why_no_gpu} '
                'Or type device="auto".',
                field="device",
            )
        device = "gpu" if found.gpus and self.device != "cpu" else "cpu"
        asked = {f.name: getattr(self, f.name) for f in fields(self)[1:]}
        folder = None if self.folder is None else str(self.folder)
        return asked | {
            "task": task_name,
            "metric": metric,
            "mode": metrics[metric].mode,
            "device": device,
            "folder": folder,
            "started_s": started_s,
        }


def _same_run(folder: RunFolder, description: dict[str, Any], schema: Schema) -> None:
    """Refuse to attach to a run that was asked for something else."""
    before = read_json(folder.search)
    old_schema = Schema.from_json(read_json(folder.schema))
    differences = [
        f"{key} is {before[key]!r} there and {value!r} here"
        for key, value in description.items()
        if key in before and key not in _NOT_COMPARED and before[key] != value
    ]
    if old_schema.fingerprint != schema.fingerprint:
        differences.append("the data differ")
    if differences:
        raise RunDiffersError(
            f"The name {folder.name!r} is taken by a run that differs: "
            f"{'; '.join(differences)}. Choose another name=, or delete that run with "
            f"notebook_automl.attach({folder.name!r}).delete().",
            field="name",
        )


def _check_numbers(search: Search) -> None:
    """Refuse numbers out of range, each with what was expected."""
    rules: list[tuple[str, Any, str, type | tuple[type, ...]]] = [
        ("minutes", lambda v: v > 0, "a number above 0", (int, float)),
        ("trials", lambda v: v > 0, "a whole number above 0", int),
        ("epochs", lambda v: v > 0, "a whole number above 0", int),
        ("batch_size", lambda v: v > 0, "a whole number above 0", int),
        ("validation_split", lambda v: 0 < v < 1, "between 0 and 1", (int, float)),
        ("test_split", lambda v: 0 < v < 1, "between 0 and 1", (int, float)),
        ("seed", lambda v: 0 <= v < 2**32, "a whole number from 0", int),
        ("workers", lambda v: v > 0, "a whole number above 0", int),
    ]
    for name, allowed, expected, kind in rules:
        value = getattr(search, name)
        if value is None and name in ("minutes", "trials", "workers"):
            continue
        plain = isinstance(value, kind) and not isinstance(value, bool)
        if not plain or not allowed(value):
            raise SearchError(
                f"Expected {name} to be {expected}, {received(value)}. Type "
                f"{name}={_EXAMPLES[name]}.",
                field=name,
            )


_EXAMPLES = {
    "minutes": 10,
    "trials": 20,
    "epochs": 50,
    "batch_size": 32,
    "validation_split": 0.2,
    "test_split": 0.2,
    "seed": 0,
    "workers": 2,
}


def _check_name(name: str | None) -> None:
    """A name is one folder's name."""
    if name is None:
        return
    if (
        not isinstance(name, str)
        or not name.strip()
        or name.startswith(".")
        or any(c in name for c in ("/", "\\", "\0", os.sep))
        or len(name.encode("utf-8", "replace")) > 200
    ):
        raise SearchError(
            "Expected name to be text that can name a folder (no slashes, no leading "
            f'dot), {received(name)}. Type name="my-search".',
            field="name",
        )


def _new_name(started_s: float) -> str:
    """A name that tells when the run was started."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(started_s))
    return f"{stamp}-{secrets.token_hex(2)}"
