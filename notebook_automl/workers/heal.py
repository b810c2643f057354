"""What an earlier attempt knew and the record does not: lines may be damaged."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from notebook_automl.errors import RunFolderError
from notebook_automl.record.events import (
    Event,
    TrialBuilt,
    TrialEnded,
    from_line,
    to_line,
)
from notebook_automl.record.files import write_bytes
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.reader import RunState
from notebook_automl.record.trial import TrialState


def keep_end(folder: RunFolder, ended: TrialEnded, trial: TrialState | None) -> None:
    """Keep a trial's end beside the record, with what was built.

    Args:
        folder: The run.
        ended: The end.
        trial: What is known of the trial.
    """
    known: list[Event] = [ended]
    if trial is not None and trial.parameters is not None:
        built = TrialBuilt(
            time_s=ended.time_s,
            attempt=ended.attempt,
            trial=ended.trial,
            values=trial.values,
            parameters=trial.parameters,
            flops=trial.flops,
            memory_mib=trial.memory_mib,
        )
        known.insert(0, built)
    text = "".join(map(to_line, known))
    with contextlib.suppress(RunFolderError):  # the record has it, too
        write_bytes(
            folder.trial(ended.trial).ended, [text.encode("ascii")], durable=False
        )


def lost_events(folder: RunFolder, state: RunState) -> Iterator[Event]:
    """What trials' folders know and the record does not.

    Args:
        folder: The run.
        state: What the record says.

    Yields:
        What happened, as the attempt that is gone had told it.
    """
    for number in folder.begun():
        trial = state.trials.get(number)
        if trial is None or trial.ended_s is None or trial.parameters is None:
            with contextlib.suppress(OSError, ValueError):
                lines = folder.trial(number).ended.read_text("ascii").splitlines()
                yield from filter(None, map(from_line, lines))
