"""Whatever a person's names, labels and values are, generated code means just them."""

from __future__ import annotations

import ast
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from notebook_automl.data._source import SOURCES, Code, Origin
from notebook_automl.record.schema import Schema

FRAME = SOURCES.get("frame")
ARRAYS = SOURCES.get("arrays")

NASTY = (
    "",
    " ",
    "'",
    '"',
    "'\"",
    '"""',
    "\\",
    "\\'",
    "a\nINJECTED = 1\n",
    "a\r\nINJECTED = 1",
    '"]\nINJECTED = 1 #',
    '"); INJECTED = 1; ("',
    "{INJECTED}",
    "{{",
    "%s %(INJECTED)s",
    "\\N{BULLET}",
    "</script><script>INJECTED = 1</script>",
    "\u2028INJECTED = 1\u2029",
    "\x85INJECTED = 1\x0c",
    "\u202eright to left",
    "\x00",
    "größe",
    "漢字",
    "עברית",
    "# comment",
    "TARGET",
    "frame",
    "nan",
    "None",
)
TEXTS = st.sampled_from(NASTY) | st.text(max_size=8)
NAMES = TEXTS | st.integers(-(2**40), 2**40)
THREE_NAMES = st.lists(NAMES, min_size=3, max_size=3, unique_by=str)
# numpy's strings end at their last character that is not NUL.
LABELS = st.lists(
    TEXTS.filter(lambda text: not text.endswith("\0")),
    min_size=2,
    max_size=2,
    unique=True,
)
# What the set-up of a notebook and the loading cell may leave.
LEFT = {
    *("hashlib", "pd", "np", "given"),
    *("TARGET", "NUMERIC", "CATEGORICAL", "FINGERPRINT"),
    *("frame", "hashes", "fingerprint", "x", "y", "arrays", "digest"),
}


def execute(code: Code, **variables: Any) -> dict[str, Any]:
    """Run generated code and check that nothing but the expected came of it."""
    text = "\n".join([*code.imports, code.source])
    names = {
        node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)
    }
    assert "INJECTED" not in names
    namespace: dict[str, Any] = {"__builtins__": __builtins__, **variables}
    exec(compile(text, "cell", "exec"), namespace)
    assert namespace.keys() - {"__builtins__"} <= LEFT
    return namespace


def from_every_origin(source: Any, data: Any, schema: Schema, folder: str) -> Any:
    """Names left by the code for a variable, a copy and a file in this folder."""
    with tempfile.TemporaryDirectory() as parent:
        saved = Path(parent, folder)
        saved.mkdir()
        source.save(data, schema, saved)
        beside = source.save_beside(saved, saved / "best.ipynb")
        origins = [
            Origin("variable", ("given",)),
            Origin("copy", (str(saved),)),
            Origin("file", (str(beside),)),
        ]
        for origin in origins:
            yield execute(source.load_code(schema, origin), given=data)


def folders(text: str) -> bool:
    """Whether a folder may have this name."""
    return text not in ("", ".", "..") and not {"/", "\0"} & {*text}


@settings(max_examples=60)
@given(THREE_NAMES, LABELS, TEXTS, TEXTS.filter(folders))
def test_a_table_of_any_names(
    names: list[str | int], labels: list[str], value: str, folder: str
) -> None:
    number, category, target = names
    data = pd.DataFrame(
        {
            number: [1.0, 2.0, 3.0, 4.0],
            category: [value, value + "!", None, value],
            target: labels * 2,
            # The code must not take this one for any of the others.
            "other column": "constant",
        }
    )
    schema = FRAME.describe(data, target, ())
    assert schema.target.classes == tuple(sorted(labels))
    for left in from_every_origin(FRAME, data, schema, folder):
        assert left["TARGET"] == target
        assert left["NUMERIC"] == [number]
        assert left["CATEGORICAL"] == [category]
        frame = left["frame"]
        assert list(frame.columns) == names
        assert frame[number].tolist() == [1.0, 2.0, 3.0, 4.0]
        assert frame[category].dropna().tolist() == [value, value + "!", value]
        assert frame[target].tolist() == labels * 2


@settings(max_examples=60)
@given(st.lists(NAMES, min_size=3, max_size=3, unique_by=str))
def test_a_dropped_column_of_any_name(names: list[str | int]) -> None:
    number, dropped, target = names
    data = pd.DataFrame({number: [1, 2], dropped: [None, None], target: ["a", "b"]})
    schema = FRAME.describe(data, target, ())
    code = FRAME.load_code(schema, Origin("variable", ("given",)))
    assert list(execute(code, given=data)["frame"].columns) == [number, target]


@settings(max_examples=60)
@given(LABELS, TEXTS.filter(folders))
def test_arrays_with_any_labels(labels: list[str], folder: str) -> None:
    x = np.arange(4 * 2 * 2).reshape(4, 2, 2)
    schema = ARRAYS.describe((x, labels * 2), None, ())
    assert schema.target.classes == tuple(sorted(labels))
    for left in from_every_origin(ARRAYS, (x, labels * 2), schema, folder):
        assert left["x"].tolist() == x.tolist()
        assert left["y"].tolist() == labels * 2


@settings(max_examples=60)
@given(THREE_NAMES, TEXTS)
def test_rows_of_any_names(names: list[str | int], value: str) -> None:
    number, category, target = names
    data = pd.DataFrame({number: [1, 2], category: ["a", "b"], target: [0, 1]})
    schema = FRAME.describe(data, target, ())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows")
        FRAME.save_rows({category: value, number: 3}, schema, path)
        rows = FRAME.read_rows(path, schema)
    assert list(rows.columns) == [number, category]
    assert rows.iloc[0].tolist() == [3, value]
