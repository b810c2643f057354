"""The kernel's side of the helper process, which does what needs Keras or Optuna."""

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
from notebook_automl.api.hooks import birth
from notebook_automl.data._source import SOURCES
from notebook_automl.errors import HelperError
from notebook_automl.export._exporter import Executed
from notebook_automl.record.files import read_json
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.schema import Schema
from notebook_automl.source.backends import backend_of

if TYPE_CHECKING:
    import numpy as np

# Requests that load Keras, whose backend a process has for its life.
_KERAS = ("predict", "score")


class Helper:
    """A process that stays warm for a while, and ends with the kernel at the latest.

    One request at a time: other threads wait.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._backend = ""
        self._importance: dict[tuple[Path, int | None, int], dict[str, float]] = {}

    def predict(
        self, folder: RunFolder, rows: Any, schema: Schema, trial: int | str
    ) -> np.ndarray[Any, Any] | dict[str, np.ndarray[Any, Any]]:
        """Labels or numbers for raw rows.

        Args:
            folder: The run.
            rows: Raw rows as the person has them.
            schema: What was learnt from.
            trial: Its number, or the name of another entry.

        Returns:
            One label or number a row; of several outputs such an array each.
        """
        with tempfile.TemporaryDirectory(prefix="notebook-automl-") as name:
            asked, answer = Path(name) / "rows", Path(name) / "predictions.json"
            SOURCES.get(schema.source).save_rows(rows, schema, asked)
            self._ask(folder, "predict", trial=trial, rows=asked, out=answer)
            told = read_json(answer)
        if "outputs" in told:
            return {name: _array(part) for name, part in told["outputs"].items()}
        return _array(told)

    def score(self, folder: RunFolder, trial: int | str) -> dict[str, float]:
        """Test metrics of a trial, computed once and kept in the run's folder.

        Args:
            folder: The run.
            trial: Its number, or the name of another entry.
        """
        self._ask(folder, "score", trial=trial)
        return dict(read_json(folder.trial(trial).test))

    def parameters(self, folder: RunFolder) -> list[dict[str, Any]]:
        """The parameters of a run's space, whose data are prepared for it.

        Args:
            folder: The run; it need not have been started.
        """
        return list(self._ask(folder, "parameters"))

    def execute(self, folder: RunFolder, notebook: Path) -> Executed:
        """Run a notebook from top to bottom in a fresh kernel, beside its data.

        Args:
            folder: The run that it was made from.
            notebook: Its path; the file stays as it is.
        """
        with tempfile.TemporaryDirectory(prefix="notebook-automl-") as name:
            out = Path(name) / notebook.name
            error = self._ask(folder, "execute", notebook=notebook.absolute(), out=out)
            return Executed(out.read_text("utf-8"), error)

    def importance(self, folder: RunFolder, finished: int) -> dict[str, float]:
        """The parameters' shares of what makes a trial good, computed once.

        Args:
            folder: The run.
            finished: How many of its trials have finished; a new one asks again.

        Returns:
            The shares by the parameters' names, the largest first; they make 1. Empty
            where no parameter that all trials have matters.
        """
        key = (folder.path, birth(folder), finished)
        if key not in self._importance:
            trials, shares = self._ask(folder, "importance")
            if trials != finished:  # the study is not told yet of the last one
                return dict(shares)
            self._importance = {key: shares}
        return dict(self._importance[key])

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _ask(self, folder: RunFolder, do: str, **fields: int | str | Path) -> Any:
        """Send one request and wait for its answer; a dead process is replaced once."""
        request = {"do": do, "folder": folder.path, **fields}
        line = json.dumps(request, default=str).encode() + b"\n"
        backend = backend_of(read_json(folder.search)).name if do in _KERAS else ""
        with self._lock:
            self._make_way(backend)
            answer = self._exchange(line, folder) or self._exchange(line, folder)
        if not answer:
            raise HelperError(
                f"Expected an answer of the helper process to {do!r}, got none: it "
                f"ended. See {folder.log}."
            )
        told = json.loads(answer)
        if "error" in told:
            kind = getattr(errors, told["error"], HelperError)
            raise kind(told["message"], field=told.get("field"))
        return told["result"]

    def _make_way(self, backend: str) -> None:
        """End a process whose Keras computes with something else, for good.

        Args:
            backend: What the next request needs; empty if it does without Keras.
        """
        if self._backend and backend and self._backend != backend:
            self._end()
        self._backend = backend or self._backend

    def _exchange(self, line: bytes, folder: RunFolder) -> bytes:
        """One line there, one line back; empty if the process is gone."""
        process = self._process
        if process is None or process.poll() is not None:
            self._end()
            process = self._process = _spawn(folder)
        assert process.stdin is not None and process.stdout is not None  # noqa: S101
        answer = b""
        try:
            process.stdin.write(line)
            answer = process.stdout.readline()
        except BrokenPipeError:
            pass
        finally:
            # After Ctrl-C its late answer must not be taken for that to the next
            # request; and half a line is what a dying process leaves.
            if not answer.endswith(b"\n"):
                answer = b""
                self._end()
        return answer

    def _end(self) -> None:
        """End the process, whatever it does."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        # Reaped in the background: it may take a moment to end what it started.
        threading.Thread(target=process.wait, daemon=True).start()


HELPER = Helper()
"""One for all runs: each would hold a library of half a gigabyte in memory."""


def _array(told: dict[str, Any]) -> np.ndarray[Any, Any]:
    """Predictions of one output as the helper tells them."""
    import numpy as np

    return np.array(told["values"], dtype=told["dtype"])


def _spawn(folder: RunFolder) -> subprocess.Popen[bytes]:
    with folder.log.open("ab") as log:
        return subprocess.Popen(
            # -P: a file of the person's that is called like a library is not imported.
            [sys.executable, "-P", "-m", "notebook_automl.workers.helper"],
            # Unbuffered: nothing is left to write when the process is gone.
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=os.environ.copy(),
        )
