"""Wrong input gets an error that says what was expected, what came, what to type."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import notebook_automl as automl
from notebook_automl.data._source import SOURCES
from notebook_automl.record.layout import RunFolder

Data = Callable[[], Any]


def table(**columns: Any) -> pd.DataFrame:
    rows = 12
    base = {"size": np.arange(rows) * 1.5, "species": ["a", "b"] * (rows // 2)}
    return pd.DataFrame(base | columns)


def images(**changes: Any) -> tuple[Any, Any]:
    x = np.arange(12 * 4 * 4, dtype="float32").reshape(12, 4, 4)
    y = np.array([0, 1] * 6)
    return changes.get("x", x), changes.get("y", y)


def spoiled(value: float) -> Any:
    x = images()[0].copy()
    x[3, 1, 2] = value
    return x


# What is searched, the options, the field, and what the message must hold.
CASES: dict[str, tuple[Data, dict[str, Any], str, list[str]]] = {
    "target not in the table": (
        table,
        {"target": "specie"},
        "target",
        ["'specie' (str)", "Did you mean 'species'", "size"],
    ),
    "no target": (table, {}, "target", ["None (NoneType)", "target="]),
    "empty table": (
        lambda: table().iloc[:0],
        {"target": "species"},
        "data",
        ["rows", "0 rows", "DataFrame"],
    ),
    "no column to learn from": (
        lambda: table()[["species"]],
        {"target": "species"},
        "data",
        ["column to learn from", "none"],
    ),
    "one class only": (
        lambda: table(species="a"),
        {"target": "species"},
        "target",
        ["two classes", "'a' (str)", "Choose another target"],
    ),
    "target all missing": (
        lambda: table(species=None),
        {"target": "species"},
        "target",
        ["labels", "12 missing", "Choose another target"],
    ),
    "a class with fewer than three rows": (
        lambda: table(species=["a"] * 10 + ["b"] * 2),
        {"target": "species"},
        "target",
        ["3 rows or more", "'b' (2)", "Drop these rows or join"],
    ),
    "number that never changes": (
        lambda: table(species=1.5),
        {"target": "species"},
        "target",
        ["varies", "Choose another target"],
    ),
    "infinite target": (
        lambda: table(species=[0.5, np.inf] * 6),
        {"target": "species"},
        "target",
        ["inf"],
    ),
    "arrays that are not numbers": (
        lambda: images(x=np.full((12, 4, 4), "red")),
        {},
        "data",
        ["numbers", "<U3"],
    ),
    "NaN in images": (
        lambda: images(x=spoiled(np.nan)),
        {},
        "data",
        ["finite", "nan", "(3, 1, 2)"],
    ),
    "infinity in images": (
        lambda: images(x=spoiled(np.inf)),
        {},
        "data",
        ["finite", "inf", "(3, 1, 2)"],
    ),
    "lengths that differ": (
        lambda: images(y=np.array([0, 1] * 5)),
        {},
        "data",
        ["12", "10"],
    ),
    "images of the wrong shape": (
        lambda: images(x=np.zeros((12, 4))),
        {},
        "data",
        ["height", "(12, 4)"],
    ),
    "no data": (lambda: None, {}, "data", ["DataFrame", "None (NoneType)"]),
    "no file": (lambda: "x.csv", {}, "data", ["'x.csv' (str)", "Check the path"]),
    "another file": (lambda: "x.xls", {}, "data", ["'x.xls' (str)", ".csv", "Read"]),
    "budget of zero": (
        table,
        {"target": "species", "minutes": 0},
        "minutes",
        ["above 0", "0 (int)", "minutes=10"],
    ),
    **{
        f"budget of {value}": (
            table,
            {"target": "species", "minutes": value},
            "minutes",
            ["finite number above 0", f"{value} (", "minutes=10"],
        )
        for value in (float("inf"), float("nan"), 1e308)
    },
    **{
        f"a list as {field}": (
            table,
            {"target": "species", field: ["x"]},
            field,
            ["['x'] (list)", field],
        )
        for field in ("task", "metric", "tuner", "device", "name", "folder")
    },
    "half a character as name": (
        table,
        {"target": "species", "name": "\ud800"},
        "name",
        [r"'\ud800' (str)", 'name="my-search"'],
    ),
    **{
        f"{folder!r} as folder": (
            table,
            {"target": "species", "folder": folder},
            "folder",
            [f"got {folder!r} ({type(folder).__name__})", 'folder="automl_runs"'],
        )
        for folder in (5, 0, b"runs", "a\0b", "\ud800", "~nobody-at-all/runs")
    },
    "budget that is text": (
        table,
        {"target": "species", "minutes": "2"},
        "minutes",
        ["above 0", "'2' (str)", "minutes=10"],
    ),
    "no trials": (
        table,
        {"target": "species", "trials": 0},
        "trials",
        ["whole number above 0", "0 (int)"],
    ),
    "half an epoch": (
        table,
        {"target": "species", "epochs": 0.5},
        "epochs",
        ["whole number above 0", "0.5 (float)"],
    ),
    "no rows left to train on": (
        table,
        {"target": "species", "validation_split": 0.6, "test_split": 0.5},
        "validation_split",
        ["validation_split=0.6", "test_split=0.5", "12 rows"],
    ),
    "unknown task": (
        table,
        {"target": "species", "task": "tabular_clasification"},
        "task",
        [
            "'tabular_clasification' (str)",
            "Expected",
            "Did you mean 'tabular_classification'",
        ],
    ),
    "task for other data": (
        table,
        {"target": "species", "task": "image_classification"},
        "task",
        ["arrays", "image_classification", "frame", 'task="auto"'],
    ),
    "regression of words": (
        table,
        {"target": "species", "task": "tabular_regression"},
        "target",
        ["numbers", "str", "tabular_classification"],
    ),
    "unknown metric": (
        table,
        {"target": "species", "metric": "acuracy"},
        "metric",
        ["'acuracy' (str)", "Expected", "Did you mean 'accuracy'", "auc"],
    ),
    "unknown tuner": (
        table,
        {"target": "species", "tuner": "tpee"},
        "tuner",
        ["'tpee' (str)", "Expected", "Did you mean 'tpe'", "random"],
    ),
    "unknown device": (
        table,
        {"target": "species", "device": "gpus"},
        "device",
        ["'gpus' (str)", "Did you mean 'gpu'"],
    ),
    "a GPU that is not there": (
        table,
        {"target": "species", "device": "gpu"},
        "device",
        ["No GPU", 'device="auto"'],
    ),
    "name with a slash": (
        table,
        {"target": "species", "name": "a/b"},
        "name",
        ["'a/b' (str)", 'name="my-search"'],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_says_expected_received_and_what_to_type(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, options, field, parts = CASES[case]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("NOTEBOOK_AUTOML_RUNS", str(tmp_path / "runs"))
    with pytest.raises(automl.AutoMLError) as caught:
        automl.Search(data(), **options).start()
    message = str(caught.value)
    assert caught.value.field == field, message
    assert not [part for part in parts if part not in message], message
    assert not list((tmp_path / "runs").glob("*/search.json"))


def test_folder_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    search = automl.Search(
        table(), target="species", trials=1, folder=str(tmp_path / "file" / "runs")
    )
    with pytest.raises(automl.RunFolderError) as caught:
        search.start()
    assert caught.value.field == "folder"
    assert "Search(folder=" in str(caught.value)
    assert str(tmp_path / "file") in str(caught.value)
    assert (tmp_path / "file").read_text() == "mine"


def start_on_tmpfs(options: str, mount: Path) -> str:
    """Start a search in a small file system of its own; what its error says.

    Root may write anywhere, but neither on a full disk nor on one mounted read-only.
    """
    code = """if True:
        import os, sys
        import numpy as np, pandas as pd
        import notebook_automl as automl

        df = pd.DataFrame({"a": np.arange(4e5), "b": np.arange(400_000) % 2})
        search = automl.Search(df, target="b", trials=1, name="mine")
        search.folder = sys.argv[1]
        try:
            search.start()
        except automl.RunFolderError as error:
            there = os.path.isdir(sys.argv[1]) and os.listdir(sys.argv[1])
            print(there, error.field, error)
    """
    command = f'mount -t tmpfs -o {options} none {mount} && exec "$0" -c "$1" "$2"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", command, sys.executable, code, mount / "runs"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_read_only_file_system(tmp_path: Path) -> None:
    told = start_on_tmpfs("ro", tmp_path)
    assert told.startswith("False folder ")
    assert "ead-only" in told and "Search(folder=" in told


def test_full_disk_leaves_no_half_run(tmp_path: Path) -> None:
    """The name is free again, and the message says what is full."""
    told = start_on_tmpfs("size=2m", tmp_path)
    assert told.startswith("['.gitignore'] folder ")
    assert "No space left" in told and "Search(folder=" in told


def test_name_of_another_search(tmp_path: Path) -> None:
    """The difference is named, and the run that has the name stays as it is."""
    options: dict[str, Any] = {"target": "species", "name": "mine", "trials": 1}
    options["folder"] = str(tmp_path)
    first = automl.Search(table(), **options).start()
    try:
        again = automl.Search(table(), **options).start()
        assert again.folder == first.folder
        with pytest.raises(automl.RunDiffersError) as caught:
            automl.Search(table(), **options | {"trials": 2, "epochs": 3}).start()
        assert "trials is 1 there and 2 here" in str(caught.value)
        assert "epochs is 50 there and 3 here" in str(caught.value)
        assert caught.value.field == "name"
        with pytest.raises(automl.RunDiffersError, match="the data differ"):
            automl.Search(table(size=np.arange(12)), **options).start()
        assert len(automl.runs(str(tmp_path))) == 1
    finally:
        first.stop()
        first.stop()
        first.wait(60)


def test_what_is_assigned_later_is_checked_at_the_start(tmp_path: Path) -> None:
    search = automl.Search(table(), target="species", folder=str(tmp_path))
    search.minutes = float("inf")
    with pytest.raises(automl.SearchError, match="finite") as caught:
        search.start()
    assert caught.value.field == "minutes"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("look", [automl.runs, lambda f: automl.attach("a", f)])
@pytest.mark.parametrize("folder", [5, "a\0b", "\ud800"])
def test_a_folder_to_look_in(look: Callable[[Any], Any], folder: Any) -> None:
    with pytest.raises(automl.SearchError) as caught:
        look(folder)
    assert caught.value.field == "folder"


@pytest.mark.parametrize("error", [KeyboardInterrupt, pa.ArrowInvalid, OSError])
def test_a_start_that_does_not_end_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def save(*_: object) -> None:
        assert len(list(tmp_path.glob(".mine.*"))) == 1
        raise error("in the middle")

    for name in (".a.0123abcd", ".b.0123abcd", ".c"):
        RunFolder(tmp_path / name).create()
    (tmp_path / ".d.0123abcd").mkdir()  # no run was ever begun in it
    for name in (".b.0123abcd", ".c", ".d.0123abcd"):
        os.utime(tmp_path / name, (1.0, 1.0))
    monkeypatch.setattr(type(SOURCES.get("frame")), "save", save)
    search = automl.Search(table(), "species", name="mine", folder=str(tmp_path))
    expected = automl.RunFolderError if error is OSError else error
    with pytest.raises(expected, match="in the middle"):
        search.start()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {".gitignore", ".a.0123abcd", ".c", ".d.0123abcd"}


def test_starts_of_one_name_at_once_are_one_run(tmp_path: Path) -> None:
    options: dict[str, Any] = {"target": "species", "name": "mine", "trials": 1}
    search = automl.Search(table(), folder=str(tmp_path), **options)
    other = automl.Search(table(), folder=str(tmp_path), **options | {"trials": 2})
    together = threading.Barrier(9)

    def start(which: automl.Search) -> Any:
        together.wait()
        try:
            return which.start()
        except automl.RunDiffersError as error:
            return error

    with ThreadPoolExecutor(9) as pool:
        came = list(pool.map(start, [search] * 8 + [other]))
    runs = [run for run in came if not isinstance(run, automl.AutoMLError)]
    try:
        assert {run.folder for run in runs} == {tmp_path / "mine"}
        assert len(runs) in (1, 8)
        shown = {path.name for path in tmp_path.iterdir()}
        assert shown == {".gitignore", "mine"}
    finally:
        runs[0].stop()
        runs[0].stop()
        runs[0].wait(60)
