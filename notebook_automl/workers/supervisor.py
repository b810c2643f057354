"""The detached process of a run: it holds the run's lock for its life."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import traceback
from pathlib import Path

from notebook_automl.record import events
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.lock import RunLock
from notebook_automl.record.writer import EventWriter
from notebook_automl.workers.attempt import Attempt


def supervise(folder: RunFolder, while_stdin_open: bool) -> None:
    """Hold a run and search until it ends.

    Args:
        folder: The run.
        while_stdin_open: Whether the run is stopped when standard input closes, as it
            does when the process that started us ends.
    """
    with RunLock(folder) as lock, EventWriter(folder.events) as writer:
        attempt = Attempt(folder, lock.attempt, writer, lock.beat)

        def stop_with_stdin() -> None:
            sys.stdin.read()
            attempt.stop("the kernel ended")

        signal.signal(
            signal.SIGTERM, lambda *_: attempt.stop("the supervisor was terminated")
        )
        if while_stdin_open:
            threading.Thread(target=stop_with_stdin, daemon=True).start()
        try:
            attempt.run()
        except Exception as error:
            sys.stderr.write(traceback.format_exc())
            reason = f"the supervisor failed: {type(error).__name__}: {error}"
            attempt.emit(events.RunEnded, state="failed", reason=reason)
            raise SystemExit(1) from error


def main() -> None:
    """Start as `python -m notebook_automl.workers.supervisor FOLDER`."""
    parser = argparse.ArgumentParser(prog="notebook_automl.workers.supervisor")
    parser.add_argument("folder", type=Path, help="the run folder")
    parser.add_argument(
        "--while-stdin-open", action="store_true", help="stop when stdin closes"
    )
    arguments = parser.parse_args()
    supervise(RunFolder(arguments.folder), arguments.while_stdin_open)


if __name__ == "__main__":
    main()
