"""A state from snapshot and tail is the state from all events, or there is none."""

from __future__ import annotations

import json
import math
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import handmade
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_automl.api.supervisor import View
from notebook_automl.errors import RunFolderError
from notebook_automl.record import events as kinds
from notebook_automl.record.events import Event, to_line
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.reader import RunState
from notebook_automl.record.snapshot import load, open_state, read_state, save
from notebook_automl.record.writer import EventWriter
from notebook_automl.workers.attempt import Attempt

TEXTS = st.text(max_size=5)
METRICS = st.dictionaries(st.sampled_from(["loss", "val_loss", "é\ud800"]), st.floats())
COUNTS = st.integers(0, 2**60)
FIELDS = {
    "epoch": COUNTS,
    "epochs": COUNTS,
    "parameters": COUNTS,
    "flops": st.none() | COUNTS,
    "fold": st.none() | st.integers(1, 3),
    "memory_mib": st.none() | st.floats(0),
    "pid": COUNTS,
    "workers": COUNTS,
    "trials": st.none() | COUNTS,
    "best_epoch": st.none() | COUNTS,
    "minutes": st.none() | st.floats(0),
    "seconds": st.floats(0, 9),
    "spent_s": st.floats(0, 9),
    "time_s": st.floats(0, 9e9),
    "attempt": st.integers(1, 3),
    "trial": st.integers(0, 3),
    "metrics": METRICS,
    "values": st.dictionaries(TEXTS, TEXTS | st.floats() | st.booleans() | COUNTS),
    "versions": st.dictionaries(TEXTS, TEXTS),
    "stage": st.sampled_from(["starting", "searching", "scoring"]),
    "state": st.sampled_from(["completed", "stopped", "failed"]),
    "accepted": st.booleans(),
    "parameter": st.fixed_dictionaries(
        {"name": TEXTS, "choices": st.lists(TEXTS | COUNTS), "low": st.floats(0, 9)}
    ),
    "name": st.sampled_from(["linear", "ensemble"]),
    "role": st.sampled_from(["baseline", "ensemble"]),
    "weights": st.dictionaries(TEXTS, COUNTS),
}
KINDS = [
    kind
    for kind in (
        *Event.__subclasses__(),
        *kinds.TrialEvent.__subclasses__(),
        *kinds.EntryEvent.__subclasses__(),
    )
    if kind not in (kinds.TrialEvent, kinds.EntryEvent)
]
EVENT = st.sampled_from([kinds.EpochEnded, *KINDS]).flatmap(
    lambda kind: st.builds(
        kind, **{field.name: FIELDS.get(field.name, TEXTS) for field in fields(kind)}
    )
)
LINE = EVENT.map(to_line) | st.sampled_from(["", "{", '{"kind": "of_tomorrow"}']).map(
    lambda line: f"{line}\n"
)


def written(folder: RunFolder, lines: list[str]) -> None:
    folder.events.write_text("".join(lines), "ascii")


def told(folder: RunFolder) -> str:
    """All of a state; unlike the state itself it is equal where NaN is."""
    state, tail = open_state(folder)
    return repr((state, tail.offset, tail.damaged))


@given(st.lists(LINE, max_size=30), st.integers(0, 30), st.integers(0, 30))
def test_any_cut_folds_to_the_same(lines: list[str], first: int, second: int) -> None:
    with tempfile.TemporaryDirectory() as parent:
        folder = RunFolder(Path(parent))
        written(folder, lines)
        whole = told(folder)
        # The second snapshot is of a state that came from the first one.
        for cut in (first, second):
            written(folder, lines[:cut])
            state, tail = open_state(folder)
            save(folder, state, tail.offset, tail.damaged)
            kept = load(folder)
            assert kept is not None and repr(kept[0]) == repr(state)
            written(folder, lines)
            assert told(folder) == whole


