"""The names that data have where the person works."""

from __future__ import annotations

import keyword
import sys
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any


def names_of(data: Any) -> tuple[str, ...]:
    """Find the variables that hold the data, for code that loads them again.

    Args:
        data: A table, or a pair of arrays or of dictionaries of such.

    Returns:
        One name a part; empty if any part has none, as the result of an expression.
    """
    parts = data if isinstance(data, tuple | list) else (data,)
    # Dictionaries are written where they are used, their values have names.
    flat = [v for p in parts for v in (p.values() if isinstance(p, Mapping) else [p])]
    ways: list[Sequence[Any]] = [flat]
    if any(isinstance(part, Mapping) for part in parts):
        # How many names there are must say what they are of.
        ways += [parts, (data,)] if len(flat) != len(parts) else [(data,)]
    for found in ways:
        names = tuple(_name_of(part) for part in found)
        if all(names):
            return names
    return ()


def _name_of(part: Any) -> str:
    for scope in _scopes():
        # A copy, because a thread of the person's may assign meanwhile.
        for name, value in list(scope.items()):
            if value is part and _can_be_typed(name):
                return name
    return ""


def _can_be_typed(name: Any) -> bool:
    """Whether code may use the name; notebooks keep outputs as `_`, `_12`."""
    if not isinstance(name, str) or name.startswith("_"):
        return False
    return name.isidentifier() and not keyword.iskeyword(name)


def _scopes() -> list[dict[str, Any]]:
    """The notebook's variables, or those of whoever called this package."""
    if "IPython" in sys.modules:
        from IPython import get_ipython

        shell = get_ipython()
        if shell is not None:
            return [shell.user_ns]
    frame: FrameType | None = sys._getframe(1)
    package = __name__.partition(".")[0]
    while frame and str(frame.f_globals.get("__name__")).partition(".")[0] == package:
        frame = frame.f_back
    return [frame.f_locals, frame.f_globals] if frame else []
