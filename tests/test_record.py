"""The record of a run: real processes write it, die, and run out of disk."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from notebook_automl.record import events as kinds
from notebook_automl.record.events import Event, from_line, to_line
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.reader import RunState
from notebook_automl.record.snapshot import read_state
from notebook_automl.record.tail import Tail
from notebook_automl.record.writer import EventWriter

NAN, INF = math.nan, math.inf

Start = Callable[..., "subprocess.Popen[str]"]


def epoch(number: int, trial: int = 0, attempt: int = 1, **metrics: float) -> Event:
    return kinds.EpochEnded(
        time_s=100.0 + number,
        attempt=attempt,
        trial=trial,
        epoch=number,
        epochs=9,
        metrics=metrics,
        seconds=0.5,
    )


def trial_started(trial: int, attempt: int = 1) -> Event:
    return kinds.TrialStarted(
        time_s=100.0, attempt=attempt, trial=trial, worker="worker-0"
    )


def trial_ended(
    trial: int, state: kinds.EndState = "completed", **metrics: float
) -> Event:
    return kinds.TrialEnded(
        time_s=200.0,
        attempt=1,
        trial=trial,
        state=state,
        reason="",
        metrics=metrics,
        best_epoch=1,
        epochs=2,
        seconds=1.5,
    )


def folded(*events: Event) -> RunState:
    state = RunState()
    for event in events:
        state.apply(event)
    return state


EVERY_KIND: list[Event] = [
    kinds.RunStarted(
        time_s=1.0,
        attempt=1,
        host="höst\n\ud800 \u2028",
        pid=7,
        device="CPU",
        workers=2,
        versions={"keras": "3.15.0"},
    ),
    kinds.StageEntered(time_s=2.0, attempt=1, stage="searching"),
    trial_started(0),
    kinds.TrialBuilt(
        time_s=3.0,
        attempt=1,
        trial=0,
        values={"a": "nan", "b": INF, "c": 3, "d": True, "e": 0.1, "f": ""},
        parameters=2**40,
    ),
    epoch(1, loss=INF, val_loss=-INF, accuracy=0.1 + 0.2),
    trial_ended(0, val_loss=1e-320),
    kinds.TestScored(time_s=4.0, attempt=1, trial=0, metrics={"accuracy": 1.0}),
    kinds.CommandAcknowledged(
        time_s=5.0, attempt=1, command="1-a", verb="stop", accepted=True, message=""
    ),
    kinds.RunPaused(time_s=6.0, attempt=1),
    kinds.RunResumed(time_s=7.0, attempt=1),
    kinds.BudgetChanged(time_s=8.0, attempt=1, minutes=INF, trials=None),
    kinds.RunEnded(time_s=9.0, attempt=1, state="completed", reason="done"),
]


class TestEvents:
    @pytest.mark.parametrize("event", EVERY_KIND, ids=lambda event: event.kind)
    def test_each_kind_comes_back_from_one_line_of_strict_json(
        self, event: Event
    ) -> None:
        line = to_line(event)

        def refuse(constant: str) -> None:
            raise AssertionError(constant)

        json.loads(line, parse_constant=refuse)
        assert line.isascii() and line.count("\n") == 1 and line[-1] == "\n"
        assert from_line(line) == event

    def test_every_kind_is_tried_here(self) -> None:
        assert len({event.kind for event in EVERY_KIND}) == 12

    def test_floats_are_spelled_and_restored(self) -> None:
        line = to_line(epoch(1, a=NAN, b=INF, c=-INF))
        assert json.loads(line)["metrics"] == {"a": "nan", "b": "inf", "c": "-inf"}
        event = from_line(line)
        assert isinstance(event, kinds.EpochEnded)
        assert math.isnan(event.metrics["a"])
        assert (event.metrics["b"], event.metrics["c"]) == (INF, -INF)

    def test_numpy_scalars_become_numbers(self) -> None:
        numpy = pytest.importorskip("numpy")
        line = to_line(epoch(numpy.int64(1), loss=numpy.float32("nan")))
        assert json.loads(line)["epoch"] == 1
        assert json.loads(line)["metrics"] == {"loss": "nan"}

    def test_an_old_reader_survives_a_new_file(self) -> None:
        assert from_line('{"kind": "from_the_future", "time_s": 1}') is None
        record = {**json.loads(to_line(epoch(1))), "new_field": [1]}
        assert from_line(json.dumps(record)) == epoch(1)

    @pytest.mark.parametrize(
        "line",
        [
            "",
            "\0\0",
            "[]",
            "{}",
            '{"kind": []}',
            '{"kind": "run_paused"}',
            to_line(epoch(1))[:40],
            to_line(epoch(1)).replace("0.5", '"fast"'),
            to_line(epoch(1)).replace("0.5", "[]"),
            to_line(epoch(1)).replace("0.5", '{"$float": []}'),
        ],
    )
    def test_a_damaged_line_is_a_value_error(self, line: str) -> None:
        with pytest.raises(ValueError):
            from_line(line)


WRITE = """
import sys
from pathlib import Path
from notebook_automl.record.events import EpochEnded, TrialStarted
from notebook_automl.record.writer import EventWriter

