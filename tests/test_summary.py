"""What a run shows: the collected numbers, and that no text in it can do harm."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from typing import Any, Literal

import pytest
from handmade import begun, ended, fold, happened, over, started

from notebook_automl.api.leaderboard import leaderboard
from notebook_automl.plots._summary import Summary, summary
from notebook_automl.record import events as kinds
from notebook_automl.record.events import Event

NAN, INF = math.nan, math.inf
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a\nb\r\nc\td",
    "\x1b[2J\x1b[31mred",
    "\u202egnp.exe",
    "\ud800",
    "&amp; 'quoted' <b>",
    "",
]


def of(*events: Event, status: str = "", **asked: Any) -> Summary:
    """The summary of these events, 84 seconds after the run began."""
    state = fold(*events)
    return summary(
        state,
        status or state.state,
        {"minutes": 10.0, "trials": None, **asked.pop("search", {})},
        name=asked.get("name", "iris-1"),
        metric="val_accuracy",
        mode=asked.get("mode", "max"),
        now_s=84.0,
    )


def search(*, accuracies: list[float], **asked: Any) -> Summary:
    """A run that is at its next trial."""
    trials = [
        event
        for number, value in enumerate(accuracies)
        for event in (
            *begun(number, epochs=1, val_accuracy=value),
            ended(number, val_accuracy=value),
        )
    ]
    return of(*started(), *trials, **asked)


class Page(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.depth = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.depth += 1

    def handle_endtag(self, tag: str) -> None:
        self.depth -= 1

    def handle_data(self, data: str) -> None:
        self.text += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def test_the_first_second_shows_a_stage() -> None:
    nothing = of()
    assert (nothing.status, nothing.stage, nothing.rows) == ("starting", "starting", ())
    assert nothing.line() == "starting, 0:00 of 10:00"
    assert nothing.text() == "iris-1: starting, 0:00 of 10:00"
    assert Page(nothing.html()).count("table") == 0


def test_a_stage_is_shown() -> None:
    stage = happened(kinds.StageEntered, 3.0, stage="preparing data")
    shown = of(started()[0], stage)
    assert shown.line() == "preparing data, 1:24 of 10:00"
    assert "starting: preparing data" in shown.text()


def test_a_line_of_progress() -> None:
    trials = [ended(n, val_accuracy=0.9812 if n == 7 else 0.5) for n in range(12)]
    running = begun(12, epochs=3, val_accuracy=0.7)
    assert of(*started(), *trials, *running).line() == (
        "12 trials, best val_accuracy 0.9812 (trial 7), "
        "running: trial 12 epoch 3/50, 1:24 of 10:00"
    )


def test_many_running_trials_are_counted() -> None:
    running = [event for number in range(5) for event in begun(number)]
    line = of(*started(), *running).line()
    assert "running: trial 0, trial 1, 3 more" in line


def test_the_best_comes_first_and_equal_ones_in_order() -> None:
    shown = search(accuracies=[0.5, 0.9, 0.7, 0.9])
    assert [row.trial for row in shown.rows] == [1, 3, 2, 0]
    assert shown.best is not None
    assert shown.best.trial == 1


def test_less_may_be_better() -> None:
    shown = search(accuracies=[0.5, 0.9, 0.1], mode="min")
    assert [row.trial for row in shown.rows] == [2, 0, 1]
    assert shown.best is not None
    assert shown.best.trial == 2


@pytest.mark.parametrize("mode", ["max", "min"])
def test_there_is_one_order(mode: Literal["max", "min"]) -> None:
    state = fold(
        *started(),
        ended(0, state="failed", reason="no memory"),
        *begun(1),
        *begun(2, epochs=1, val_accuracy=0.5),
        *begun(3, epochs=1, val_accuracy=0.25),
        ended(4, val_accuracy=NAN),
        ended(5, val_accuracy=-INF),
        ended(6, state="stopped", val_accuracy=0.5),
        ended(7, val_accuracy=0.5),
        ended(8),
        ended(9, val_accuracy=INF),
    )
    finished = [9, 6, 7, 5] if mode == "max" else [5, 6, 7, 9]
    running = [2, 3] if mode == "max" else [3, 2]
    expected = [*finished, 4, 8, *running, 1, 0]
    ordered = state.ordered("val_accuracy", mode)
    assert [trial.number for trial in ordered] == expected
    ranked = state.ranked("val_accuracy", mode)
    assert [trial.number for trial in ranked] == finished
    assert state.best("val_accuracy", mode) is ranked[0]
    shown = summary(state, "running", {}, "iris", "val_accuracy", mode, 84.0)
    assert [row.trial for row in shown.rows] == expected
    assert list(leaderboard(state, "val_accuracy", mode)["trial"]) == expected


@pytest.mark.parametrize("mode", ["max", "min"])
def test_nan_never_wins(mode: str) -> None:
    shown = search(accuracies=[NAN, 0.5, NAN], mode=mode)
    assert [row.trial for row in shown.rows] == [1, 0, 2]
    assert shown.best is not None
    assert shown.best.trial == 1
    assert "nan" in shown.text()


def test_infinite_and_tiny_metrics_can_be_read() -> None:
    text = search(accuracies=[INF, -INF, 1.5e-7, 2.5e9, 0.0]).text()
    for number in ("inf", "-inf", "1.500e-07", "2.500e+09", "0.0000"):
        assert number in text


def test_running_trials_stand_between_finished_and_failed_ones() -> None:
    shown = of(
        *started(),
        ended(0, state="failed", reason="no memory"),
        *begun(1, epochs=2, val_accuracy=0.99),
        ended(2, state="stopped", val_accuracy=0.5),
    )
    assert [(row.trial, row.state) for row in shown.rows] == [
        (2, "stopped"),
        (1, "running"),
        (0, "failed"),
    ]
    assert shown.rows[1].objective == 0.99
    assert shown.rows[1].progress == "2/50"
    assert (shown.ended, [row.trial for row in shown.running]) == (2, [1])
    assert "3 trials: 1 finished, 1 running, 1 failed" in shown.text()
    assert "no memory" in shown.text()


def test_a_run_whose_trials_all_failed_has_no_best() -> None:
    shown = of(*started(), *[ended(n, state="failed", reason="x") for n in range(3)])
    assert shown.best is None
    assert "best" not in shown.line()
    assert "3 failed" in shown.text()


def test_the_test_metric_of_the_chosen_trial() -> None:
    trials = [ended(n, val_accuracy=0.5 + n / 10) for n in range(2)]
    scored = happened(kinds.TestScored, 80.0, trial=1, metrics={"accuracy": 0.4321})
    shown = of(*started(), *trials, scored)
    assert [row.test for row in shown.rows] == [0.4321, None]
    assert "test_accuracy" in shown.text()
    assert "test_accuracy" not in of(*started(), *trials).text()


def test_ten_trials_and_how_many_more() -> None:
    shown = search(accuracies=[n / 100 for n in range(23)])
    assert len(shown.rows) == 23
    assert Page(shown.html()).count("tr") == 11
    assert "and 13 more" in shown.text()
    assert "and 13 more" in shown.html()
    assert "more" not in search(accuracies=[0.5] * 10).text()


def test_budgets() -> None:
    trials = {"search": {"minutes": None, "trials": 20}}
    assert "2 of 20 trials" in search(accuracies=[0.5, 0.6], **trials).line()
    assert "1:24 of" not in search(accuracies=[0.5], **trials).line()
    extended = happened(kinds.BudgetChanged, 3.0, minutes=75.0, trials=None)
    assert of(*started(), extended).line().endswith("1:24 of 1:15:00")


def test_a_pause_stops_the_clock_and_says_what_to_type() -> None:
    shown = of(*started(), happened(kinds.RunPaused, 30.0))
    assert shown.spent_s == 30.0
    assert "run.resume()" in shown.text()
    assert "run.resume()" in shown.html()


def test_an_interrupted_run_says_what_to_type() -> None:
    trial = begun(0, epochs=1, val_accuracy=0.5)
    shown = of(*started(), *trial, status="interrupted")
    assert shown.spent_s == 2.0  # until its last sign of life
    assert shown.rows[0].state == "interrupted"
    assert shown.running == ()
    for text in (shown.text(), shown.html(), shown.line()):
        assert "run.resume()" in text


@pytest.mark.parametrize("state", ["completed", "stopped", "failed"])
def test_an_end_shows_its_reason(state: str) -> None:
    shown = of(*started(), over(61.0, state=state, reason="<budget> was spent"))
    assert shown.spent_s == 61.0
    assert shown.line() == f"{state} (<budget> was spent), 1:01 of 10:00"
    assert "<budget> was spent" in shown.text()
    assert "&lt;budget&gt; was spent" in shown.html()


def test_a_new_supervisor_starts_anew() -> None:
    events = [*started(), over(60.0, reason="the old reason")]
    launched = of(*events, status="starting")
    assert launched.line() == "starting, 1:00 of 10:00"
    going = of(*events, *started(70.0, attempt=2))
    assert going.note == ""
    assert going.spent_s == 74.0


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts(text: str) -> None:
    plain = of(*started(), ended(0, state="failed", reason="x"), over(reason="x"))
    shown = of(
        *started(),
        ended(0, state="failed", reason=text or "x"),
        over(reason=text or "x"),
        name=text or "x",
    )
    page = Page(shown.html())
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in Page(plain.html()).tags]
    assert page.depth == 0
    assert shown.html().replace("\n", "").isprintable()
    lines = shown.text().split("\n")
    assert len(lines) == len(plain.text().split("\n"))
    assert all(line.isprintable() for line in [*lines, shown.line()])
    shown.text().encode("utf-8")


def test_long_reasons_are_shortened() -> None:
    shown = of(*started(), ended(0, state="failed", reason="why " * 1000))
    assert max(map(len, shown.text().split("\n"))) < 300


def test_the_page_is_a_table_that_can_be_read_aloud() -> None:
    page = Page(search(accuracies=[0.5, 0.6]).html())
    scopes = [attributes.get("scope") for tag, attributes in page.tags if tag == "th"]
    assert scopes == ["col"] * 6 + ["row"] * 2
    assert page.count("caption") == 1
    assert "2 trials: 2 finished" in page.text


def test_the_page_has_no_colours_of_its_own_and_aligns_numbers() -> None:
    html = search(accuracies=[0.5, 0.6]).html()
    assert not re.search(r"color|background|#[0-9a-f]{3}|rgb", html)
    cells = {a["style"] for t, a in Page(html).tags if t == "td" and "style" in a}
    assert cells == {
        "text-align:left",
        "text-align:right;font-variant-numeric:tabular-nums",
    }


def test_numbers_in_text_stand_at_the_right_edge() -> None:
    trials = [ended(n, val_accuracy=0.5) for n in range(2)]
    text = of(*started(), *begun(0), *trials).text()
    table = text.split("\n\n")[1].split("\n")
    assert "12,345" in table[1]
    edges = {line.index("0.5000") + len("0.5000") for line in table[1:]}
    assert edges == {table[0].index("val_accuracy") + len("val_accuracy")}
