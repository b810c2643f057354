"""The laws of a data source, held over every one, and what each refuses."""

from __future__ import annotations

import copy
import datetime
import decimal
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from notebook_automl.data._examples import EXAMPLES, example
from notebook_automl.data._source import SOURCES, Code, Origin, source_for
from notebook_automl.errors import DataError, UnknownNameError
from notebook_automl.record.schema import Schema

FRAME = SOURCES.get("frame")
ARRAYS = SOURCES.get("arrays")


def execute(code: Code, **variables: Any) -> dict[str, Any]:
    """Run generated code as a notebook would."""
    namespace = dict(variables)
    exec("\n".join([*code.imports, code.source]), namespace)
    return namespace


def loaded(namespace: dict[str, Any]) -> list[Any]:
    """What generated code may leave: `frame`, or `x` and `y`, or parts with names."""
    if "frame" in namespace:
        return [namespace["frame"]]
    if "photo" in namespace:
        return [namespace[name] for name in ("photo", "facts", "kind", "price")]
    return [namespace["x"], namespace["y"]]


def assert_same(one: list[Any], other: list[Any]) -> None:
    for left, right in zip(one, other, strict=True):
        if isinstance(left, pd.DataFrame):
            # The same text, or none, may be held as object, str or category.
            pd.testing.assert_frame_equal(
                left.astype(object).where(left.notna(), None),
                right.astype(object).where(right.notna(), None),
            )
        else:
            np.testing.assert_array_equal(left, right)
            assert left.dtype == right.dtype


def from_every_origin(
    source: Any, data: Any, schema: Schema, folder: Path
) -> dict[str, list[Any]]:
    """What the generated code loads, its own check included."""
    saved = folder / "saved"
    saved.mkdir()
    source.save(data, schema, saved)
    beside = source.save_beside(saved, folder / "best.ipynb")
    origins = {
        "variable": Origin("variable", ("given",)),
        "copy": Origin("copy", (str(saved),)),
        "file": Origin("file", (str(beside),)),
    }
    return {
        kind: loaded(execute(source.load_code(schema, origin), given=data))
        for kind, origin in origins.items()
    }