@pytest.fixture
def small(tmp_path: Path) -> RunFolder:
    """A run with a snapshot that says something else than its events."""
    folder = handmade.write_run(
        tmp_path, "small", *handmade.started(), *handmade.begun(0, epochs=2, loss=1.0)
    )
    state, tail = open_state(folder)
    state.stage = "from the snapshot"
    save(folder, state, tail.offset)
    assert read_state(folder).stage == "from the snapshot"
    return folder


def resigned(content: bytes) -> bytes:
    """A snapshot whose checksum is right whatever it holds."""
    return content[:-4] + zlib.crc32(content[:-4]).to_bytes(4, "big")


def with_head(content: bytes, **changes: object) -> bytes:
    head, _, numbers = content.partition(b"\n")
    changed = json.dumps(json.loads(head) | changes).encode()
    return resigned(changed + b"\n" + numbers)


def test_a_snapshot_that_is_cut_or_damaged_at_any_byte_is_passed_over(
    small: RunFolder,
) -> None:
    whole = small.snapshot.read_bytes()
    for place in range(len(whole) - 4):
        flipped = bytes([whole[place] ^ 0x20])
        for content in (
            whole[:place],
            whole[:place] + flipped + whole[place + 1 :],
            resigned(whole[:place] + b"1234"),
        ):
            small.snapshot.write_bytes(content)
            assert read_state(small).stage == "searching"


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "another version": lambda c: resigned(c.replace(b'"form": [1,', b'"form": [2,')),
    "another machine": lambda c: resigned(c.replace(b"little", b"middle")),
    "other fields": lambda c: resigned(c.replace(b'"stage"', b'"scene"')),
    "a later offset": lambda c: with_head(c, offset=10**6),
    "an earlier offset": lambda c: with_head(c, offset=5),
    "an offset before the file": lambda c: with_head(c, offset=-5),
    "no offset": lambda c: with_head(c, offset=None),
    "no trials": lambda c: with_head(c, trials=None),
    "odd trials": lambda c: with_head(c, trials=[[[], 7, 7, 7, 7]]),
    "deep": lambda c: resigned(b"[" * 100_000 + b"\n1234"),
    "no head": lambda c: resigned(c.replace(b"\n", b" ")),
    "nothing": lambda c: b"",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_does_not_fit_is_passed_over(small: RunFolder, damage: str) -> None:
    content = small.snapshot.read_bytes()
    changed = DAMAGE[damage](content)
    assert changed != content
    small.snapshot.write_bytes(changed)
    assert read_state(small).stage == "searching"
    assert load(small) is None


def test_other_events_are_told_from_those_it_was_made_of(small: RunFolder) -> None:
    content = small.events.read_bytes()
    for other in (
        content[: content[:-1].rindex(b"\n") + 1],  # shorter
        content.replace(b'"pid":1', b'"pid":2'),
        content.replace(b'"epoch":2', b'"epoch":3'),
        b"",
    ):
        small.events.write_bytes(other)
        assert load(small) is None
        assert read_state(small).stage != "from the snapshot"
    small.events.unlink()
    assert read_state(small) == RunState()


def test_what_comes_after_it_is_read(small: RunFolder) -> None:
    with EventWriter(small.events) as writer:
        writer.append(handmade.ended(0, loss=math.inf))
    state = read_state(small)
    assert state.stage == "from the snapshot"
    assert state.trials[0].metrics == {"loss": math.inf}
    assert state.trials[0].history == [{"loss": 1.0, "seconds": 1.0}] * 2


def test_one_that_cannot_be_written_leaves_nothing(small: RunFolder) -> None:
    small.snapshot.unlink()
    small.snapshot.mkdir()
    before = {*small.path.iterdir()}
    with pytest.raises(RunFolderError, match=r"events\.snapshot"):
        save(small, RunState(), 0)
    assert {*small.path.iterdir()} == before
    assert read_state(small).stage == "searching"


def test_a_writer_knows_that_it_writes_alone(folder: RunFolder) -> None:
    with EventWriter(folder.events) as ours:
        ours.append(handmade.over())
        assert ours.offset == folder.events.stat().st_size
        with EventWriter(folder.events) as other:
            other.append(handmade.over())
        assert ours.offset is None
        ours.append(handmade.over())
        assert ours.offset is None


