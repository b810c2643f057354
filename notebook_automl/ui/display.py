"""What a notebook shows of our objects."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from notebook_automl.page.bridge import bridge, current_shell

if TYPE_CHECKING:
    from notebook_automl.api.run import Run
    from notebook_automl.ui.view import View

_VIEWS: dict[tuple[Path, float], View] = {}


@cache
def register() -> None:
    """Let the notebook show runs as live views, and its page find this kernel."""
    shell = current_shell()
    if shell is None:
        return
    formatter = shell.display_formatter.ipython_display_formatter
    formatter.for_type_by_name("notebook_automl.api.run", "Run", show_run)
    bridge().open()


def show_run(run: Run) -> None:
    """Show a run as an output of the cell that runs.

    Args:
        run: The run; the same one may be shown by several cells.

    Raises:
        RunNotFoundError: It was deleted.
    """
    view_of(run).show()


def view_of(run: Run) -> View:
    """The live view of a run; a kernel has one, however often it is shown.

    Args:
        run: The run.

    Raises:
        RunNotFoundError: It was deleted.
    """
    from notebook_automl.ui.view import View

    key = (run.folder, run.started_s)
    if key not in _VIEWS:
        _ = run.state
        _VIEWS[key] = View(run)
    run.accompany(_VIEWS[key])
    return _VIEWS[key]
