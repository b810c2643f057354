"""Laws of a plot, over every one; what each collects; and the saved view of a run."""

from __future__ import annotations

import math
import random
import re
import struct
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from handmade import begun, ended, fold, happened, over, started, write_run

import notebook_automl as automl
from notebook_automl.api import told
from notebook_automl.errors import SearchError, UnknownNameError
from notebook_automl.plots._figure import Picture
from notebook_automl.plots._numbers import Limits, limits, short, spread, time_unit
from notebook_automl.plots._plot import PLOTS, Shown, plot, save
from notebook_automl.plots._still import still
from notebook_automl.record import events as kinds
from notebook_automl.record.events import Event
from notebook_automl.record.parameters import Parameter
from notebook_automl.record.reader import RunState
from notebook_automl.search._study import Study

NAN, INF = math.nan, math.inf
PNG = b"\x89PNG\r\n\x1a\n"
HOSTILE = (
    "$x^{2}$ and $\\frac{1}$",
    '"><img src=x onerror=alert(1)>',
    "a\nb\r\x1b[2J",
    "\u202egnp.exe \ud800",
    "\u6f22\u5b57 \U0001f600 \U0001f9ea",
    "x" * 500,
    "",
)
NUMBERS = (NAN, INF, -INF, 1.7e308, -1.7e308, 5e-324, 0.0, -0.0, 0.5)


def shown(state: RunState, **given: Any) -> Shown:
    """What a plot may read of a run, 84 seconds after it began."""
    asked = {"status": state.state, "metric": "val_accuracy", "mode": "max"}
    asked |= {"name": "iris-1", "search": {"minutes": 10.0}, "now_s": 84.0}
    return Shown(state=state, **asked | given)


def trial(
    number: int,
    curve: list[float],
    values: dict[str, Any] | None = None,
    state: str = "completed",
    worker: str = "w",
    at_s: float = 1.0,
) -> list[Event]:
    """A trial with an epoch a second; it runs unless a state says how it ended."""
    events = [
        happened(kinds.TrialStarted, at_s, trial=number, worker=worker),
        happened(
            kinds.TrialBuilt, at_s, trial=number, values=values or {}, parameters=1
        ),
    ]
    for epoch, value in enumerate(curve, 1):
        epoch_ended = happened(
            kinds.EpochEnded,
            at_s + epoch,
            trial=number,
            epoch=epoch,
            epochs=50,
            metrics={"val_accuracy": value, "val_loss": 1 - value},
            seconds=1.0,
        )
        events.append(epoch_ended)
    if state == "running":
        return events
    best = {"val_accuracy": max(curve, default=0.0)} if state != "failed" else {}
    return [*events, ended(number, at_s + len(curve), state, **best)]


def many(count: int) -> RunState:
    """A run with so many trials of all kinds."""
    drawn = random.Random(0)
    events = started()
    for number in range(count):
        top = drawn.random()
        curve = [top * (1 - 1 / epoch) for epoch in range(1, drawn.randint(2, 30))]
        values = {"units": drawn.choice((16, 32, 512)), "rate": 10 ** -drawn.random()}
        if top > 0.5:
            values["deep"] = drawn.choice((True, False, "auto"))
        state = drawn.choice(("completed", "completed", "stopped", "failed", "running"))
        worker = f"tcp://w{number % 40}"
        events += trial(number, curve, values, state, worker, at_s=float(number))
    return fold(*events)


def hostile() -> RunState:
    """A run in which every text and every number may be anything."""
    events = started()
    for number, text in enumerate(HOSTILE):
        values = {text: HOSTILE[number - 1], "units": NUMBERS[number], "same": 1}
        curve = [*NUMBERS[number:], *NUMBERS[:number]]
        events += trial(number, curve, values, worker=text, at_s=number - 3.0)
        events += trial(number + 10, curve[:1], {text: NAN}, "failed", text)
        events.append(ended(number, val_accuracy=NUMBERS[number]))
    return fold(*events)


