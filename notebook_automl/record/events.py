"""What can happen in a run: one dataclass a kind, one line of JSON an event.

JSON has no NaN and no infinity: where a float stands they are the strings ``"nan"``,
``"inf"`` and ``"-inf"``, and reading makes them floats again. A trial's values may be
texts as well; there they are ``{"$float": "nan"}``.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

from notebook_automl.record.files import decode, encode

EndState = Literal["completed", "stopped", "failed"]
# A pruned trial gave way to better ones; a skipped one was never built.
TrialEndState = Literal["completed", "stopped", "pruned", "skipped", "failed"]
# What else stands on the leaderboard, under a name instead of a number.
EntryRole = Literal["baseline", "ensemble"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened at ``time_s`` (Unix seconds) in the run's attempt."""

    kind: ClassVar[str]
    time_s: float
    attempt: int


@dataclass(frozen=True, kw_only=True)
class TrialEvent(Event):
    """Something that happened to one trial, known by its number from 0."""

    trial: int


@dataclass(frozen=True, kw_only=True)
class EntryEvent(Event):
    """Something that happened to an entry that is no trial, known by its name."""

    name: str


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    """A supervisor began; a resumed run has one for every attempt."""

    kind: ClassVar[str] = "run_started"
    host: str
    pid: int
    device: str
    workers: int
    versions: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class WorkerJoined(Event):
    """A worker of a cluster is used from now on; ``device`` is what it trains on."""

    kind: ClassVar[str] = "worker_joined"
    worker: str
    device: str


@dataclass(frozen=True, kw_only=True)
class WorkerRefused(Event):
    """A worker of a cluster cannot be used: why, and what to type."""

    kind: ClassVar[str] = "worker_refused"
    worker: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class WorkerLeft(Event):
    """A worker of a cluster is gone."""

    kind: ClassVar[str] = "worker_left"
    worker: str


@dataclass(frozen=True, kw_only=True)
class StageEntered(Event):
    """The supervisor went on, say to "loading Keras" or "searching"."""

    kind: ClassVar[str] = "stage_entered"
    stage: str


@dataclass(frozen=True, kw_only=True)
class TrialStarted(TrialEvent):
    """A worker took a trial."""

    kind: ClassVar[str] = "trial_started"
    worker: str


@dataclass(frozen=True, kw_only=True)
class TrialBuilt(TrialEvent):
    """The trial's model is known: the proposed values, the number of weights, the
    operations of one sample's way forward, and the memory of a training step."""

    kind: ClassVar[str] = "trial_built"
    values: dict[str, str | int | float | bool]
    parameters: int
    flops: int | None = None
    memory_mib: float | None = None


@dataclass(frozen=True, kw_only=True)
class EpochEnded(TrialEvent):
    """Epoch ``epoch`` (from 1) of ``epochs`` planned ones took ``seconds``.

    With folds, ``epoch`` goes on counting from one to the next, and ``fold`` is the
    number of its fold, from 1.
    """

    kind: ClassVar[str] = "epoch_ended"
    epoch: int
    epochs: int
    metrics: dict[str, float]
    seconds: float
    fold: int | None = None


@dataclass(frozen=True, kw_only=True)
class TrialRetried(TrialEvent):
    """What the trial has done counts for nothing: it begins anew, and why."""

    kind: ClassVar[str] = "trial_retried"
    reason: str


@dataclass(frozen=True, kw_only=True)
class TrialEnded(TrialEvent):
    """A trial is over; ``metrics`` are the best epoch's, ``epochs`` were trained."""

    kind: ClassVar[str] = "trial_ended"
    state: TrialEndState
    reason: str
    metrics: dict[str, float]
    best_epoch: int | None
    epochs: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class TestScored(TrialEvent):
    """The chosen trial's metrics on the test rows."""

    __test__: ClassVar[bool] = False  # pytest takes Test... for a test class
    kind: ClassVar[str] = "test_scored"
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class ParameterMet(Event):
    """A parameter of the search space was asked for the first time: what it may be."""

    kind: ClassVar[str] = "parameter_met"
    parameter: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class EntryEnded(EntryEvent):
    """A baseline or an ensemble is done; one that is skipped does not compete.

    ``weights`` says how often each member of an ensemble counts, by its number.
    """

    kind: ClassVar[str] = "entry_ended"
    role: EntryRole
    state: TrialEndState
    reason: str
    metrics: dict[str, float]
    weights: dict[str, int]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class EntryScored(EntryEvent):
    """A baseline's or an ensemble's metrics on the test rows."""

    kind: ClassVar[str] = "entry_scored"
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class CommandAcknowledged(Event):
    """The supervisor took or refused a command, and says why."""

    kind: ClassVar[str] = "command_acknowledged"
    command: str
    verb: str
    accepted: bool
    message: str


