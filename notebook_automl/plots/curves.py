"""Learning curves: a metric by epoch, a curve a trial."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from notebook_automl.errors import UnknownNameError, nearest, received
from notebook_automl.plots._numbers import Limits, drawable, limits, spread
from notebook_automl.plots._plot import Shown
from notebook_automl.plots._summary import number_text
from notebook_automl.record.folds import FOLD, curve_of
from notebook_automl.record.trial import TrialState

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_LABELS = 4
# More can neither be told apart nor drawn within a second.
_MOST_CURVES = 300
_MOST_POINTS = 100_000


class Curve(NamedTuple):
    """A trial's epochs.

    Args:
        trial: Its number.
        state: Its state.
        values: One an epoch, from the first; NaN where it has none.
    """

    trial: int
    state: str
    values: tuple[float, ...]


class Curves(NamedTuple):
    """What is drawn.

    Args:
        name: The run's.
        metric: What the curves show.
        mode: "max" or "min" if it is the objective; nothing for another metric.
        curves: Those with a value, the best last: it lies above the others. Of many
            the best, those that run, and some from the whole order of the others.
        best: The best trial's number; None while none has finished.
        best_epoch: Its best epoch, from 1.
        hidden: How many more trials have a curve.
    """

    name: str
    metric: str
    mode: str
    curves: tuple[Curve, ...]
    best: int | None
    best_epoch: int | None
    hidden: int


class LearningCurves:
    """Which trials learn, how fast, and which are over."""

    def collect(self, shown: Shown, metric: str | None = None) -> Curves:
        """One curve a trial.

        Args:
            shown: The run.
            metric: Of the epochs, such as "val_loss"; by default the objective.

        Raises:
            UnknownNameError: No epoch has such a metric.
        """
        trials = shown.ordered()
        known = dict.fromkeys(n for trial in trials for n in trial.history.names)
        for name in ("seconds", FOLD):
            known.pop(name, None)
        chosen = shown.metric if metric is None else metric
        if metric is not None and known and metric not in known:
            raise UnknownNameError(
                f"Expected a metric of the epochs, {received(metric)}."
                f"{nearest(metric, known)} There are: {', '.join(sorted(known))}."
            )
        curved = [t for t in trials if any(map(drawable, t.history.column(chosen)))]
        some = _some(curved)
        curves = (
            Curve(
                trial.number,
                shown.state_of(trial),
                curve_of(trial.history, chosen),
            )
            for trial in reversed(some)
        )
        best = shown.state.best(shown.metric, shown.mode)
        return Curves(
            name=shown.name,
            metric=chosen,
            mode=shown.mode if chosen == shown.metric else "",
            curves=tuple(curves),
            best=None if best is None else best.number,
            best_epoch=None if best is None else best.best_epoch,
            hidden=len(curved) - len(some),
        )

    def draw(self, collected: Curves, figure: Figure) -> None:
        """Draw dim what did not finish, and the best in its own colour above all."""
        from notebook_automl.plots import _figure as on

        title = f"Learning curves of {collected.name}"
        if not collected.curves:
            on.sentence(figure, title, "No trial has trained an epoch yet.")
            return
        on.head(figure, title)
        kinds = _kinds(collected)
        on.key(figure, _key(kinds, collected))
        axes = on.panel(figure, right_px=104)
        longest = max(3, *(len(curve.values) for curve in collected.curves))
        margin = 0.02 * (longest - 1)
        epochs = Limits(1 - margin, longest + margin, False, False)
        values = limits(value for curve in collected.curves for value in curve.values)
        on.scale(axes, axes.xaxis, epochs, most=10, whole=True)
        on.scale(axes, axes.yaxis, values)
        label = on.axis_label(collected.metric, collected.mode, values)
        on.name_axes(axes, "epoch", label)
        for kind in reversed(kinds):
            _draw(axes, kinds[kind], _style(kind))
        _mark(axes, collected, values)
        _label(axes, collected, kinds.get("running", []), values)


def _some(trials: list[TrialState]) -> list[TrialState]:
    """As many as can be drawn: the first, those that run, and every so many-th."""
    points = sum(len(trial.history) for trial in trials)
    step = max(1, -(-len(trials) // _MOST_CURVES), -(-points // _MOST_POINTS))
    return [
        trial
        for place, trial in enumerate(trials)
        if place % step == 0 or trial.state == "running"
    ]


class _Style(NamedTuple):
    """How curves of a kind look."""

    colour: str
    width: float
    dashed: bool = False


def _style(kind: str) -> _Style:
    from notebook_automl.plots import _figure as on

    return {
        "best": _Style(on.BEST, 2.4),
        "running": _Style(on.RUNNING, 1.4),
        "finished": _Style(on.FINISHED, 1.1),
    }.get(kind, _Style(on.DIM, 1.0, dashed=True))


def _key(
    kinds: dict[str, list[Curve]], collected: Curves
) -> list[tuple[str, str, str]]:
    """What the colours mean; what did not finish looks alike."""
    from notebook_automl.plots import _figure as on

    dim = [kind for kind in kinds if _style(kind).dashed]
    entries = [("—", _style(kind).colour, kind) for kind in kinds if kind not in dim]
    if dim:
        entries.append(("- -", _style(dim[0]).colour, ", ".join(dim)))
    if collected.hidden:
        drawn = len(collected.curves)
        text = f"{drawn:,} of {drawn + collected.hidden:,} curves are drawn"
        entries.append(("", on.MUTED, text))
    return entries


def _kinds(collected: Curves) -> dict[str, list[Curve]]:
    """The curves by what they are called, the most important kind first."""
    kinds: dict[str, list[Curve]] = {"best": [], "running": [], "finished": []}
    for curve in collected.curves:
        kind = "finished" if curve.state == "completed" else curve.state
        kind = "best" if curve.trial == collected.best else kind
        kinds.setdefault(kind, []).append(curve)
    return {kind: curves for kind, curves in kinds.items() if curves}


def _draw(axes: Axes, curves: list[Curve], style: _Style) -> None:
    """All curves of a kind at once; a value between two gaps is a dot."""
    from matplotlib.collections import LineCollection

    lines, dots = [], []
    for curve in curves:
        values = [v if drawable(v) else math.nan for v in curve.values]
        lines.append(list(enumerate(values, 1)))
        around = [math.nan, *values, math.nan]
        dots += [
            (epoch, value)
            for epoch, value in lines[-1]
            if not math.isnan(value)
            and math.isnan(around[epoch - 1])
            and math.isnan(around[epoch + 1])
        ]
    # Where there are many, where they are dense says more than each of them.
    alpha = max(0.1, min(1.0, 4 / math.sqrt(len(curves))))
    drawn = LineCollection(
        lines,
        colors=style.colour,
        linewidths=style.width,
        linestyles="dashed" if style.dashed else "solid",
        alpha=alpha,
        capstyle="round",
    )
    axes.add_collection(drawn, autolim=False)
    if dots:
        x, y = zip(*dots, strict=True)
        size = (2.5 * style.width) ** 2
        axes.scatter(
            x, y, marker="o", s=size, c=style.colour, alpha=alpha, linewidths=0
        )


def _mark(axes: Axes, collected: Curves, shown: Limits) -> None:
    """A dot where the best trial was at its best, and its name and value beside it."""
    from notebook_automl.plots import _figure as on

    best, epoch = collected.curves[-1], collected.best_epoch
    if best.trial != collected.best or not epoch or epoch > len(best.values):
        return
    value = best.values[epoch - 1]
    if drawable(value) and shown.low <= value <= shown.high:
        axes.scatter(
            [epoch], [value], marker="o", s=30, c=on.BEST, edgecolors=on.CARD, zorder=4
        )


def _label(axes: Axes, collected: Curves, running: list[Curve], shown: Limits) -> None:
    """Name some curves that run at their ends, and the best one beside the axes."""
    from notebook_automl.plots import _figure as on

    named = running[-_MOST_LABELS:]
    heights = spread([_height(curve, shown) for curve in named], 0.07)
    for curve, height in zip(named, heights, strict=True):
        text = f" trial {curve.trial}"
        style = {"color": on.RUNNING, "va": "center", "fontsize": on.SMALL}
        place = axes.get_xaxis_transform()
        on.write(axes, len(curve.values), height, text, transform=place, **style)
    best, epoch = collected.curves[-1], collected.best_epoch
    if best.trial != collected.best:
        return
    lines = [f"trial {best.trial}"]
    if epoch and epoch <= len(best.values):
        lines = ["best", *lines, number_text(best.values[epoch - 1]), f"epoch {epoch}"]
    height = min(0.88, max(0.12, _height(best, shown)))
    style = {"color": on.BEST, "va": "center", "fontweight": "bold"}
    place = axes.transAxes
    on.write(axes, 1.02, height, "\n".join(lines), transform=place, **style)


def _height(curve: Curve, shown: Limits) -> float:
    """Where a curve ends, as a fraction of the axis."""
    return shown.place(next(v for v in reversed(curve.values) if drawable(v)))


PLUGIN = LearningCurves()
