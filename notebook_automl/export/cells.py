"""The trial's program as a new cell below the one that runs."""

from __future__ import annotations

import sys
from pathlib import Path

from notebook_automl.errors import SearchError, received
from notebook_automl.export._exporter import Chosen


class Cells:
    """Offers the code through `set_next_input`, which every front end understands."""

    def export(self, chosen: Chosen, path: Path | None, replay: bool) -> str:
        """Offer the program where there is a notebook, and return it anyway."""
        if path is not None or replay:
            value = str(path) if path is not None else replay
            raise SearchError(
                f"Expected no path and no replay for cells, {received(value)}. Type "
                'run.export("notebook", "best.ipynb", replay=True).'
            )
        model = f"{chosen.run.name}-{chosen.trial.number}.keras"
        program = chosen.program_here().with_constant("setup", "CHECKPOINT", model)
        text = program.to_text()
        if "IPython" in sys.modules:
            from IPython import get_ipython

            shell = get_ipython()
            if shell is not None:
                shell.set_next_input(text)
        return text


PLUGIN = Cells()
