"""Running the cells of a generated program, as a notebook would."""

from __future__ import annotations

import gc
import linecache
import os
import random
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

from notebook_automl.source.backends import named_in, only
from notebook_automl.source.program import Program
from notebook_automl.workers.link import Link

_FILE = "<cell {}>"
_DRAWS = (
    *("betavariate", "choice", "choices", "expovariate", "gauss", "getrandbits"),
    *("getstate", "lognormvariate", "normalvariate", "randbytes", "randint", "random"),
    *("randrange", "sample", "seed", "setstate", "shuffle", "triangular", "uniform"),
)


def set_up(link: Link | None, text: Program) -> dict[str, Any]:
    """A fresh namespace in which the set-up cell, and definitions if any, have run.

    Args:
        link: Hears that Keras is loaded for the first time in this process.
        text: The program.

    Returns:
        The namespace for the other cells.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    cold = "keras" not in sys.modules
    _separate_draws()
    if cold and link is not None:
        link.tell("stage", stage="loading Keras")
    with only(named_in(text["setup"])):
        execute(text, "setup", namespace)
    if "define" in text:
        execute(text, "define", namespace)
    if cold:
        from notebook_automl.tasks import _autokeras  # noqa: F401

        # Collecting over TensorFlow's and AutoKeras's objects took 0.35 s a trial.
        gc.collect()
        gc.freeze()
    return namespace


def _separate_draws() -> None:
    """Give each thread of this process its own `random`.

    A trial seeds Python's generator and Keras draws the seeds of its layers from it,
    while Dask draws as well, in the worker's own thread (`dask.sizeof` samples long
    lists): one such draw between two layers and the trial could not be replayed.
    """
    if getattr(random, "_of_each_thread", False):
        return
    generators = _Generators()
    for name in _DRAWS:
        draw = partial(_draw, generators, name)
        setattr(random, name, draw)
    random._of_each_thread = True  # type: ignore[attr-defined]


class _Generators(threading.local):
    """A generator a thread."""

    def __init__(self) -> None:
        self.own = random.Random()


def _draw(generators: _Generators, name: str, *args: Any, **kwargs: Any) -> Any:
    return getattr(generators.own, name)(*args, **kwargs)


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
