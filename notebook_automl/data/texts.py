"""A pair of texts and labels: one text for each label."""

from __future__ import annotations

import hashlib
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
    label_dtype,
    labels_code,
    load_beside,
    own_names,
    rename_code,
    save_labels,
)
from notebook_automl.data._source import OURS, Origin, Source, written_at_once
from notebook_automl.errors import DataError, received
from notebook_automl.record.schema import NO_TARGET, Schema, Target
from notebook_automl.source.code import Code
from notebook_automl.source.literals import literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FILE = "texts.arrow"
_COLUMN = 'pd.read_parquet({path})["{name}"].to_numpy()'
_CHECK = """\
# The scores of this model hold for these very texts.
FINGERPRINT = {fingerprint}
digest = hashlib.sha256(f"{{len(x)}}{of_labels}".encode())
for text in x:
    digest.update(f"{{len(text)}} {{text}}".encode())
{labels}if digest.hexdigest() != FINGERPRINT:
    raise ValueError(
        "These are not the texts that the search saw: expected the fingerprint "
        f"{{FINGERPRINT}}, got {{digest.hexdigest()}} (str) of {{len(x)}} texts. "
        "Load the same texts, or start a new search with these."
    )
"""


class Texts:
    """Texts in memory, kept as Arrow IPC."""

    accepted = "a tuple (texts, y)"
    suffix = ".parquet"

    def accepts(self, data: Any) -> bool:
        return is_pair(data) and holds_texts(data[0])

    def holds(self, samples: Any) -> bool:
        return holds_texts(samples)

    def describe_samples(self, samples: Any) -> Schema:
        x = _texts(samples, "x")
        return _schema(x, 0, _fingerprint(x), NO_TARGET)

    def save_samples(self, samples: Any, folder: Path) -> None:
        _write(_texts(samples, "x"), folder / _FILE)

    def describe(self, data: Any, target: Any, variables: tuple[str, ...]) -> Schema:
        check_no_target(target)
        x = _texts(data[0], "x")
        y, learned = describe_labels(data[1], len(x))
        schema = _schema(x, y.nbytes, _fingerprint(x, y), learned)
        return replace(schema, variables=variables)

    def save(self, data: Any, schema: Schema, folder: Path) -> None:
        self.save_samples(data[0], folder)
        save_labels(data[1], schema, folder)

    def load_code(self, schema: Schema, origin: Origin) -> Code:
        lines = {"variable": _variable_code, "file": _file_code, "copy": _copy_code}
        names = origin.names
        if origin.kind == "variable":
            names = own_names(schema, names)
        source = lines[origin.kind](schema.target, names)
        labelled = bool(schema.target.unique)
        check = _CHECK.format(
            fingerprint=literal(schema.fingerprint),
            of_labels=" {y.dtype}" * labelled,
            labels="digest.update(np.ascontiguousarray(y))\n" * labelled,
        )
        return Code(
            imports=("import hashlib", "import numpy as np", "import pandas as pd"),
            source=f"{source}\n{check}{beside_code(schema, origin, _COLUMN)}",
        )

    def save_beside(self, folder: Path, path: Path) -> Path:
        import numpy as np
        import pyarrow as pa
        import pyarrow.parquet as pq

        beside = path.with_suffix(".parquet")
        columns: dict[str, Any] = {"x": pa.array(_read(folder / _FILE))}
        if (folder / "y.npy").exists():
            labels = np.load(folder / "y.npy")
            columns["y"] = labels if labels.ndim == 1 else labels.tolist()
        with written_at_once(beside, _is_ours) as aside:
            table = pa.table({**columns, **load_beside(folder)})
            pq.write_table(table.replace_schema_metadata({OURS: b""}), aside)
        return beside

    def save_rows(self, rows: Any, schema: Schema, path: Path) -> None:
        texts = _texts([rows] if isinstance(rows, str) else rows, "rows")
        if not len(texts):
            raise DataError(
                f"Expected one text or more, got none ({type(rows).__name__}). Type "
                "predict(texts) with texts to predict."
            )
        _write(texts, path)

    def read_rows(self, path: Path, schema: Schema) -> Any:
        return _read(path)

    def example(self, folder: Path) -> tuple[Any, str | int | None]:
        import numpy as np

        words = ["good", "bad", "“fair”", "naïve", "日本", ""]
        texts = [f"A {word} film in {n} acts!" for n in range(4) for word in words]
        x = np.array([*texts[:-1], None], dtype=object)
        return (x, np.array(["pro", "con"] * 12)), None


