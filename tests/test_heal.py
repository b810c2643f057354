"""A damaged record or journal is made whole from what else a run folder holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from handmade import begun, ended, started, write_run

from notebook_automl.record import events
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.parameters import Parameter
from notebook_automl.record.reader import RunState
from notebook_automl.record.snapshot import read_state
from notebook_automl.search._study import Study
from notebook_automl.search._terms import Ended
from notebook_automl.workers.heal import keep_end, lost_events

SPACE = {
    "a": Parameter("a", choices=("x", "y", "z"), default="x"),
    "b": Parameter("b", low=0.1, high=1.0, log=True, default=0.5),
    "c": Parameter("c", low=1, high=9, step=2, whole=True, default=1),
    "d": Parameter("d", low=1, high=64, log=True, whole=True, default=1),
}
Damage = Callable[[list[bytes]], list[bytes]]
DAMAGE: dict[str, Damage] = {
    "a line that is no JSON": lambda lines: [*lines[:9], b"\xff\0\n", *lines[10:]],
    "a line of another kind": lambda lines: [*lines[:9], b'{"op_code": 99}\n'],
    "a line is missing": lambda lines: [*lines[:4], *lines[5:]],
    "the end is missing": lambda lines: lines[:12],
    "half a line": lambda lines: [*lines[:12], lines[12][:20]],
    "empty": lambda lines: [],
}


@pytest.fixture
def whole(tmp_path: Path) -> RunFolder:
    """A run of four trials that have ended and one that runs."""
    states = ("completed", "stopped", "failed", "completed")
    told = [*started()]
    for number, state in enumerate(states):
        metrics = {} if state == "failed" else {"val_accuracy": 0.1 * number}
        told += begun(number, epochs=2, val_accuracy=0.1 * number)
        told.append(ended(number, state=state, **metrics))
    folder = write_run(tmp_path, "run", *told, *begun(4, epochs=1, val_accuracy=0.5))
    state = read_state(folder)
    for event in told:
        if isinstance(event, events.TrialEnded):
            folder.trial(event.trial).create()
            keep_end(folder, event, state.trials[event.trial])
    folder.trial(4).create()
    return folder


def known(state: RunState) -> dict[int, tuple[object, ...]]:
    return {
        t.number: (
            t.state,
            t.reason,
            t.metrics,
            t.values,
            t.parameters,
            t.epochs_trained,
        )
        for t in state.trials.values()
        if t.ended_s is not None
    }


def healed(folder: RunFolder) -> RunState:
    state = read_state(folder)
    for event in list(lost_events(folder, state)):
        state.apply(replace(event, attempt=2))
    return state


def test_nothing_is_told_of_a_whole_record(whole: RunFolder) -> None:
    assert list(lost_events(whole, read_state(whole))) == []


def test_any_line_may_be_damaged(whole: RunFolder) -> None:
    before = known(read_state(whole))
    assert len(before) == 4
    lines = whole.events.read_bytes().splitlines(keepends=True)
    lost = 0
    for place in range(len(lines)):
        damaged = [*lines[:place], b"\xff\n", *lines[place + 1 :]]
        whole.events.write_bytes(b"".join(damaged))
        lost += known(read_state(whole)) != before
        assert known(healed(whole)) == before, lines[place]
    assert lost >= 8  # four trials' ends, and what each had built


def test_no_line_is_left(whole: RunFolder) -> None:
    before = known(read_state(whole))
    whole.events.write_bytes(b"")
    assert known(healed(whole)) == before


def test_a_damaged_end_is_passed_over(whole: RunFolder) -> None:
    whole.trial(0).ended.write_bytes(b"\xff{")
    whole.events.write_bytes(b"")
    assert sorted(known(healed(whole))) == [1, 2, 3]


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_journal(tmp_path: Path, name: str) -> None:
    journal = tmp_path / "study.journal"
    study, past = Study(journal, "tpe", "max", 0), {}
    for place in range(6):
        number = study.ask().number
        values = {key: study.suggest(number, p) for key, p in SPACE.items()}
        value = None if place in (2, 4) else place / 10
        state = {2: "failed", 4: "skipped"}.get(place, "completed")
        past[number] = Ended(values, value, state)
        study.tell(number, value, pruned=place == 4)
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(DAMAGE[name](lines)))

    study = Study(journal, "tpe", "max", 0)
    study.restore(past, SPACE)
    again = Study(journal, "tpe", "max", 0)  # what was restored stands in the journal
    again.restore(past, SPACE)
    number = again.ask().number
    assert number == 6
    assert {key: again.suggest(number, p) for key, p in SPACE.items()}.keys() == (
        SPACE.keys()
    )
