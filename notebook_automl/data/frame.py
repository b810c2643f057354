"""A pandas DataFrame: one column is predicted from the others."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_automl.data import _columns, _rows
from notebook_automl.data._source import OURS, Origin, Source, written_at_once
from notebook_automl.errors import DataError
from notebook_automl.record.schema import NO_TARGET, Schema, Target
from notebook_automl.source.code import Code
from notebook_automl.source.literals import literal

if TYPE_CHECKING:
    import pandas as pd

_FILE = "table.arrow"
# What rows may be split by.
_ROLES = ("group", "time")

_CHECK = """\
# The scores of this model hold for these very rows.
FINGERPRINT = {fingerprint}
hashes = pd.util.hash_pandas_object(frame, index=False).to_numpy()
fingerprint = hashlib.sha256(hashes.tobytes()).hexdigest()
if fingerprint != FINGERPRINT:
    raise ValueError(
        "These are not the rows that the search saw: expected the fingerprint "
        f"{{FINGERPRINT}}, got {{fingerprint}} (str) of {{len(frame)}} rows. "
        "Load the same rows, or start a new search with these."
    )
"""


class Frame:
    """Tables in memory, kept as Arrow IPC."""

    accepted = "a pandas DataFrame (with target=)"
    suffix = ".parquet"

    def accepts(self, data: Any) -> bool:
        # Whoever holds a DataFrame has loaded pandas.
        pandas = sys.modules.get("pandas")
        return pandas is not None and isinstance(data, pandas.DataFrame)

    def holds(self, samples: Any) -> bool:
        return self.accepts(samples)

    def describe_samples(self, samples: Any) -> Schema:
        _columns.check_names(samples)
        return _described(samples, samples, NO_TARGET, [])

    def save_samples(self, samples: Any, folder: Path) -> None:
        self.save(samples, self.describe_samples(samples), folder)

    def describe(self, data: Any, target: Any, variables: tuple[str, ...]) -> Schema:
        names = _columns.check_table(data, target)
        rows = data.dropna(subset=names).reset_index(drop=True)
        missing = len(data) - len(rows)
        if isinstance(target, list | tuple):
            learned = _columns.describe_labels(rows[names], missing)
        else:
            learned = _columns.describe_target(rows[names[0]], missing)
        schema = _described(data, rows, learned, names)
        return replace(schema, variables=variables)

    def save(self, data: Any, schema: Schema, folder: Path) -> None:
        _write(_loaded(data, schema), folder / _FILE)

    def load_code(self, schema: Schema, origin: Origin) -> Code:
        subset = "TARGET" if schema.target.labels else "[TARGET]"
        labelled = bool(schema.target.unique)
        lines = [
            *(f"TARGET = {literal(_target(schema))}" for _ in range(labelled)),
            f"NUMERIC = {literal(schema.names('numeric'))}",
            f"CATEGORICAL = {literal(schema.names('categorical'))}",
            *(f"TEXT = {literal(names)}" for names in [schema.names("text")] if names),
            *(f"{r.upper()} = {literal(n)}" for r in _ROLES for n in schema.names(r)),
            *_remarks(schema),
            "",
            f"frame = {self._raw(schema, origin)}",
            f"frame = frame{f'.dropna(subset={subset})' * labelled}"
            ".reset_index(drop=True)",
        ]
        if casts := _casts(schema):
            lines.append(f"frame = frame.astype({literal(casts)})")
        check = _CHECK.format(fingerprint=literal(schema.fingerprint))
        return Code(
            imports=("import hashlib", "import pandas as pd"),
            source="\n".join([*lines, "", check]),
        )

    def own_code(self, origin: Origin) -> str:
        """An expression for the person's own table."""
        return origin.names[0]

    def _raw(self, schema: Schema, origin: Origin) -> str:
        """An expression for the columns as they came."""
        text = "*TEXT, " if schema.names("text") else ""
        target = "*TARGET" if schema.target.labels else "TARGET"
        target *= bool(schema.target.unique)
        roles = "".join(f"{role.upper()}, " for role in _ROLES if schema.names(role))
        names = f"[*NUMERIC, *CATEGORICAL, {text}{roles}{target}]".replace(", ]", "]")
        if origin.kind == "variable" and len(origin.names) > 1:
            # The person's own sets come last.
            tables = ", ".join(origin.names)
            return f"pd.concat([{tables}], ignore_index=True)[{names}]"
        if origin.kind in ("variable", "path"):
            return f"{self.own_code(origin)}[{names}]"
        if origin.kind == "file":
            table = f"pd.read_parquet({literal(origin.names[0])})"
        else:
            table = f"pd.read_feather({literal(str(Path(origin.names[0], _FILE)))})"
        # Our files know only names that are strings; they hold just these columns.
        columns = [*_kept(schema), *schema.target.columns]
        if any(isinstance(name, int) for name in columns):
            return f"{table}.set_axis({names}, axis=1)"
        return f"{table}[{names}]"

    def save_beside(self, folder: Path, path: Path) -> Path:
        import pyarrow as pa
        import pyarrow.parquet as pq

        beside = path.with_suffix(".parquet")
        with (
            written_at_once(beside, _is_ours) as aside,
            pa.ipc.open_file(str(folder / _FILE)) as reader,
        ):
            table = reader.read_all()
            mark = {**(table.schema.metadata or {}), OURS: b""}
            pq.write_table(table.replace_schema_metadata(mark), aside)
        return beside

    def save_rows(self, rows: Any, schema: Schema, path: Path) -> None:
        _write(_rows.check_rows(rows, schema), path)

    def read_rows(self, path: Path, schema: Schema) -> Any:
        import pandas as pd

        return pd.read_feather(path).set_axis(schema.features(), axis=1)

    def example(self, folder: Path) -> tuple[Any, str | int | None]:
        import pandas as pd

        count = 40
        table = pd.DataFrame(
            {
                "petal length": [1.0 + row % 7 for row in range(count)],
                "leaves": [row % 5 for row in range(count)],
                "colour": ["blue", "white", None, "red"] * (count // 4),
                "grade": pd.Categorical([1, 2, 3, 3] * (count // 4)),
                "in bloom": [row % 3 == 0 for row in range(count)],
                "label": [f"plant {row}" for row in range(count)],
                "species": ["iris", "rose"] * (count // 2),
            }
        )
        return table, "species"


def _described(
    data: pd.DataFrame, rows: pd.DataFrame, learned: Target, names: list[str | int]
) -> Schema:
    """What a table is.

    Args:
        data: As it came.
        rows: Those that have a label.
        learned: What is to be predicted.
        names: The columns that say so.

    Raises:
        DataError: No other column can be learned from.
    """
    columns = tuple(
        _columns.describe_column(rows[column])
        for column in rows.columns
        if column not in names
    )
    if all(column.role == "dropped" for column in columns):
        reasons = [f"{column.name!r} ({column.reason})" for column in columns]
        targets = f" beside the target {', '.join(map(repr, names))}" * bool(names)
        raise DataError(
            f"Expected a column to learn from{targets}, got "
            f"{', '.join(reasons) or 'none'} (DataFrame). Add columns of numbers "
            "or categories.",
            field="data",
        )
    schema = Schema(
        source="frame",
        variables=(),
        rows=len(rows),
        columns=columns,
        shape=None,
        dtype="",
        target=learned,
        fingerprint="",
        bytes=0,
    )
    return measured(data, schema)


def measured(data: pd.DataFrame, schema: Schema) -> Schema:
    """The schema with fingerprint and size of what the generated code loads.

    Args:
        data: The table as it came.
        schema: What is known of its columns.
    """
    frame = _loaded(data, schema)
    return replace(
        schema,
        fingerprint=_columns.fingerprint(frame),
        bytes=int(frame.memory_usage(index=False).sum()),
    )


def _is_ours(path: Path) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return OURS in (pq.read_schema(path).metadata or {})
    except (pa.ArrowInvalid, OSError):
        return False


def _casts(schema: Schema) -> dict[str | int | None, str]:
    casts: dict[str | int | None, str] = {
        column.name: column.cast for column in schema.columns if column.cast
    }
    if schema.target.cast:
        casts |= dict.fromkeys(schema.target.columns, schema.target.cast)
    return casts


def _target(schema: Schema) -> Any:
    labels = schema.target.labels
    return list(labels) if labels else schema.target.name


def _loaded(data: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """What the generated code leaves as `frame`."""
    target = list(schema.target.columns)
    frame = data[[*_kept(schema), *target]]
    frame = frame.dropna(subset=target) if target else frame
    frame = frame.reset_index(drop=True)
    return _columns.cast(frame, _casts(schema))


def _kept(schema: Schema) -> list[str | int]:
    """Columns to learn from, and those that rows are split by."""
    return [*schema.features(), *(n for role in _ROLES for n in schema.names(role))]


def _remarks(schema: Schema) -> Iterator[str]:
    for column in schema.columns:
        if column.role == "dropped":
            yield f"# Not used: {literal(column.name)}, {column.reason}."


def _write(frame: pd.DataFrame, path: Path) -> None:
    import pyarrow as pa

    # A person's notes on a table need not fit into a file.
    frame.attrs = {}
    named = frame.set_axis([str(name) for name in frame.columns], axis=1)
    table = pa.Table.from_pandas(named, preserve_index=False)
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)


PLUGIN: Source = Frame()
