"""The saved view of a run: what a notebook shows where no kernel runs."""

from __future__ import annotations

import base64
import time
from html import escape
from typing import NamedTuple

from notebook_automl.plots._plot import PLOTS, Shown
from notebook_automl.plots._summary import summary

_PLOT = "curves"
_MOST_ROWS = 100
# Sharp enough on most screens; it is saved with the notebook.
_SHARPNESS = 1.5


class Still(NamedTuple):
    """A run at one moment.

    Args:
        png: Its learning curves.
        html: The same picture, and the leaderboard.
        text: The leaderboard's first lines.
    """

    png: bytes
    html: str
    text: str


def still(shown: Shown) -> Still:
    """Draw the saved view; any thread may do so.

    Args:
        shown: The run.
    """
    from notebook_automl.plots._figure import Picture

    told = summary(
        shown.state,
        shown.status,
        shown.search,
        shown.name,
        shown.metric,
        shown.mode,
        shown.now_s,
    )
    plugin = PLOTS.get(_PLOT)
    figure = Picture(title=_PLOT)
    plugin.draw(plugin.collect(shown), figure)
    png = figure.png(_SHARPNESS)
    width, height = figure.size_px
    alt = f"Learning curves of {told.name}: {told.line()}"
    image = (
        f'<img alt="{escape(alt)}" width="{width}" height="{height}" '
        'style="max-width:100%;height:auto" '
        f'src="data:image/png;base64,{base64.b64encode(png).decode("ascii")}">'
    )
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(shown.now_s))
    html = f"<div>{image}</div>\n{told.html(_MOST_ROWS)}\n<p>As of {now}.</p>"
    return Still(png, html, told.text())