def _is_ours(path: Path) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return OURS in (pq.read_schema(path).metadata or {})
    except (pa.ArrowInvalid, OSError):
        return False


def _schema(x: NDArray[Any], more: int, fingerprint: str, target: Target) -> Schema:
    return Schema(
        source="texts",
        variables=(),
        rows=len(x),
        columns=(),
        shape=(),
        dtype="str",
        target=target,
        fingerprint=fingerprint,
        bytes=sum(len(text) for text in x) + more,
    )


def _variable_code(target: Target, names: tuple[str, ...]) -> str:
    texts = "# Missing texts are empty ones.\nx = pd.Series(np.ravel({}), dtype="
    texts += '"string").fillna("").to_numpy(object)\n'
    if not target.unique:
        return texts.format(names[0])
    return rename_code(names) + texts.format("x") + labels_code(target)


def _file_code(target: Target, names: tuple[str, ...]) -> str:
    dtype = literal(label_dtype(target))
    labels = f'table["y"].to_numpy({dtype})'
    if target.labels:
        labels = f'np.array(table["y"].tolist(), dtype={dtype})'
    return (
        f"table = pd.read_parquet({literal(names[0])})\n"
        'x = table["x"].to_numpy(object)\n'
        f"{f'y = {labels}' if target.unique else ''}\n"
    )


def _copy_code(target: Target, names: tuple[str, ...]) -> str:
    folder = Path(names[0])
    labels = f"y = np.load({literal(str(folder / 'y.npy'))})\n"
    return (
        f'x = pd.read_feather({literal(str(folder / _FILE))})["x"].to_numpy(object)\n'
        f"{labels if target.unique else ''}"
    )


def _texts(data: Any, name: str) -> NDArray[Any]:
    """Texts as Python's own, missing ones empty.

    Raises:
        DataError: Anything else among them, or text that is none in UTF-8.
    """
    import numpy as np
    import pandas as pd

    raw = array_of(data, name, "object")
    if raw.ndim not in (1, 2) or raw.shape[1:] not in ((), (1,)):
        raise DataError(
            f"Expected {name} with one text for each sample, got shape {raw.shape} "
            f"({type(data).__name__}). Type {name} = [...] with one text a sample.",
            field="data",
        )
    raw = raw.ravel()
    odd = [value for value in raw if not isinstance(value, str) and not pd.isna(value)]
    if odd:
        raise DataError(
            f"Expected texts in {name}, {received(odd[0])} among them. Type {name} = "
            f"[str(value) for value in {name}].",
            field="data",
        )
    texts = np.array([v if isinstance(v, str) else "" for v in raw], dtype=object)
    for text in texts:
        if text.encode("utf-8", "ignore").decode() != text:
            raise DataError(
                f"Expected texts that can be encoded in UTF-8, {received(text)}. Type "
                f"{name} = [t.encode('utf-8', 'replace').decode() for t in {name}].",
                field="data",
            )
    return texts


def _fingerprint(x: NDArray[Any], *labels: NDArray[Any]) -> str:
    """As the generated code computes it."""
    import numpy as np

    of_labels = "".join(f" {y.dtype}" for y in labels)
    digest = hashlib.sha256(f"{len(x)}{of_labels}".encode())
    for text in x:
        digest.update(f"{len(text)} {text}".encode())
    for y in labels:
        digest.update(np.ascontiguousarray(y).data)
    return digest.hexdigest()


def _write(texts: NDArray[Any], path: Path) -> None:
    import pyarrow as pa

    table = pa.table({"x": pa.array(texts, pa.large_string())})
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)


def _read(path: Path) -> NDArray[Any]:
    import pandas as pd

    return pd.read_feather(path)["x"].to_numpy(object)


PLUGIN: Source = Texts()
