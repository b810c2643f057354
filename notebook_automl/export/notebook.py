"""A notebook that re-runs from top to bottom and reproduces the test metric."""

from __future__ import annotations

import contextlib
import hashlib
import platform
import re
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import nbformat

from notebook_automl.data._source import Origin
from notebook_automl.errors import (
    AutoMLError,
    ReplayError,
    RunFolderError,
    SearchError,
    received,
)
from notebook_automl.export._exporter import Chosen
from notebook_automl.export._texts import HEADINGS, front
from notebook_automl.record.files import write_text
from notebook_automl.source.backends import BACKENDS, named_in
from notebook_automl.source.program import Program

_KEY = "notebook_automl"
# Controls, separators of lines and paragraphs, halves of characters.
_NO_TEXT = ("Cc", "Zl", "Zp", "Cs")
_REQUIREMENTS_MARK = "# What `{}` ran with"
# TensorFlow's C++ half tells of processors and drivers, whatever its log level is.
_LOG_LINE = re.compile(
    r"(?m)^(?:WARNING: All log messages before absl|[IWE]\d{4} \d\d:\d\d:).*\n?"
)
# Modules that generated code imports, with the distributions that bring them.
_DISTRIBUTIONS = {
    "keras": "keras",
    "numpy": "numpy",
    "pandas": "pandas",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
}


class Notebook:
    """Writes the notebook with its data and requirements beside it."""

    def export(self, chosen: Chosen, path: Path | None, replay: bool) -> Path:
        """Write the notebook and, if asked, run it and stamp it."""
        default = chosen.run.exports / f"trial-{chosen.called}.ipynb"
        path = (path or default).absolute()
        with _writing(path):
            _check_path(path)
        recorded = chosen.recorded()
        own = chosen.path_from(path.parent)
        if own is not None:
            data, origin = Path(own), Origin("path", (own,))
        else:
            with _writing(path):
                data = chosen.beside.save_beside(chosen.run.data, path)
            origin = Origin("file", (data.name,))
        program = chosen.program(origin)
        # Notebooks in one folder each keep a model of their own.
        model = path.with_suffix(".keras").name
        program = program.with_constant("setup", "CHECKPOINT", model)
        versions = _versions(program, data, chosen)
        python = chosen.trial.versions.get("python", platform.python_version())
        lines = [f"{name}=={number}" for name, number in versions.items()]
        mark = _REQUIREMENTS_MARK.format(path.name)
        text = "\n".join([f"{mark}, on Python {python}.", *lines])
        _write(_requirements_path(path), f"{text}\n")
        stamp: dict[str, Any] = {
            "run": chosen.run.name,
            "trial": chosen.trial.key,
            "fingerprint": chosen.schema.fingerprint,
            "python": python,
            "requirements": lines,
            "recorded": recorded,
        }
        notebook = _notebook(program)
        _save(notebook, path, chosen, stamp)
        if replay:
            _replay(path, chosen, stamp)
        return path


def _check_path(path: Path) -> None:
    """Refuse to write over what is not ours, or what the person has worked on since."""
    # The name stands in comments, code and Markdown, where a line break ends them.
    if any(unicodedata.category(c) in _NO_TEXT for c in path.name):
        raise SearchError(
            f"Expected a file name without control characters, {received(str(path))}. "
            'Type run.export("notebook", "best.ipynb").'
        )
    if path.suffix != ".ipynb":
        raise SearchError(
            f"Expected a path that ends in .ipynb, {received(str(path))}. Type "
            f'run.export("notebook", "{path.stem or "best"}.ipynb").'
        )
    if not path.parent.is_dir():
        raise SearchError(
            f"Expected a folder that exists, {received(str(path.parent))}. Make it "
            "first, or type another path."
        )
    if path.exists() and not _is_ours(path):
        raise SearchError(
            f"Expected a new path, {received(str(path))}, where something is that "
            "this package did not write, or that was changed since. Type another path."
        )
    model = path.with_suffix(".keras")
    if model.exists() and not path.exists():
        raise SearchError(
            f"Expected no file of yours where the notebook keeps its model, "
            f"{received(str(model))}. Type another path."
        )
    requirements = _requirements_path(path)
    mark = _REQUIREMENTS_MARK.format(path.name).encode()
    if requirements.exists() and not requirements.read_bytes().startswith(mark):
        raise SearchError(
            f"Expected no file of yours where the requirements go, "
            f"{received(str(requirements))}. Type another path."
        )


def _requirements_path(path: Path) -> Path:
    return path.with_suffix(".requirements.txt")


def _is_ours(path: Path) -> bool:
    """Whether a notebook is as we wrote it; its outputs may differ."""
    try:
        notebook = nbformat.read(path, as_version=4)
    # A folder, no JSON, no notebook: whatever it is, it is not ours.
    except Exception:
        return False
    return bool(notebook.metadata.get(_KEY, {}).get("cells") == _digest(notebook))


