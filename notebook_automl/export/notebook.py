"""A notebook that re-runs from top to bottom and reproduces the test metric."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat

from notebook_automl.data._source import Origin
from notebook_automl.errors import ReplayError, SearchError, received
from notebook_automl.export._exporter import Chosen
from notebook_automl.source.program import Program

_TAG = "notebook-automl"
_STAMP = "stamp"
# Modules that generated code imports, with the distributions that bring them.
_DISTRIBUTIONS = {
    "keras": "keras",
    "numpy": "numpy",
    "pandas": "pandas",
    "sklearn": "scikit-learn",
}


class Notebook:
    """Writes the notebook with its data and requirements beside it."""

    def export(self, chosen: Chosen, path: Path | None, replay: bool) -> Path:
        """Write the notebook and, if asked, run it and stamp it."""
        default = chosen.run.exports / f"trial-{chosen.trial.number:04d}.ipynb"
        path = (path or default).absolute()
        _check_path(path)
        recorded = chosen.test()
        data = chosen.beside.save_beside(chosen.run.data, path)
        program = chosen.program(Origin("file", (data.name,)))
        requirements = _requirements(program, data)
        path.with_suffix(".requirements.txt").write_text(requirements, "utf-8")
        stamp: dict[str, Any] = {
            "run": chosen.run.name,
            "trial": chosen.trial.number,
            "fingerprint": chosen.schema.fingerprint,
            "requirements": requirements.split(),
            "recorded": recorded,
        }
        notebook = _notebook(program, stamp)
        _stamp(notebook, chosen, stamp)
        nbformat.write(notebook, path)
        if replay:
            _replay(path, chosen, stamp)
        return path


def _check_path(path: Path) -> None:
    """Refuse to write over a file that is not one of ours."""
    if path.suffix != ".ipynb":
        raise SearchError(
            f"Expected a path that ends in .ipynb, {received(str(path))}. Type "
            f'run.export("notebook", "{path.stem or "best"}.ipynb").'
        )
    if not path.parent.is_dir():
        raise SearchError(
            f"Expected a folder that exists, got {str(path.parent)!r} (str). Make it "
            "first, or type another path."
        )
    if path.exists() and _TAG not in path.read_text("utf-8", errors="replace"):
        raise SearchError(
            f"Expected a new path, got {str(path)!r} (str), which holds a notebook "
            "that was not generated. Type another path."
        )


def _requirements(program: Program, data: Path) -> str:
    """The versions that the trial ran with, for `pip install -r`."""
    modules = re.findall(r"(?m)^(?:import|from) (\w+)", program["setup"])
    backend = re.search(r'"KERAS_BACKEND"\] = "(\w+)"', program["setup"])
    names = {_DISTRIBUTIONS[m] for m in modules if m in _DISTRIBUTIONS}
    names |= {backend.group(1)} if backend else set()
    names |= {"pyarrow"} if data.suffix == ".parquet" else set()
    # The kernel that runs the notebook.
    names |= {"ipykernel"}
    return "".join(f"{name}=={version(name)}\n" for name in sorted(names))


def _notebook(program: Program, stamp: Mapping[str, Any]) -> Any:
    """The program as cells, each under its heading."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    mark = {"tags": [_TAG]}
    cells = [nbformat.v4.new_markdown_cell(id=_STAMP, metadata=mark)]
    for cell in program.cells:
        heading = nbformat.v4.new_markdown_cell(f"## {cell.title}", metadata=mark)
        code = nbformat.v4.new_code_cell(
            cell.source,
            id=cell.id,
            metadata=mark | {"notebook_automl": {"part": cell.id}},
        )
        heading["id"] = f"{cell.id}-title"
        cells += [heading, code]
    notebook.cells = cells
    return notebook


def _replay(path: Path, chosen: Chosen, stamp: dict[str, Any]) -> None:
    """Run the notebook in a fresh kernel and write both metrics on it."""
    try:
        chosen.execute(path)
    except Exception as error:
        raise ReplayError(
            f"The notebook {path.name} did not run to its end: {error}"
        ) from error
    notebook = nbformat.read(path, as_version=4)
    stamp["reproduced"] = _printed_metrics(notebook)
    _stamp(notebook, chosen, stamp)
    nbformat.write(notebook, path)
    if stamp["reproduced"] != stamp["recorded"]:
        raise ReplayError(
            f"Expected the recorded test metrics {stamp['recorded']}, got "
            f"{stamp['reproduced']} from {path.name}. Compare its first cell and its "
            "requirements with those of the run."
        )


def _printed_metrics(notebook: Any) -> dict[str, float]:
    """What the evaluate cell printed."""
    cell = next(cell for cell in notebook.cells if cell.id == "evaluate")
    text = "".join(o["text"] for o in cell.outputs if o.get("name") == "stdout")
    metrics = ast.literal_eval(text.strip().splitlines()[-1])
    return {name: float(value) for name, value in metrics.items()}


def _stamp(notebook: Any, chosen: Chosen, stamp: Mapping[str, Any]) -> None:
    """Write into the first cell, and into the metadata, what was measured."""
    search, recorded = chosen.search, stamp["recorded"]
    reproduced = stamp.get("reproduced")
    rows = [
        f"| {name} | {value!r} | {_reproduced(name, value, reproduced)} |"
        for name, value in recorded.items()
    ]
    device = "one CPU thread" if search["device"] == "cpu" else "one GPU"
    notebook.cells[0]["source"] = "\n".join(
        [
            f"# Trial {chosen.trial.number} of {_escaped(chosen.run.name)}",
            "",
            f"{search['task'].replace('_', ' ').capitalize()}; {device}, float32, seed "
            f"{search['seed']}. Runs from top to bottom in an environment made from "
            "the requirements beside it.",
            "",
            "| test metric | recorded | reproduced |",
            "|---|---|---|",
            *rows,
        ]
    )
    notebook.metadata["notebook_automl"] = dict(stamp)


def _reproduced(name: str, value: float, reproduced: Mapping[str, float] | None) -> str:
    """One cell of the stamp's table."""
    if reproduced is None:
        return "not run yet"
    again = reproduced.get(name)
    verdict = "equal to the last digit" if again == value else "**differs**"
    return f"{again!r} ({verdict})"


def _escaped(text: str) -> str:
    """A name as plain Markdown text."""
    return re.sub(r"([\\`*_{}\[\]<>()#+\-.!|])", r"\\\1", text)


PLUGIN = Notebook()