@pytest.mark.parametrize("name", SOURCES.names())
class TestEverySource:
    @pytest.fixture
    def source(self, name: str) -> Any:
        return SOURCES.get(name)

    @pytest.fixture
    def given(self, source: Any, tmp_path: Path) -> tuple[Any, Any]:
        return source.example(tmp_path)

    @pytest.fixture
    def schema(self, source: Any, given: tuple[Any, Any]) -> Schema:
        return source.describe(*given, ("given",))

    def test_it_alone_accepts_its_example(
        self, name: str, source: Any, given: tuple[Any, Any]
    ) -> None:
        assert source_for(given[0]) == (name, source)

    def test_schema_describes_the_example(self, name: str, schema: Schema) -> None:
        assert schema.source == name
        assert schema.variables == ("given",)
        assert schema.rows == sum(schema.target.counts or ())
        assert schema.target.unique == len(schema.target.classes or ())
        assert schema.bytes > 0

    def test_schema_survives_json(self, schema: Schema) -> None:
        text = json.dumps(schema.to_json(), allow_nan=False)
        assert Schema.from_json(json.loads(text)) == schema

    def test_every_origin_gives_the_same_data(
        self, source: Any, given: tuple[Any, Any], schema: Schema, tmp_path: Path
    ) -> None:
        results = from_every_origin(source, given[0], schema, tmp_path)
        assert_same(results["variable"], results["copy"])
        assert_same(results["variable"], results["file"])

    def test_a_copy_does_not_follow_the_variable(
        self, source: Any, given: tuple[Any, Any], schema: Schema, tmp_path: Path
    ) -> None:
        source.save(given[0], schema, tmp_path)
        code = source.load_code(schema, Origin("copy", (str(tmp_path),)))
        before = copy.deepcopy(loaded(execute(code)))
        change(given[0])
        assert_same(loaded(execute(code)), before)

    def test_changed_data_are_refused(
        self, source: Any, given: tuple[Any, Any], schema: Schema
    ) -> None:
        code = source.load_code(schema, Origin("variable", ("given",)))
        execute(code, given=given[0])
        change(given[0])
        parts = [schema.fingerprint, *(i.fingerprint for i in schema.inputs.values())]
        with pytest.raises(ValueError, match="|".join(parts)):
            execute(code, given=given[0])
        assert source.describe(*given, ()).fingerprint != schema.fingerprint

    def test_generated_code_is_plain(self, source: Any, schema: Schema) -> None:
        code = source.load_code(schema, Origin("variable", ("given",)))
        text = "\n".join([*code.imports, "", "given = None", code.source])
        assert all(line.startswith(("import ", "from ")) for line in code.imports)
        assert "automl" not in text
        # Lines are wrapped and imports sorted where the whole program is put together.
        rules = ["--isolated", "--select=E,F,W,B,UP", "--ignore=E501"]
        command = [sys.executable, "-m", "ruff", "check", *rules, "-"]
        ruff = subprocess.run(command, input=text, capture_output=True, text=True)
        assert ruff.returncode == 0, ruff.stdout

    def test_rows_to_predict_come_back(
        self, source: Any, given: tuple[Any, Any], schema: Schema, tmp_path: Path
    ) -> None:
        code = source.load_code(schema, Origin("variable", ("given",)))
        parts = loaded(execute(code, given=given[0]))
        rows = [part[:3] for part in parts[: len(schema.inputs) or 1]]
        asked = dict(zip(schema.inputs, rows, strict=False)) or rows[0]
        source.save_rows(asked, schema, tmp_path / "rows")
        read = source.read_rows(tmp_path / "rows", schema)
        read = list(read.values()) if schema.inputs else [read]
        for place, part in enumerate(read):
            assert len(part) == 3
            if isinstance(part, pd.DataFrame):
                assert schema.target.name not in part
                rows[place] = rows[place][list(part.columns)]
        assert_same(rows, read)

    def test_an_earlier_copy_is_replaced_and_a_foreign_file_kept(
        self, source: Any, given: tuple[Any, Any], schema: Schema, tmp_path: Path
    ) -> None:
        source.save(given[0], schema, tmp_path)
        beside = source.save_beside(tmp_path, tmp_path / "best.ipynb")
        assert source.save_beside(tmp_path, tmp_path / "best.ipynb") == beside
        beside.write_bytes(b"a person's own")
        with pytest.raises(DataError, match="Expected no file of yours"):
            source.save_beside(tmp_path, tmp_path / "best.ipynb")
        assert beside.read_bytes() == b"a person's own"

    def test_a_folder_of_that_name_is_kept(
        self, source: Any, given: tuple[Any, Any], schema: Schema, tmp_path: Path
    ) -> None:
        source.save(given[0], schema, tmp_path)
        beside = source.save_beside(tmp_path, tmp_path / "best.ipynb")
        beside.unlink()
        beside.mkdir()
        with pytest.raises(DataError, match=r"no file of yours.*\(a folder\).*move"):
            source.save_beside(tmp_path, tmp_path / "best.ipynb")
        assert list(beside.iterdir()) == []

    def test_a_copy_that_fails_leaves_the_earlier_one(
        self, source: Any, given: tuple[Any, Any], schema: Schema, tmp_path: Path
    ) -> None:
        saved, notebooks = tmp_path / "saved", tmp_path / "notebooks"
        saved.mkdir()
        notebooks.mkdir()
        source.save(given[0], schema, saved)
        beside = source.save_beside(saved, notebooks / "best.ipynb")
        before = beside.read_bytes()
        inode = beside.stat().st_ino
        command = [sys.executable, "-c", _ON_A_FULL_DISK, schema.source]
        failed = subprocess.run(
            [*command, str(saved), str(beside)], capture_output=True, text=True
        )
        assert failed.stdout == "OSError\n", failed.stderr
        assert beside.read_bytes() == before
        assert list(notebooks.iterdir()) == [beside]
        # Whoever still reads the earlier copy keeps it whole.
        source.save_beside(saved, notebooks / "best.ipynb")
        assert beside.stat().st_ino != inode
        assert list(notebooks.iterdir()) == [beside]

    def test_a_wrong_target_is_refused(
        self, source: Any, given: tuple[Any, Any]
    ) -> None:
        with pytest.raises(DataError, match=r"Expected .*got 'nothing' \(str\).*Type"):
            source.describe(given[0], "nothing", ())


# A limit on the size of files fails as a full disk does.
_ON_A_FULL_DISK = """if True:
    import pathlib, resource, signal, sys
    from notebook_automl.data._source import SOURCES

    source = SOURCES.get(sys.argv[1])
    saved, beside = map(pathlib.Path, sys.argv[2:])
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
    try:
        source.save_beside(saved, beside)
    except OSError:
        print("OSError")
"""


