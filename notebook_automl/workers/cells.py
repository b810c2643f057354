"""Running the cells of a generated program, as a notebook would."""

from __future__ import annotations

import gc
import linecache
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from notebook_automl.source.program import Program
from notebook_automl.workers.link import Link

_FILE = "<cell {}>"


def set_up(link: Link | None, text: Program) -> dict[str, Any]:
    """A fresh namespace in which the set-up cell has run.

    Args:
        link: Hears that Keras is loaded for the first time in this process.
        text: The program.

    Returns:
        The namespace for the other cells.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    cold = "keras" not in sys.modules
    if cold and link is not None:
        link.tell("stage", stage="loading Keras")
    execute(text, "setup", namespace)
    if cold:
        from notebook_automl.tasks import _autokeras  # noqa: F401

        # Collecting over TensorFlow's and AutoKeras's objects took 0.35 s a trial.
        gc.collect()
        gc.freeze()
    return namespace


def execute(text: Program, cell: str, namespace: dict[str, Any]) -> None:
    """Run one cell; a traceback shows the cell's own lines.

    Args:
        text: The program.
        cell: The cell's id.
        namespace: What earlier cells left; takes what this one leaves.
    """
    source, name = text[cell], _FILE.format(cell)
    lines = source.splitlines(keepends=True)
    linecache.cache[name] = (len(source), None, lines, name)
    exec(compile(source, name, "exec"), namespace)


def reason(error: Exception) -> str:
    """Why a program failed, with the place in its own source."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f for f in frames if f.filename.startswith(_FILE.partition("{")[0])]
    place = f" (in {places[-1].filename}, line {places[-1].lineno})" if places else ""
    return f"{type(error).__name__}: {error}{place}"


@contextmanager
def inside(folder: Path, log: Path) -> Iterator[None]:
    """Work in a folder, with what is printed in a log.

    Args:
        folder: The working directory meanwhile.
        log: The file at whose end everything printed goes.
    """
    before = Path.cwd()
    os.chdir(folder)
    try:
        with log.open("a", encoding="utf-8") as file, redirect_stdout(file):
            yield
    finally:
        os.chdir(before)