class TestAttempt:
    """The supervisor's own writing, without its workers."""

    @pytest.fixture
    def run(self, tmp_path: Path) -> RunFolder:
        return handmade.write_run(tmp_path, "run", *handmade.begun(0, epochs=2, a=1.0))

    def attempt(self, run: RunFolder, writer: EventWriter) -> Attempt:
        return Attempt(run, 2, writer, beat=lambda: None)

    def end(self, attempt: Attempt) -> None:
        attempt.emit(kinds.RunEnded, state="completed", reason="done")

    def test_its_end_leaves_one(self, run: RunFolder) -> None:
        with EventWriter(run.events) as writer:
            attempt = self.attempt(run, writer)
            attempt.emit(kinds.EpochEnded, trial=0, epoch=3, epochs=9, **self.numpy())
            assert load(run) is None
            self.end(attempt)
        kept = load(run)
        assert kept is not None and kept[1].read() == []
        run.snapshot.unlink()
        assert kept[0] == read_state(run) == attempt.state

    def numpy(self) -> dict[str, object]:
        return {"metrics": {"a": np.float32(0.1)}, "seconds": np.float64(0.5)}

    def test_a_large_record_leaves_one_meanwhile(self, run: RunFolder) -> None:
        with EventWriter(run.events) as writer:
            attempt = self.attempt(run, writer)
            for length, expected in ((1000, False), (5_000_000, True)):
                said = {"command": "1", "verb": "stop", "accepted": True}
                attempt.emit(kinds.CommandAcknowledged, **said, message="x" * length)
                attempt._saved_s = attempt._beaten_s = 0.0  # a minute ago
                attempt.tick()
                assert (load(run) is not None) == expected

    def test_a_disk_that_takes_none_stops_nothing(self, run: RunFolder) -> None:
        run.snapshot.mkdir()
        with EventWriter(run.events) as writer:
            self.end(self.attempt(run, writer))
        assert read_state(run).state == "completed" and run.snapshot.is_dir()

    def test_who_was_overtaken_leaves_none(self, run: RunFolder) -> None:
        with EventWriter(run.events) as writer, EventWriter(run.events) as other:
            attempt = self.attempt(run, writer)
            other.append(handmade.over())
            self.end(attempt)
        assert not run.snapshot.exists()


class TestView:
    def test_what_was_read_stays_and_what_is_over_is_shared(
        self, folder: RunFolder
    ) -> None:
        view, said = View(folder), handmade.begun(1, epochs=3, loss=1.0)
        assert view.read() == RunState()
        with EventWriter(folder.events) as writer:
            for event in [
                *handmade.started(),
                *handmade.begun(0, epochs=1, loss=1.0),
                handmade.ended(0, loss=1.0),
            ]:
                writer.append(event)
            first = view.read()
            assert view.read() is first
            state, tail = view.follow()
            for event in said:
                writer.append(event)
            second = view.read()
        assert list(first.trials) == [0]
        assert second.trials[0] is first.trials[0]
        assert len(second.trials[1].history) == 3
        assert tail.read() == said and state == first
        for event in said:
            state.apply(event)
        assert state == second == view.read()
        assert state == read_state(folder)

    @given(st.lists(st.tuples(EVENT, st.booleans()), max_size=30))
    def test_each_look_is_what_the_events_came_to(
        self, steps: list[tuple[Event, bool]]
    ) -> None:
        with tempfile.TemporaryDirectory() as parent:
            folder, state, looks = RunFolder(Path(parent)), RunState(), []
            view = View(folder)
            with open(folder.events, "a", encoding="ascii") as file:
                for event, look in steps:
                    file.write(to_line(event))
                    state.apply(event)
                    if look:
                        file.flush()
                        looks.append((view.read(), repr(state)))
            for seen, expected in looks:
                assert repr(seen) == expected
