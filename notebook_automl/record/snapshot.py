"""The state of a run as it once was, so that a long record opens at once.

This is a cache: the events are the truth. A snapshot names the byte of the events up to
which it holds. One that is missing, damaged, of another version or of other events is
passed over, and everything is folded from the first event.
"""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from notebook_automl.record.events import CommandAcknowledged
from notebook_automl.record.files import write_bytes
from notebook_automl.record.history import History, Table
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.reader import RunState
from notebook_automl.record.tail import Tail
from notebook_automl.record.trial import TrialState

_CHECKED_BYTES = 4096
_NUMBER_BYTES = 8
_CHECKSUM_BYTES = 4
_APART = ("trials", "entries", "acknowledged")
_RUN = [f.name for f in fields(RunState) if f.name not in _APART]
_TRIAL = [f.name for f in fields(TrialState) if f.name not in ("versions", "history")]
# Whoever reads it must mean the same by it; the number counts changes of meaning.
_FORM = [1, sys.byteorder, _RUN, _TRIAL]


def open_state(folder: RunFolder) -> tuple[RunState, Tail]:
    """Give the state of a run, and what brings it up to date from then on.

    Args:
        folder: The run.

    Returns:
        All that is known, and the tail behind it; the state of a run which is starting
        if nothing was written yet.

    Raises:
        RunFolderError: The events cannot be read.
    """
    state, tail = load(folder) or (RunState(), Tail(folder.events))
    for piece in tail.pieces():
        for event in piece:
            state.apply(event)
    return state, tail


def read_state(folder: RunFolder) -> RunState:
    """Read the state of a run.

    Args:
        folder: The run.

    Returns:
        The state; that of a run which is starting if nothing was written yet.

    Raises:
        RunFolderError: The events cannot be read.
    """
    state, _ = open_state(folder)
    return state


def save(folder: RunFolder, state: RunState, offset: int, damaged: int = 0) -> None:
    """Keep a state; a reader sees the last one or this one.

    Args:
        folder: The run.
        state: What all lines before `offset` come to.
        offset: A byte of the events, behind a newline.
        damaged: How many of these lines could not be read.

    Raises:
        RunFolderError: It cannot be written; what was kept before stays.
    """
    packed, numbers = _packed(state)
    head = packed | {
        "form": _FORM,
        "offset": offset,
        "damaged": damaged,
        "events": _fingerprint(folder.events, offset),
    }
    # NaN as Python spells it: nobody else reads this.
    text = json.dumps(head, default=lambda number: number.item()) + "\n"
    parts: list[bytes | array[float]] = [text.encode("ascii"), *numbers]
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    parts.append(checksum.to_bytes(_CHECKSUM_BYTES, "big"))
    # Not worth the wait for the disk: whether it is whole can be told.
    write_bytes(folder.snapshot, parts, durable=False)


def _packed(state: RunState) -> tuple[dict[str, Any], list[array[float]]]:
    """A state as JSON, and each trial's numbers."""
    versions: dict[int, dict[str, str]] = {}
    names: dict[tuple[str, ...], int] = {}
    rows, numbers = [], []
    for trial in (*state.trials.values(), *state.entries.values()):
        table = trial.history.table()
        numbers.append(table.values)
        # What most trials share is written once.
        versions.setdefault(id(trial.versions), trial.versions)
        rows.append(
            [
                [getattr(trial, name) for name in _TRIAL],
                [*versions].index(id(trial.versions)),
                names.setdefault(table.names, len(names)),
                len(table.values),
                [*table.lacks.items()],
            ]
        )
    packed = {
        "run": [getattr(state, name) for name in _RUN],
        "acknowledged": [asdict(answer) for answer in state.acknowledged.values()],
        "versions": [*versions.values()],
        "names": [*names],
        "trials": rows,
    }
    return packed, numbers


def load(folder: RunFolder) -> tuple[RunState, Tail] | None:
    """Give the state that was saved last, and what comes after it.

    Args:
        folder: The run.

    Returns:
        The two, or None if there is no snapshot that holds for these events.
    """
    try:
        return _load(folder)
    except Exception:  # whatever is wrong with a cache, the events are there
        return None


def _load(folder: RunFolder) -> tuple[RunState, Tail]:
    whole = folder.snapshot.read_bytes()
    content = memoryview(whole)[:-_CHECKSUM_BYTES]
    _expect(zlib.crc32(content), int.from_bytes(whole[-_CHECKSUM_BYTES:], "big"))
    length = whole.index(b"\n")
    head = json.loads(content[:length].tobytes())
    _expect(head["form"], _FORM)
    offset = head["offset"]
    _expect(head["events"], _fingerprint(folder.events, offset))
    state = RunState(**dict(zip(_RUN, head["run"], strict=True)))
    for answer in head["acknowledged"]:
        state.acknowledged[answer["command"]] = CommandAcknowledged(**answer)
    names, begin = [tuple(each) for each in head["names"]], length + 1
    for values, version, columns, count, lacks in head["trials"]:
        end = begin + count * _NUMBER_BYTES
        numbers = array("d", content[begin:end].tobytes())
        _expect(len(numbers), count)
        lacking = {row: tuple(missing) for row, missing in lacks}
        trial = TrialState(
            **dict(zip(_TRIAL, values, strict=True)),
            versions=head["versions"][version],
            history=History.of(Table(names[columns], numbers, lacking)),
        )
        begin = end
        if trial.role == "trial":
            state.trials[trial.number] = trial
        else:
            state.entries[trial.name] = trial
    return state, Tail(folder.events, offset, head["damaged"])


def _expect(found: object, expected: object) -> None:
    if found != expected:
        raise ValueError("this is no snapshot of these events")


def _fingerprint(events: Path, offset: int) -> list[int]:
    """What tells these events from others: their first bytes, and those at the end."""
    some = min(offset, _CHECKED_BYTES)
    with open(events, "rb") as file:
        first = zlib.crc32(file.read(some))
        file.seek(offset - some)
        return [first, zlib.crc32(file.read(some))]
