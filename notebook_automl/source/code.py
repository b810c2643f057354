"""A piece of generated code and the import lines that it needs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    """Source of one part of a program.

    Args:
        imports: Whole import lines ("import numpy as np"); the program gathers those
            of all parts into its first cell.
        source: Statements, without imports.
    """

    imports: tuple[str, ...] = ()
    source: str = ""
