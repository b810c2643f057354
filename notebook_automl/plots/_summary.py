"""A run in one look: collected from its record, then written as text or HTML.

Names, stages and reasons may hold anything. What is collected is one printable line
each, so that no text can move a terminal's cursor; HTML escapes it once more.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any, Literal

from notebook_automl.plots._table import Column, html_table, text_lines
from notebook_automl.record.front import front, objectives
from notebook_automl.record.reader import RunState
from notebook_automl.record.trial import TrialState

_MOST_ROWS = 10
_MOST_RUNNING = 2
_REASON_WIDTH = 200
_NEXT = {
    "paused": "Type run.resume() to go on.",
    "interrupted": "Its supervisor is gone. Type run.resume() to go on.",
}
# What stands beside the name of an entry that is no trial.
_ROLES = {"trial": "", "baseline": "baseline", "ensemble": "ensemble"}


@dataclass(frozen=True)
class Row:
    """One trial, or another entry of the leaderboard.

    Args:
        trial: Its number, or the entry's name.
        role: "trial", "baseline" or "ensemble".
        state: As in `TrialState`, or "interrupted".
        objective: The best epoch's, of a running trial the best so far.
        spread: Its standard deviation over the folds; None without folds.
        test: The same metric on the test rows, of the chosen trial.
        epochs: How many were trained.
        planned: How many a running trial may still reach; 0 for any other.
        seconds: How long it ran.
        parameters: Weights of its model.
        reason: Why it did not complete.
        front: Whether no other trial beats it in both objectives, if there are two.
    """

    trial: int | str
    role: str
    state: str
    objective: float | None
    spread: float | None
    test: float | None
    epochs: int
    planned: int
    seconds: float
    parameters: int | None
    reason: str
    front: bool = False

    @property
    def score(self) -> str:
        """The objective, with its spread over the folds if there are any."""
        spread = "" if self.spread is None else f" ± {number_text(self.spread)}"
        return number_text(self.objective) + spread

    @property
    def progress(self) -> str:
        """Epochs trained, of a running trial also the planned ones."""
        if self.role != "trial":
            return ""
        return f"{self.epochs}/{self.planned}" if self.planned else f"{self.epochs}"


@dataclass(frozen=True)
class Summary:
    """What is known of a run at one moment.

    Args:
        name: The run's name.
        status: One word, as `Run.status`.
        stage: What a run that starts or runs is at.
        note: Why it ended, or what to type to go on.
        metric: The objective, such as "val_accuracy".
        spent_s: Seconds that the budget's clock ran.
        minutes: The budget of time; None is without limit.
        trials: The budget of trials; None is without limit.
        best: The best finished trial.
        rows: All trials and other entries, the best first, then what runs, then what
            failed.
        behind: That no trial is better than a baseline, where that is so.
    """

    name: str
    status: str
    stage: str
    note: str
    metric: str
    spent_s: float
    minutes: float | None
    trials: int | None
    best: Row | None
    rows: tuple[Row, ...]
    behind: str = ""

    @property
    def tried(self) -> tuple[Row, ...]:
        """The trials alone, the best first."""
        return tuple(row for row in self.rows if row.role == "trial")

    @property
    def running(self) -> tuple[Row, ...]:
        """The trials that run, by number."""
        running = (row for row in self.tried if row.state == "running")
        return tuple(sorted(running, key=lambda row: int(row.trial)))

    @property
    def ended(self) -> int:
        """How many trials are over."""
        return len(self.tried) - len(self.running)

    def line(self) -> str:
        """One line of progress."""
        note = f" ({self.note.rstrip('.')})" if self.note else ""
        parts = [(self.stage or self.status) + note]
        if self.tried and self.stage == "searching":
            parts = []
        if self.ended:
            parts.append(self._trials(self.ended))
        if self.best is not None:
            value, trial = self.best.score, self.best.trial
            parts.append(f"best {self.metric} {value} (trial {trial})")
        if self.running:
            parts.append(f"running: {_running(self.running)}")
        return ", ".join([*parts, self._time()])

    def text(self) -> str:
        """A few lines and the leaderboard."""
        lines = [f"{self.name}: {self._state()}, {self._time()}"]
        lines += [line for line in (self.note, self.behind) if line]
        if self.rows:
            lines += [self._count(), "", *text_lines(self._columns(_MOST_ROWS))]
        return "\n".join([*lines, self._more(_MOST_ROWS)]).rstrip("\n")

    def html(self, most: int = _MOST_ROWS) -> str:
        """The same for a page; colours and fonts are the page's own.

        Args:
            most: How many rows the leaderboard may have.
        """
        head = f"{self._state()}, {self._time()}"
        lines = [f"<p><strong>{escape(self.name)}</strong>: {escape(head)}</p>"]
        for line in filter(None, (self.note, self.behind)):
            lines.append(f"<p>{escape(line)}</p>")
        if self.rows:
            lines += html_table(self._columns(most), self._count())
        if self._more(most):
            lines.append(f"<p>{escape(self._more(most))}</p>")
        return "\n".join(["<div>", *lines, "</div>"])

    def _state(self) -> str:
        new = self.stage not in ("", self.status)
        return f"{self.status}: {self.stage}" if new else self.status

    def _time(self) -> str:
        budget = f" of {_clock(self.minutes * 60)}" if self.minutes else ""
        return _clock(self.spent_s) + budget

    def _trials(self, number: int) -> str:
        if self.trials is not None:
            return f"{number} of {self.trials} trials"
        return f"{number} trial{'s' * (number != 1)}"

    def _count(self) -> str:
        words = {"completed": "finished", "stopped": "finished"}
        counts = Counter(words.get(row.state, row.state) for row in self.tried)
        each = [f"{number} {word}" for word, number in counts.items()]
        return ": ".join(
            [self._trials(len(self.tried)), *filter(None, [", ".join(each)])]
        )

    def _more(self, most: int) -> str:
        hidden = len(self.rows) - most
        return f"and {hidden} more: run.leaderboard()" if hidden > 0 else ""

    def _columns(self, most: int) -> list[Column]:
        """The leaderboard's columns, without those that nothing is known of."""
        rows = self.rows[:most]
        test = "test_" + self.metric.removeprefix("val_")
        columns = [
            Column("trial", [str(row.trial) for row in rows]),
            Column("role", [_ROLES[row.role] for row in rows], text=True),
            Column("state", [row.state for row in rows], text=True),
            Column(self.metric, [row.score for row in rows]),
            Column("front", ["yes" if row.front else "" for row in rows], text=True),
            Column(test, [number_text(row.test) for row in rows]),
            Column("epochs", [row.progress for row in rows]),
            Column("seconds", [f"{row.seconds:.1f}" for row in rows]),
            Column("parameters", [_count(row.parameters) for row in rows]),
            Column("reason", [row.reason for row in rows], text=True),
        ]
        return [column for column in columns if any(column.cells)]


