"""Several inputs of one sample, or several outputs: dictionaries by name in a pair.

Each input is an array of images, texts, a DataFrame or an array (rows, columns), and is
described, saved and loaded by the source of that kind. In code a part has an identifier
like its name, see `source/part_names.py`; raw rows and predictions keep the person's.
"""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_automl.data._pairs import (
    array_of,
    beside_code,
    check_no_target,
    describe_labels,
    holds_texts,
    is_named,
    is_pair,
    label_dtype,
    labels_code,
    own_names,
)
from notebook_automl.data._source import (
    OURS,
    SOURCES,
    Origin,
    Source,
    is_our_archive,
    written_at_once,
)
from notebook_automl.errors import DataError, nearest, received
from notebook_automl.record.schema import Schema, Target
from notebook_automl.source.code import Code
from notebook_automl.source.literals import literal
from notebook_automl.source.part_names import part_names
from notebook_automl.source.renaming import suffixed

if TYPE_CHECKING:
    from numpy.typing import NDArray

_KINDS = ("frame", "texts", "arrays")
_TYPE = 'Type Search(({"photo": images, "facts": df}, {"kind": labels}))'
_FILE = 'np.load(archive.open("{name}.npy"), allow_pickle=False)'
_CHECK = """\
DIGEST = {digest}
if hashlib.sha256(f"{{y.dtype}}".encode() + y.tobytes()).hexdigest() != DIGEST:
    raise ValueError(
        "These are not the labels that the search saw: expected the fingerprint "
        f"{{DIGEST}}. Load the same ones, or start a new search with these."
    )
"""


class Several:
    """Inputs and outputs in memory, each kept as its own source keeps it."""

    accepted = "a tuple of several inputs and outputs, dictionaries by name"

    def accepts(self, data: Any) -> bool:
        return is_named(data)

    def describe(self, data: Any, target: Any, variables: tuple[str, ...]) -> Schema:
        check_no_target(target)
        given, wanted = _by_name(data[0], "input"), _by_name(data[1], "output")
        inputs = {}
        for name, samples in given.items():
            with _told_of("input", name):
                inputs[name] = _described(samples)
        rows = {name: schema.rows for name, schema in inputs.items()}
        (first, count), *others = rows.items()
        if odd := next((name for name, n in others if n != count), None):
            raise DataError(
                f"Expected as many rows in each input, got {count} in {first!r} and "
                f"{rows[odd]} in {odd!r} ({type(given[odd]).__name__}). Leave out "
                "those that are not in all.",
                field="data",
            )
        targets = {}
        for name, labels in wanted.items():
            with _told_of("output", name):
                y, found = describe_labels(labels, count)
                told = hashlib.sha256(f"{y.dtype}".encode() + y.tobytes()).hexdigest()
                targets[name] = replace(found, name=name or None, fingerprint=told)
        digests = [one.fingerprint for one in inputs.values()]
        digests += [found.fingerprint for found in targets.values()]
        named = [*inputs, *targets, *digests]
        return Schema(
            source="several",
            variables=variables,
            rows=count,
            columns=(),
            shape=(),
            dtype="",
            target=next(iter(targets.values())),
            fingerprint=hashlib.sha256(literal(named).encode()).hexdigest(),
            bytes=sum(schema.bytes for schema in inputs.values()),
            inputs=inputs,
            targets=targets,
        )

    def save(self, data: Any, schema: Schema, folder: Path) -> None:
        import numpy as np

        of_inputs, of_outputs = names_in_code(schema)
        for name, samples in _by_name(data[0], "input").items():
            part = _folder(folder, of_inputs[name])
            part.mkdir(exist_ok=True)
            kind = SOURCES.get(schema.inputs[name].source)
            kind.save_samples(_as_table(samples), part)
        for name, labels in _by_name(data[1], "output").items():
            y = _labels(labels, schema.targets[name])
            np.save(_file(folder, of_outputs[name]), y, allow_pickle=False)

    def load_code(self, schema: Schema, origin: Origin) -> Code:
        of_inputs, of_outputs = names_in_code(schema)
        typed = origin.kind == "variable"
        names = own_names(schema, origin.names) if typed else origin.names
        given = _expressions(schema, names)
        parts = []
        for name, one in schema.inputs.items():
            parts.append(_input_code(one, of_inputs[name], origin, given[name, 0]))
        for name, target in schema.targets.items():
            parts.append(_output_code(target, of_outputs[name], origin))
        opened = f"archive = zipfile.ZipFile({literal(origin.names[0])})\n"
        before = {"variable": _unpacked(schema, given), "file": opened}
        imports = dict.fromkeys(line for part in parts for line in part.imports)
        if origin.kind == "file":
            imports |= {"import zipfile": None}
        source = [before.get(origin.kind, ""), *(part.source for part in parts)]
        source.append(beside_code(schema, origin, _FILE))
        return Code(tuple(imports), "\n".join(source))

    def save_beside(self, folder: Path, path: Path) -> Path:
        beside = path.with_suffix(".zip")
        with (
            written_at_once(beside, is_our_archive) as aside,
            tempfile.TemporaryDirectory(prefix="notebook-automl-") as made,
            zipfile.ZipFile(aside, "w") as archive,
        ):
            for part in sorted(folder.iterdir()):
                kind = _kind_of(part)
                if kind is not None:
                    file = kind.save_beside(part, Path(made, f"{part.name}.ipynb"))
                    archive.write(file, file.name)
                elif part.suffix == ".npy":
                    archive.write(part, part.name)
            archive.comment = OURS
        return beside

    def save_rows(self, rows: Any, schema: Schema, path: Path) -> None:
        of_inputs, _ = names_in_code(schema)
        parts = _rows_by_name(rows, schema)
        path.mkdir()
        counts = {}
        for name, one in schema.inputs.items():
            kind, part = SOURCES.get(one.source), _folder(path, of_inputs[name])
            with _told_of("input", name):
                kind.save_rows(_to_predict(parts[name], one), one, part)
            counts[name] = len(kind.read_rows(part, one))
        if len(set(counts.values())) > 1:
            raise DataError(
                f"Expected as many rows of each input, got {counts} "
                f"({type(rows).__name__}). Type predict({{...}}) with the same rows of "
                "each."
            )

    def read_rows(self, path: Path, schema: Schema) -> Any:
        of_inputs, _ = names_in_code(schema)
        found = {
            name: SOURCES.get(one.source).read_rows(_folder(path, of_inputs[name]), one)
            for name, one in schema.inputs.items()
        }
        return found.get("", found)

    def example(self, folder: Path) -> tuple[Any, str | int | None]:
        import numpy as np

        (frame, _), (pair, _) = (
            SOURCES.get(name).example(folder) for name in ("frame", "arrays")
        )
        facts = frame.drop(columns=["species"])[:24]
        outputs = {"kind": pair[1], "price": np.arange(24) % 7 + 0.5}
        return ({"photo": pair[0], "facts": facts}, outputs), None


