"""A pair of texts and labels: one text for each label."""

from __future__ import annotations

import hashlib
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
from notebook_automl.record.schema import Schema, Target
from notebook_automl.source.code import Code
from notebook_automl.source.literals import literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FILE = "texts.arrow"
_COLUMN = "pd.read_parquet({path})[{name}].to_numpy()"
_CHECK = """\
# The scores of this model hold for these very texts.
FINGERPRINT = {fingerprint}
digest = hashlib.sha256(f"{{len(x)}} {{y.dtype}}".encode())
for text in x:
    digest.update(f"{{len(text)}} {{text}}".encode())
digest.update(np.ascontiguousarray(y))
if digest.hexdigest() != FINGERPRINT:
    raise ValueError(
        "These are not the texts that the search saw: expected the fingerprint "
        f"{{FINGERPRINT}}, got {{digest.hexdigest()}} (str) of {{len(x)}} texts. "
        "Load the same texts, or start a new search with these."
    )
"""


class Texts:
    """Texts in memory, kept as Arrow IPC."""

    accepted = "a tuple (texts, y)"

    def accepts(self, data: Any) -> bool:
        return is_pair(data) and holds_texts(data[0])

    def describe(self, data: Any, target: Any, variables: tuple[str, ...]) -> Schema:
        check_no_target(target)
        x = _texts(data[0], "x")
        y, learned = describe_labels(data[1], len(x))
        return Schema(
            source="texts",
            variables=variables,
            rows=len(x),
            columns=(),
            shape=(),
            dtype="str",
            target=learned,
            fingerprint=_fingerprint(x, y),
            bytes=sum(len(text) for text in x) + y.nbytes,
        )

    def save(self, data: Any, schema: Schema, folder: Path) -> None:
        _write(_texts(data[0], "x"), folder / _FILE)
        save_labels(data[1], schema, folder)

    def load_code(self, schema: Schema, origin: Origin) -> Code:
        lines = {"variable": _variable_code, "file": _file_code, "copy": _copy_code}
        names = origin.names
        if origin.kind == "variable":
            names = own_names(schema, names)
        source = lines[origin.kind](schema.target, names)
        check = _CHECK.format(fingerprint=literal(schema.fingerprint))
        return Code(
            imports=("import hashlib", "import numpy as np", "import pandas as pd"),
            source=f"{source}\n{check}{beside_code(schema, origin, _COLUMN)}",
        )

    def save_beside(self, folder: Path, path: Path) -> Path:
        import numpy as np
        import pyarrow as pa
        import pyarrow.parquet as pq

        beside = path.with_suffix(".parquet")
        labels = np.load(folder / "y.npy")
        labels = labels if labels.ndim == 1 else labels.tolist()
        with written_at_once(beside, _is_ours) as aside:
            table = pa.table(
                {
                    "x": pa.array(_read(folder / _FILE)),
                    "y": labels,
                    **load_beside(folder),
                }
            )
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


def _variable_code(target: Target, names: tuple[str, ...]) -> str:
    return (
        f"{rename_code(names)}"
        "# Missing texts are empty ones.\n"
        'x = pd.Series(np.ravel(x), dtype="string").fillna("").to_numpy(object)\n'
        f"{labels_code(target)}"
    )


def _file_code(target: Target, names: tuple[str, ...]) -> str:
    dtype = literal(label_dtype(target))
    labels = f'table["y"].to_numpy({dtype})'
    if target.labels:
        labels = f'np.array(table["y"].tolist(), dtype={dtype})'
    return (
        f"table = pd.read_parquet({literal(names[0])})\n"
        'x = table["x"].to_numpy(object)\n'
        f"y = {labels}\n"
    )


def _copy_code(target: Target, names: tuple[str, ...]) -> str:
    folder = Path(names[0])
    return (
        f'x = pd.read_feather({literal(str(folder / _FILE))})["x"].to_numpy(object)\n'
        f"y = np.load({literal(str(folder / 'y.npy'))})\n"
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


def _fingerprint(x: NDArray[Any], y: NDArray[Any]) -> str:
    """As the generated code computes it."""
    import numpy as np

    digest = hashlib.sha256(f"{len(x)} {y.dtype}".encode())
    for text in x:
        digest.update(f"{len(text)} {text}".encode())
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
