"""Importance: which parameters tell good trials from others (Optuna's PED-ANOVA)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from notebook_automl.plots._numbers import Limits, drawable
from notebook_automl.plots._plot import Shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The method compares the best tenth of the trials with all.
_FEWEST_TRIALS = 10
_MOST_BARS = 10


class Bar(NamedTuple):
    """A parameter, and its share of 1."""

    parameter: str
    share: float


class Importance(NamedTuple):
    """What is drawn.

    Args:
        name: The run's.
        metric: The objective.
        trials: How many have finished.
        bars: The most important parameter first.
        others: How many parameters have no bar, and their share of 1.
        why: Why there are no bars.
    """

    name: str
    metric: str
    trials: int
    bars: tuple[Bar, ...]
    others: tuple[int, float]
    why: str


class ParameterImportance:
    """What is worth another look, and what may be left as it is."""

    def collect(self, shown: Shown) -> Importance:
        """One bar a parameter that all finished trials have.

        Args:
            shown: The run; its `importance` is asked for if enough trials finished.
        """
        ranked = shown.state.ranked(shown.metric, shown.mode)
        trials = sum(drawable(trial.metrics[shown.metric]) for trial in ranked)
        bars, why = [], ""
        if trials < _FEWEST_TRIALS:
            finished = "none has" if not trials else f"{trials} of them have"
            why = f"It needs {_FEWEST_TRIALS} finished trials; {finished} finished."
        else:
            shares = shown.importance().items()
            known = [Bar(name, share) for name, share in shares if drawable(share)]
            bars = sorted(known, key=lambda bar: (-bar.share, bar.parameter))
            why = (
                "" if bars else "No parameter that all trials have makes a difference."
            )
        rest = bars[_MOST_BARS:]
        return Importance(
            name=shown.name,
            metric=shown.metric,
            trials=trials,
            bars=tuple(bars[:_MOST_BARS]),
            others=(len(rest), sum(bar.share for bar in rest)),
            why=why,
        )

    def draw(self, collected: Importance, figure: Figure) -> None:
        """Draw a bar a row, its share beside it."""
        from notebook_automl.plots import _figure as on

        metric = on.plain(collected.metric, 30)
        title = f"Importance for {metric} in {collected.name}"
        if not collected.bars:
            on.sentence(figure, title, collected.why)
            return
        on.head(figure, title)
        said = f"PED-ANOVA over {collected.trials} finished trials"
        number, share = collected.others
        if number:
            said += f"; {number} more make {share:.0%}"
        on.key(figure, [("", on.MUTED, said)])
        axes = on.panel(figure, left_px=272, right_px=70)
        rows = range(len(collected.bars))
        most = max(bar.share for bar in collected.bars) or 1.0
        on.scale(axes, axes.xaxis, Limits(0.0, most, False, False))
        axes.set_ylim(max(len(rows), 4) - 0.4, -0.6)
        axes.set_yticks([])
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        shares = [bar.share for bar in collected.bars]
        colours = [on.BEST if share >= 0.5 * most else on.FINISHED for share in shares]
        axes.barh(rows, shares, height=0.62, color=colours, linewidth=0)
        place = axes.get_yaxis_transform()
        for row, bar in zip(rows, collected.bars, strict=True):
            name = on.plain(bar.parameter, 34)
            style = {"va": "center", "color": on.INK}
            on.write(axes, -0.015, row, name, ha="right", transform=place, **style)
            on.write(axes, bar.share, row, f"  {bar.share:.0%}", **style)


PLUGIN = ParameterImportance()
