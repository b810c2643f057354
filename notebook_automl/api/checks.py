"""What the public objects refuse, each with what was expected and what to type."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from notebook_automl.errors import SearchError, received
from notebook_automl.record.files import RUNS_VARIABLE
from notebook_automl.record.layout import runs_folder

# More minutes than this are no budget, and in seconds they may become infinite.
_MOST_MINUTES = 1e9
_MOST = {"minutes": _MOST_MINUTES}
_NUMBER, _WHOLE = "a finite number above 0", "a whole number above 0"
_OPTIONAL = ("minutes", "trials", "max_model_size", "workers", "folds")
_MOST_FOLDS = 100
_FOLDS = f"a whole number from 2 to {_MOST_FOLDS}"
_EXAMPLES = {
    "minutes": 10,
    "trials": 20,
    "epochs": 50,
    "batch_size": 32,
    "folds": 5,
    "validation_split": 0.2,
    "test_split": 0.2,
    "seed": 0,
    "max_model_size": 1_000_000,
    "workers": 2,
    "devices_per_trial": 2,
}


def check_numbers(search: Any) -> None:
    """Refuse numbers out of range, each with what was expected.

    Args:
        search: A `Search`.

    Raises:
        SearchError: One of them cannot be.
    """
    rules: list[tuple[str, Callable[[Any], bool], str, type | tuple[type, ...]]] = [
        ("minutes", lambda v: 0 < v <= _MOST_MINUTES, _NUMBER, (int, float)),
        ("trials", lambda v: v > 0, _WHOLE, int),
        ("epochs", lambda v: v > 0, _WHOLE, int),
        ("batch_size", lambda v: v > 0, _WHOLE, int),
        ("folds", lambda v: 2 <= v <= _MOST_FOLDS, _FOLDS, int),
        ("validation_split", lambda v: 0 < v < 1, "between 0 and 1", (int, float)),
        ("test_split", lambda v: 0 < v < 1, "between 0 and 1", (int, float)),
        ("seed", lambda v: 0 <= v < 2**32, "a whole number from 0 to 4294967295", int),
        ("max_model_size", lambda v: v > 0, _WHOLE, int),
        ("workers", lambda v: v > 0, _WHOLE, int),
        ("devices_per_trial", lambda v: v > 0, _WHOLE, int),
    ]
    for name, allowed, expected, kind in rules:
        value = getattr(search, name)
        if value is None and name in _OPTIONAL:
            continue
        plain = isinstance(value, kind) and not isinstance(value, bool)
        if not plain or not allowed(value):
            raise SearchError(
                f"Expected {name} to be {expected}, {received(value)}. Type "
                f"{name}={_EXAMPLES[name]}.",
                field=name,
            )


def check_more(search: Mapping[str, Any], name: str, more: Any) -> None:
    """Refuse what cannot be added to a budget.

    Args:
        search: What the run was asked for.
        name: "minutes" or "trials".
        more: What to add; None adds nothing.

    Raises:
        SearchError: It is no number above 0, or the run has no such budget.
    """
    if more is None:
        return
    kinds, expected = ((int,), _WHOLE) if name == "trials" else ((int, float), _NUMBER)
    number = isinstance(more, kinds) and not isinstance(more, bool)
    if not number or not 0 < more <= _MOST.get(name, math.inf):
        raise SearchError(
            f"Expected {name} to be {expected}, {received(more)}. Type "
            f"run.extend({name}=5).",
            field=name,
        )
    if search[name] is None:
        raise SearchError(
            f"Expected a budget that this run has, got {name}={more!r}, which it "
            f"was not limited by. Type {extension(search)}.",
            field=name,
        )


def extension(search: Mapping[str, Any]) -> str:
    """What to type for more of each budget that a run has.

    Args:
        search: What the run was asked for.
    """
    limits = [name for name in ("minutes", "trials") if search[name] is not None]
    return f"run.extend({', '.join(f'{name}=5' for name in limits)})"


def check_name(name: Any) -> None:
    """Refuse a name that cannot be one folder's name.

    Args:
        name: What was given; None is no name.

    Raises:
        SearchError: It is not text, or no file system takes it.
    """
    if name is None:
        return
    if (
        not isinstance(name, str)
        or not name.strip()
        or name.startswith(".")
        or any(c in name for c in ("/", "\\", "\0", os.sep))
        or _unwritable(name)
        or len(name.encode()) > 200
    ):
        raise SearchError(
            "Expected name to be text that can name a folder (no slashes, no leading "
            f'dot), {received(name)}. Type name="my-search".',
            field="name",
        )


def folder_of_runs(folder: Any) -> Path:
    """Say where the runs are.

    Args:
        folder: The person's own choice, or None.

    Returns:
        An absolute path.

    Raises:
        SearchError: What was given, or the environment variable, is no path.
    """
    try:
        if folder is None or isinstance(folder, str | os.PathLike):
            path = runs_folder(folder)
            if b"\0" not in os.fsencode(path):
                return path
    # No such home; bytes; characters that the file system does not know.
    except (RuntimeError, TypeError, ValueError):
        pass
    given = os.environ.get(RUNS_VARIABLE) if folder is None else folder
    raise SearchError(
        f"Expected folder to be a path as text, {received(given)}. Type "
        'folder="automl_runs".',
        field="folder",
    )


def path_of(path: Any) -> Path | None:
    """A path to write to.

    Args:
        path: What was given; None leaves the choice to others.

    Raises:
        SearchError: It is no path.
    """
    if path is None:
        return None
    try:
        if isinstance(path, str | os.PathLike):
            return Path(path).expanduser()
    except (RuntimeError, TypeError):  # no such home; bytes
        pass
    raise SearchError(f'Expected a path as text, {received(path)}. Type "best.ipynb".')


def _unwritable(text: str) -> bool:
    """Whether it holds half a character, which no UTF-8 can say."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