@dataclass(frozen=True, kw_only=True)
class RunPaused(Event):
    """No new trials; the budget's clock stands."""

    kind: ClassVar[str] = "run_paused"


@dataclass(frozen=True, kw_only=True)
class RunResumed(Event):
    """The run goes on after a pause."""

    kind: ClassVar[str] = "run_resumed"


@dataclass(frozen=True, kw_only=True)
class BudgetChanged(Event):
    """The whole budget from now on; ``None`` is without limit."""

    kind: ClassVar[str] = "budget_changed"
    minutes: float | None
    trials: int | None


@dataclass(frozen=True, kw_only=True)
class ClockRead(Event):
    """So much of the budget is spent, whatever the clock on the wall says: told when a
    run begins, and when that clock was set or the machine slept."""

    kind: ClassVar[str] = "clock_read"
    spent_s: float


@dataclass(frozen=True, kw_only=True)
class RunEnded(Event):
    """The supervisor is done."""

    kind: ClassVar[str] = "run_ended"
    state: EndState
    reason: str


_KINDS: dict[str, type[Event]] = {
    kind.kind: kind
    for kind in (
        *Event.__subclasses__(),
        *TrialEvent.__subclasses__(),
        *EntryEvent.__subclasses__(),
    )
    if kind not in (TrialEvent, EntryEvent)
}
# Annotations as written above: the places where a text can only be a spelled float.
_FLOATS = {"float", "float | None", "dict[str, float]"}
# Each field's name, and whether it is such a place; a million lines ask for it.
_FIELDS = {
    kind: tuple((field.name, field.type in _FLOATS) for field in fields(kind))
    for kind in _KINDS.values()
}


def to_line(event: Event) -> str:
    """Write an event as one line of strict JSON in ASCII, with its newline."""
    record: dict[str, Any] = {"kind": event.kind}
    for name, is_float in _FIELDS[type(event)]:
        value = getattr(event, name)
        record[name] = spell(value) if is_float else encode(value)
    return json.dumps(record, allow_nan=False, separators=(",", ":")) + "\n"


def from_line(line: str) -> Event | None:
    """Read an event.

    Args:
        line: What ``to_line`` wrote. Fields that this version does not know are left
            out, so that an old reader survives a new file.

    Returns:
        The event, or ``None`` for a kind that this version does not know.

    Raises:
        ValueError: The line is damaged.
    """
    # The hook is called for each object, and few lines need it.
    hook = decode if "$float" in line else None
    record = json.loads(line, object_hook=hook)
    if not isinstance(record, dict) or not isinstance(record.get("kind"), str):
        raise ValueError(f"expected an object with a kind, got {line[:80]!r}")
    kind = _KINDS.get(record["kind"])
    if kind is None:
        return None
    try:
        return kind(
            **{
                name: _restore(record[name]) if is_float else record[name]
                for name, is_float in _FIELDS[kind]
                if name in record
            }
        )
    except (TypeError, OverflowError) as error:
        raise ValueError(f"damaged {kind.kind}: {error}") from error


def spell(value: Any) -> Any:
    """Write numbers as JSON has them, NaN and infinities as texts.

    Args:
        value: A float, None, or a dict of them.
    """
    if value is None:
        return None
    if isinstance(value, dict):
        return {key: spell(item) for key, item in value.items()}
    number = float(value)
    return number if math.isfinite(number) else str(number)


def _restore(value: Any) -> Any:
    if isinstance(value, float) or value is None:
        return value
    if isinstance(value, dict):
        return {key: _restore(item) for key, item in value.items()}
    return float(value)
