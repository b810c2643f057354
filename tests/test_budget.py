"""What a run may take, and which trials are tried again: the rules alone."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notebook_automl.workers.budget import Budget, Clock, Costs
from notebook_automl.workers.retry import for_memory, memory_kills, next_try
from notebook_automl.workers.running import Patience, Running


class Hands:
    """The hands of two clocks, turned by the test."""

    def __init__(self) -> None:
        self.wall_s, self.steady_s = 1.7e9, 50.0

    def clock(self) -> Clock:
        return Clock(lambda: self.wall_s, lambda: self.steady_s)

    def wait(self, seconds: float) -> None:
        self.wall_s += seconds
        self.steady_s += seconds


SECONDS = st.floats(0, 1e6)
MOVES = st.tuples(st.sampled_from(["wait", "set", "hold"]), st.floats(-1e7, 1e7))


@given(st.lists(MOVES))
def test_only_what_goes_by_is_spent(moves: list[tuple[str, float]]) -> None:
    """Whatever is done to the clock on the wall, and however long a pause."""
    hands = Hands()
    budget, went_by_s = Budget(10, 3.0, hands.clock()), 3.0
    for kind, seconds in moves:
        if kind == "wait":
            hands.wait(abs(seconds))
            went_by_s += abs(seconds)
        elif kind == "set":
            hands.wall_s += seconds
            assert budget.was_set() == (abs(seconds) > 1.0)
        else:
            budget.hold()
            hands.wait(abs(seconds))
            budget.go()
        assert budget.spent_s() == pytest.approx(went_by_s)
        assert not budget.was_set() or kind == "set"
        assert budget.left_s() == pytest.approx(600 - went_by_s)


def test_a_budget_without_minutes_never_ends() -> None:
    budget = Budget(None, 1e9, Hands().clock())
    assert budget.left_s() == math.inf


@pytest.mark.parametrize(("minutes", "late_s"), [(0.1, 5), (1, 5), (10, 30)])
def test_five_per_cent_or_five_seconds(minutes: float, late_s: float) -> None:
    assert Budget(minutes, 0, Hands().clock()).late_s() == late_s


def test_another_trial_must_pay() -> None:
    costs = Costs()
    assert costs.worth_s() == 0  # nothing is known, so it is tried
    costs.first_epoch(2.0)
    assert costs.worth_s() == 2.0
    for seconds in (4.0, 10.0, 30.0):
        costs.ended(seconds)
    assert costs.worth_s() == 5.0  # half of what the usual one takes


def test_the_end_of_a_run_has_its_own_cost() -> None:
    costs = Costs(test_share=2.0)
    before_s = costs.scoring_s()
    costs.validation(3.0, ready_s=1.5)
    assert costs.scoring_s() == before_s + 2 * 3.0 + 1.5


def test_an_epoch_is_due_when_its_batches_say() -> None:
    running, costs = Running(0, 100.0), Costs()
    assert running.rest_s(100.0) == 0  # nothing is known
    told = {"gap_s": 0.2, "first_s": 1.0, "validation_s": None}
    running.pace(110.0, told | {"rest_s": 60.0}, costs)
    assert running.rest_s(115.0) == 55.0
    assert (
        running.unable(30.4) == "30 s were left, and its first epoch takes about 60 s"
    )
    running.epoch(170.0, 62.0, costs)
    assert (running.rest_s(170.0), costs.worth_s()) == (62.0, 70.0)
    assert running.unable(9) == "9 s were left, and an epoch takes about 62 s"
    running.go(500.0)  # after a pause
    assert running.rest_s(500.0) == 62.0


def test_who_hangs_is_told_from_who_is_slow() -> None:
    patience = Patience(first_s=100, least_s=10, times=5)
    running = Running(0, 0.0)
    assert not running.hangs(100.0, patience)
    assert running.hangs(101.0, patience).endswith("before its first batch")
    told = {"gap_s": 0.1, "first_s": 1.0, "validation_s": None}
    running.hear(50.0)
    running.pace(50.0, told, Costs())
    assert not running.hangs(60.0, patience)
    assert "no batch for 11 s" in running.hangs(61.0, patience)
    running.pace(50.0, told | {"gap_s": 4.0}, Costs())  # batches of four seconds
    assert not running.hangs(70.0, patience)
    assert "had taken 4 s" in running.hangs(71.0, patience)


MEMORY = [
    "MemoryError: ",
    "_ArrayMemoryError: Unable to allocate 7 GiB for an array",
    "ResourceExhaustedError: OOM when allocating tensor (in <cell train>, line 4)",
    "XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory allocating 17 bytes.",
    "OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB",
    "its worker process ended abruptly: out of memory",
]
OTHER = ["its worker process ended abruptly", "ValueError: no memory of that", ""]


@pytest.mark.parametrize("reason", MEMORY)
def test_too_little_memory_is_told_by_every_backend(reason: str) -> None:
    assert for_memory(reason)
    first = next_try(Running(7, 1.0), reason, 2.0)
    assert first and (first.number, first.alone, first.halvings) == (7, True, 0)
    second = next_try(first, reason, 3.0)
    assert second and (second.alone, second.halvings) == (True, 1)
    assert second.notes == [
        f"tried again alone, because {reason}",
        f"tried again with half the batch, because {reason}",
    ]
    assert next_try(second, reason, 4.0) is None


@pytest.mark.parametrize("reason", OTHER)
def test_another_death_is_tried_again_once(reason: str) -> None:
    assert not for_memory(reason)
    again = next_try(Running(7, 1.0), reason, 2.0)
    assert again and (again.alone, again.halvings) == (False, 0)
    assert next_try(again, reason, 3.0) is None


def test_half_a_batch_stays_half_when_its_worker_dies() -> None:
    half = Running(7, 1.0, short=2, alone=True, halvings=1)
    again = next_try(half, OTHER[0], 2.0)
    assert again and (again.alone, again.halvings, again.short) == (True, 1, 2)


def test_the_machine_counts_what_it_ends() -> None:
    assert memory_kills() >= 0
