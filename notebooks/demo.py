"""Run the first notebook headless in a real kernel, and print what came out."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

import notebook_automl as automl

HERE = Path(__file__).parent
OUT = HERE.parent / "build" / "demo"


def main() -> None:
    """Execute `01_first_search.ipynb` in `build/demo` and show its results."""
    began_s = time.monotonic()
    OUT.mkdir(parents=True, exist_ok=True)
    notebook = nbformat.read(HERE / "01_first_search.ipynb", as_version=4)
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(OUT)}},
        on_cell_start=lambda cell, cell_index: say(cell),
    )
    try:
        client.execute()
    finally:
        nbformat.write(notebook, OUT / "01_first_search.ipynb")
    os.chdir(OUT)
    run = automl.attach()
    exported = OUT / "best.ipynb"
    stamp = nbformat.read(exported, as_version=4).metadata["notebook_automl"]
    say_line(f"\nRun {run.name}: {run.status}\n")
    columns = ["trial", "role", "state", run.metric, "epochs", "seconds", "parameters"]
    say_line(run.leaderboard()[columns].to_string(index=False))
    say_line(f"\nRecorded test metrics:   {dict(stamp['recorded'])}")
    say_line(f"Reproduced test metrics: {dict(stamp['reproduced'])}")
    say_line(f"Exported notebook: {exported}")
    say_line(f"{time.monotonic() - began_s:.0f} s")


def say(cell: nbformat.NotebookNode) -> None:
    """Tell which cell runs, by its first line."""
    if cell.cell_type == "code":
        say_line(f"> {cell.source.splitlines()[0]}")


def say_line(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
