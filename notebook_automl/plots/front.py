"""The front: which trials no other one beats in two objectives."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from notebook_automl.errors import UnknownNameError, nearest, received
from notebook_automl.plots._numbers import drawable, limits
from notebook_automl.plots._plot import Shown
from notebook_automl.record.front import SIZES, Objective, front

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Point(NamedTuple):
    """A finished trial.

    Args:
        trial: Its number.
        first: The objective.
        second: What it is weighed against.
        best: Whether no other trial beats it in both.
    """

    trial: int
    first: float
    second: float
    best: bool


class Front(NamedTuple):
    """What is drawn.

    Args:
        name: The run's.
        first: The objective and its mode.
        second: What it is weighed against.
        points: By the second number.
        hidden: How many have finished without two numbers that can be drawn.
    """

    name: str
    first: Objective
    second: Objective
    points: tuple[Point, ...]
    hidden: int


class ParetoFront:
    """What a better model costs."""

    def collect(self, shown: Shown, against: str | None = None) -> Front:
        """One point a finished trial.

        Args:
            shown: The run.
            against: What the objective is weighed against: "parameters" or a metric;
                by default the search's second objective, else "parameters".

        Raises:
            UnknownNameError: No trial has such a metric.
        """
        first, second = Objective(shown.metric, shown.mode), _second(shown, against)
        finished = shown.state.finished()
        best = {trial.number for trial in front(shown.state, (first, second))}
        points = []
        for trial in finished:
            x, y = second.of(trial), first.of(trial)
            if x is not None and y is not None and drawable(x) and drawable(y):
                points.append(Point(trial.number, y, float(x), trial.number in best))
        points.sort(key=lambda point: (point.second, point.trial))
        return Front(
            shown.name, first, second, tuple(points), len(finished) - len(points)
        )

    def draw(self, collected: Front, figure: Figure) -> None:
        """Draw dots, and a line through those of the front."""
        from notebook_automl.plots import _figure as on

        title = f"Front of {collected.name}"
        if not collected.points:
            on.sentence(figure, title, "No trial has finished yet.")
            return
        on.head(figure, title)
        entries = [("●", on.BEST, "beaten by none"), ("●", on.FINISHED, "finished")]
        if collected.hidden:
            text = f"{collected.hidden} without numbers that can be drawn"
            entries.append(("", on.MUTED, text))
        on.key(figure, entries)
        axes = on.panel(figure, right_px=40)
        across = limits(point.second for point in collected.points)
        up = limits(point.first for point in collected.points)
        on.scale(axes, axes.xaxis, across)
        on.scale(axes, axes.yaxis, up)
        on.name_axes(
            axes,
            on.axis_label(*collected.second, across),
            on.axis_label(*collected.first, up),
        )
        _draw_points(axes, collected)


def _draw_points(axes: Axes, collected: Front) -> None:
    from notebook_automl.plots import _figure as on

    best = [point for point in collected.points if point.best]
    others = [point for point in collected.points if not point.best]
    for points, colour in ((others, on.FINISHED), (best, on.BEST)):
        axes.scatter(
            [point.second for point in points],
            [point.first for point in points],
            s=34 if len(collected.points) <= 200 else 12,
            marker="o",
            c=colour,
            zorder=3,
        )
    x, y = [point.second for point in best], [point.first for point in best]
    axes.plot(x, y, "-", marker="", color=on.BEST, linewidth=1.2, alpha=0.6)


def _second(shown: Shown, against: str | None) -> Objective:
    """What the objective is weighed against."""
    asked = shown.search.get("second")
    if against is None:
        return Objective(*asked) if asked else Objective("parameters", "min")
    if asked and against == asked[0]:
        return Objective(*asked)
    finished = shown.state.finished()
    known = dict.fromkeys(["parameters", *(n for t in finished for n in t.metrics)])
    if against not in known and against not in SIZES:
        raise UnknownNameError(
            f"Expected what the trials have, {received(against)}."
            f"{nearest(against, known)} There are: {', '.join(known)}."
        )
    kept = {
        metric["name"]: metric["mode"] for metric in shown.search.get("metrics", ())
    }
    return Objective(against, kept.get(against.removeprefix("val_"), "min"))


PLUGIN = ParetoFront()