def names_in_code(schema: Schema) -> tuple[dict[str, str], dict[str, str]]:
    """What inputs and outputs are called in code, by the person's names."""
    return part_names(schema.inputs, schema.targets)


def _by_name(part: Any, kind: str) -> dict[str, Any]:
    """Inputs or outputs by name; "" for the only one that has none.

    Raises:
        DataError: There are none, or names that are no text.
    """
    if not isinstance(part, Mapping):
        return {"": part}
    if not part:
        raise DataError(
            f"Expected one {kind} or more, got {{}} (dict). {_TYPE}.", field="data"
        )
    for name in part:
        whole = isinstance(name, str) and name.encode("utf-8", "ignore").decode()
        if not isinstance(name, str) or not name.strip() or whole != name:
            raise DataError(
                f"Expected names of {kind}s that are text, {received(name)}. {_TYPE}.",
                field="data",
            )
    return {str(name): value for name, value in part.items()}


@contextmanager
def _told_of(kind: str, name: str) -> Iterator[None]:
    """Say of which part an error is told."""
    try:
        yield
    except DataError as error:
        if not name:
            raise
        raise DataError(
            f"In the {kind} {name!r}: {error}", field=error.field or "data"
        ) from error


def _described(samples: Any) -> Schema:
    """What one input is.

    Raises:
        DataError: Of no kind that can be learned from.
    """
    table = _as_table(samples)
    is_array = isinstance(table, tuple | list) or hasattr(table, "__array__")
    kinds = [SOURCES.get(name) for name in _KINDS] if is_array else []
    kind = next((kind for kind in kinds if kind.holds(table)), None)
    # What is no table has more axes, if it is not texts.
    flat = kind is SOURCES.get("arrays") and array_of(table, "x").ndim < 3
    if kind is None or flat:
        raise DataError(
            "Expected an array of images (samples, height, width), texts, a DataFrame "
            f"or an array (rows, columns) of numbers, {received(samples)}. Type "
            "numpy.asarray(...) or pandas.DataFrame(...) of it.",
            field="data",
        )
    schema: Schema = kind.describe_samples(table)
    # Raw rows of an array become a table in code as well.
    return schema if table is samples else replace(schema, dtype="array")


def _as_table(samples: Any) -> Any:
    """An array (rows, columns) of numbers as a table; anything else as it came."""
    import pandas as pd

    if hasattr(samples, "columns") or not is_pair((samples, [])):
        return samples
    if holds_texts(samples):  # in an array each would take as much as the longest
        return samples
    array = array_of(samples, "x")
    plain = array.ndim == 2 and array.dtype.kind in "biuf"
    return pd.DataFrame(array) if plain else samples