RUNS = {
    "empty": many(0),
    "one": many(1),
    "two": many(2),
    "thousand": many(1000),
    "hostile": hostile(),
    "runs": fold(*started(), *trial(0, [], state="running")),
    "all failed": fold(*started(), *trial(0, [], state="failed")),
    "again": fold(
        *started(),
        *trial(0, [0.5], state="running"),
        *started(50.0, attempt=2),
        *[
            happened(kinds.TrialStarted, 60.0, attempt=2, trial=n, worker="v")
            for n in range(2)
        ],
    ),
    "without a start": fold(*trial(0, [0.5])),
    "ended": fold(*started(), *trial(0, [0.25]), *begun(1), over()),
}


def pixels(png: bytes) -> tuple[int, int]:
    """Width and height of a picture."""
    assert png.startswith(PNG)
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.fixture(params=PLOTS.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_there_are_five_plots() -> None:
    assert set(PLOTS.names()) >= {
        *("curves", "history", "importance", "parallel", "timeline")
    }


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("mode", ["max", "min"])
def test_draws_any_run(name: str, run: str, mode: str) -> None:
    shares = {text or "x": 1 / len(HOSTILE) for text in HOSTILE}
    given = shown(RUNS[run], mode=mode, name=HOSTILE[0], importance=lambda: shares)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("error", RuntimeWarning)
        figure = plot(name, given, {})
        assert isinstance(figure, Picture)
        png, size = figure._repr_png_()
    assert pixels(png) == (2 * size["width"], 2 * size["height"])


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_are_no_formulas_and_stay_within(name: str, text: str) -> None:
    trials = [
        event
        for number in range(12)
        for event in trial(number, [0.1 * number], {text: number, "other": text * 2})
    ]
    state = fold(*started(), *trials)
    given = shown(state, name=text, importance=lambda: {text: 1.0})
    figure = plot(name, given, {})
    figure.canvas.draw()
    written = figure.findobj(lambda artist: hasattr(artist, "get_parse_math"))
    seen = [each for each in written if each.get_visible()]
    ours = [each for each in seen if each.get_text().strip()]
    assert len(ours) > 1
    for each in ours:
        assert not each.get_parse_math()
        assert not each.get_usetex()
        assert all(line.isprintable() for line in each.get_text().split("\n"))
        assert len(each.get_text()) < 100


def test_collecting_is_pure(name: str) -> None:
    state = many(30)
    plugin = PLOTS.get(name)
    before = repr(state)
    once, again = (plugin.collect(shown(state)) for _ in range(2))
    assert once == again
    assert repr(state) == before
    assert hash(once) == hash(again)  # tuples all the way down


def test_an_empty_run_gets_a_sentence(name: str) -> None:
    figure = plot(name, shown(RunState()), {})
    assert figure.axes == []
    title, text = (each.get_text() for each in figure.texts)
    assert "iris-1" in title
    assert text.endswith(".")


def test_two_threads_may_draw_at_once(name: str) -> None:
    given = shown(many(40), importance=lambda: {"a": 0.75, "b": 0.25})
    expected = plot(name, given, {}).png()
    with ThreadPoolExecutor(2) as pool:
        drawn = pool.map(lambda _: plot(name, given, {}).png(), range(6))
        assert all(png == expected for png in drawn)


def test_settings_of_the_person_stay_and_do_no_harm(name: str) -> None:
    import matplotlib

    given = shown(many(40), importance=lambda: {"a": 0.75, "b": 0.25})
    expected = plot(name, given, {}).png()
    theirs = {"text.usetex": True, "axes.grid": True, "axes.facecolor": "black"}
    theirs |= {"lines.marker": "x", "text.color": "white", "figure.dpi": 300}
    theirs |= {"lines.linestyle": ":", "axes.labelcolor": "white"}
    theirs |= {"savefig.bbox": "tight", "savefig.facecolor": "black"}
    with matplotlib.rc_context(theirs):
        before = dict(matplotlib.rcParams)
        assert plot(name, given, {}).png() == expected
        assert dict(matplotlib.rcParams) == before


def test_drawing_loads_no_pyplot_and_collecting_nothing(
    name: str, env: dict[str, str]
) -> None:
    code = (
        "import sys\n"
        "from notebook_automl.plots._plot import PLOTS, Shown, plot\n"
        "from notebook_automl.record.reader import RunState\n"
        f"name = {name!r}\n"
        "shown = Shown(RunState(), 'running', 'm', 'max', 'r', {}, 0.0)\n"
        "PLOTS.get(name).collect(shown)\n"
        "print({'matplotlib', 'numpy', 'pandas'} & set(sys.modules))\n"
        "plot(name, shown, {})._repr_png_()\n"
        "print({'matplotlib.pyplot', 'optuna', 'keras'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True
    )
    assert done.stdout.split() == ["set()", "set()"], done.stderr


def test_an_unknown_plot_option_or_metric() -> None:
    given = shown(many(5))
    with pytest.raises(UnknownNameError, match=r"got 'histroy'.*mean 'history'"):
        plot("histroy", given, {})
    with pytest.raises(UnknownNameError, match=r"got 'metrc'.*mean 'metric'"):
        plot("curves", given, {"metrc": "val_loss"})
    with pytest.raises(UnknownNameError, match="There are: none"):
        plot("history", given, {"metric": "val_loss"})
    with pytest.raises(UnknownNameError, match="mean 'val_loss'"):
        plot("curves", given, {"metric": "val_los"})


def test_curves() -> None:
    state = fold(
        *started(),
        *trial(0, [0.25, 0.5]),
        *trial(1, [0.5, 0.75, NAN]),
        *trial(2, [0.125], state="failed"),
        *trial(3, [0.25], state="running"),
        *trial(4, [], state="running"),
        *trial(5, [INF], state="stopped"),
    )
    curves = PLOTS.get("curves").collect(shown(state, status="interrupted"))
    assert [(c.trial, c.state) for c in curves.curves] == [
        (2, "failed"),
        (3, "interrupted"),
        (0, "completed"),
        (1, "completed"),
    ]
    assert curves.curves[2].values == (0.25, 0.5)
    assert curves.curves[3].values[:2] == (0.5, 0.75)
    assert math.isnan(curves.curves[3].values[2])
    assert (curves.metric, curves.mode) == ("val_accuracy", "max")
    assert curves.best == 5  # infinite accuracy is the best, and has no curve
    losses = PLOTS.get("curves").collect(shown(state), metric="val_loss")
    assert losses.curves[-1].values[:2] == (0.5, 0.25)
    assert (losses.metric, losses.mode) == ("val_loss", "")


def test_of_many_curves_some_are_drawn_and_the_figure_says_so() -> None:
    events = [*started(), *trial(0, [0.5], state="running")]
    for number in range(1, 1001):
        events += trial(number, [number / 1001, number / 1000])
    given = shown(fold(*events))
    curves = PLOTS.get("curves").collect(given)
    assert len(curves.curves) + curves.hidden == 1001
    assert 200 <= len(curves.curves) <= 301
    numbers = [curve.trial for curve in curves.curves]
    assert curves.best == numbers[-1] == 1000
    assert numbers[0] == 0  # it runs
    assert numbers[1:] == sorted(numbers[1:]) and numbers[1] < 10
    text = f"{len(numbers)} of 1,001 curves are drawn"
    assert text in {each.get_text() for each in plot("curves", given, {}).texts}
    few = PLOTS.get("curves").collect(shown(fold(*events[:50])))
    assert few.hidden == 0


def test_history() -> None:
    state = fold(
        *started(10.0),
        *trial(0, [0.5], at_s=20.0),
        *trial(1, [0.25], at_s=30.0),
        *trial(2, [0.75], state="stopped", at_s=28.0),
        *trial(3, [NAN], at_s=31.0),
        *trial(4, [0.9], state="running"),
    )
    history = PLOTS.get("history").collect(shown(state))
    assert history.points == (
        (0, "completed", 11.0, 0.5),
        (2, "stopped", 19.0, 0.75),
        (1, "completed", 21.0, 0.25),
    )
    assert [point.trial for point in history.best] == [0, 2]
    assert (history.until_s, history.hidden) == (74.0, 1)
    less = PLOTS.get("history").collect(shown(state, mode="min"))
    assert [point.trial for point in less.best] == [0, 1]


def test_parallel() -> None:
    state = fold(
        *started(),
        *trial(0, [0.0], {"units": 16, "kind": "b", "same": 1, "rate": 1.0}),
        *trial(1, [1.0], {"units": 64, "kind": "a", "same": 1, "rate": 3.0}),
        *trial(2, [0.5], {"units": 256, "kind": "c", "same": 1}),
        *trial(3, [0.5], {"units": 999}, state="failed"),
    )
    parallel = PLOTS.get("parallel").collect(shown(state))
    units, kind, rate, objective = parallel.coordinates
    assert units == (
        "units",
        (("16", 0.0), ("64", 0.0 + 48 / 240), ("256", 1.0)),
        False,
    )
    assert kind == ("kind", (("a", 0.0), ("b", 0.5), ("c", 1.0)), False)
    assert rate == ("rate", (("1", 0.0), ("3", 1.0)), True)
    assert (objective.title, objective.ticks[0][0]) == ("val_accuracy", "0.0000")
    assert [line.trial for line in parallel.lines] == [0, 2, 1]
    assert parallel.lines[1].places[:3] == (1.0, 1.0, None)
    assert parallel.others == 0


def test_parallel_tells_the_blocks_of_two_inputs_apart() -> None:
    names = ("front/conv_block_1/filters", "side/conv_block_1/filters", "merge/type")
    state = fold(
        *started(),
        *trial(0, [0.0], dict.fromkeys(names, 1)),
        *trial(1, [1.0], dict.fromkeys(names, 2)),
    )
    *parameters, _ = PLOTS.get("parallel").collect(shown(state)).coordinates
    assert [each.title for each in parameters] == list(names)


def test_parallel_takes_a_wide_range_by_its_logarithm() -> None:
    trials = [trial(n, [n / 4], {"rate": 10.0**-n}) for n in range(5)]
    state = fold(*started(), *(event for events in trials for event in events))
    parallel = PLOTS.get("parallel").collect(shown(state))
    places = [line.places[0] for line in parallel.lines]
    assert places == pytest.approx([1.0, 0.75, 0.5, 0.25, 0.0])


def test_importance_asks_only_when_enough_trials_finished() -> None:
    asked = []

    def importance() -> dict[str, float]:
        asked.append(True)
        return {"rate": 0.25, "units": 0.75, "broken": NAN}

    plugin = PLOTS.get("importance")
    trials = [event for n in range(10) for event in trial(n, [n / 10])]
    few = plugin.collect(shown(fold(*started(), *trials[:36]), importance=importance))
    assert (few.trials, few.bars, asked) == (9, (), [])
    assert "needs 10 finished trials; 9 of them have" in few.why
    state = fold(*started(), *trials)
    enough = plugin.collect(shown(state, importance=importance))
    assert enough.bars == (("units", 0.75), ("rate", 0.25))
    assert (enough.trials, enough.others, enough.why) == (10, (0, 0), "")
    nothing = plugin.collect(shown(state, importance=dict))
    assert "makes a difference" in nothing.why


def test_timeline() -> None:
    state = fold(
        *started(10.0),
        *trial(0, [0.5, 0.5], worker="b", at_s=20.0),
        *trial(1, [0.75], worker="a", at_s=21.0),
        *trial(2, [0.5], worker="b", at_s=30.0, state="running"),
    )
    timeline = PLOTS.get("timeline").collect(shown(state))
    assert timeline.workers == ("b", "a")
    assert timeline.spans == (
        (0, "finished", 0, 10.0, 12.0),
        (1, "best", 1, 11.0, 12.0),
        (2, "running", 0, 20.0, 74.0),
    )
    assert (timeline.until_s, timeline.hidden) == (74.0, 0)
    gone = PLOTS.get("timeline").collect(shown(state, status="interrupted"))
    assert gone.spans[2] == (2, "interrupted", 0, 20.0, 21.0)


def test_limits() -> None:
    assert limits([]) == Limits(0.0, 1.0, False, False)
    assert limits([NAN, INF, 1e300]) == Limits(0.0, 1.0, False, False)
    assert limits([0.0, 1.0]) == Limits(-0.05, 1.05, False, False)
    assert limits([0.02, 60.0, 0.3]).log
    assert not limits([0.0001, 0.9]).log  # an accuracy that begins low
    outlier = limits([-1e6, *(n / 100 for n in range(100))])
    assert outlier.cut
    assert -4 < outlier.low < outlier.high < 2
    assert limits([7.0]).low < 7.0 < limits([7.0]).high


def test_short_texts_and_labels_apart() -> None:
    assert short("a\nb\x1b") == "a b\\x1b"
    assert short("0123456789", 5) == "01…89"
    assert spread([0.5, 0.9], 0.1) == [0.5, 0.9]
    low, high = spread([0.5, 0.5], 0.1)
    assert high - low == pytest.approx(0.1)
    assert [time_unit(s)[1] for s in (9, 900, 90_000)] == [
        *("seconds", "minutes", "hours")
    ]


def test_a_run_draws_itself(tmp_path: Path) -> None:
    write_run(tmp_path, "iris", *started(), *trial(0, [0.5, 0.75]), over())
    run = automl.attach("iris", tmp_path)
    figure = run.plot(metric="val_loss")
    assert "val_loss" in figure.axes[0].get_ylabel()
    assert save(figure, tmp_path / "a.svg").read_bytes().startswith(b"<?xml")
    assert pixels(save(figure, tmp_path / "a.png").read_bytes()) == (1520, 600)
    for path in ("a.unknown", "no/a.png"):
        with pytest.raises(SearchError, match="a picture can be written to, got"):
            save(figure, tmp_path / path)
    with pytest.raises(UnknownNameError, match="mean 'timeline'"):
        run.plot("timelin")


def test_importance_is_computed_elsewhere_and_once(tmp_path: Path) -> None:
    rates = [10.0**-n for n in range(6)] * 2
    trials = [
        event
        for number, value in enumerate(rates)
        for event in trial(number, [value], {"rate": value})
    ]
    folder = write_run(tmp_path, "iris", *started(), *trials, over())
    study = Study(folder.study, "random", "max", 0)
    rate = Parameter("rate", low=1e-6, high=1.0, log=True, default=0.1)
    units = Parameter("units", choices=(16, 32), default=16)
    for value in rates:
        number = study.ask().number
        study.suggest(number, rate)
        study.suggest(number, units)
        study.tell(number, value)
    run = automl.attach("iris", tmp_path)
    shares = told.shown(run).importance()
    assert set(shares) == {"rate", "units"}
    assert sum(shares.values()) == pytest.approx(1.0)
    folder.study.unlink()
    assert told.shown(run).importance() == shares  # not asked again
    figure = run.plot("importance")
    assert any(text.get_text() == "rate" for text in figure.axes[0].texts)


@pytest.mark.parametrize("count", [0, 20, 500])
def test_the_saved_view_is_small(count: int) -> None:
    png, html, text = still(shown(many(count)))
    assert pixels(png) == (1140, 450)
    assert len(png) < 80_000
    assert html.count("<tr>") == (min(count, 100) + 1) * (count > 0)
    assert ("and 400 more" in html) == (count == 500)
    assert text.startswith("iris-1: ")


@pytest.mark.parametrize("text", [text for text in HOSTILE if text])
def test_the_saved_view_escapes_everything(text: str) -> None:
    state = fold(*started(), ended(0, state="failed", reason=text))
    html = still(shown(state, name=text)).html
    tags = re.findall(r"<(\w+)", html)
    assert tags.count("img") == 1
    plain = still(shown(fold(*started(), ended(0, state="failed", reason="x"))))
    assert tags == re.findall(r"<(\w+)", plain.html)
    assert re.fullmatch(r'<div><img alt="[^"]+" width="760" height="300".*', html[:999])
    html.encode("utf-8")