path, count = Path(sys.argv[1]), int(sys.argv[2])
with EventWriter(path) as writer:
    writer.append(TrialStarted(time_s=0, attempt=1, trial=0, worker="w"))
    for epoch in range(1, count + 1):
        writer.append(EpochEnded(time_s=0, attempt=1, trial=0, epoch=epoch,
            epochs=count, metrics={"loss": 1 / epoch}, seconds=0.1))
"""


def epochs(events: list[Event]) -> list[int]:
    return [event.epoch for event in events if isinstance(event, kinds.EpochEnded)]


class TestWriterAndTail:
    def test_each_event_is_read_once_while_another_process_writes(
        self, folder: RunFolder, start: Start
    ) -> None:
        tail, reads = Tail(folder.events), []
        assert tail.read() == []  # not there yet
        process = start(WRITE, folder.events, 300)
        while process.poll() is None:
            reads.append(epochs(tail.read()))
        reads.append(epochs(tail.read()))
        assert process.returncode == 0
        assert [number for read in reads for number in read] == [*range(1, 301)]
        assert tail.damaged == 0
        assert sum(map(bool, reads)) > 1  # really while it wrote

    def test_a_killed_writer_loses_only_what_it_had_not_written(
        self, folder: RunFolder, start: Start
    ) -> None:
        process = start(WRITE, folder.events, 10**9)
        tail, seen = Tail(folder.events), list[int]()
        while len(seen) < 20:
            seen += epochs(tail.read())
        process.kill()
        process.wait()
        seen += epochs(tail.read())
        attempt = read_state(folder).attempt + 1
        with EventWriter(folder.events) as writer:
            writer.append(trial_started(1, attempt))
        assert tail.read() == [trial_started(1, attempt)]
        assert seen == [*range(1, len(seen) + 1)]
        state = read_state(folder)
        assert (state.attempt, tail.damaged) == (2, 0)
        assert len(state.trials[0].history) == len(seen)
        assert state.trials[0].state == "failed"
        assert state.trials[0].reason == "the supervisor ended while it ran"
        assert state.trials[1].state == "running"

    def test_a_record_cut_at_any_byte_goes_on(self, tmp_path: Path) -> None:
        events = [epoch(1, loss=NAN), epoch(2), epoch(3)]
        content = "".join(map(to_line, events)).encode()
        path = tmp_path / "events.jsonl"
        for size in range(len(content) + 1):
            path.write_bytes(content[:size])
            whole = content[:size].count(b"\n")
            tail = Tail(path)
            assert epochs(tail.read()) == [1, 2, 3][:whole]
            with EventWriter(path) as writer:
                writer.append(epoch(9))
            assert epochs(tail.read()) == [9]
            assert epochs(Tail(path).read()) == [*[1, 2, 3][:whole], 9]
            assert tail.damaged == 0

    def test_a_half_line_is_left_until_it_is_whole(self, tmp_path: Path) -> None:
        path, line = tmp_path / "events.jsonl", to_line(epoch(1)).encode()
        tail = Tail(path)
        for byte in line[:-1]:
            with path.open("ab") as file:
                file.write(bytes([byte]))
            assert tail.read() == []
        with path.open("ab") as file:
            file.write(b"\n")
        assert tail.read() == [epoch(1)]

    def test_a_damaged_line_in_the_middle_is_skipped_and_counted(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "events.jsonl"
        good = [to_line(epoch(number)).encode() for number in (1, 2)]
        path.write_bytes(good[0] + b"\0\0\xff\n{\n" + good[1])
        tail = Tail(path)
        assert epochs(tail.read()) == [1, 2]
        assert tail.damaged == 2

    @pytest.mark.parametrize("before", [b"", to_line(epoch(1)).encode()])
    def test_a_long_half_line_is_cut(self, tmp_path: Path, before: bytes) -> None:
        path = tmp_path / "events.jsonl"
        path.write_bytes(before + b"x" * 200_000)
        EventWriter(path).close()
        assert path.read_bytes() == before

    def test_a_full_disk_leaves_no_half_line(
        self, folder: RunFolder, start: Start
    ) -> None:
        code = WRITE.replace("import sys", "import sys, resource, signal").replace(
            "with EventWriter",
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, -1))\n"
            "with EventWriter",
        )
        code = f"""
