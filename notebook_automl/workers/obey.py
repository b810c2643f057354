"""What a person asks of a run that runs: stop, pause, resume, extend."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from notebook_automl.record import events
from notebook_automl.record.commands import Command
from notebook_automl.workers.budget import budget_text, is_more

if TYPE_CHECKING:
    from notebook_automl.workers.attempt import Attempt

# Stops that cross within this are one.
_AT_ONCE_S = 10.0
_Answer = tuple[bool, str]


@dataclass
class End:
    """How the run is to end, once somebody or something has said so.

    Args:
        state: As in `RunEnded`.
        reason: Why.
        kill_at_s: When what still runs is ended, on the steady clock.
        word: What trials are told: "stop" after their epoch, or "cut" at once.
        asked_s: When a person has said so, in Unix seconds; None if nobody has.
    """

    state: str
    reason: str
    kill_at_s: float = math.inf
    word: str = "cut"
    asked_s: float | None = None


def obey(attempt: Attempt, command: Command) -> None:
    """Carry out a command and acknowledge it.

    Args:
        attempt: Who is asked.
        command: What is asked.
    """
    verb = _VERBS.get(command.verb)
    if verb is None:
        accepted, answer = False, f"cannot be read as a command ({command.verb})"
    elif command.verb != "extend" and _sent_s(command) < attempt.before_s:
        accepted, answer = False, "was meant for a supervisor that is gone"
    else:
        accepted, answer = verb(attempt, command)
    attempt.emit(
        events.CommandAcknowledged,
        command=command.id,
        verb=command.verb,
        accepted=accepted,
        message=answer,
    )


def _stop(attempt: Attempt, command: Command) -> _Answer:
    now_s = attempt.clock.wall()
    end = End("stopped", "stopped by the person", math.inf, "stop", now_s)
    before_s = None if attempt.end is None else attempt.end.asked_s
    if before_s is not None and 0 <= before_s - _sent_s(command) < _AT_ONCE_S:
        # Two kernels at once mean one stop; who asks again has seen the answer.
        return True, "is stopping already; another stop ends what runs at once"
    if before_s is not None or attempt.state.stage != "searching":
        attempt.stop_with(replace(end, kill_at_s=-math.inf))
        return True, "what runs is ended at once"
    attempt.stop_with(end)
    return True, "running trials end after their epoch"


def _pause(attempt: Attempt, _: Command) -> _Answer:
    if attempt.end is not None:
        return False, "the run is ending"
    if attempt.paused:
        return True, "is paused already"
    attempt.paused = True
    attempt.budget.hold()
    attempt.pool.hold()
    attempt.emit(events.RunPaused)
    return True, "running trials hold after their epoch; the budget's clock stands"


def _resume(attempt: Attempt, _: Command) -> _Answer:
    if not attempt.paused:
        return True, "is not paused"
    attempt.pool.go()
    attempt.go_on()
    return True, "goes on"


def _extend(attempt: Attempt, command: Command) -> _Answer:
    budget = {"minutes": attempt.budget.minutes, "trials": attempt.trials}
    more = command.arguments
    given = {name: value for name, value in more.items() if value is not None}
    for name, value in given.items():
        if budget.get(name) is None or not is_more(name, value):
            return False, f"cannot add {name}={value!r} to a budget of {budget}"
    minutes, attempt.trials = (
        value and value + given.get(name, 0) for name, value in budget.items()
    )
    attempt.budget.minutes = minutes
    attempt.emit(events.BudgetChanged, minutes=minutes, trials=attempt.trials)
    if attempt.end is not None and attempt.end.state == "completed":
        attempt.end = None
    return True, f"the budget is {budget_text(minutes, attempt.trials)}"


_VERBS: dict[str, Callable[[Attempt, Command], _Answer]] = {
    "stop": _stop,
    "pause": _pause,
    "resume": _resume,
    "extend": _extend,
}


def _sent_s(command: Command) -> float:
    """When a command was sent, in Unix seconds; a foreign one counts as new."""
    nanoseconds, _, _ = command.id.partition("-")
    return int(nanoseconds) / 1e9 if nanoseconds.isdecimal() else math.inf
