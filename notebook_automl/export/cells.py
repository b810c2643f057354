"""The trial's program as cells of the person's notebook."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from notebook_automl.errors import SearchError, received
from notebook_automl.export._exporter import Chosen
from notebook_automl.export._texts import code, escaped
from notebook_automl.page.bridge import current_cell, in_cell
from notebook_automl.page.cells import PageCell, insert
from notebook_automl.source.program import Program


@dataclass(frozen=True, repr=False)
class HandedCells:
    """Cells that were handed out: as a text their code, shown what became of them.

    Args:
        code: The whole program.
        told: Where the cells are.
    """

    code: str
    told: str

    def __str__(self) -> str:
        return self.code

    def __repr__(self) -> str:
        return self.told


class Cells:
    """Puts cells below the one that runs, or below the view whose button was pressed.

    Where the page has no extension of ours, the front end is offered one cell with
    everything, which every front end understands.
    """

    def export(self, chosen: Chosen, path: Path | None, replay: bool) -> HandedCells:
        """Put the program where there is a notebook, and return it anyway."""
        if path is not None or replay:
            value = str(path) if path is not None else replay
            raise SearchError(
                f"Expected no path and no replay for cells, {received(value)}. Type "
                'run.export("notebook", "best.ipynb", replay=True).'
            )
        key, title = chosen.trial.key, chosen.trial.title
        model = f"{chosen.run.name}-{key}.keras"
        program = chosen.program_here().with_constant("setup", "CHECKPOINT", model)
        text = program.to_text()
        done = insert(f"run {chosen.run.name}", _cells(program, chosen), current_cell())
        if done is not None:
            told = f"{done.line()} ({title})"
        elif _offered(text):
            told = f"One cell with all code of {title} stands below"
        else:
            told = (
                "No notebook here takes cells. Type print(run.export('cells')) in one, "
                f"or print(run.trial({key!r}).source)"
            )
        return HandedCells(text, told)


def _cells(program: Program, chosen: Chosen) -> list[PageCell]:
    """A heading, and each part of the program in a cell of its own."""
    trial, metric = chosen.trial, f"val_{chosen.search['metric']}"
    title = trial.title[0].upper() + trial.title[1:]
    where = f" {_where(chosen)}" if trial.role == "trial" else ""
    heading = (
        f"### {escaped(title)} of {escaped(chosen.run.name)}\n\n"
        f"{code(metric)} {trial.metrics[metric]:.4g}{where}. The cells below train it "
        "again, from the data to predictions."
    )
    parts = [
        PageCell(cell.id, "code", f"# {cell.title}\n{cell.source}")
        for cell in program.cells
    ]
    return [PageCell("heading", "markdown", heading), *parts]


def _where(chosen: Chosen) -> str:
    """What the metric of a trial was measured on."""
    trial, folds = chosen.trial, chosen.search.get("folds")
    return f"on {folds} folds" if folds else f"at epoch {trial.best_epoch}"


def _offered(text: str) -> bool:
    """Offer one cell through IPython, which takes it from a running cell only."""
    if "IPython" not in sys.modules or not in_cell():
        return False
    from IPython import get_ipython

    shell = get_ipython()
    if shell is not None:
        shell.set_next_input(text)
    return shell is not None


PLUGIN = Cells()
