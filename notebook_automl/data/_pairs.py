"""What pairs (x, y) have in common, whatever the samples x are: their labels y."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_automl.data._labels import (
    KINDS,
    check_finite,
    count_labels,
    label_target,
)
from notebook_automl.data._source import Origin
from notebook_automl.errors import DataError, received
from notebook_automl.record.schema import Kind, Schema, Target
from notebook_automl.source.literals import literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BESIDE = """\
{name} = {loaded}
if hashlib.sha256({name}.tobytes()).hexdigest() != {digest}:
    raise ValueError(
        "These are not the {name} that the search saw. Load the same ones, or start a "
        "new search with these."
    )
"""
_NUMPY = {"bool": "bool", "int": "int64", "float": "float64"}
# The first samples say what all are, unless the first of them are missing.
_FIRST = 100


def is_pair(data: Any) -> bool:
    """Whether data are two things that arrays can be made of."""
    return (
        isinstance(data, tuple | list)
        and len(data) == 2
        and all(isinstance(a, tuple | list) or hasattr(a, "__array__") for a in data)
    )


def is_named(data: Any) -> bool:
    """Whether data are inputs and outputs of which some have names."""
    pair = isinstance(data, tuple | list) and len(data) == 2
    return pair and any(isinstance(part, Mapping) for part in data)


def count_of(part: Any) -> int:
    """How many rows an array or a table has, or each of several by name."""
    return len(next(iter(part.values()), ()) if isinstance(part, Mapping) else part)


def holds_texts(samples: Any) -> bool:
    """Whether samples are texts, by the type of the first that is there."""
    kind = getattr(getattr(samples, "dtype", None), "kind", "O")
    if kind not in "OU" or getattr(samples, "ndim", 1) > 2:
        return False
    flat = samples.ravel() if getattr(samples, "ndim", 1) == 2 else samples
    for sample in islice(flat, _FIRST):
        if isinstance(sample, str):
            return True
        # None, NaN and pandas' own NA stand for a missing text.
        missing = sample is None or isinstance(sample, float)
        if not missing and type(sample).__name__ != "NAType":
            return False
    return False


def check_no_target(target: object) -> None:
    """Refuse a target beside a pair, which has its own.

    Raises:
        DataError: There is one.
    """
    if target is not None:
        raise DataError(
            f"Expected no target beside arrays (x, y), {received(target)}. Type "
            "Search((x, y)): y is the target.",
            field="target",
        )


def describe_labels(data: Any, samples: int) -> tuple[NDArray[Any], Target]:
    """The labels as an array without Python objects, and what they are.

    Args:
        data: The labels as they came.
        samples: How many samples there are.

    Raises:
        DataError: They cannot be learned, or are not as many as the samples.
    """
    y, kind = _labels(data)
    if len(y) == samples and y.ndim == 2:
        return y, label_target(y)
    if samples != len(y):
        raise DataError(
            f"Expected one label for each sample, got {samples} samples and "
            f"{len(y)} labels (ndarray). Leave out those without the other.",
            field="data",
        )
    return y, Target(None, kind, *count_labels(y, kind), dtype=str(y.dtype))


def save_labels(data: Any, schema: Schema, folder: Path) -> None:
    """Copy labels to `y.npy`."""
    import numpy as np

    labels = np.asarray(data, dtype=label_dtype(schema.target))
    y = labels if schema.target.labels else labels.ravel()
    np.save(folder / "y.npy", y, allow_pickle=False)


def labels_code(target: Target) -> str:
    """A statement that makes the labels `y` of the person's own."""
    flat = "" if target.labels else ".ravel()"
    return f"y = np.asarray(y, dtype={literal(label_dtype(target))}){flat}\n"


def label_dtype(target: Target) -> str:
    """NumPy's name for the labels' dtype; strings as long as the longest one."""
    return "str" if target.kind == "str" else target.dtype


def rename_code(names: tuple[str, ...]) -> str:
    """Code that makes `x` and `y` of the person's variables.

    Args:
        names: Of x and y, or of the pair; then of x and y of each set of the person's
            own.
    """
    if len(names) <= 2:
        # One statement, because the person's names may be y and x.
        return "" if names == ("x", "y") else f"x, y = {', '.join(names)}\n"
    x, y = (f"np.concatenate([{', '.join(names[n::2])}])" for n in (0, 1))
    return f"# The person's own sets come last.\nx, y = {x}, {y}\n"


def save_beside_pair(folder: Path, beside: Mapping[str, Any]) -> None:
    """Copy the codes of groups or times beside a pair.

    Args:
        folder: Where x and y are.
        beside: Codes by role, "group" or "time".
    """
    import numpy as np

    for role, codes in beside.items():
        np.save(folder / f"{role}s.npy", codes, allow_pickle=False)


