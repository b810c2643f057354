"""A program's cells give what they give in a fresh kernel, whatever runs beside."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from notebook_automl.source.program import Cell, Program
from notebook_automl.workers.cells import execute, inside, reason, set_up

_DRAWS = """\
random.seed(7)
drawn = [random.randint(1, 10**9) for _ in range(200_000)]
shuffled = list(range(50))
random.shuffle(shuffled)
"""
_HEAD = 'import os\nos.environ["KERAS_BACKEND"] = "tensorflow"\nimport random, keras\n'


def program(**cells: str) -> Program:
    return Program(tuple(Cell(name, source) for name, source in cells.items()))


@contextmanager
def drawing_beside() -> Iterator[None]:
    """Another thread that draws all the time, as Dask's may."""
    import random

    done = threading.Event()

    def draw() -> None:
        while not done.is_set():
            random.sample(range(100), 10)

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_draws_of_other_threads_change_nothing() -> None:
    text = program(setup=_HEAD, build=_DRAWS)
    namespace = set_up(None, text)
    with drawing_beside():
        execute(text, "build", namespace)
    code = f"import random\n{_DRAWS}\nprint(sum(drawn), shuffled)"
    fresh = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    got = f"{sum(namespace['drawn'])} {namespace['shuffled']}"
    assert got == fresh.stdout.strip()


def test_failure_names_its_cell_and_line() -> None:
    text = program(setup=_HEAD, build="x = 1\n\nlayer = keras.nothing()")
    namespace: dict[str, Any] = set_up(None, text)
    with pytest.raises(AttributeError) as caught:
        execute(text, "build", namespace)
    assert reason(caught.value).startswith("AttributeError: ")
    assert reason(caught.value).endswith("(in <cell build>, line 3)")


def test_prints_go_to_the_log_and_files_to_the_folder(tmp_path: Path) -> None:
    before = Path.cwd()
    with inside(tmp_path, tmp_path / "log.txt"):
        text = program(setup="", build='print("said")\nopen("made", "w").close()')
        execute(text, "build", {})
    assert Path.cwd() == before
    assert (tmp_path / "log.txt").read_text() == "said\n"
    assert (tmp_path / "made").exists()
