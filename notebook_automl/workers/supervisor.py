"""The detached process of a run: it holds the run's lock for its life."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
import traceback
from pathlib import Path

from notebook_automl.errors import RunHeldError
from notebook_automl.record import events
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.lock import RunLock
from notebook_automl.record.writer import EventWriter
from notebook_automl.workers.budget import Clock
from notebook_automl.workers.running import Patience

_STDIN = 0


def supervise(
    folder: RunFolder,
    while_stdin_open: bool = False,
    clock: Clock | None = None,
    patience: Patience | None = None,
) -> None:
    """Hold a run and search until it ends.

    Args:
        folder: The run.
        while_stdin_open: Whether the run is stopped when standard input closes, as it
            does when the process that started us ends.
        clock: Tells the time; the system's if not given.
        patience: How long a trial may say nothing.
    """
    # Each worker is spawned, which imports this module in it: what only the supervisor
    # needs, Optuna above all, is imported here.
    from notebook_automl.workers.attempt import Attempt

    with RunLock(folder) as lock, EventWriter(folder.events) as writer:
        attempt = Attempt(
            folder,
            lock.attempt,
            writer,
            lock.beat,
            clock or Clock(),
            patience or Patience(),
        )

        def stop_with_stdin() -> None:
            # Not `sys.stdin`: Python cannot end while a thread holds its buffer.
            while os.read(_STDIN, 1024):
                pass
            attempt.stop("the kernel ended")

        signal.signal(
            signal.SIGTERM, lambda *_: attempt.stop("the supervisor was terminated")
        )
        if while_stdin_open:
            threading.Thread(target=stop_with_stdin, daemon=True).start()
        try:
            attempt.run()
        except Exception as error:
            reason = f"the supervisor failed: {type(error).__name__}: {error}"
            with contextlib.suppress(OSError):  # a full disk takes neither
                sys.stderr.write(traceback.format_exc())
                attempt.emit(events.RunEnded, state="failed", reason=reason)
            raise SystemExit(1) from None


def main() -> None:
    """Start as `python -m notebook_automl.workers.supervisor FOLDER`."""
    parser = argparse.ArgumentParser(prog="notebook_automl.workers.supervisor")
    parser.add_argument("folder", type=Path, help="the run folder")
    parser.add_argument(
        "--while-stdin-open", action="store_true", help="stop when stdin closes"
    )
    arguments = parser.parse_args()
    try:
        supervise(RunFolder(arguments.folder), arguments.while_stdin_open)
    except RunHeldError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