def load_beside(folder: Path) -> dict[str, NDArray[Any]]:
    """The codes that stand beside a pair, by the name that they have in code.

    Args:
        folder: Where x and y are.
    """
    import numpy as np

    found = [folder / f"{name}.npy" for name in ("groups", "times")]
    return {path.stem: np.load(path) for path in found if path.exists()}


def beside_code(schema: Schema, origin: Origin, file: str) -> str:
    """Code that leaves `groups` or `times`, and checks them.

    Args:
        schema: The data.
        origin: Where the load cell finds them.
        file: Expression for an array of the file beside a notebook, by its `name`.
    """
    code = ""
    names = origin.names[len(origin.names) - len(schema.beside) :]
    for place, (role, digest) in enumerate(schema.beside.items()):
        name = f"{role}s"
        if origin.kind == "variable":
            given = f"np.asarray({names[place]})"
            loaded = f"np.unique({given}, return_inverse=True)[1]"
        elif origin.kind == "file":
            loaded = file.format(path=literal(origin.names[0]), name=name)
        else:
            loaded = f"np.load({literal(str(Path(origin.names[0], f'{name}.npy')))})"
        code += _BESIDE.format(name=name, loaded=loaded, digest=literal(digest))
    return code


def own_names(schema: Schema, names: tuple[str, ...]) -> tuple[str, ...]:
    """Of the person's variables those that hold samples and labels.

    Args:
        schema: The data.
        names: All of them: groups or times come last.
    """
    return names[: len(names) - len(schema.beside)]


def array_of(data: Any, name: str, dtype: str | None = None) -> NDArray[Any]:
    """One array without masked values.

    Raises:
        DataError: None can be made.
    """
    import numpy as np

    _check_unmasked(data, name)
    try:
        return np.asarray(data, dtype=dtype)
    # Whatever an object's own __array__ raises.
    except Exception as error:
        raise DataError(
            f"Expected {name} that numpy.asarray makes one array of, "
            f"{received(data)}: {error}. Type {name} = numpy.array(...) of plain "
            "Python values, all samples of one shape.",
            field="data",
        ) from error


def _check_unmasked(data: Any, name: str) -> None:
    """Refuse masks, of which plain arrays know nothing."""
    import numpy as np

    parts = data if isinstance(data, tuple | list) else [data]
    masked = [
        part
        for part in parts
        if isinstance(part, np.ma.MaskedArray) and np.ma.is_masked(part)
    ]
    if masked:
        count = sum(int(np.ma.getmaskarray(part).sum()) for part in masked)
        raise DataError(
            f"Expected {name} without masked values, got {count} of them "
            f"({type(masked[0]).__name__}). Type {name} = {name}.filled(...) with a "
            "value for them, or leave these samples out.",
            field="data",
        )


def _are_marks(raw: NDArray[Any]) -> bool:
    """Whether each row says of each of several labels whether it has it."""
    if (
        raw.ndim != 2
        or raw.shape[1] < 2
        or not len(raw)
        or raw.dtype.kind not in "biufO"
    ):
        return False
    marks = ((raw == 0) | (raw == 1)).all()
    # One label in each row is a class.
    return bool(marks) and not bool((raw.astype("int64").sum(axis=1) == 1).all())


def _labels(data: Any) -> tuple[NDArray[Any], Kind]:
    """Labels with one axis, or marks with two, in a dtype without Python objects."""
    import pandas as pd

    raw = array_of(data, "y")
    if _are_marks(raw):
        plain = (
            "bool" if raw.dtype.kind in "bO" and isinstance(raw.flat[0], bool) else ""
        )
        return raw.astype(plain or "int64"), "bool" if plain else "int"
    if raw.ndim not in (1, 2) or raw.shape[1:] not in ((), (1,)) or not len(raw):
        raise DataError(
            f"Expected labels y of shape (samples,), got shape {raw.shape} "
            f"({type(data).__name__}). Type y = y.argmax(axis=1) if each row has one "
            "column a class.",
            field="data",
        )
    raw = raw.ravel()
    missing = pd.isna(raw)
    if missing.any():
        first = int(missing.argmax())
        raise DataError(
            f"Expected a label for each sample, {received(raw[first])} at {first}, and "
            f"{int(missing.sum())} missing ones in all. Leave these samples out: "
            "x, y = x[keep], y[keep].",
            field="data",
        )
    seen = pd.api.types.infer_dtype(raw)
    if seen not in KINDS:
        raise DataError(
            "Expected labels y of str, bool, int or float, not of several types, "
            f"{received(raw[0])}; pandas calls them {seen}. Type y = y.astype(str).",
            field="data",
        )
    kind = KINDS[seen]
    if kind == "str":
        raw = array_of(raw, "y", "str")
    elif raw.dtype == object:
        raw = array_of(raw, "y", _NUMPY[kind])
    else:
        raw = raw.astype(raw.dtype.newbyteorder("="), copy=False)
    check_finite(raw, kind)
    return raw, kind