from notebook_automl.errors import RunFolderError
try:
    exec({code!r})
except RunFolderError as error:
    print(error)
"""
        said, _ = start(code, folder.events, 100).communicate()
        assert said.startswith(f"Cannot write {folder.events}: File too large.")
        content = folder.events.read_bytes()
        assert content.endswith(b"\n") and len(content) > 500
        tail = Tail(folder.events)
        seen = epochs(tail.read())
        assert seen == [*range(1, len(seen) + 1)] and tail.damaged == 0


class TestRunState:
    def test_every_event_finds_its_place(self) -> None:
        state = folded(*EVERY_KIND)
        assert state.device == "CPU" and state.workers == 2
        assert state.versions == {"keras": "3.15.0"}
        assert (state.started_s, state.ended_s) == (1.0, 9.0)
        assert (state.state, state.reason) == ("completed", "done")
        assert (state.stage, state.minutes, state.trials_budget) == (
            "searching",
            INF,
            None,
        )
        assert state.acknowledged["1-a"].accepted
        trial = state.trials[0]
        assert trial.values["a"] == "nan" and trial.parameters == 2**40
        assert trial.history == [
            {"loss": INF, "val_loss": -INF, "accuracy": 0.1 + 0.2, "seconds": 0.5}
        ]
        assert (trial.epochs, trial.epochs_trained, trial.seconds) == (9, 2, 1.5)
        assert (trial.worker, trial.started_s) == ("worker-0", 100.0)
        assert trial.test == {"accuracy": 1.0}

    def test_a_run_without_events_is_starting(self, folder: RunFolder) -> None:
        assert read_state(folder) == RunState()
        assert RunState().state == "starting"

    def test_state_follows_stage_and_pause(self) -> None:
        prepare = kinds.StageEntered(time_s=0, attempt=1, stage="preparing data")
        search, pause, resume = (EVERY_KIND[index] for index in (1, 8, 9))
        assert folded(prepare).state == "starting"
        assert folded(prepare, search).state == "running"
        # The trials that run come to the end of their epoch.
        assert folded(search, pause, epoch(1)).state == "paused"
        assert folded(search, pause, epoch(1), resume).state == "running"

    def test_a_new_attempt_starts_again_and_hears_no_late_write(self) -> None:
        state = folded(*EVERY_KIND, trial_started(1), trial_started(2, attempt=2))
        assert (state.attempt, state.state) == (2, "running")
        assert (state.ended_s, state.reason) == (None, "")
        assert state.started_s == 1.0
        assert [trial.state for trial in state.trials.values()] == [
            "completed",
            "failed",
            "running",
        ]
        state.apply(trial_ended(2, accuracy=1.0))
        assert state.trials[2].state == "running"

    def test_what_ran_when_the_run_ended_has_failed(self) -> None:
        state = folded(trial_started(0), EVERY_KIND[-1])
        assert state.trials[0].reason == "the run ended while it ran"

    def test_a_trial_whose_first_line_is_lost_is_a_trial(self) -> None:
        assert folded(epoch(1, loss=1.0)).trials[0].history[0]["loss"] == 1.0

    def test_best_ignores_nan_and_takes_the_first_of_equals(self) -> None:
        state = folded(
            trial_ended(4, loss=0.5),
            trial_ended(0, loss=NAN),
            trial_ended(3, "stopped", loss=0.1),
            trial_ended(2, loss=0.1),
            trial_ended(1, "failed", loss=0.0),
            trial_ended(5, accuracy=1.0),
            trial_ended(6),
            trial_started(7),
        )
        assert [trial.number for trial in state.finished()] == [0, 2, 3, 4, 5]
        lowest, highest = state.best("loss", "min"), state.best("loss", "max")
        assert lowest is not None and lowest.number == 2
        assert highest is not None and highest.number == 4
        assert state.best("val_loss", "max") is None
        assert folded(trial_ended(0, loss=NAN)).best("loss", "max") is None
