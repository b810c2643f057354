"""What may be chosen as data: variables of the notebook, pairs of them, and files."""

from __future__ import annotations

import ast
import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notebook_automl.data._files import seen
from notebook_automl.data._pairs import holds_texts
from notebook_automl.data._source import SOURCES
from notebook_automl.errors import SearchError, nearest, received
from notebook_automl.source.literals import literal

# So many make a list that nobody reads.
_MOST_PAIRS = 50
_MOST_FILES = 50


@dataclass(frozen=True)
class Choice:
    """One thing to choose.

    Args:
        value: What a field becomes.
        label: What it is called.
        detail: What it is.
    """

    value: Any
    label: str
    detail: str = ""


def variables(namespace: Mapping[str, Any]) -> list[Choice]:
    """What of a notebook's variables can be searched, as expressions.

    Args:
        namespace: The notebook's variables.
    """
    sources = [SOURCES.get(name) for name in SOURCES.names()]
    found, arrays = [], []
    for name, value in list(namespace.items()):
        if name.startswith("_") or isinstance(value, type):
            continue
        if any(source.accepts(value) for source in sources):
            found.append(Choice(name, name, _describe(value)))
        elif hasattr(value, "__array__") and _lengths(value):
            arrays.append((name, value))
    return [*found, *_pairs(arrays)]


def _pairs(arrays: list[tuple[str, Any]]) -> list[Choice]:
    """Samples and their labels: as many of the one as of the other."""
    pairs = [
        Choice(f"({x}, {y})", f"{x}, {y}", f"{_describe(images)}; {_describe(labels)}")
        for x, images in arrays
        for y, labels in arrays
        if x != y and _are_samples(images) and images.shape[:1] == labels.shape
    ]
    return pairs[:_MOST_PAIRS]


def files() -> list[Choice]:
    """The files of the working directory that can be searched."""
    sources = [SOURCES.get(name) for name in SOURCES.names()]
    found = []
    with contextlib.suppress(OSError):
        for path in sorted(Path.cwd().iterdir()):
            # Names that begin with a dot are hidden for a reason.
            own = not path.name.startswith(".") and path.is_file()
            if own and any(source.accepts(path.name) for source in sources):
                detail = f"file of {path.stat().st_size:,} bytes"
                found.append(Choice(literal(path.name), path.name, detail))
    return found[:_MOST_FILES]


def _are_samples(array: Any) -> bool:
    """Whether an array may hold images or texts."""
    return len(array.shape) in (3, 4) or holds_texts(array)


def _lengths(value: Any) -> bool:
    """Whether it has the shape of an array, and not that of a model's input."""
    shape = getattr(value, "shape", None)
    return isinstance(shape, tuple) and all(isinstance(n, int) for n in shape)


def _describe(value: Any) -> str:
    """Shape and types, in a few words."""
    if isinstance(value, str | os.PathLike):
        return f"file {os.fspath(value)}"
    if isinstance(value, tuple | list):
        return "; ".join(map(_described_part, value))
    shape = " x ".join(f"{length:,}" for length in getattr(value, "shape", ()))
    if not hasattr(value, "columns"):
        return f"array {shape}, {getattr(value, 'dtype', type(value).__name__)}"
    kinds = [str(dtype) for dtype in value.dtypes]
    counts = {kind: kinds.count(kind) for kind in kinds}
    return f"table {shape}: " + ", ".join(f"{n} {kind}" for kind, n in counts.items())


def _described_part(part: Any) -> str:
    """The same of what a pair holds: a table or array, or several by name."""
    if isinstance(part, Mapping):
        return ", ".join(f"{n}: {_described_part(each)}" for n, each in part.items())
    is_list = isinstance(part, tuple | list)
    return f"{len(part):,} values" if is_list else _describe(part)


def targets(data: Any) -> list[Choice]:
    """The columns that may be learned.

    Args:
        data: What was chosen, or None.
    """
    data = seen(data)
    if not hasattr(data, "columns"):
        return []
    types = dict(zip(data.columns, map(str, data.dtypes), strict=True))
    return [
        Choice(name, str(name), kind)
        for name, kind in types.items()
        if isinstance(name, str | int)
    ]


def names_in(node: ast.expr | None) -> list[str]:
    """The variables in a name or a pair of names; empty for anything else."""
    parts = node.elts if isinstance(node, ast.Tuple | ast.List) else [node]
    names = [part.id for part in parts if isinstance(part, ast.Name)]
    return names if len(names) == len(parts) else []


def path_in(node: ast.expr | None) -> str:
    """The path that a literal text is; empty for anything else."""
    text = node.value if isinstance(node, ast.Constant) else None
    sources = [SOURCES.get(name) for name in SOURCES.names()]
    is_path = isinstance(text, str) and any(s.accepts(text) for s in sources)
    return str(text) if is_path else ""


def evaluate(expression: str, namespace: Mapping[str, Any]) -> Any:
    """The data that an expression means; only names and pairs of names are looked up.

    Args:
        expression: Say "df" or "(x, y)", or the path of a file in quotes.
        namespace: The notebook's variables.

    Raises:
        SearchError: A name that is not there, or anything else.
    """
    try:
        node = ast.parse(expression, mode="eval").body
    except SyntaxError:
        node = None
    if path := path_in(node):
        return path
    names = names_in(node)
    if not names or any(name not in namespace for name in names):
        known = [choice.value for choice in variables(namespace)]
        raise SearchError(
            "Expected the name of a variable, or of two as (x, y), "
            f"{received(str(expression))}.{nearest(expression, known)} Run the cell "
            "that makes it first.",
            field="data",
        )
    found = tuple(namespace[name] for name in names)
    return found if isinstance(node, ast.Tuple | ast.List) else found[0]
