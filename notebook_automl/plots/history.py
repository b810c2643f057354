"""The search's history: the objective of each finished trial, and the best so far."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from notebook_automl.plots._numbers import Limits, drawable, limits, time_unit
from notebook_automl.plots._plot import Shown
from notebook_automl.plots._summary import number_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Point(NamedTuple):
    """A finished trial.

    Args:
        trial: Its number.
        state: "completed" or "stopped".
        at_s: When it ended, in seconds since the run began.
        value: Its objective.
    """

    trial: int
    state: str
    at_s: float
    value: float


class History(NamedTuple):
    """What is drawn.

    Args:
        name: The run's.
        metric: The objective.
        mode: "max" or "min".
        points: In the order in which they ended.
        best: Those that were the best when they ended.
        until_s: When the run ended, or now, in seconds since it began.
        hidden: How many have finished without a number that can be drawn.
        baseline: What the best baseline reached, and its name; None without one.
    """

    name: str
    metric: str
    mode: str
    points: tuple[Point, ...]
    best: tuple[Point, ...]
    until_s: float
    hidden: int
    baseline: tuple[float, str] | None = None


class SearchHistory:
    """Whether it is worth while to go on."""

    def collect(self, shown: Shown) -> History:
        """One point a finished trial.

        Args:
            shown: The run.
        """
        state, points, hidden = shown.state, [], 0
        start_s = state.started_s or 0.0
        for trial in state.finished():
            value = trial.metrics.get(shown.metric)
            if value is None or trial.ended_s is None or not drawable(value):
                hidden += 1
                continue
            at_s = max(0.0, trial.ended_s - start_s)
            points.append(Point(trial.number, trial.state, at_s, value))
        points.sort(key=lambda point: (point.at_s, point.trial))
        sign = 1 if shown.mode == "max" else -1
        best: list[Point] = []
        for point in points:
            if not best or sign * point.value > sign * best[-1].value:
                best.append(point)
        end_s = shown.now_s if state.ended_s is None else state.ended_s
        last_s = points[-1].at_s if points else 0.0
        return History(
            name=shown.name,
            metric=shown.metric,
            mode=shown.mode,
            points=tuple(points),
            best=tuple(best),
            until_s=max(last_s, end_s - start_s),
            hidden=hidden,
            baseline=_baseline(shown),
        )

    def draw(self, collected: History, figure: Figure) -> None:
        """Draw dots, and a stair through the best ones."""
        from notebook_automl.plots import _figure as on

        title = f"History of {collected.name}"
        if not collected.points:
            on.sentence(figure, title, "No trial has finished yet.")
            return
        on.head(figure, title)
        on.key(figure, _key(collected))
        axes = on.panel(figure, right_px=104)
        unit_s, unit = time_unit(collected.until_s)
        end = collected.until_s / unit_s or 1.0
        simple = [] if collected.baseline is None else [collected.baseline[0]]
        values = limits([*(point.value for point in collected.points), *simple])
        on.scale(axes, axes.xaxis, Limits(-0.02 * end, 1.02 * end, False, False), 8)
        on.scale(axes, axes.yaxis, values)
        label = on.axis_label(collected.metric, collected.mode, values)
        on.name_axes(axes, f"{unit} since the search began", label)
        for value in simple:
            axes.axhline(value, color=on.MUTED, linestyle="--", linewidth=1)
        _draw_points(axes, collected, unit_s)
        best = collected.best[-1]
        style = {"va": "center", "color": on.BEST, "fontweight": "bold"}
        text = f"best\ntrial {best.trial}\n{number_text(best.value)}"
        at, place = min(0.88, max(0.12, values.place(best.value))), axes.transAxes
        on.write(axes, 1.02, at, text, transform=place, **style)


def _baseline(shown: Shown) -> tuple[float, str] | None:
    """The best baseline, if its number can be drawn."""
    baseline = shown.state.baseline(shown.metric, shown.mode)
    value = math.nan if baseline is None else baseline.metrics[shown.metric]
    return (value, baseline.name) if baseline and drawable(value) else None


def _key(collected: History) -> list[tuple[str, str, str]]:
    """What the signs mean."""
    from notebook_automl.plots import _figure as on

    states = {point.state for point in collected.points}
    entries = [("—", on.BEST, "best so far")]
    if "completed" in states:
        entries.append(("●", on.FINISHED, "finished"))
    if "stopped" in states:
        entries.append(("○", on.FINISHED, "stopped"))
    if collected.baseline is not None:
        entries.append(("- -", on.MUTED, f"baseline {collected.baseline[1]}"))
    if collected.hidden:
        text = f"{collected.hidden} without a number that can be drawn"
        entries.append(("", on.MUTED, text))
    return entries


def _draw_points(axes: Axes, collected: History, unit_s: float) -> None:
    """Full dots for completed trials, rings for stopped ones."""
    from notebook_automl.plots import _figure as on

    best = {point.trial for point in collected.best}
    edges = [on.BEST if p.trial in best else on.FINISHED for p in collected.points]
    fills = [
        on.CARD if point.state == "stopped" else colour
        for point, colour in zip(collected.points, edges, strict=True)
    ]
    axes.scatter(
        [point.at_s / unit_s for point in collected.points],
        [point.value for point in collected.points],
        s=34 if len(collected.points) <= 200 else 12,
        marker="o",
        c=fills,
        edgecolors=edges,
        linewidths=1.2,
        zorder=3,
    )
    stair = [(point.at_s / unit_s, point.value) for point in collected.best]
    stair.append((collected.until_s / unit_s, stair[-1][1]))
    x, y = zip(*stair, strict=True)
    axes.step(x, y, "-", where="post", marker="", color=on.BEST, linewidth=1.8)


PLUGIN = SearchHistory()
