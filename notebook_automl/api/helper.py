"""The kernel's side of the helper process, which does what needs Keras."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notebook_automl import errors
from notebook_automl.api.trial import Trial
from notebook_automl.data._source import SOURCES
from notebook_automl.errors import HelperError
from notebook_automl.record.layout import RunFolder, read_json
from notebook_automl.record.schema import Schema

if TYPE_CHECKING:
    import numpy as np


class Helper:
    """A process that stays warm for a while, and ends with the kernel at the latest.

    Args:
        folder: The run that it works for.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def predict(self, rows: Any, schema: Schema, trial: Trial) -> np.ndarray[Any, Any]:
        """Labels or numbers for raw rows.

        Args:
            rows: Raw rows as the person has them.
            schema: What was learnt from.
            trial: Whose model predicts.

        Returns:
            One label or number a row.
        """
        import numpy as np

        with tempfile.TemporaryDirectory(prefix="notebook-automl-") as name:
            asked, answer = Path(name) / "rows", Path(name) / "predictions.json"
            SOURCES.get(schema.source).save_rows(rows, schema, asked)
            self._ask("predict", trial=trial.number, rows=str(asked), out=str(answer))
            told = read_json(answer)
        return np.array(told["values"], dtype=told["dtype"])

    def score(self, number: int) -> dict[str, float]:
        """Test metrics of a trial, computed once.

        Args:
            number: The trial's number.
        """
        return dict(self._ask("score", trial=number))

    def execute(self, notebook: Path) -> None:
        """Run a notebook from top to bottom in a fresh kernel, in place.

        Args:
            notebook: Its path.
        """
        self._ask("execute", notebook=str(notebook.absolute()))

    def close(self) -> None:
        """End the process."""
        with self._lock:
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()
                self._process.wait()
            self._process = None

    def _ask(self, do: str, **fields: Any) -> Any:
        """Send one request and wait for its answer; a dead process is replaced once."""
        request = json.dumps({"do": do, "folder": str(self._folder.path), **fields})
        with self._lock:
            answer = self._exchange(request) or self._exchange(request)
        if not answer:
            raise HelperError(
                f"Expected an answer of the helper process to {do!r}, got none: it "
                f"ended. See {self._folder.log}."
            )
        told = json.loads(answer)
        if "error" in told:
            kind = getattr(errors, told["error"], HelperError)
            raise kind(told["message"])
        return told["result"]

    def _exchange(self, request: str) -> str:
        """One line there, one line back; empty if the process is gone."""
        process = self._process
        if process is None or process.poll() is not None:
            process = self._process = self._spawn()
        assert process.stdin is not None and process.stdout is not None  # noqa: S101
        try:
            process.stdin.write(request + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            return ""
        return process.stdout.readline()

    def _spawn(self) -> subprocess.Popen[str]:
        with self._folder.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "notebook_automl.workers.helper"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ | {"NOTEBOOK_AUTOML_RUN": self._folder.name},
            )