def _to_predict(rows: Any, one: Schema) -> Any:
    """Raw rows of one input; of an array (rows, columns) also one row, and objects."""
    import numpy as np
    import pandas as pd

    if one.dtype != "array" or hasattr(rows, "columns") or not is_pair((rows, [])):
        return _as_table(rows)
    array = np.atleast_2d(array_of(rows, "rows", "object"))
    dicts = array.size and isinstance(array.flat[0], Mapping)
    return rows if dicts or array.ndim > 2 else pd.DataFrame(array)


def _labels(data: Any, target: Target) -> NDArray[Any]:
    """As the generated code makes them."""
    import numpy as np

    labels = np.asarray(data, dtype=label_dtype(target))
    return labels if target.labels else labels.ravel()


def _folder(folder: Path, name: str) -> Path:
    """Where an input is kept."""
    return folder / (name or "x")


def _file(folder: Path, name: str) -> Path:
    """Where the labels of an output are kept."""
    return folder / f"{name or 'y'}.npy"


def _kind_of(part: Path) -> Any:
    """The source that saved a folder of samples; None if it is none."""
    kinds = {"x.npy": "arrays", "texts.arrow": "texts", "table.arrow": "frame"}
    found = [kind for file, kind in kinds.items() if (part / file).exists()]
    return SOURCES.get(found[0]) if found else None


def _expressions(schema: Schema, names: tuple[str, ...]) -> dict[tuple[str, int], str]:
    """Where a person's variables hold each input (0) and output (1)."""
    keys = [*((name, 0) for name in schema.inputs), *((n, 1) for n in schema.targets)]
    if len(names) == len(keys):
        return dict(zip(keys, names, strict=True))
    pair = names
    if len(names) == 1:
        pair = (f"{names[0]}[0]", f"{names[0]}[1]")
    return {
        (name, side): pair[side] + (f"[{literal(name)}]" if name else "")
        for name, side in keys
    }


def _unpacked(schema: Schema, given: Mapping[tuple[str, int], str]) -> str:
    """One statement, because the person's names may be those of other parts."""
    of_inputs, of_outputs = names_in_code(schema)
    variables = [
        *(of_inputs[name] or _plain(one) for name, one in schema.inputs.items()),
        *(name or "y" for name in of_outputs.values()),
    ]
    values = list(given.values())
    if variables == values:
        return ""
    return f"{', '.join(variables)} = {', '.join(values)}\n"


def _plain(schema: Schema) -> str:
    """What the load cell of a source calls samples."""
    return "frame" if schema.shape is None else "x"


def _input_code(one: Schema, name: str, origin: Origin, given: str) -> Code:
    """Code of one input's own source, under names of its own."""
    kind, plain = SOURCES.get(one.source), _plain(one)
    if origin.kind == "variable":
        raw = f"pd.DataFrame({plain})" if one.dtype == "array" else plain
        code = kind.load_code(one, Origin("variable", (raw,)))
    elif origin.kind == "copy":
        folder = _folder(Path(origin.names[0]), name)
        code = kind.load_code(one, Origin("copy", (str(folder),)))
    else:
        member = f"{name or 'x'}{kind.suffix}"
        code = kind.load_code(one, Origin("file", (member,)))
        opened = f"archive.open({literal(member)})"
        code = replace(code, source=code.source.replace(literal(member), opened, 1))
    return suffixed(code, name, {plain: name})


def _output_code(target: Target, name: str, origin: Origin) -> Code:
    """Code that leaves one output's labels, and checks them."""
    if origin.kind == "variable":
        source = labels_code(target)
    elif origin.kind == "copy":
        path = _file(Path(origin.names[0]), name)
        source = f"y = np.load({literal(str(path))}, allow_pickle=False)\n"
    else:
        member = literal(_file(Path(), name).name)
        source = f"y = np.load(archive.open({member}), allow_pickle=False)\n"
    check = _CHECK.format(digest=literal(target.fingerprint))
    code = Code(("import hashlib", "import numpy as np"), source + check)
    return suffixed(code, name, {"y": name})


def _rows_by_name(rows: Any, schema: Schema) -> dict[str, Any]:
    """Raw rows of each input.

    Raises:
        DataError: One is missing.
    """
    if "" in schema.inputs:
        return {"": rows}
    names = list(schema.inputs)
    if not isinstance(rows, Mapping):
        raise DataError(
            f"Expected a dictionary with rows of {', '.join(map(repr, names))}, "
            f"{received(rows)}. Type predict({{{names[0]!r}: ...}})."
        )
    if absent := [name for name in names if name not in rows]:
        given = list(rows)
        others = [name for name in given if name not in names]
        raise DataError(
            f"Expected rows of {', '.join(map(repr, names))}, without "
            f"{', '.join(map(repr, absent))} {received(given)}."
            f"{nearest(others[0], absent) if others else ''} Type predict({{...}}) "
            "with these, too."
        )
    return {name: rows[name] for name in names}


PLUGIN: Source = Several()