def change(data: Any) -> None:
    """Change one value in place, also in a file."""
    if isinstance(data, str | Path):
        change_file(Path(data))
    elif isinstance(data[0] if isinstance(data, tuple) else None, dict):
        change((data[0]["photo"], None))
    elif isinstance(data, pd.DataFrame):
        data.iloc[0, 0] += 1
    else:
        data[0].flat[0] += "!" if isinstance(data[0].flat[0], str) else 1


def change_file(path: Path) -> None:
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            x, y = arrays["x"], arrays["y"]
        x.flat[0] += 1
        np.savez(path, x=x, y=y)
        return
    is_csv = path.suffix == ".csv"
    table = pd.read_csv(path) if is_csv else pd.read_parquet(path)
    table.iloc[0, 0] += 1
    table.to_csv(path, index=False) if is_csv else table.to_parquet(path)


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        ("table.tsv", r"got 'table.tsv' \(str\). Read the file first"),
        (np.zeros((2, 2)), r"ndarray\). Give the labels, too: Search\(\(x, y\)\)"),
        ({"a": [1]}, r"\(dict\). Convert it first"),
        (None, r"got None \(NoneType\)"),
    ],
)
def test_other_data_are_refused(data: Any, advice: str) -> None:
    with pytest.raises(DataError, match=rf"Expected a tuple.*DataFrame.*{advice}") as e:
        source_for(data)
    assert e.value.field == "data"


def test_a_table_of_another_library_is_to_be_converted() -> None:
    class Table:
        def to_pandas(self) -> None: ...

    with pytest.raises(DataError, match=r"Search\(data.to_pandas\(\)"):
        source_for(Table())


# --- tables


def table(**columns: Any) -> pd.DataFrame:
    """Twenty rows with a label "y" and a number "n"."""
    labels = ["a", "b"] * 10
    return pd.DataFrame({"n": range(20), **columns, "y": labels})


