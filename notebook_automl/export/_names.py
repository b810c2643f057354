"""A program under other names, for a notebook in which its own ones are taken."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from notebook_automl.source.format import formatted
from notebook_automl.source.program import Program
from notebook_automl.source.renaming import with_names


def unlike(name: str, taken: Collection[str]) -> str:
    """A name that is not taken, and reads like the given one.

    Args:
        name: A name.
        taken: Names that it must not be.
    """
    prefix = "TRIAL_" if name.isupper() else "trial_"
    while name in taken:
        name = prefix + name
    return name


def renamed(program: Program, names: Mapping[str, str]) -> Program:
    """The same program with other names.

    Args:
        program: A program as we generate it: arguments that are given by their names
            are those of libraries, and stay.
        names: Old to new; all are changed at once, so that two may be exchanged.
    """
    text = with_names(program.to_text(), names)
    changed = Program.from_text(formatted(text))
    # Definitions stand by themselves, and a person's own may use any name within.
    kept = {cell.id: cell for cell in program.cells if cell.id == "define"}
    return Program(tuple(kept.get(cell.id, cell) for cell in changed.cells))
