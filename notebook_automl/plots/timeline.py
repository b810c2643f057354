"""Timeline: which worker was at which trial when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from notebook_automl.plots._numbers import Limits, time_unit
from notebook_automl.plots._plot import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_ROWS = 24
# Of a solid kind the sign alone.
_HATCHES = {
    "best": ("■", ""),
    "finished": ("■", ""),
    "running": ("■", ""),
    "stopped": ("░", "...."),
    "pruned": ("▤", "----"),
    "skipped": ("▥", "||||"),
    "failed": ("▩", "xxxx"),
    "interrupted": ("▨", "////"),
}
# More spans than this have no seams: these would hide them.
_MOST_SEAMS = 200


class Span(NamedTuple):
    """A trial on a worker.

    Args:
        trial: Its number.
        kind: Its state; "best" of the best one, "finished" of other completed ones.
        row: The worker's.
        begin_s: In seconds since the run began.
        end_s: As above; of a trial that runs, now.
    """

    trial: int
    kind: str
    row: int
    begin_s: float
    end_s: float


class Timeline(NamedTuple):
    """What is drawn.

    Args:
        name: The run's.
        workers: Their addresses, a row each.
        spans: In the order in which they began.
        until_s: When the last one ends, in seconds since the run began.
        hidden: How many trials are on workers without a row.
    """

    name: str
    workers: tuple[str, ...]
    spans: tuple[Span, ...]
    until_s: float
    hidden: int


class TrialTimeline:
    """Whether the workers were busy, and what took long."""

    def collect(self, shown: Shown) -> Timeline:
        """One span a trial that began.

        Args:
            shown: The run.
        """
        begun = [
            (trial, trial.started_s)
            for trial in list(shown.state.trials.values())
            if trial.started_s is not None
        ]
        origin_s = shown.state.started_s
        if origin_s is None:
            origin_s = min((at_s for _, at_s in begun), default=0.0)
        best = shown.state.best(shown.metric, shown.mode)
        begun.sort(key=lambda pair: (pair[1], pair[0].number))
        workers = list(dict.fromkeys(trial.worker for trial, _ in begun))[:_MOST_ROWS]
        rows = {worker: row for row, worker in enumerate(workers)}
        spans = []
        for trial, at_s in begun:
            if trial.worker not in rows:
                continue
            kind = shown.state_of(trial)
            kind = "finished" if kind == "completed" else kind
            kind = "best" if trial is best else kind
            end_s = trial.ended_s
            if end_s is None:  # one that never said so ran as long as its epochs
                end_s = shown.now_s if kind == "running" else at_s + trial.seconds
            begin_s = max(0.0, at_s - origin_s)
            end_s = max(begin_s, end_s - origin_s)
            row = rows[trial.worker]
            spans.append(Span(trial.number, kind, row, begin_s, end_s))
        return Timeline(
            name=shown.name,
            workers=tuple(workers),
            spans=tuple(spans),
            until_s=max((span.end_s for span in spans), default=0.0),
            hidden=len(begun) - len(spans),
        )

    def draw(self, collected: Timeline, figure: Figure) -> None:
        """Draw a row a worker; the number of a trial stands in its span if it fits."""
        from notebook_automl.plots import _figure as on

        title = f"Timeline of {collected.name}"
        if not collected.spans:
            on.sentence(figure, title, "No trial has begun yet.")
            return
        on.head(figure, title)
        kinds = [k for k in _HATCHES if k in {span.kind for span in collected.spans}]
        signs = [(_HATCHES[kind][0], _colour(kind), kind) for kind in kinds]
        if collected.hidden:
            signs.append(("", on.MUTED, f"{collected.hidden} trials on other workers"))
        on.key(figure, signs)
        axes = on.panel(figure, left_px=84)
        unit_s, unit = time_unit(collected.until_s)
        end = collected.until_s / unit_s or 1.0
        on.scale(axes, axes.xaxis, Limits(0.0, 1.01 * end, False, False), 8)
        axes.grid(True, axis="x", color=on.GRID, linewidth=0.8, linestyle="-")
        axes.spines["left"].set_visible(False)
        axes.set_ylim(max(len(collected.workers), 2) - 0.4, -0.6)
        axes.set_yticks([])
        axes.set_xlabel(f"{unit} since the search began", **on.LABEL)
        place = axes.get_yaxis_transform()
        for row in range(len(collected.workers)):
            style = {"ha": "right", "va": "center", "color": on.MUTED}
            on.write(axes, -0.01, row, f"worker {row + 1}", transform=place, **style)
        for kind in kinds:
            _draw(axes, collected.spans, kind, unit_s)
        _number(axes, collected, unit_s, end)


def _colour(kind: str) -> str:
    from notebook_automl.plots import _figure as on

    colours = {"best": on.BEST, "running": on.RUNNING, "finished": on.FINISHED}
    return colours.get(kind, on.DIM)


def _draw(axes: Axes, spans: tuple[Span, ...], kind: str, unit_s: float) -> None:
    """All spans of a kind at once."""
    from matplotlib.collections import PolyCollection

    from notebook_automl.plots import _figure as on

    corners = []
    for span in (span for span in spans if span.kind == kind):
        left, right = span.begin_s / unit_s, span.end_s / unit_s
        low, high = span.row - 0.36, span.row + 0.36
        corners.append([(left, low), (right, low), (right, high), (left, high)])
    hatch = _HATCHES[kind][1]
    drawn = PolyCollection(
        corners,
        facecolors=on.CARD if hatch else _colour(kind),
        edgecolors=_colour(kind) if hatch else on.CARD,
        linewidths=0.6 if len(spans) <= _MOST_SEAMS else 0,
        hatch=hatch or None,
    )
    axes.add_collection(drawn, autolim=False)


def _number(axes: Axes, collected: Timeline, unit_s: float, end: float) -> None:
    """Write the trials' numbers where there is room for them."""
    from notebook_automl.plots import _figure as on

    for span in collected.spans:
        share = (span.end_s - span.begin_s) / unit_s / end
        text = str(span.trial)
        if share < 0.012 * (len(text) + 1) or len(collected.workers) > _MOST_ROWS // 2:
            continue
        middle = (span.begin_s + span.end_s) / 2 / unit_s
        style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": on.SMALL}
        if not _HATCHES[span.kind][1]:
            dark = span.kind != "finished"
            style |= {"color": on.CARD if dark else on.INK, "path_effects": []}
        on.write(axes, middle, span.row, text, **style)


PLUGIN = TrialTimeline()