def column(values: list[Any], dtype: Any = object) -> pd.Series:
    return pd.Series(values * (20 // len(values)), dtype=dtype)


D = decimal.Decimal
COLUMNS: dict[str, tuple[pd.Series, str]] = {
    "int8": (column([1, 2], "int8"), "numeric"),
    "uint64": (column([1, 2**64 - 1], "uint64"), "numeric"),
    "float16": (column([1.5, np.nan], "float16"), "numeric"),
    "float64": (column([1.5, np.nan, np.inf, 0.0]), "numeric"),
    "longdouble": (column([1.5, np.nan], "longdouble"), "numeric"),
    "Int64": (column([1, None], "Int64"), "numeric"),
    "Float32": (column([1.5, None], "Float32"), "numeric"),
    "double[pyarrow]": (column([1.5, None], "double[pyarrow]"), "numeric"),
    "Sparse": (column([0.0, 2.0], pd.SparseDtype(float, 0.0)), "numeric"),
    "int objects": (column([1, 2, None, 3]), "numeric"),
    "huge int objects": (column([1, 2**70]), "numeric"),
    "float objects": (column([1, 2.5, None, 3]), "numeric"),
    "decimals": (column([D("1.5"), D("1.25"), None, D("2")]), "numeric"),
    "bool": (column([True, False], bool), "categorical"),
    "boolean": (column([True, None], "boolean"), "categorical"),
    "bool objects": (column([True, False]), "categorical"),
    "bool objects, missing": (column([True, False, None, True]), "categorical"),
    "str": (column(["a", None], "str"), "categorical"),
    "string": (column(["a", None], "string"), "categorical"),
    "string[python]": (column(["a", None], "string[python]"), "categorical"),
    "str objects": (column(["a", None, np.nan, pd.NA]), "categorical"),
    "mixed objects": (column([1, "a", None, 2.5]), "categorical"),
    "category of str": (column(["b", "a", None, "a"], "category"), "categorical"),
    "category of int": (column([2, 1, None, 1], "category"), "categorical"),
    "category of float": (column([2.5, 1, None, 1], "category"), "categorical"),
    "category of bool": (column([True, False], "category"), "categorical"),
    "category, mixed": (column([1, "a", None, 1], "category"), "categorical"),
    "intervals": (pd.cut(column([1.0, 5.0], float), 3), "categorical"),
    "one text or none": (column(["yes", None]), "categorical"),
    "sentences": (column([f"This is sentence {n}." for n in range(20)]), "text"),
    "sentences, string": (
        column([f"This is sentence {n}." for n in range(20)], "string"),
        "text",
    ),
    "Japanese": (column([f"これは{n}番です" for n in range(20)]), "text"),
    "few sentences": (column(["This is so.", "That is not."]), "categorical"),
    "sentences that are categories": (
        column([f"This is sentence {n % 10}." for n in range(20)], "category"),
        "categorical",
    ),
}


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("name", ["value", 7])
def test_every_kind_of_column_is_the_same_from_every_origin(
    kind: str, name: str | int, tmp_path: Path
) -> None:
    values, role = COLUMNS[kind]
    data = table().assign(value=values).rename(columns={"value": name})
    schema = FRAME.describe(data, "y", ())
    assert {c.name: c.role for c in schema.columns} == {"n": "numeric", name: role}
    results = from_every_origin(FRAME, data, schema, tmp_path)
    assert_same(results["variable"], results["copy"])
    assert_same(results["variable"], results["file"])
    loaded_as = str(results["variable"][0][name].dtype)
    assert {c.name: c.dtype for c in schema.columns}[name] == loaded_as
    FRAME.save_rows(data.drop(columns="y")[:4], schema, tmp_path / "rows")
    rows = FRAME.read_rows(tmp_path / "rows", schema)
    assert set(rows.columns) == {"n", name}
    texts = [row[name].astype("string") for row in (rows, results["copy"][0][:4])]
    if role != "numeric":
        pd.testing.assert_series_equal(*texts)


def test_missing_texts_are_fine() -> None:
    texts = [None if n % 9 == 2 else f"This is sentence {n}." for n in range(40)]
    data = pd.DataFrame({"text": texts, "y": ["a", "b"] * 20})
    schema = FRAME.describe(data, "y", ())
    assert schema.names("text") == ["text"]


DROPPED: dict[str, tuple[pd.Series, str]] = {
    "datetimes": (pd.date_range("2020", periods=20).to_series(), "dates"),
    "dates": (column([datetime.date(2020, 1, 1), None]), "dates"),
    "periods": (pd.period_range("2020", periods=20).to_series(), "dates"),
    "timedeltas": (pd.to_timedelta(range(20), "h").to_series(), "dates"),
    "complex": (column([1j, 2j], complex), "complex"),
    "bytes": (column([b"a", b"b"]), "bytes"),
    "lists": (column([[1], [2]]), "lists"),
    "dicts": (column([{"a": 1}, "b"]), "lists"),
    "missing": (column([None]), "missing"),
    "missing floats": (column([np.nan], float), "missing"),
    "constant": (column([3], int), "same value"),
    "constant text": (column(["x"]), "same value"),
    "identifiers": (pd.Series([f"id {row}" for row in range(20)]), "another text"),
}


@pytest.mark.parametrize("kind", DROPPED)
def test_a_useless_column_is_dropped_with_its_reason(kind: str, tmp_path: Path) -> None:
    values, reason = DROPPED[kind]
    data = table(useless=values.reset_index(drop=True))
    schema = FRAME.describe(data, "y", ())
    (useless,) = (c for c in schema.columns if c.role == "dropped")
    assert useless.name == "useless"
    assert reason in useless.reason
    code = FRAME.load_code(schema, Origin("variable", ("given",)))
    assert f'# Not used: "useless", {useless.reason}.' in code.source
    (frame,) = from_every_origin(FRAME, data, schema, tmp_path)["copy"]
    assert list(frame.columns) == ["n", "y"]


def test_texts_that_differ_in_few_rows_are_kept() -> None:
    data = table(text=[f"id {row}" for row in range(20)])[:19]
    assert FRAME.describe(data, "y", ()).names("categorical") == ["text"]


TARGETS: dict[str, tuple[pd.Series, str, tuple[Any, ...]]] = {
    "str": (column(["b", "a"], "str"), "str", ("a", "b")),
    "category of str": (column(["b", "a"], "category"), "str", ("a", "b")),
    "category of int": (column([2, 1], "category"), "int", (1, 2)),
    "bool": (column([True, False], bool), "bool", (False, True)),
    "bool objects": (column([True, False, None, True]), "bool", (False, True)),
    "int": (column([2, 1], "uint8"), "int", (1, 2)),
    "Int64": (column([2, None], "Int64"), "int", (2,)),
    "int objects": (column([2, 1, None, 1]), "int", (1, 2)),
    "float": (column([2.5, np.nan], float), "float", (2.5,)),
    "decimals": (column([D("2.5"), D("1.25")]), "float", (1.25, 2.5)),
    "string[pyarrow]": (column(["b", None], "string[pyarrow]"), "str", ("b",)),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_every_kind_of_target(kind: str, tmp_path: Path) -> None:
    values, expected, classes = TARGETS[kind]
    data = table().assign(y=values)
    schema = FRAME.describe(data, "y", ())
    assert (schema.target.kind, schema.target.classes) == (expected, classes)
    assert [type(label).__name__ for label in classes] == [expected] * len(classes)
    assert schema.rows == values.notna().sum() == sum(schema.target.counts)
    results = from_every_origin(FRAME, data, schema, tmp_path)
    assert_same(results["variable"], results["copy"])
    assert_same(results["variable"], results["file"])


def test_a_target_of_many_values_has_no_classes() -> None:
    data = pd.DataFrame({"n": range(1001), "y": np.arange(1001) / 7})
    target = FRAME.describe(data, "y", ()).target
    assert (target.classes, target.counts, target.unique) == (None, None, 1001)


def test_the_index_of_a_table_does_not_matter() -> None:
    data = table()
    indexed = data.set_axis(range(100, 120), axis=0)
    one, other = FRAME.describe(data, "y", ()), FRAME.describe(indexed, "y", ())
    assert one == other


def test_notes_on_a_table_do_not_hinder_saving(tmp_path: Path) -> None:
    data = table()
    data.attrs["note"] = object()
    schema = FRAME.describe(data, "y", ())
    FRAME.save(data, schema, tmp_path)
    assert "note" in data.attrs


def test_describing_leaves_the_table_as_it_was() -> None:
    data = table(grade=column([2, 1], "category"))
    before = data.copy()
    FRAME.describe(data, "y", ())
    pd.testing.assert_frame_equal(data, before)


def test_the_cell_can_run_twice_on_a_table_called_frame() -> None:
    data = table(grade=column([2, 1, None, 1], "category"))
    schema = FRAME.describe(data, "y", ("frame",))
    code = FRAME.load_code(schema, Origin("variable", schema.variables))
    namespace = execute(code, frame=data)
    execute(code, frame=namespace["frame"])


def pairs() -> pd.DataFrame:
    return table().set_axis(pd.MultiIndex.from_tuples([("a", 1), ("b", 1)]), axis=1)


BAD_TABLES: dict[str, tuple[Callable[[], pd.DataFrame], Any, str, str]] = {
    "no rows": (lambda: table()[:0], "y", "data", r"got 0 rows and 2 columns"),
    "no columns": (lambda: table()[[]], "y", "target", r"got 'y' \(str\)"),
    "no target": (table, None, "target", r"got None \(NoneType\).*'n', 'y'"),
    "typo": (table, "Y", "target", r"Did you mean 'y'\?"),
    "a list": (table, ["y"], "target", r"\(list\)"),
    "a bool": (lambda: table().set_axis([0, 1], axis=1), True, "target", r"\(bool\)"),
    "tuples": (pairs, "y", "data", r"got \('a', 1\) \(tuple\)"),
    "float names": (
        lambda: table().set_axis([0.5, "y"], axis=1),
        "y",
        "data",
        r"got 0.5 \(float\)",
    ),
    "surrogates": (
        lambda: table().set_axis(pd.Index(["\ud800", "y"], dtype=object), axis=1),
        "y",
        "data",
        r"UTF-8, got '\\ud800' \(str\)",
    ),
    "big-endian": (
        lambda: table().astype({"n": ">i4"}),
        "y",
        "data",
        r"byte order, got 'n' \(>i4\)",
    ),
    "twice": (
        lambda: table().set_axis(["y", "y"], axis=1),
        "y",
        "data",
        r"differ as text, got \['y', 'y'\]",
    ),
    "1 and '1'": (
        lambda: table(one=0).set_axis([1, "1", "y"], axis=1),
        "y",
        "data",
        r"differ as text, got \[1, '1'\]",
    ),
    "only a target": (lambda: table()[["y"]], "y", "data", r"got none \(DataFrame\)"),
    "nothing to learn": (
        lambda: table().assign(n=1),
        "y",
        "data",
        r"'n' \(every row has the same value\)",
    ),
    "no labels": (
        lambda: table().assign(y=None),
        "y",
        "target",
        r"got 20 missing values \(object\)",
    ),
    "infinite": (
        lambda: table().assign(y=[np.inf, 1.0] * 10),
        "y",
        "target",
        r"got 10 that are not, the first inf \(float64\) in row 0",
    ),
    "dates": (
        lambda: table().assign(y=pd.Timestamp("2020")),
        "y",
        "target",
        r"calls datetime64, got Timestamp.*\(Timestamp\)",
    ),
    "mixed labels": (
        lambda: table().assign(y=column([1, "a"])),
        "y",
        "target",
        r"calls mixed-integer, got 1 \(int\)",
    ),
    "huge labels": (
        lambda: table().assign(y=column([1, 2**70])),
        "y",
        "data",
        r"fit \{'y': 'int64'\}",
    ),
    "surrogate values": (
        lambda: table(text=column(["\ud800", "b"])),
        "y",
        "data",
        r"encoded in UTF-8, got '\\ud800' \(str\)",
    ),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_bad_table_is_refused(case: str) -> None:
    make, target, field, message = BAD_TABLES[case]
    with pytest.raises(DataError, match=f"(?s)Expected .*{message}") as caught:
        FRAME.describe(make(), target, ())
    assert caught.value.field == field


@pytest.fixture
def learned() -> Schema:
    grade = column([2, 1, None, 1], "category")
    flag = column([True, False], bool)
    return FRAME.describe(
        table(colour=["x", "z"] * 10, grade=grade, flag=flag), "y", ()
    )


@pytest.mark.parametrize(
    "rows",
    [
        {"n": "3", "colour": None, "grade": 2.0, "flag": None, "more": []},
        [{"n": 3.0, "colour": None, "grade": 2, "flag": None}],
        pd.DataFrame({"flag": [None], "grade": [2], "n": [3], "colour": [None]}),
    ],
)
def test_rows_take_the_dtypes_that_were_learned(
    rows: Any, learned: Schema, tmp_path: Path
) -> None:
    FRAME.save_rows(rows, learned, tmp_path / "rows")
    read = FRAME.read_rows(tmp_path / "rows", learned)
    assert list(read.columns) == ["n", "colour", "grade", "flag"]
    assert read["n"].tolist() == [3]
    assert read["grade"].astype("string").tolist() == ["2"]
    assert read[["colour", "flag"]].isna().all(axis=None)


ROW = {"n": 3, "colour": "x", "grade": 2, "flag": True}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (3, r"DataFrame, one dict or a list of dicts, got 3 \(int\)"),
        ([1, 2], r"list of dicts, got \[1, 2\] \(list\)"),
        ([], r"one row or more, got none \(list\)"),
        (pd.DataFrame({"n": []}), r"one row or more, got none \(DataFrame\)"),
        (
            {"n": 3, "color": "x", "grade": 2, "flag": True},
            r"without \['colour'\] got .*Did you mean 'color'\?",
        ),
        (
            pd.DataFrame([[1, 2, "x", 2, True]], columns=["n", "n", *[*ROW][1:]]),
            r"each column once, got 'n' \(str\) 2 times",
        ),
        ({**ROW, "n": "many"}, r"numbers in the column 'n', got 'many' \(str\)"),
        ({**ROW, "n": [1, 2]}, r"numbers in the column 'n', got \[1, 2\] \(list\)"),
        ({**ROW, "grade": "x"}, r"dtype Int64 in the column 'grade', got 'x' \(str\)"),
    ],
)
def test_rows_that_do_not_fit_are_refused(
    rows: Any, message: str, learned: Schema, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=f"Expected .*{message}.*Type predict"):
        FRAME.save_rows(rows, learned, tmp_path / "rows")


# --- arrays

X = np.arange(4 * 3 * 2, dtype="float32").reshape(4, 3, 2)


@pytest.mark.parametrize(
    ("y", "kind", "dtype"),
    [
        ([0, 1, 0, 1], "int", "int64"),
        (np.array([0, 1, 0, 1], ">i2"), "int", "int16"),
        (np.array([[0], [1], [0], [1]]), "int", "int64"),
        (np.array([0, 1, 0, 1], object), "int", "int64"),
        (np.array([True, False] * 2, object), "bool", "bool"),
        ([0.5, 1.5, 0.5, 2.5], "float", "float64"),
        (np.array([0.5, 1, 2, 3], object), "float", "float64"),
        (["a", "bb", "a", "bb"], "str", "<U2"),
        (np.array(["a", "bb"] * 2, object), "str", "<U2"),
        (pd.Series(["a", "bb"] * 2), "str", "<U2"),
        (pd.Series(["a", "bb"] * 2, dtype="category"), "str", "<U2"),
        (pd.Series([1, 2] * 2, dtype="Int64"), "int", "int64"),
    ],
)
@pytest.mark.parametrize("x", [X, X[..., None], X.tolist(), X[:, ::-1]])
def test_every_kind_of_label_is_the_same_from_every_origin(
    x: Any, y: Any, kind: str, dtype: str, tmp_path: Path
) -> None:
    schema = ARRAYS.describe((x, y), None, ())
    assert (schema.target.kind, schema.target.dtype) == (kind, dtype)
    assert schema.shape == np.shape(x)[1:]
    results = from_every_origin(ARRAYS, (x, y), schema, tmp_path)
    assert_same(results["variable"], results["copy"])
    assert_same(results["variable"], results["file"])
    np.testing.assert_array_equal(results["copy"][0], x)
    assert results["copy"][1].tolist() == np.ravel(y).tolist()


@pytest.mark.parametrize("names", [("x", "y"), ("y", "x"), ("images", "labels")])
def test_variables_may_have_any_names(names: tuple[str, str]) -> None:
    schema = ARRAYS.describe((X, [0, 1, 0, 1]), None, names)
    code = ARRAYS.load_code(schema, Origin("variable", schema.variables))
    left = loaded(execute(code, **{names[0]: X, names[1]: [0, 1, 0, 1]}))
    assert_same(left, [X, np.array([0, 1, 0, 1])])


def test_a_copy_is_mapped_and_holds_no_pickle(tmp_path: Path) -> None:
    schema = ARRAYS.describe((X, np.array(["a", "b"] * 2, object)), None, ())
    ARRAYS.save((X, np.array(["a", "b"] * 2, object)), schema, tmp_path)
    code = ARRAYS.load_code(schema, Origin("copy", (str(tmp_path),)))
    assert isinstance(execute(code)["x"], np.memmap)
    assert np.load(tmp_path / "y.npy", allow_pickle=False).dtype == "<U1"


def with_value(value: float, dtype: str = "float32") -> Any:
    x = X.astype(dtype)
    x[1, 2, 0] = value
    return x


Y = [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X[0], Y, r"axes .*got shape \(3, 2\) \(ndarray\).*For a table.*DataFrame"),
        (X[:0], Y, r"got shape \(0, 3, 2\)"),
        (X[0, 0], Y, r"got shape \(2,\)"),
        (X[None, None], Y, r"got shape \(1, 1, 4, 3, 2\)"),
        ([[1, 2], [3]], Y, r"one array of, got \[\[1, 2\], \[3\]\] \(list\)"),
        (X > 1, Y, r"numbers in x, got (np.)?False.* dtype bool.*astype"),
        (X.astype(object), Y, r"dtype object"),
        (X.astype(complex), Y, r"dtype complex128"),
        (with_value(np.nan), Y, r"got 1 that are not, the first nan .* \(1, 2, 0\)"),
        (with_value(np.inf), Y, r"got 1 that are not, the first inf \(float32\)"),
        (
            with_value(1e300, "float64"),
            Y,
            r"as float32, got 1 that are not, the first 1e\+300 \(float64\) at "
            r"\(1, 2, 0\). Type x = x / numpy.abs\(x\).max\(\)",
        ),
        (
            np.ma.masked_greater(X, 20),
            Y,
            r"x without masked values, got 3 of them \(MaskedArray\). Type x = "
            r"x.filled\(...\)",
        ),
        ([*np.ma.masked_greater(X, 20)], Y, r"x without masked values, got 3"),
        (X, np.ma.masked_equal(Y, 1), r"y without masked values, got 2 .*y.filled"),
        (X, Y[:3], r"got 4 samples and 3 labels"),
        (X, np.eye(4), r"got shape \(4, 4\) \(ndarray\).*argmax"),
        (X, [], r"got shape \(0,\)"),
        (X, [0, 1, None, 1], r"got None \(NoneType\) at 2, and 1 missing"),
        (X, [0, 1, np.nan, 1], r"got .*nan.* at 2, and 1 missing"),
        (X, [0, 1, np.inf, 1], r"finite.*got 1 that are not, the first inf"),
        (X, np.array([0, "a", 1, 1], object), r"not of several types, got 0 \(int\)"),
        (X, np.array([b"a"] * 4), r"bytes_\); pandas calls them bytes"),
        (
            X,
            np.array([1, 2, 3, 2**70], object),
            r"\(ndarray\): Python int too large .*Type y =",
        ),
        (X, np.array([1j] * 4), r"calls them complex"),
    ],
)
def test_bad_arrays_are_refused(x: Any, y: Any, message: str) -> None:
    with pytest.raises(DataError, match=f"(?s)Expected .*{message}") as caught:
        ARRAYS.describe((x, y), None, ())
    assert caught.value.field in ("data", "target")


