"""Numbers that remember which parameter of the search they are.

A value that the search chose travels as an `int` or `float` that also carries its path
through AutoKeras's blocks into the layers' options; there the generator finds the path
again and writes `Conv2D(FILTERS_0_0, ...)` instead of `Conv2D(64, ...)`. A value that
loses its path on the way (by arithmetic) is written as the number it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

Scalar = TypeVar("Scalar", bound=str | int | float | bool)


class NamedInt(int):
    """An `int` with the path of its parameter."""

    path: str = ""


class NamedFloat(float):
    """A `float` with the path of its parameter."""

    path: str = ""


def named(value: Scalar, path: str) -> Scalar:
    """Let a number carry a path; other values stay as they are.

    Args:
        value: What the search chose.
        path: Its parameter's path in the space.

    Returns:
        An equal value of the same kind.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    carrier = NamedInt(value) if isinstance(value, int) else NamedFloat(value)
    carrier.path = path
    return carrier  # type: ignore[return-value]


def constant_names(paths: Iterable[str]) -> dict[str, str]:
    """Constant names for parameter paths, as short as they can be.

    Args:
        paths: Paths in a search space ("image/conv_block_1/kernel_size").

    Returns:
        Path to name: its last word, and more words where two paths share it.
    """
    names: dict[str, str] = {}
    paths = list(dict.fromkeys(paths))
    for path in paths:
        words = path.split("/")
        short = [p for p in paths if p.split("/")[-1] == words[-1]]
        kept = words[-1:] if len(short) == 1 else words
        names[path] = "_".join(kept).upper()
    return names
