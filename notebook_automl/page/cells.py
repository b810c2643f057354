"""Cells in the person's notebook: put there, written, watched, run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from notebook_automl.errors import PageError
from notebook_automl.page.bridge import bridge


@dataclass(frozen=True)
class PageCell:
    """A cell to be.

    Args:
        part: Its name within what is inserted; the next insertion replaces it by that.
        type: "code" or "markdown".
        source: What stands in it.
    """

    part: str
    type: Literal["code", "markdown"]
    source: str


@dataclass(frozen=True)
class Inserted:
    """What became of cells.

    Args:
        page: The page that holds them.
        cells: Their ids, in order.
        inserted: How many are new.
        replaced: How many stood there and have the new source.
        kept: How many a person has edited, and were left as they are.
        removed: How many of an earlier insertion were taken away.
    """

    page: str
    cells: tuple[str, ...]
    inserted: int
    replaced: int
    kept: int
    removed: int

    def line(self) -> str:
        """The same in words."""
        parts = [f"{self.inserted} cells inserted"] if self.inserted else []
        parts += [f"{self.replaced} replaced"] if self.replaced else []
        parts += [f"{self.removed} removed"] if self.removed else []
        if self.kept:
            parts.append(f"{self.kept} that you edited kept as they are")
        return ", ".join(parts) or "no cells to insert"


def insert(
    export: str,
    cells: Sequence[PageCell],
    cell: str | None,
    page: str | None = None,
    undoable: bool = True,
    run: bool = False,
) -> Inserted | None:
    """Put cells below another one; those of the same export are replaced.

    The page is asked first who holds the cell: of several pages on one kernel one acts.

    Args:
        export: What the cells belong to.
        cells: In their order.
        cell: The id of the cell above; None where that is not known.
        page: The page to ask; all of them if not given.
        undoable: Whether one undo takes them away again.
        run: Whether to run the last of them.

    Returns:
        What became of them; None where no page holds the cell above.

    Raises:
        PageError: The page could not do it.
    """
    if cell is None:
        return None
    at = {} if page is None else {"page": page}
    found = bridge().ask("find", anchor={"cell": cell}, **at)
    if found is None:
        return None
    answer = bridge().ask(
        "insert",
        page=found["page"],
        export=export,
        anchor={"cell": cell},
        cells=[vars(part) for part in cells],
        undoable=undoable,
        run=run,
    )
    if answer is None or not answer.get("ok"):
        why = "no answer" if answer is None else answer.get("error")
        raise PageError(
            f"Expected new cells in the notebook, got {why}. Reload the page, or type "
            'run.export("notebook", "best.ipynb").'
        )
    counts: Any = {
        name: int(answer[name]) for name in ("inserted", "replaced", "kept", "removed")
    }
    return Inserted(str(found["page"]), tuple(map(str, answer["cells"])), **counts)
