"""What a plot must do: collect numbers from a run's record, then draw them.

A plot is one file of this folder that ends with `PLUGIN = ...`, found by its file name.
Its laws, which `tests/test_every_plot.py` holds over every plot:

* `collect` is pure: it reads what is shown and gives a named tuple of plain numbers and
  texts, so that these can be asserted without a picture. Its options are keywords.
* It takes any run: without trials, with thousands, with NaN and infinities, with names
  that may hold anything.
* `draw` touches nothing but the figure: no pyplot, no rcParams. It may run in several
  threads of the kernel at once.
* Where there is nothing to draw, the figure says so in a sentence.
* Importing the file loads neither matplotlib nor numpy: `draw` does.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from notebook_automl._registry import Room
from notebook_automl.errors import SearchError, UnknownNameError, nearest, received
from notebook_automl.record.reader import RunState
from notebook_automl.record.trial import TrialState

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLOTS = Room("notebook_automl.plots", kind="plot")


@dataclass(frozen=True)
class Shown:
    """What a plot may read.

    Args:
        state: The run's record, folded.
        status: One word, as `Run.status`.
        metric: The objective, such as "val_accuracy".
        mode: Whether more or less of it is better.
        name: The run's name.
        search: What was asked for.
        now_s: Unix seconds now.
        importance: Gives the parameters' shares of the objective's variation; empty
            where they cannot be told. It may take seconds.
    """

    state: RunState
    status: str
    metric: str
    mode: Literal["max", "min"]
    name: str
    search: Mapping[str, Any]
    now_s: float
    importance: Callable[[], Mapping[str, float]] = dict

    def ordered(self) -> list[TrialState]:
        """All trials, the best first."""
        return self.state.ordered(self.metric, self.mode)

    def state_of(self, trial: TrialState) -> str:
        """A trial's state; "interrupted" if nobody drives it any more."""
        gone = trial.state == "running" and self.status == "interrupted"
        return "interrupted" if gone else trial.state


class Plot(Protocol):
    """One kind of plot; see this file's first lines for its laws."""

    def collect(self, shown: Shown) -> Any:
        """The numbers, as a named tuple; options are further keywords.

        Raises:
            UnknownNameError: An option names what there is not.
        """
        ...

    def draw(self, collected: Any, figure: Figure) -> None:
        """Draws what was collected into an empty figure."""
        ...


def plot(name: str, shown: Shown, options: Mapping[str, Any]) -> Figure:
    """Draw a plot.

    Args:
        name: A name in `PLOTS`.
        shown: What it may read.
        options: Of that plot.

    Returns:
        A figure that shows itself as a cell's value.

    Raises:
        UnknownNameError: There is no such plot, or no such option.
    """
    plugin = PLOTS.get(name)
    known = [option for option in inspect.signature(plugin.collect).parameters][1:]
    for option in options:
        if option not in known:
            raise UnknownNameError(
                f"Expected an option of the plot {name!r}, {received(option)}."
                f"{nearest(option, known)} There are: {', '.join(known) or 'none'}."
            )
    collected = plugin.collect(shown, **options)
    from notebook_automl.plots._figure import Picture

    figure = Picture(title=name)
    plugin.draw(collected, figure)
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as a file.

    Args:
        figure: What `plot` gave.
        path: Its suffix says the format: .png, .svg, .pdf.

    Returns:
        The path.

    Raises:
        SearchError: There is no such format, or it cannot be written there.
    """
    try:
        figure.savefig(path, dpi=2 * figure.dpi)
    except (OSError, ValueError) as error:
        raise SearchError(
            f"Expected a path that a picture can be written to, {received(str(path))}: "
            f'{error}. Type "plot.png".'
        ) from error
    return path
