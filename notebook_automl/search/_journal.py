"""The study's journal in the run folder, written by one process and kept in memory.

Optuna's own file backend locks, opens and reads the file at each operation, for other
writers that a run does not have. This one reads it once, when it is opened; what it
appends it remembers until Optuna has taken it in. The lines are Optuna's own: its
dashboard and its file backend open the journal.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from notebook_automl.record.files import folder_error
from notebook_automl.record.writer import EventWriter, write_whole


class Journal:
    """What Optuna calls a journal backend.

    Args:
        path: The file; the process holds the run, and so the file.

    Raises:
        RunFolderError: It cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # Cuts what a dead process left half written; nobody could read on behind it.
        EventWriter(path).close()
        # Whoever reads with Optuna's backend locks it; such a lock is of a dead one.
        path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
            with open(path, "rb") as file:
                self._logs = [json.loads(line) for line in file]
        except OSError as error:
            raise folder_error("open", path, error) from error
        self._first = 0

    def read_logs(self, log_number_from: int) -> list[dict[str, Any]]:
        """What was written from a number on; what lies before it is forgotten."""
        del self._logs[: log_number_from - self._first]
        self._first = log_number_from
        return self._logs.copy()

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write operations; the system has them, whatever becomes of this process."""
        text = "".join(f"{json.dumps(log, separators=(',', ':'))}\n" for log in logs)
        try:
            write_whole(self._descriptor, text.encode())
        except OSError as error:
            raise folder_error("write", self._path, error) from error
        # As they are read from the file: keys of a dict become texts there.
        self._logs += [json.loads(line) for line in text.splitlines()]
