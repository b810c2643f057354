"""Draws saved views in a process beside the kernel.

A picture holds the interpreter for a second. In the kernel, that second would be what a
person waits for who presses a button meanwhile.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from functools import cache
from pathlib import Path

from notebook_automl.api import told
from notebook_automl.api.run import Run
from notebook_automl.errors import HelperError
from notebook_automl.plots._plot import Shown
from notebook_automl.plots._still import still
from notebook_automl.record.layout import RunFolder

# Loading matplotlib takes a second: the process stays for the next picture.
_IDLE_S = 60.0


class Painter:
    """The kernel's end; the process starts with a picture, and ends some time after."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def draw(self, run: Path, started_s: float) -> dict[str, str]:
        """Draw the saved view of a run.

        Args:
            run: Its folder.
            started_s: When it was asked for: another run may have the same folder.

        Returns:
            What an output holds, by its MIME type.

        Raises:
            HelperError: It cannot be drawn.
        """
        with self._lock:
            # The process may have ended just now, as nobody had asked for long.
            line = json.dumps([str(run), started_s]) + "\n"
            answer = self._ask(line) or self._ask(line)
        drawn: dict[str, str] = json.loads(answer or '{"error": "its process ended"}')
        if "error" in drawn:
            raise HelperError(f"Cannot draw the saved view of {run}: {drawn['error']}")
        return drawn

    @property
    def pid(self) -> int | None:
        """Of its process, if there is one."""
        return None if self._process is None else self._process.pid

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()  # which closes the pipes, and waits

    def _ask(self, line: str) -> str:
        """Ask for a picture; the answer is empty if nobody is there to answer."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
            )
        process, answer = self._process, ""
        if process.stdin is not None and process.stdout is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(line)
                process.stdin.flush()
                answer = process.stdout.readline()
        if not answer:
            self._end()
        return answer


@cache
def painter() -> Painter:
    """The kernel's painter, one for all views."""
    return Painter()


def main() -> None:
    """Start as `python -m notebook_automl.ui.painter`; a line asks for a picture."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is meant for the kernel's cell
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints
    draw = _Drawer().draw
    while select.select([sys.stdin], [], [], _IDLE_S)[0]:
        asked = sys.stdin.readline()
        if not asked:
            return
        try:
            drawn = draw(*json.loads(asked))
        except Exception as error:
            drawn = {"error": f"{type(error).__name__}: {error}"}
        out.write(json.dumps(drawn) + "\n")
        out.flush()


class _Drawer:
    """Follows the runs that it has drawn, and keeps their last pictures."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, float], Run] = {}
        self._drawn: dict[tuple[str, float], tuple[Shown, dict[str, str]]] = {}

    def draw(self, path: str, started_s: float) -> dict[str, str]:
        """Draw a run, unless nothing has happened since the last time."""
        key = path, started_s
        run = self._runs.setdefault(key, Run(RunFolder(Path(path))))
        shown = told.shown(run)
        if key in self._drawn:
            before, drawn = self._drawn[key]
            # What is read stays the same object as long as nothing happens.
            if before.state is shown.state and before.status == shown.status:
                return drawn
        made = still(shown)
        data = {
            "image/png": base64.b64encode(made.png).decode(),
            "text/html": made.html,
            "text/plain": made.text,
        }
        self._drawn[key] = shown, data
        return data


if __name__ == "__main__":
    main()
