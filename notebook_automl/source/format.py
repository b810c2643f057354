"""Generated code in the form that the field's formatter gives it."""

from __future__ import annotations

import subprocess
from functools import lru_cache

from ruff import find_ruff_bin


# A worker writes the cells that its trials share again and again: 10 to 40 ms each.
@lru_cache(maxsize=16)
def formatted(text: str) -> str:
    """Sort the imports and format a module.

    Args:
        text: A Python module.

    Returns:
        The same module as `ruff format` writes it.

    Raises:
        subprocess.CalledProcessError: The text is no Python.
    """
    for arguments in (
        ["check", "--select=I,F401", "--fix", "--exit-zero", "--quiet"],
        ["format", "--quiet"],
    ):
        text = subprocess.run(
            [find_ruff_bin(), *arguments, "--isolated", "--line-length=88", "-"],
            input=text,
            capture_output=True,
            check=True,
            text=True,
            encoding="utf-8",
        ).stdout
    return text
