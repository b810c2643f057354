"""Exported notebooks reproduce their metric where the search is not installed."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

import notebook_automl as automl
from notebook_automl.export._exporter import EXPORTERS

# The third trial of a warm worker: nothing of the first two may show in its numbers.
THIRD = 2


def mixed_table() -> pd.DataFrame:
    """Numbers, categories, booleans, texts and missing values, with text labels."""
    draw = np.random.default_rng(3)
    rows = 240
    size = draw.normal(size=rows)
    island = draw.choice(["Biscoe", "Dream", "Torgersen"], rows)
    tagged = draw.random(rows) < 0.5
    score = size + (island == "Dream") + tagged
    table = pd.DataFrame({"size": size, "island": island, "tagged": tagged})
    table["note"] = [f"Seen {n} times on {place}." for n, place in enumerate(island)]
    table["species"] = pd.cut(score, 3, labels=["Adelie", "Chinstrap", "Gentoo"])
    table["species"] = table["species"].astype(str)
    table.loc[draw.choice(rows, 30, replace=False), "size"] = np.nan
    table.loc[draw.choice(rows, 30, replace=False), "island"] = None
    return table


@dataclass(frozen=True)
class Exported:
    """What each exporter handed out, and what was recorded for it."""

    notebook: Path
    recorded: dict[str, float]
    code: dict[str, str]


def code_of(run: automl.Run, notebook: Path) -> dict[str, str]:
    """The code that each exporter hands out, by the exporter's name."""
    cells = nbformat.read(notebook, as_version=4).cells
    given = {"notebook": "\n".join(c.source for c in cells if c.cell_type == "code")}
    given["cells"] = str(run.export("cells", trial=THIRD))
    assert given.keys() == set(EXPORTERS.names())
    return given


def searches() -> dict[str, automl.Search]:
    """A convolution model, a dense one with categories, a regression, two of texts."""
    x, y = automl.example("digits")
    texts = automl.example("docstrings")[:400]
    pair = texts["docstring"].tolist(), texts["package"].to_numpy()
    options: dict[str, Any] = {"trials": 3, "epochs": 3, "workers": 1}
    return {
        "images": automl.Search((x[:600], y[:600]), **options),
        "classes": automl.Search(mixed_table(), target="species", **options),
        "texts": automl.Search(pair, **options),
        "lines": automl.Search(
            automl.example("functions")[:300], target="lines", **options
        ),
        "numbers": automl.Search(
            automl.example("diabetes"), target="progression", **options
        ),
    }


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Exported]]:
    """All searched one after the other, exported, their run folders gone."""
    out = tmp_path_factory.mktemp("exported")
    made = {}
    for name, search in searches().items():
        search.folder = str(tmp_path_factory.mktemp("runs"))
        run = search.start()
        run.wait()
        assert run.status == "completed", run
        assert run.trial(THIRD).state.state == "completed", run
        path = run.export("notebook", out / f"{name}.ipynb", trial=THIRD)
        made[name] = Exported(path, run.trial(THIRD).test, code_of(run, path))
        # A run may be moved: whoever attaches it there has all of it.
        rows = search.data[0] if isinstance(search.data, tuple) else search.data
        before = run.predict(rows[:9])
        run.folder.rename(run.folder.with_name("moved-away"))
        moved = automl.attach("moved-away", search.folder)
        assert moved.predict(rows[:9]).tolist() == before.tolist()
    return made


@pytest.fixture(scope="module")
def elsewhere(
    exported: dict[str, Exported], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The Python of an environment made from the exports' own requirements."""
    home = tmp_path_factory.mktemp("elsewhere")
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    files = [
        part
        for export in exported.values()
        for part in ("-r", export.notebook.with_suffix(".requirements.txt"))
    ]
    pip = [python, "-m", "pip"]
    subprocess.run([*pip, "install", "--quiet", *files], check=True)
    listed = subprocess.run(
        [*pip, "list", "--format=json"], check=True, capture_output=True, text=True
    )
    names = {package["name"].lower() for package in json.loads(listed.stdout)}
    assert "keras" in names
    assert not names & {"notebook-automl", "autokeras", "keras-tuner", "optuna", "dask"}
    return python


def run_with(python: Path, path: Path) -> Any:
    """Execute a notebook with the kernel of another environment."""
    manager = AsyncKernelManager()
    launch = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager.kernel_spec.argv = [str(python), *launch]
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, km=manager, timeout=300, resources=resources).execute(
        cleanup_kc=True
    )
    return notebook


@pytest.mark.parametrize("kind", EXPORTERS.names())
def test_what_leaves_is_plain_keras(exported: dict[str, Exported], kind: str) -> None:
    """No exporter hands out code that needs the search."""
    for export in exported.values():
        imported = {
            name.split(".")[0]
            for node in ast.walk(ast.parse(export.code[kind]))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in [getattr(node, "module", None) or node.names[0].name]
        }
        assert {"keras", "numpy", "sklearn"} <= imported
        standard = {"os", "hashlib", "re", "collections"}
        libraries = {"keras", "tensorflow", "numpy", "pandas", "sklearn"}
        assert imported <= libraries | standard


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["images", "classes", "numbers", "texts", "lines"])
def test_reproduces_to_the_last_digit(
    exported: dict[str, Exported], elsewhere: Path, name: str
) -> None:
    export = exported[name]
    notebook = run_with(elsewhere, export.notebook)
    (evaluate,) = (cell for cell in notebook.cells if cell.id == "evaluate")
    printed = "".join(output.text for output in evaluate.outputs if "text" in output)
    assert ast.literal_eval(printed.strip().splitlines()[-1]) == export.recorded


def test_models_load_in_safe_mode_without_the_search(
    exported: dict[str, Exported], elsewhere: Path
) -> None:
    """A checkpoint is a stock .keras file."""
    code = (
        "import sys, keras; m = keras.models.load_model(sys.argv[1], safe_mode=True); "
        "print(m.count_params())"
    )
    for export in exported.values():
        model = export.notebook.with_suffix(".keras")
        done = subprocess.run(
            [elsewhere, "-c", code, model], capture_output=True, text=True, check=True
        )
        assert int(done.stdout) > 0
        assert sys.executable != str(elsewhere)
        assert export.recorded
