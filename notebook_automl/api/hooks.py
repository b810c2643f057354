"""A person's functions, called with the events of a run."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable
from itertools import chain
from typing import Any, Protocol

from notebook_automl.errors import SearchError, received
from notebook_automl.record.events import Event, RunEnded
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.tail import Tail

_POLL_S = 0.1
# A run that has ended may be extended: look on, but seldom.
_ENDED_POLL_S = 1.0


def birth(folder: RunFolder) -> int | None:
    """What tells a run from a later one in the same folder; None without a run."""
    try:
        return folder.search.stat().st_mtime_ns
    except FileNotFoundError:
        return None


class CatchesUp(Protocol):
    """Somebody who follows a run."""

    def catch_up(self, until_s: float) -> None:
        """Wait until all that has happened by now was dealt with.

        Args:
            until_s: Wait no longer, on the monotonic clock.
        """


class Hooks:
    """Calls each function with each event of its kind, once, in the file's order.

    Args:
        folder: The run.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._followers: list[CatchesUp] = []

    def add(self, kind: type[Event], fn: Callable[[Any], Any]) -> None:
        """Call a function from now on, and for all that has happened.

        Args:
            kind: The kind of event.
            fn: Called in a thread of its own, which ends with the kernel.

        Raises:
            SearchError: It cannot be called.
        """
        if not callable(fn):
            raise SearchError(
                f"Expected a function that takes an event, {received(fn)}. Type "
                "run.on_epoch(lambda event: ...)."
            )
        follower = _Follower(self._folder, kind, fn)
        self._followers.append(follower)
        follower.start()

    def join(self, follower: CatchesUp) -> None:
        """Let `catch_up` wait for somebody else, too; once is enough."""
        if follower not in self._followers:
            self._followers.append(follower)

    def catch_up(self, until_s: float) -> None:
        """Wait until all functions were called with all that has happened by now.

        Args:
            until_s: Wait no longer, on the monotonic clock.
        """
        for follower in self._followers:
            follower.catch_up(until_s)


class _Follower(threading.Thread):
    """Reads the events for one function.

    A thread a function, because a notebook shows what a thread prints in the cell
    that started it.
    """

    def __init__(
        self, folder: RunFolder, kind: type[Event], fn: Callable[[Any], Any]
    ) -> None:
        super().__init__(name=f"hook-{kind.kind}", daemon=True)
        self._folder, self._kind, self._fn = folder, kind, fn
        self._turn = threading.Condition()
        self._looks = 0

    def run(self) -> None:
        """Look for events until the run is deleted."""
        born, tail = birth(self._folder), Tail(self._folder.events)
        attempt, poll_s = 0, _POLL_S
        while birth(self._folder) == born:
            for event in chain.from_iterable(tail.pieces()):
                if event.attempt < attempt:
                    continue  # the late write of a supervisor that is gone
                attempt = event.attempt
                poll_s = _ENDED_POLL_S if isinstance(event, RunEnded) else _POLL_S
                if isinstance(event, self._kind):
                    _call(self._fn, event)
            with self._turn:
                self._looks += 1
                self._turn.notify_all()
                self._turn.wait(poll_s)

    def catch_up(self, until_s: float) -> None:
        """Wait for a look that begins after this call."""
        if self is threading.current_thread():
            return
        with self._turn:
            # The look that is under way may have read the file already.
            enough = self._looks + 2
            while self._looks < enough and self.is_alive():
                left_s = until_s - time.monotonic()
                if left_s <= 0:
                    return
                self._turn.notify_all()
                self._turn.wait(min(left_s, _POLL_S))


def _call(fn: Callable[[Any], Any], event: Event) -> None:
    """Call a person's function; what it raises is shown and goes no further."""
    try:
        fn(event)
    except BaseException:  # SystemExit, too, would end the thread without a word
        name = getattr(fn, "__name__", repr(fn))
        sys.stderr.write(f"The hook {name} failed:\n{traceback.format_exc()}")
