"""What a search may choose, as a table."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_automl.api.helper import HELPER
from notebook_automl.record.layout import RunFolder
from notebook_automl.tasks._limits import OF_FIT, check_space

if TYPE_CHECKING:
    import pandas as pd


def decided_space(search: Any) -> dict[str, Any]:
    """What is left of the space; a fixed number of epochs is that of the search.

    Args:
        search: A `Search`.
    """
    space = check_space(search.space)
    fixed = {name: space[name] for name in OF_FIT if isinstance(space.get(name), int)}
    return {**fixed, "space": {k: v for k, v in space.items() if k not in fixed}}


def parameters(fill: Callable[[RunFolder], None]) -> pd.DataFrame:
    """The parameters of a search, by a process that builds its space.

    Args:
        fill: Makes the run's folder with all that a worker needs.

    Returns:
        One row a parameter, indexed by its path: choices, low, high, step, log and
        default.
    """
    import pandas as pd

    with tempfile.TemporaryDirectory(prefix="notebook-automl-") as name:
        folder = RunFolder(Path(name) / "space")
        fill(folder)
        rows = [_row(row) for row in HELPER.parameters(folder)]
    table = pd.DataFrame(rows, dtype=object).set_index("parameter")
    return table


def _row(told: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter in words; what it has not is None."""
    ranged = not told["choices"]
    return {
        "parameter": told["name"],
        "choices": None if ranged else list(told["choices"]),
        "low": told["low"] if ranged else None,
        "high": told["high"] if ranged else None,
        "step": told["step"],
        "log": told["log"] if ranged else None,
        "default": told["default"],
    }