@pytest.mark.parametrize(
    "x", [[*X], X.tolist(), [*X.astype(object)], X, X.tolist()[:0]]
)
def test_samples_are_no_texts(x: Any) -> None:
    assert source_for((x, Y)) == ("arrays", ARRAYS)


@pytest.mark.parametrize(
    "x",
    [
        ["a text", "another"],
        [None, "a text"],
        (np.nan, "a text"),
        np.array(["a text", "another"]),
        np.array([["a text"], ["another"]], dtype=object),
        pd.Series(["a text", None], dtype="string"),
        pd.Series([pd.NA, "a text"], dtype=object),
    ],
)
def test_texts_are_no_samples(x: Any) -> None:
    assert source_for((x, [0, 1]))[0] == "texts"
    assert SOURCES.get("texts").describe((x, [0, 1]), None, ()).rows == 2


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (["a", 1.5], r"texts in x, got 1.5 \(float\)"),
        (["a", b"b"], r"got b'b' \(bytes\)"),
        ([["a", "b"], ["c", "d"]], r"one text for each sample, got shape \(2, 2\)"),
        (["a", "\ud800"], r"encoded in UTF-8, got '\\ud800' \(str\)"),
        (["a", "b", "c"], r"got 3 samples and 2 labels"),
    ],
)
def test_bad_texts_are_refused(x: Any, message: str) -> None:
    with pytest.raises(DataError, match=f"(?s)Expected .*{message}") as caught:
        SOURCES.get("texts").describe((x, [0, 1]), None, ())
    assert caught.value.field == "data"


