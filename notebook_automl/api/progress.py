"""Shows how a run gets on, wherever the person is."""

from __future__ import annotations

import shutil
import sys
import time
from html import escape
from types import TracebackType
from typing import Any, Protocol, TextIO

from notebook_automl.plots._summary import Summary

# Four times a second reads as live; more only costs the page.
_INTERVAL_S = 0.25


class _View(Protocol):
    """One way to show a summary; the first call begins, `close` leaves the last."""

    def show(self, summary: Summary) -> None: ...

    def close(self) -> None: ...


class Progress:
    """Shows summaries one after the other; the last one stays.

    In a notebook it is one output that changes, in a terminal one line that is written
    anew, and elsewhere (a pipe, a log) a line whenever something was achieved.
    """

    def __init__(self) -> None:
        self._view = _view()
        self._next_s = 0.0
        self._waiting: Summary | None = None

    def __enter__(self) -> Progress:
        return self

    def show(self, summary: Summary) -> None:
        """Show a summary, at once or with one of the next calls.

        Args:
            summary: The run now.
        """
        self._waiting = summary
        if time.monotonic() >= self._next_s:
            self._flush()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._flush()
        self._view.close()

    def _flush(self) -> None:
        if self._waiting is not None:
            self._view.show(self._waiting)
            self._waiting = None
            self._next_s = time.monotonic() + _INTERVAL_S


class _Output:
    """An output of the cell: all there is while it changes, one line at the end.

    Whoever waited has the run in hand, and the cell may show it below.
    """

    def __init__(self) -> None:
        from IPython.display import DisplayHandle

        self._handle: Any = DisplayHandle()  # type: ignore[no-untyped-call]
        self._shown: dict[str, str] = {}
        self._line = ""

    def show(self, summary: Summary) -> None:
        self._put({"text/plain": summary.text(), "text/html": summary.html()})
        self._line = summary.line()

    def close(self) -> None:
        if self._shown:
            html = f"<p>{escape(self._line)}</p>"
            self._put({"text/plain": self._line, "text/html": html})

    def _put(self, bundle: dict[str, str]) -> None:
        if bundle != self._shown:
            show = self._handle.update if self._shown else self._handle.display
            show(bundle, raw=True)
            self._shown = bundle


class _Terminal:
    """The terminal's last line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown = ""

    def show(self, summary: Summary) -> None:
        # The last column stays free: some terminals break the line there.
        line = summary.line()[: shutil.get_terminal_size().columns - 1]
        if line != self._shown:
            self._stream.write(f"\r{line.ljust(len(self._shown))}")
            self._stream.flush()
            self._shown = line

    def close(self) -> None:
        if self._shown:
            self._stream.write("\n")
            self._stream.flush()


class _Log:
    """A line for each step: a stage, a trial that ended, a better one."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown: tuple[object, ...] = ()

    def show(self, summary: Summary) -> None:
        best = summary.best and summary.best.trial
        step = (summary.status, summary.stage, summary.ended, best)
        if step != self._shown:
            self._stream.write(f"{summary.line()}\n")
            self._stream.flush()
            self._shown = step

    def close(self) -> None:
        """What was written stays."""


def _view() -> _View:
    if _in_kernel():
        return _Output()
    for stream in (sys.stderr, sys.stdout):
        if stream.isatty():
            return _Terminal(stream)
    return _Log(sys.stderr)


def _in_kernel() -> bool:
    """Whether a front end reads our outputs, as no terminal's IPython has."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None