def summary(
    state: RunState,
    status: str,
    search: Mapping[str, Any],
    name: str,
    metric: str,
    mode: Literal["max", "min"],
    now_s: float | None = None,
) -> Summary:
    """Collect what a run shows.

    Args:
        state: The run's record, folded.
        status: One word, as `Run.status`.
        search: What was asked for; its budget holds until the record has another.
        name: The run's name.
        metric: The objective.
        mode: Whether more or less of it is better.
        now_s: Unix seconds now, by default the clock's.
    """
    live = status in ("starting", "running")
    clock_s = (time.time() if now_s is None else now_s) if live else None
    minutes, trials = budget(state, search)
    ordered = state.board(metric, mode)
    sought = objectives(search) if search.get("second") else ()
    ahead = {trial.number for trial in front(state, sought)} if sought else set()
    best = state.best(metric, mode)
    return Summary(
        name=_one_line(name),
        status=status,
        stage=stage(state) if live else "",
        note=_one_line(_NEXT.get(status, state.left_out if live else state.reason)),
        metric=metric,
        spent_s=state.spent_s(clock_s),
        minutes=minutes,
        trials=trials,
        best=None if best is None else _row(best, status, metric, mode),
        rows=tuple(
            replace(_row(trial, status, metric, mode), front=trial.number in ahead)
            for trial in ordered
        ),
        behind=behind(state, metric, mode),
    )


def behind(state: RunState, metric: str, mode: Literal["max", "min"]) -> str:
    """Say that no trial is better than the best baseline, where that is so.

    Args:
        state: The run's record.
        metric: The objective.
        mode: Whether more or less of it is better.
    """
    best, baseline = state.best(metric, mode), state.baseline(metric, mode)
    if best is None or baseline is None:
        return ""
    mine, simple = best.metrics[metric], baseline.metrics[metric]
    if (mine > simple) if mode == "max" else (mine < simple):
        return ""
    so_far = "No trial is" if state.ended_s is not None else "So far no trial is"
    return (
        f"{so_far} better than the {_one_line(baseline.title)}: {metric} "
        f"{number_text(mine)} (trial {best.number}), {number_text(simple)} "
        f"(baseline)."
    )


def printable(line: str) -> str:
    """Spell out control characters, so that a terminal shows and does not obey them.

    Args:
        line: Anything.
    """
    if line.isprintable():
        return line
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii")
        for c in line
    )


def number_text(value: float | None) -> str:
    """A metric, as all that is shown spells it.

    Args:
        value: The metric; nothing is spelled of None.
    """
    if value is None:
        return ""
    plain = value == 0 or 1e-3 <= abs(value) < 1e6
    return f"{value:.4f}" if plain else f"{value:.3e}"


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))


def _row(
    trial: TrialState, status: str, metric: str, mode: Literal["max", "min"]
) -> Row:
    running = trial.state == "running"
    gone = running and status == "interrupted"
    reason = _one_line(trial.reason)
    return Row(
        trial=_one_line(trial.name) or trial.number,
        role=trial.role,
        state="interrupted" if gone else trial.state,
        objective=trial.objective(metric, mode),
        spread=trial.metrics.get(f"{metric}_std"),
        test=trial.test.get(metric.removeprefix("val_")),
        epochs=trial.epochs_trained,
        planned=trial.epochs if running else 0,
        seconds=trial.seconds,
        parameters=trial.parameters,
        reason=reason[:_REASON_WIDTH] + "..." * (len(reason) > _REASON_WIDTH),
    )


def budget(
    state: RunState, search: Mapping[str, Any]
) -> tuple[float | None, int | None]:
    """The budget in minutes and in trials; None is without limit.

    Args:
        state: The run's record, whose budget holds once it has one.
        search: What was asked for.
    """
    if state.minutes is not None or state.trials_budget is not None:
        return state.minutes, state.trials_budget
    return search.get("minutes"), search.get("trials")


def stage(state: RunState) -> str:
    """What a run that starts or runs is at.

    Args:
        state: The run's record.
    """
    if state.ended_s is not None:
        return "starting"  # a new supervisor has not said anything yet
    return _one_line(state.stage)


def _running(rows: tuple[Row, ...]) -> str:
    shown = [
        f"trial {row.trial}" + f" epoch {row.progress}" * bool(row.planned)
        for row in rows[:_MOST_RUNNING]
    ]
    hidden = len(rows) - len(shown)
    return ", ".join([*shown, f"{hidden} more"] if hidden else shown)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"
