"""A training program: cells in order, as one module on disk and as notebook cells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from notebook_automl.source.code import Code
from notebook_automl.source.format import formatted
from notebook_automl.source.literals import literal

# The cells of every program, in order, with the heading that each has in a notebook.
CELLS = {
    "setup": "Set-up",
    "define": "Define",
    "load": "Load",
    "split": "Split",
    "prepare": "Prepare",
    "build": "Build",
    "compile": "Compile",
    "train": "Train",
    "keep": "Keep",
    "combine": "Combine",
    "evaluate": "Evaluate",
    "predict": "Predict",
}
# Cells that only some programs have: own metrics and layers, ensembles.
OPTIONAL = ("define", "keep", "combine")
# Cells that do not depend on what the search chose: trials share their outcome.
SHARED = ("setup", "load", "split", "prepare")
_MARK = re.compile(r"^# %% (\w+)\n", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """One cell of a program.

    Args:
        id: Its name in `CELLS`; in the program of an ensemble, with an underscore and
            the number of the member that it belongs to.
        source: Formatted statements.
    """

    id: str
    source: str

    @property
    def kind(self) -> str:
        """A name in `CELLS`."""
        return self.id.partition("_")[0]

    @property
    def title(self) -> str:
        """The heading over the cell."""
        _, _, member = self.id.partition("_")
        return CELLS[self.kind] + f" trial {member}" * bool(member)


@dataclass(frozen=True)
class Program:
    """Cells in the order in which they run.

    Args:
        cells: The cells.
    """

    cells: tuple[Cell, ...]

    def __getitem__(self, cell_id: str) -> str:
        """The source of one cell."""
        return next(cell.source for cell in self.cells if cell.id == cell_id)

    def __contains__(self, cell_id: str) -> bool:
        """Whether the program has a cell."""
        return any(cell.id == cell_id for cell in self.cells)

    def with_cell(self, cell_id: str, code: Code) -> Program:
        """The same program with one cell rewritten and its imports added.

        Args:
            cell_id: A name in `CELLS`.
            code: What stands there instead.
        """
        sources = {cell.id: cell.source for cell in self.cells}
        sources[cell_id] = code.source
        # Behind what must stand before any import, with the other imports.
        lines = sources["setup"].splitlines()
        begin = 1 + max(
            (i for i, line in enumerate(lines) if line.startswith("os.environ")),
            default=-1,
        )
        sources["setup"] = "\n".join([*lines[:begin], *code.imports, *lines[begin:]])
        return Program.from_text(formatted(_text(sources)))

    def with_constant(self, cell_id: str, name: str, value: Any) -> Program:
        """The same program with another value of a constant.

        Args:
            cell_id: The cell that sets it.
            name: Its name.
            value: The new value.
        """
        line = f"{name} = {literal(value)}"
        source = re.sub(rf"(?m)^{name} = .*$", lambda _: line, self[cell_id])
        return self.with_cell(cell_id, Code(source=source))

    def with_epochs(self, epochs: int | list[int]) -> Program:
        """The same program that trains another number of epochs, one for each fold."""
        line = f"EPOCHS = {literal(epochs)}"  # as well formatted as the one before
        source = re.sub(r"(?m)^EPOCHS = .*$", line, self["train"])
        cells = (
            replace(cell, source=source) if cell.id == "train" else cell
            for cell in self.cells
        )
        return Program(tuple(cells))

    def to_text(self) -> str:
        """The program as one module with `# %% id` lines between its cells."""
        return _text({cell.id: cell.source for cell in self.cells})

    @classmethod
    def from_text(cls, text: str) -> Program:
        """Read a program that `to_text` wrote.

        Generated strings hold no line breaks, so that a line that begins with `# %% `
        is always one of ours.
        """
        parts = _MARK.split(text)[1:]
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return cls(tuple(Cell(cell_id, source.strip()) for cell_id, source in pairs))


def assemble(parts: Mapping[str, Code], environment: Mapping[str, str]) -> Program:
    """Put the parts together: all imports in the first cell, everything formatted.

    Args:
        parts: Code of cells of `CELLS`, all or some; what the set-up holds comes
            behind the imports.
        environment: Variables that must stand before anything is imported.

    Returns:
        The formatted program.
    """
    imports = dict.fromkeys(line for code in parts.values() for line in code.imports)
    setup = [
        "import os",
        *(f"os.environ[{name!r}] = {value!r}" for name, value in environment.items()),
        *imports,
        parts["setup"].source,
    ]
    sources = {"setup": "\n".join(setup)}
    sources |= {key: parts[key].source for key in list(CELLS)[1:] if key in parts}
    return Program.from_text(formatted(_text(sources)))


def _text(sources: Mapping[str, str]) -> str:
    """Cells as one module, a marked cell a part."""
    return "\n\n".join(f"# %% {key}\n{sources[key].strip()}\n" for key in sources)
