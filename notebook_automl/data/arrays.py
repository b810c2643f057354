"""A pair of arrays: samples with two or three axes, and one label for each."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_automl.data._pairs import (
    array_of,
    beside_code,
    check_no_target,
    describe_labels,
    holds_texts,
    is_pair,
    labels_code,
    load_beside,
    own_names,
    rename_code,
    save_labels,
)
from notebook_automl.data._source import (
    OURS,
    Origin,
    Source,
    is_our_archive,
    written_at_once,
)
from notebook_automl.errors import DataError, received
from notebook_automl.record.schema import NO_TARGET, Schema, Target
from notebook_automl.source.code import Code
from notebook_automl.source.literals import literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CHECK = """\
# The scores of this model hold for these very samples.
FINGERPRINT = {fingerprint}
digest = hashlib.sha256(f"{{x.shape}} {{x.dtype}}{of_labels}".encode())
digest.update(np.ascontiguousarray(x))
{labels}if digest.hexdigest() != FINGERPRINT:
    raise ValueError(
        "These are not the samples that the search saw: expected the fingerprint "
        f"{{FINGERPRINT}}, got {{digest.hexdigest()}} (str) of {{len(x)}} samples. "
        "Load the same samples, or start a new search with these."
    )
"""


_FILE = 'np.load({path}, allow_pickle=False)["{name}"]'


class Arrays:
    """Arrays in memory, kept as .npy files."""

    accepted = "a tuple (x, y) of arrays"
    suffix = ".npz"

    def accepts(self, data: Any) -> bool:
        return is_pair(data) and not holds_texts(data[0])

    def holds(self, samples: Any) -> bool:
        return not holds_texts(samples)

    def describe_samples(self, samples: Any) -> Schema:
        x = _samples(samples)
        return _schema(x, x.nbytes, _fingerprint(x), NO_TARGET)

    def save_samples(self, samples: Any, folder: Path) -> None:
        import numpy as np

        np.save(folder / "x.npy", np.asarray(samples), allow_pickle=False)

    def describe(self, data: Any, target: Any, variables: tuple[str, ...]) -> Schema:
        check_no_target(target)
        x = _samples(data[0])
        y, learned = describe_labels(data[1], len(x))
        schema = _schema(x, x.nbytes + y.nbytes, _fingerprint(x, y), learned)
        return replace(schema, variables=variables)

    def save(self, data: Any, schema: Schema, folder: Path) -> None:
        self.save_samples(data[0], folder)
        save_labels(data[1], schema, folder)

    def load_code(self, schema: Schema, origin: Origin) -> Code:
        lines = {"variable": _variable_code, "file": _file_code, "copy": _copy_code}
        source = lines[origin.kind](schema, origin.names)
        labelled = bool(schema.target.unique)
        check = _CHECK.format(
            fingerprint=literal(schema.fingerprint),
            of_labels=" {y.dtype}" * labelled,
            labels="digest.update(np.ascontiguousarray(y))\n" * labelled,
        )
        return Code(
            imports=("import hashlib", "import numpy as np"),
            source=f"{source}\n{check}{beside_code(schema, origin, _FILE)}",
        )

    def save_beside(self, folder: Path, path: Path) -> Path:
        import numpy as np

        beside = path.with_suffix(".npz")
        with written_at_once(beside, is_our_archive) as aside:
            paths = [folder / name for name in ("x.npy", "y.npy")]
            arrays = {p.stem: np.load(p, mmap_mode="r") for p in paths if p.exists()}
            arrays |= load_beside(folder)
            np.savez_compressed(aside, **arrays)
            with zipfile.ZipFile(aside, "a") as archive:
                archive.comment = OURS
        return beside

    def save_rows(self, rows: Any, schema: Schema, path: Path) -> None:
        import numpy as np

        shape = schema.shape or ()
        x = array_of(rows, "rows")
        if x.shape == shape:
            x = x[np.newaxis]
        if x.shape[1:] != shape or not len(x):
            raise DataError(
                f"Expected samples of shape {shape}, got shape {x.shape} "
                f"({type(rows).__name__}). Type predict(x[:5]), or predict(x[0])."
            )
        _check_numbers(x)
        with path.open("wb") as file:
            np.save(file, x, allow_pickle=False)

    def read_rows(self, path: Path, schema: Schema) -> Any:
        import numpy as np

        return np.load(path, allow_pickle=False)

    def example(self, folder: Path) -> tuple[Any, str | int | None]:
        import numpy as np

        x = np.arange(24 * 6 * 5, dtype="uint8").reshape(24, 6, 5)
        return (x, np.array(["even", "odd"] * 12, dtype=object)), None


def _schema(x: NDArray[Any], size: int, fingerprint: str, target: Target) -> Schema:
    return Schema(
        source="arrays",
        variables=(),
        rows=len(x),
        columns=(),
        shape=x.shape[1:],
        dtype=str(x.dtype),
        target=target,
        fingerprint=fingerprint,
        bytes=size,
    )


def _variable_code(schema: Schema, names: tuple[str, ...]) -> str:
    if not schema.target.unique:
        return f"x = np.asarray({names[0]})\n"
    return (
        f"{rename_code(own_names(schema, names))}"
        f"x = np.asarray(x)\n"
        f"{labels_code(schema.target)}"
    )


def _file_code(schema: Schema, names: tuple[str, ...]) -> str:
    loaded = 'x, y = arrays["x"], arrays["y"]'
    if not schema.target.unique:
        loaded = 'x = arrays["x"]'
    return (
        f"with np.load({literal(names[0])}, allow_pickle=False) as arrays:\n"
        f"    {loaded}\n"
    )


def _copy_code(schema: Schema, names: tuple[str, ...]) -> str:
    folder = Path(names[0])
    labels = f"y = np.load({literal(str(folder / 'y.npy'))})\n"
    return (
        "# Mapped: processes that load the same copy share its memory.\n"
        f'x = np.load({literal(str(folder / "x.npy"))}, mmap_mode="r")\n'
        f"{labels if schema.target.unique else ''}"
    )


def _samples(data: Any) -> NDArray[Any]:
    x = array_of(data, "x")
    if x.ndim not in (3, 4) or 0 in x.shape:
        table = " For a table: df = pandas.DataFrame(x).assign(label=y), then Search(df"
        raise DataError(
            "Expected samples x with the axes (samples, height, width) or (samples, "
            f"height, width, channels), got shape {x.shape} ({type(data).__name__}). "
            "Type x = x.reshape(...)."
            + (f'{table}, target="label").' if x.ndim == 2 else ""),
            field="data",
        )
    _check_numbers(x)
    return x


def _check_numbers(x: NDArray[Any]) -> None:
    import numpy as np

    if x.dtype.kind not in "uif":
        raise DataError(
            f"Expected numbers in x, {received(x.flat[0])} in an array of dtype "
            f'{x.dtype}. Type x = x.astype("float32").',
            field="data",
        )
    advice = "x = numpy.nan_to_num(x)"
    finite = np.isfinite(x)
    if finite.all() and x.dtype.kind == "f" and x.dtype.itemsize > 4:
        # Models compute in float32, where numbers beyond 3.4e38 are infinite.
        advice = "x = x / numpy.abs(x).max()"
        with np.errstate(over="ignore"):
            finite = np.isfinite(x.astype("float32"))
    if not finite.all():
        first = np.unravel_index(int(finite.argmin()), x.shape)
        index = tuple(int(axis) for axis in first)
        raise DataError(
            f"Expected numbers in x that are finite as float32, got "
            f"{int((~finite).sum())} that are not, the first {x[index]} ({x.dtype}) "
            f"at {index}. Type {advice}, or leave these samples out.",
            field="data",
        )


def _fingerprint(x: NDArray[Any], *labels: NDArray[Any]) -> str:
    """As the generated code computes it."""
    import numpy as np

    of_labels = "".join(f" {y.dtype}" for y in labels)
    digest = hashlib.sha256(f"{x.shape} {x.dtype}{of_labels}".encode())
    for array in (x, *labels):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


PLUGIN: Source = Arrays()
