"""Runs written by hand, through the record's own writer: no process is started."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from notebook_automl.record import events as kinds
from notebook_automl.record.events import Event
from notebook_automl.record.files import write_json
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.reader import RunState
from notebook_automl.record.schema import Column, Schema, Target
from notebook_automl.record.writer import EventWriter

SCHEMA = Schema(
    source="frame",
    variables=("df",),
    rows=150,
    columns=(Column("petal length", "numeric", "float64"),),
    shape=None,
    dtype="",
    target=Target("species", "str", ("setosa", "virginica"), (75, 75), 2),
    fingerprint="0" * 64,
    bytes=1200,
)


def happened(kind: type[Event], at_s: float, **fields: Any) -> Event:
    """An event, so many seconds after the run began."""
    return kind(time_s=at_s, attempt=fields.pop("attempt", 1), **fields)


def started(at_s: float = 0.0, attempt: int = 1) -> list[Event]:
    """A run that has begun to search."""
    stage = happened(kinds.StageEntered, at_s, attempt=attempt, stage="searching")
    return [
        happened(
            kinds.RunStarted,
            at_s,
            attempt=attempt,
            host="here",
            pid=1,
            device="cpu",
            workers=1,
            versions={},
        ),
        stage,
    ]


def begun(number: int, at_s: float = 1.0, epochs: int = 0, **metrics: float) -> list:
    """A trial that runs, and the metrics of each of its epochs."""
    return [
        happened(kinds.TrialStarted, at_s, trial=number, worker="w"),
        happened(kinds.TrialBuilt, at_s, trial=number, values={}, parameters=12345),
        *(
            happened(
                kinds.EpochEnded,
                at_s + epoch,
                trial=number,
                epoch=epoch,
                epochs=50,
                metrics=metrics,
                seconds=1.0,
            )
            for epoch in range(1, epochs + 1)
        ),
    ]


def epoch_ended(trial: int, number: int, **metrics: float) -> Event:
    """One epoch of a trial, a second after the one before."""
    return happened(
        kinds.EpochEnded,
        float(number),
        trial=trial,
        epoch=number,
        epochs=50,
        metrics=metrics,
        seconds=0.5,
    )


def ended(
    number: int,
    at_s: float = 5.0,
    state: str = "completed",
    reason: str = "",
    **metrics,
) -> Event:
    """A trial's end."""
    return happened(
        kinds.TrialEnded,
        at_s,
        trial=number,
        state=state,
        reason=reason,
        metrics=metrics,
        best_epoch=3 if metrics else None,
        epochs=7,
        seconds=4.25,
    )


def over(at_s: float = 90.0, state: str = "completed", reason: str = "done") -> Event:
    """The run's end."""
    return happened(kinds.RunEnded, at_s, state=state, reason=reason)


def fold(*events: Event) -> RunState:
    """The state of a run with these events."""
    state = RunState()
    for event in events:
        state.apply(event)
    return state


def write_run(parent: Path, name: str, *events: Event, **search: Any) -> RunFolder:
    """A run folder with these events; it has ended unless the events say otherwise."""
    folder = RunFolder(parent / name)
    folder.create()
    asked = {
        "target": None,
        "task": "tabular_classification",
        "batch_size": 32,
        "tuner": "tpe",
        "metric": "accuracy",
        "mode": "max",
        "minutes": 10.0,
        "trials": None,
        "device": "cpu",
        "seed": 0,
        "validation_split": 0.2,
        "test_split": 0.2,
        "started_s": time.time(),
    }
    write_json(folder.search, asked | search)
    write_json(folder.schema, SCHEMA.to_json())
    with EventWriter(folder.events) as writer:
        for event in events:
            writer.append(event)
    return folder