def test_one_text_or_several_can_be_predicted(tmp_path: Path) -> None:
    texts = SOURCES.get("texts")
    schema = texts.describe((["a", "b"], [0, 1]), None, ())
    for rows in ("one", ["one"], np.array(["one"], dtype=object), pd.Series(["one"])):
        texts.save_rows(rows, schema, tmp_path / "rows")
        assert texts.read_rows(tmp_path / "rows", schema).tolist() == ["one"]
    with pytest.raises(DataError, match="Expected one text or more, got none"):
        texts.save_rows([], schema, tmp_path / "rows")


def test_large_numbers_and_an_empty_mask_are_fine() -> None:
    x = np.ma.masked_array(with_value(3e38, "float64"), mask=False)
    schema = ARRAYS.describe((x, np.ma.masked_array(Y)), None, ())
    assert schema.target.counts == (2, 2)


@pytest.mark.parametrize("rows", [X, X[0], X[:1].tolist(), X.astype("uint8")])
def test_samples_to_predict(rows: Any, tmp_path: Path) -> None:
    schema = ARRAYS.describe((X, Y), None, ())
    ARRAYS.save_rows(rows, schema, tmp_path / "rows")
    read = ARRAYS.read_rows(tmp_path / "rows", schema)
    np.testing.assert_array_equal(read, np.reshape(rows, (-1, 3, 2)))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (X[..., None], r"shape \(3, 2\), got shape \(4, 3, 2, 1\) \(ndarray\)"),
        (X[:0], r"got shape \(0, 3, 2\)"),
        (3, r"got shape \(\) \(int\)"),
        (with_value(np.nan), r"the first nan"),
        (with_value(1e300, "float64"), r"the first 1e\+300"),
        (np.ma.masked_greater(X, 20), r"rows without masked values"),
        (X.astype(str), r"numbers in x"),
    ],
)
def test_samples_that_do_not_fit_are_refused(
    rows: Any, message: str, tmp_path: Path
) -> None:
    schema = ARRAYS.describe((X, Y), None, ())
    with pytest.raises(DataError, match=f"Expected .*{message}"):
        ARRAYS.save_rows(rows, schema, tmp_path / "rows")


# --- examples


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_can_be_searched(name: str) -> None:
    data = example(name)
    _, source = source_for(data)
    target = None if isinstance(data, tuple) else data.columns[-1]
    schema = source.describe(data, target, ())
    kinds = {
        "digits": "int",
        "digits_and_angles": "int",
        "functions": "int",
        "diabetes": "float",
        "habits": "bool",
        "rotated_digits": "float",
    }
    assert schema.target.kind == kinds.get(name, "str")


def test_an_unknown_example_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"got 'iriss' \(str\).*mean 'iris'\?"):
        example("iriss")
