"""Values and names as Python source; nothing reaches generated code by another way."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

from notebook_automl.errors import received


def literal(value: Any) -> str:
    """Write a value as Python source.

    Args:
        value: A str, int, float, bool or None, a numpy scalar, or a tuple, list or dict
            of these.

    Returns:
        One line without unprintable characters. `ast.literal_eval` gives back an equal
        value, except for `float("inf")` and `float("nan")`, which have no literal.

    Raises:
        TypeError: There is no literal for such a value.
    """
    # A numpy scalar; many of them are also a float or str, with another repr.
    if hasattr(value, "dtype") and getattr(value, "shape", None) == ():
        value = value.item()
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, str):
        return _text(str(value))
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        number = float.__repr__(value)
        return number if math.isfinite(value) else f'float("{number}")'
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, tuple):
        comma = "," if len(value) == 1 else ""
        return f"({', '.join(map(literal, value))}{comma})"
    if isinstance(value, dict):
        pairs = (f"{literal(key)}: {literal(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    raise TypeError(
        "Expected str, int, float, bool, None, or a tuple, list or dict of these; "
        f"{received(value)}. Convert it first."
    )


def _text(value: str) -> str:
    # repr escapes what is not printable, U+2028 and lone surrogates included; it only
    # prefers the other quotes than ruff and the generated code do.
    quoted = repr(value)
    if quoted[0] == "'" and '"' not in quoted and "\\'" not in quoted:
        return f'"{quoted[1:-1]}"'
    return quoted


def identifier(text: str) -> str:
    """Make a constant's name of any text.

    Args:
        text: For example "val accuracy".

    Returns:
        ASCII capitals, digits and underscores, for example "VAL_ACCURACY"; different
        texts may give the same name.
    """
    plain = (
        unicodedata.normalize("NFKD", text.upper()).encode("ascii", "ignore").decode()
    )
    name = re.sub(r"[^A-Z0-9]+", "_", plain).strip("_")
    return name if name.isidentifier() else f"VALUE_{name}".rstrip("_")
