"""Parallel coordinates: the values of each finished trial, and what came of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from notebook_automl.plots._numbers import (
    Limits,
    drawable,
    is_number,
    limits,
    short,
)
from notebook_automl.plots._plot import Shown
from notebook_automl.plots._summary import number_text
from notebook_automl.record.parameters import Value
from notebook_automl.record.trial import TrialState

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_PARAMETERS = 7
_MOST_TICKS = 9
_LOG_RATIO = 20
# Where the line of a trial runs that does not have the parameter.
_ABSENT = -0.13
# Of more lines than these the pale ones are transparent.
_SOLID = 40


class Coordinate(NamedTuple):
    """One axis.

    Args:
        title: The parameter, or the objective.
        ticks: Texts and where they stand, as fractions of the axis.
        absent: Whether some trials do not have the parameter.
    """

    title: str
    ticks: tuple[tuple[str, float], ...]
    absent: bool


class Line(NamedTuple):
    """A finished trial.

    Args:
        trial: Its number.
        places: On each axis, as fractions; None where it has no such parameter.
    """

    trial: int
    places: tuple[float | None, ...]


class Parallel(NamedTuple):
    """What is drawn.

    Args:
        name: The run's.
        metric: The objective.
        mode: "max" or "min".
        coordinates: The parameters that differ, and the objective at last.
        lines: The best last: it lies above the others.
        others: How many more parameters differ.
    """

    name: str
    metric: str
    mode: str
    coordinates: tuple[Coordinate, ...]
    lines: tuple[Line, ...]
    others: int


class ParallelCoordinates:
    """Which values good trials have in common."""

    def collect(self, shown: Shown) -> Parallel:
        """One line a finished trial, one axis a parameter.

        Args:
            shown: The run.
        """
        ranked = shown.state.ranked(shown.metric, shown.mode)
        trials = [t for t in reversed(ranked) if drawable(t.metrics[shown.metric])]
        differing = _differing(trials)
        names = differing[:_MOST_PARAMETERS]
        scales = [
            _Scale([trial.values.get(name) for trial in trials]) for name in names
        ]
        objectives = [trial.metrics[shown.metric] for trial in trials]
        axis = limits(objectives)
        ends = dict.fromkeys([*objectives[:1], *objectives[-1:]])
        coordinates = [
            Coordinate(title, scale.ticks(), scale.absent)
            for title, scale in zip(_titles(names), scales, strict=True)
        ]
        ticks = tuple((number_text(value), axis.place(value)) for value in ends)
        lines = []
        for trial, objective in zip(trials, objectives, strict=True):
            values = [trial.values.get(name) for name in names]
            known = [s.place(value) for s, value in zip(scales, values, strict=True)]
            lines.append(Line(trial.number, (*known, axis.place(objective))))
        return Parallel(
            name=shown.name,
            metric=shown.metric,
            mode=shown.mode,
            coordinates=(*coordinates, Coordinate(shown.metric, ticks, False)),
            lines=tuple(lines),
            others=len(differing) - len(names),
        )

    def draw(self, collected: Parallel, figure: Figure) -> None:
        """Draw the better trials darker, and the best in its own colour."""
        from notebook_automl.plots import _figure as on

        title = f"Values of {collected.name}"
        if not collected.lines:
            on.sentence(figure, title, "No trial has finished yet.")
            return
        on.head(figure, title)
        best = f"best: trial {collected.lines[-1].trial}"
        entries = [("—", on.BEST, best)]
        if len(collected.lines) > 1:
            entries.append(("—", on.FINISHED, "others, the better the darker"))
        if collected.others:
            entries.append(("", on.MUTED, f"not shown: {collected.others} more"))
        on.key(figure, entries)
        axes = on.panel(figure, left_px=90, right_px=76, top_px=96, bottom_px=26)
        last = len(collected.coordinates) - 1
        axes.set(xlim=(0, last or 1), ylim=(1.5 * _ABSENT, 1), xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set_visible(False)
        _draw_lines(axes, collected.lines, last)
        for at, coordinate in enumerate(collected.coordinates):
            better = {"max": "more is better", "min": "less is better"}
            note = better[collected.mode] if at == last else ""
            _draw_axis(axes, coordinate, at, 620 / max(last, 1), note)


def _titles(names: list[str]) -> list[str]:
    """Block and parameter of each path; of those that share both the whole path."""
    tails = ["/".join(name.split("/")[-2:]) for name in names]
    pairs = zip(names, tails, strict=True)
    return [tail if tails.count(tail) == 1 else name for name, tail in pairs]


class _Scale:
    """Where the values of a parameter stand.

    Numbers have a scale where there are several; texts, truths and what is mixed stand
    evenly.

    Args:
        values: One a trial; None where it has no such parameter.
    """

    def __init__(self, values: list[Value | None]) -> None:
        known = [value for value in values if value is not None]
        self.absent = len(known) < len(values)
        self._limits: Limits | None = None
        self._choices: list[str] = []
        if all(is_number(value) and drawable(float(value)) for value in known):
            numbers = sorted({float(value) for value in known})
            low, high = numbers[0], numbers[-1]
            log = low > 0 and high / low >= _LOG_RATIO
            if high > low:
                self._limits = Limits(low, high, log, False)
            self._numbers = numbers
        if self._limits is None:
            self._choices = list(dict.fromkeys(map(str, sorted(known, key=_order))))

    def place(self, value: Value | None) -> float | None:
        """Where a value stands, as a fraction of the axis."""
        if value is None:
            return None
        if self._limits is not None:
            return self._limits.place(float(value))
        last = len(self._choices) - 1
        return self._choices.index(str(value)) / last if last else 0.5

    def ticks(self) -> tuple[tuple[str, float], ...]:
        """What stands beside the axis: few values are all named, many by their ends."""
        if self._limits is not None:
            few = self._numbers[:: max(1, len(self._numbers) - 1)]
            if len(self._numbers) <= _MOST_TICKS:
                few = self._numbers
            return tuple((f"{value:.4g}", self._limits.place(value)) for value in few)
        last = len(self._choices) - 1
        step = last // _MOST_TICKS + 1
        chosen = list(enumerate(self._choices))[::step]
        return tuple((text, at / last if last else 0.5) for at, text in chosen)


def _order(value: Value) -> tuple[bool, float, str]:
    """Numbers by their size before texts by theirs."""
    if isinstance(value, str) or value != value:
        return True, 0.0, str(value)
    return False, float(value), ""


def _differing(trials: list[TrialState]) -> list[str]:
    """The parameters that differ among trials; those that most trials have first."""
    names = dict.fromkeys(name for trial in trials for name in trial.values)
    differing = {}
    for name in names:
        values = [trial.values.get(name) for trial in trials]
        if len(trials) == 1 or len({repr(value) for value in values}) > 1:
            differing[name] = sum(value is not None for value in values)
    return sorted(differing, key=lambda name: -differing[name])


def _draw_lines(axes: Axes, lines: tuple[Line, ...], last: int) -> None:
    """All lines at once; the best in its own colour."""
    from matplotlib.collections import LineCollection

    from notebook_automl.plots import _figure as on

    paths = [
        [(float(at), _ABSENT if p is None else p) for at, p in enumerate(line.places)]
        for line in lines
    ]
    if not last:
        paths = [[(-0.03, path[0][1]), (0.0, path[0][1])] for path in paths]
    shares = [rank / len(lines) for rank in range(len(lines) - 1)]
    # Where there are many, what the best tenth has in common must not drown.
    least = min(1.0, _SOLID / len(lines))
    shades = [(*on.shade(s), least + (1 - least) * 0.6 * s**8) for s in shares]
    drawn = LineCollection(
        paths,
        colors=[*shades, on.BEST],
        linewidths=[0.9] * len(shades) + [2.4],
        linestyles="solid",
        clip_on=False,
    )
    axes.add_collection(drawn, autolim=False)


def _draw_axis(
    axes: Axes, coordinate: Coordinate, at: int, width_px: float, note: str
) -> None:
    """One axis: its title above, its values beside it."""
    from notebook_automl.plots import _figure as on

    axes.plot([at, at], [0, 1], "-", marker="", color=on.MUTED, linewidth=1, zorder=3)
    most = min(26, max(8, int(width_px / 5.8)))
    block, _, name = short(coordinate.title, 200).rpartition("/")
    title = f"{on.plain(note or block, most)}\n{on.plain(name, most)}"
    on.write(axes, at, 1.08, title, ha="center", fontsize=on.SMALL)
    ticks = list(coordinate.ticks)
    if coordinate.absent:
        ticks.append(("none", _ABSENT))
    gap = 6 / width_px
    shift, side = (gap, "left") if note else (-gap, "right")
    # Ticks that would cover one another give way to the ends.
    taken: list[float] = []
    for text, place in [*ticks[:1], *ticks[:0:-1]]:
        if any(abs(place - other) < 0.07 for other in taken):
            continue
        taken.append(place)
        style = {"ha": side, "va": "center", "fontsize": on.SMALL}
        shown = on.plain(text, max(6, most - 5))
        on.write(axes, at + shift, place, shown, **style)


PLUGIN = ParallelCoordinates()
