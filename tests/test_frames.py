"""What a view is sent, put together again, is what the record says."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from typing import Any

import handmade
import numpy as np
import pytest
from handmade import epoch_ended
from hypothesis import given
from hypothesis import strategies as st

from notebook_automl.record.events import Event, spell
from notebook_automl.record.history import History, Table
from notebook_automl.ui.frames import Frames

FLOATS = st.floats(width=32)


class Page:
    """A page that puts frames together, as the widget does."""

    def __init__(self) -> None:
        self.trials: dict[int, Any] = {}
        self.curves: dict[tuple[int, int], dict[str, float]] = {}

    def take(self, frames: Frames, gone: bool = False) -> int:
        count = 0
        for frame, records in frames.next({"name": "r"}, gone):
            count += 1
            if frame["reset"]:
                self.trials, self.curves = {}, {}
            self.trials |= {row["trial"]: row for row in frame["trials"]}
            for key, values in unpacked(frame, records):
                self.curves.setdefault(key, {}).update(values)
        return count


def unpacked(
    frame: dict[str, Any], buffer: bytes
) -> Iterator[tuple[tuple[int, int], dict[str, float]]]:
    """The trial and epoch of each row of a message, and its metrics."""
    numbers, begin = np.frombuffer(buffer, "<f4"), 3 * frame["pieces"]
    heads = numbers[:begin].reshape(-1, 3).astype(int).tolist()
    rows = [(trial, first + n) for trial, first, count in heads for n in range(count)]
    assert all(count > 0 for _, _, count in heads)
    values = numbers[begin:].reshape(len(frame["columns"]), len(rows)).T
    for key, row in zip(rows, values, strict=True):
        yield key, dict(zip(frame["columns"], row.tolist(), strict=True))


def spelled(page: Page) -> dict[tuple[int, int], list[tuple[str, str]]]:
    """Its curves as texts; what is not told of an epoch is NaN."""
    names = sorted({name for metrics in page.curves.values() for name in metrics})
    return {
        key: [(name, str(metrics.get(name, math.nan))) for name in names]
        for key, metrics in page.curves.items()
    }


def begun(number: int) -> list[Event]:
    return handmade.begun(number)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.dictionaries(st.sampled_from(["loss", "val_loss", "acc"]), FLOATS),
            st.booleans(),
        ),
        max_size=30,
    )
)
def test_any_cut_of_the_events_gives_the_same_curves(steps: list[Any]) -> None:
    frames, page, told = Frames("val_loss", "min"), Page(), {}
    frames.take([*handmade.started(), *(e for n in range(4) for e in begun(n))])
    counts = dict.fromkeys(range(4), 0)
    for trial, metrics, look in steps:
        counts[trial] += 1
        told[trial, counts[trial]] = metrics
        frames.take([epoch_ended(trial, counts[trial], **metrics)])
        if look:
            page.take(frames)
    page.take(frames)
    assert page.curves.keys() == told.keys()
    for key, metrics in told.items():
        for name in frames.metrics:
            value = metrics.get(name, math.nan)
            sent = page.curves[key].get(name, math.nan)
            assert np.array_equal(sent, value, equal_nan=True)
    for number, count in counts.items():
        assert page.trials[number]["epochs"] == count
        seen = [
            m.get("val_loss", math.nan) for (t, _), m in told.items() if t == number
        ]
        best = min((v for v in seen if not math.isnan(v)), default=None)
        assert page.trials[number]["objective"] == spell(best)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.dictionaries(
                st.sampled_from(["loss", "val_loss", "acc"]), st.floats(-1e300, 1e300)
            ),
        ),
        max_size=30,
    ),
    st.integers(0, 30),
)
def test_a_view_that_begins_late_is_sent_the_same(steps: list[Any], cut: int) -> None:
    begin = [*handmade.started(), *(e for n in range(4) for e in begun(n))]
    told: list[Event] = []
    for trial, metrics in steps:
        number = 1 + sum(event.trial == trial for event in told)
        told.append(epoch_ended(trial, number, **metrics))
    early, late = Page(), Page()
    frames = Frames("val_loss", "min")
    for event in [*begin, *told]:
        frames.take([event])
        early.take(frames)
    frames = Frames("val_loss", "min", handmade.fold(*begin, *told[:cut]))
    frames.take(told[cut:])
    late.take(frames)
    assert late.trials == early.trials
    assert spelled(late) == spelled(early)


def test_only_what_changed_is_sent_and_everything_on_demand() -> None:
    frames, page = Frames("val_accuracy", "max"), Page()
    frames.take([*handmade.started(), *begun(0), *begun(1)])
    page.take(frames)
    assert not frames.waiting
    frames.take([epoch_ended(1, 1, val_accuracy=0.5)])
    page.take(frames)
    frames.take([epoch_ended(1, 2, val_accuracy=0.75)])
    ((frame, records),) = list(frames.next({}))
    assert [row["trial"] for row in frame["trials"]] == [1]
    assert np.frombuffer(records, "<f4").tolist() == [1, 2, 1, 0.75]
    assert (frame["columns"], frame["pieces"]) == (["val_accuracy"], 1)
    assert frame["trials"][0]["objective"] == 0.75
    frames.again()
    other = Page()
    other.take(frames)
    assert set(other.trials) == {0, 1}
    assert set(other.curves) == {(1, 1), (1, 2)}


def test_a_trial_that_begins_anew_loses_its_old_curve() -> None:
    frames, page = Frames("val_loss", "min"), Page()
    frames.take([*handmade.started(), *begun(0)])
    frames.take([epoch_ended(0, n, val_loss=1.0) for n in (1, 2, 3)])
    page.take(frames)
    frames.take([*begun(0), epoch_ended(0, 1, val_loss=2.0)])
    page.take(frames)
    assert page.curves == {(0, 1): {"val_loss": 2.0}}


def test_numbers_that_json_does_not_know_are_spelled() -> None:
    frames, page = Frames("val_loss", "min"), Page()
    frames.take([*handmade.started(), *begun(0), *begun(1)])
    frames.take([handmade.ended(0, val_loss=math.inf)])
    frames.take([handmade.ended(1, state="failed", reason="<b>", val_loss=math.nan)])
    page.take(frames)
    assert [page.trials[n]["objective"] for n in (0, 1)] == ["inf", "nan"]
    assert page.trials[1]["reason"] == "<b>"


@pytest.mark.parametrize("end", ["gone", "over"])
def test_trials_that_a_run_left_do_not_run_for_ever(end: str) -> None:
    frames, page = Frames("val_loss", "min"), Page()
    frames.take([*handmade.started(), *begun(0)])
    page.take(frames)
    assert page.trials[0]["state"] == "running"
    if end == "over":
        frames.take([handmade.over()])
    page.take(frames, gone=end == "gone")
    assert page.trials[0]["state"] == ("interrupted" if end == "gone" else "failed")
    assert page.trials[0]["planned"] == 0


def test_a_large_run_comes_in_messages_of_half_a_megabyte() -> None:
    frames, page = Frames("val_loss", "min"), Page()
    frames.take([*handmade.started(), *(e for n in range(1500) for e in begun(n))])
    frames.take(
        epoch_ended(n, e, val_loss=n / e) for n in range(1500) for e in range(1, 101)
    )
    messages = list(frames.next({}))
    assert not frames.waiting
    assert [frame["reset"] for frame, _ in messages] == [True, False]
    assert [frame["more"] for frame, _ in messages] == [True, False]
    assert all(len(records) <= 2**19 for _, records in messages)
    frames.again()
    assert page.take(frames) == len(messages)
    assert len(page.trials) == 1500
    assert len(page.curves) == 150_000
    assert page.curves[1499, 100]["val_loss"] == np.float32(14.99)


def test_a_curve_may_be_longer_than_a_message() -> None:
    state, count = handmade.fold(*handmade.started(), *begun(0), *begun(1)), 200_000
    values = array("d", [v for n in range(count) for v in (n, -n, 0.1)])
    table = Table(("val_loss", "loss", "seconds"), values, {})
    state.trials[0].history = History.of(table)
    state.trials[1].history = History([{"val_loss": 7.0, "seconds": 0.1}])
    frames, page = Frames("val_loss", "min", state), Page()
    messages = list(frames.next({}))
    assert all(len(records) <= 2**19 for _, records in messages)
    # The objective first; what follows is another picture.
    assert [(frame["columns"], frame["more"]) for frame, _ in messages] == [
        (["val_loss"], True),
        (["val_loss"], True),
        (["val_loss"], False),
        (["loss"], True),
        (["loss"], True),
        (["loss"], False),
    ]
    frames.again()
    page.take(frames)
    assert len(page.curves) == count + 1
    assert page.curves[0, count] == {"val_loss": count - 1, "loss": 1 - count}
    assert page.curves[1, 1]["val_loss"] == 7.0


def test_the_late_write_of_an_earlier_attempt_is_ignored() -> None:
    frames, page = Frames("val_loss", "min"), Page()
    frames.take([*handmade.started(), *begun(0)])
    frames.take(handmade.started(attempt=2))
    frames.take([epoch_ended(0, 1, val_loss=1.0)])
    page.take(frames)
    assert page.curves == {}
    assert page.trials[0]["state"] == "failed"