def _digest(notebook: Any) -> str:
    sources = [(cell.cell_type, cell.source) for cell in notebook.cells]
    return hashlib.sha256(repr(sources).encode("utf-8", "replace")).hexdigest()


def _versions(program: Program, data: Path, chosen: Chosen) -> dict[str, str]:
    """The versions that the trial ran with, of what the notebook needs."""
    modules = re.findall(r"(?m)^(?:import|from) (\w+)", program["setup"])
    names = {_DISTRIBUTIONS[m] for m in modules if m in _DISTRIBUTIONS}
    names |= set(BACKENDS[named_in(program["setup"])].packages)
    # A person's own code may import more.
    others = set(modules) - {*_DISTRIBUTIONS, *sys.stdlib_module_names}
    homes = packages_distributions() if others else {}
    names |= {homes[module][0] for module in others if module in homes}
    names |= {"pyarrow"} if data.suffix == ".parquet" else set()
    # The kernel that runs the notebook.
    names |= {"ipykernel"}
    # What was upgraded since is not what the metrics were measured with.
    then = chosen.trial.versions
    versions = {name: then.get(name) or version(name) for name in sorted(names)}
    # No index has what a build adds of its own, such as the +cpu of PyTorch's.
    return {name: number.partition("+")[0] for name, number in versions.items()}


def _notebook(program: Program) -> Any:
    """The program as cells, each under its heading."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    notebook.metadata["language_info"] = {
        "name": "python",
        "version": platform.python_version(),
    }
    notebook.cells = [nbformat.v4.new_markdown_cell(id="stamp")]
    for cell in program.cells:
        text = f"## {cell.title}\n\n{HEADINGS[cell.kind]}"
        mark = {_KEY: {"part": cell.id}}
        notebook.cells += [
            nbformat.v4.new_markdown_cell(text, id=f"{cell.id}-title"),
            nbformat.v4.new_code_cell(cell.source, id=cell.id, metadata=mark),
        ]
    return notebook


def _replay(path: Path, chosen: Chosen, stamp: dict[str, Any]) -> None:
    """Run the notebook in a fresh kernel and write both metrics on it."""
    executed = chosen.execute(path)
    notebook = nbformat.reads(executed.notebook, as_version=4)
    _drop_log_lines(notebook)
    printed = _printed_metrics(notebook)
    if printed and not executed.error:
        stamp = stamp | {"reproduced": printed}
    _save(notebook, path, chosen, stamp)
    if not printed or executed.error:
        raise ReplayError(
            f"Expected {path.name} to run to its end and to print its test metrics, "
            f"got {executed.error or 'no metrics'}. Open it: its outputs show where."
        )
    # Compared as text, because NaN equals nothing.
    if repr(printed) != repr(stamp["recorded"]):
        raise ReplayError(
            f"Expected the recorded test metrics {stamp['recorded']}, got {printed} "
            f"from {path.name}. Compare its first cell and its requirements with those "
            "of the run."
        )


def _drop_log_lines(notebook: Any) -> None:
    """Leave out of the outputs what tells a reader nothing."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                output["text"] = _LOG_LINE.sub("", output["text"])
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.get("text") or "text" not in o]


def _printed_metrics(notebook: Any) -> dict[str, float]:
    """What the evaluate cell printed; empty if nothing."""
    (cell,) = (cell for cell in notebook.cells if cell.id == "evaluate")
    text = "".join(o["text"] for o in cell.outputs if o.get("name") == "stdout")
    last = text.strip().rpartition("\n")[2]
    # A dictionary, but NaN and infinity are no literals.
    return {name: float(v) for name, v in re.findall(r"'(\w+)': ([^,}]+)", last)}


def _save(notebook: Any, path: Path, chosen: Chosen, stamp: Mapping[str, Any]) -> None:
    """Write what was measured into the first cell and the metadata, and all to disk."""
    notebook.cells[0]["source"] = front(chosen, stamp, _requirements_path(path).name)
    notebook.metadata[_KEY] = {**stamp, "cells": _digest(notebook)}
    _write(path, nbformat.writes(notebook) + "\n")


def _write(path: Path, text: str) -> None:
    """Write a file at once: a reader sees the old one or the new one."""
    try:
        write_text(path, text)
    except RunFolderError as error:
        # It is no run folder that cannot be written here.
        raise _refused(path, error.__cause__ or error) from error


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """What the operating system refuses is told as what it is: a wrong path."""
    try:
        yield
    except OSError as error:
        if isinstance(error, AutoMLError):
            raise
        raise _refused(path, error) from error


def _refused(path: Path, error: BaseException) -> SearchError:
    reason = getattr(error, "strerror", None) or str(error).rstrip(".")
    return SearchError(
        f"Expected a path that can be written, {received(str(path))}: {reason}. Type "
        "another path."
    )


PLUGIN = Notebook()
