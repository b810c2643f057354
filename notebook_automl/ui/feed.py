"""Follows a run for its view: news go to the page, at most ten times a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from notebook_automl.api.run import Run
from notebook_automl.api.supervisor import ENDED
from notebook_automl.plots._summary import budget, printable, stage
from notebook_automl.ui.frames import Frames

_POLL_S = 0.03
_ENDED_POLL_S = 0.5
# As often as a person can see; more only costs the page.
_INTERVAL_S = 0.1
# Whether the supervisor lives is asked of the operating system.
_STATUS_S = 1.0
# A hub ends kernels that say nothing for long.
_KEEPALIVE_S = 50.0

_NOTES = {
    "paused": "No new trials, and the budget's clock stands.",
    "interrupted": "Its supervisor is gone. Resume goes on with a new one.",
    "deleted": "Its folder was deleted.",
}

Send = Callable[[Mapping[str, Any], list[bytes]], None]


class Feed(threading.Thread):
    """Sends a run's frames, from its beginning, for as long as there is the run.

    Args:
        run: The run.
        send: Takes a message and its buffers.
        lines: Gives what else there is to tell, a line each.
        ended: Called with the status of a run that ended while it was followed.

    Attributes:
        status: One word, as `Run.status`, or "deleted".
        seen: What differs whenever there is something new to be seen of the run.
    """

    def __init__(
        self,
        run: Run,
        send: Send,
        lines: Callable[[], list[str]],
        ended: Callable[[str], None],
    ) -> None:
        super().__init__(name=f"view-{run.name}", daemon=True)
        self.status = "starting"
        self.seen: tuple[object, ...] = ()
        self._run, self._send, self._lines, self._ended = run, send, lines, ended
        self._was_live = False
        self._again = threading.Event()
        self._sent: dict[str, Any] = {}
        self._trouble = ""
        self._sent_s = self._asked_s = 0.0

    def again(self) -> None:
        """A view begins: send everything once more, soon."""
        self._again.set()

    def run(self) -> None:
        """Follow the run until it is deleted."""
        state, self._tail = self._run.follow()
        self._frames = Frames(self._run.metric, self._run.mode, state)
        while self.status != "deleted":
            wait_s = _ENDED_POLL_S if self.status in ENDED else _POLL_S
            try:
                self._look()
                self._trouble = ""
            except Exception as error:
                # A bad moment, say of a network disk: the view must outlive it.
                self._trouble = f"The run could not be read: {error}"
                wait_s = _ENDED_POLL_S
            time.sleep(_POLL_S)
            self._again.wait(wait_s)

    def _look(self) -> None:
        """Read what is new, and send it unless something was sent just now."""
        now_s = time.monotonic()
        if now_s - self._sent_s < _INTERVAL_S:
            return
        before = self._tail.offset
        for piece in self._tail.pieces():
            self._frames.take(piece)
        news = self._tail.offset > before
        if self._again.is_set():
            self._again.clear()
            self._frames.again()
        if news or now_s - self._asked_s >= _STATUS_S:
            self._asked_s = now_s
            self._enter(self._run.status_of(self._frames.state))
        line = self._line()
        quiet = not news and not self._frames.waiting and line == self._sent
        if quiet and now_s - self._sent_s < _KEEPALIVE_S:
            return
        if quiet and self.status in ENDED:
            return
        self._sent, self._sent_s = line, now_s
        state = self._frames.state
        clock_s = time.time() if line["clock_runs"] else None
        told = line | {"spent_s": state.spent_s(clock_s)}
        for frame, records in self._frames.next(told, self.status == "interrupted"):
            message = {"kind": "frame", "sent_s": time.time(), **frame}
            self._send(message, [records])

    def _enter(self, status: str) -> None:
        """Take in the status, and tell when the run ends."""
        live = status not in (*ENDED, "deleted")
        self.status, self.seen = status, (status, self._tail.offset)
        if self._was_live and status in ENDED:
            self._ended(status)
        self._was_live = live

    def _line(self) -> dict[str, Any]:
        """The run as a whole, without what changes by itself."""
        run, state = self._run, self._frames.state
        live = self.status in ("starting", "running")
        target = run.schema.target.name
        minutes, trials = budget(state, run.search)
        best = state.best(run.metric, run.mode)
        return {
            "name": run.name,
            "status": self.status,
            "stage": stage(state) if live else "",
            "note": "" if live else printable(_NOTES.get(self.status, state.reason)),
            "metric": run.metric,
            "mode": run.mode,
            "task": run.search["task"],
            "target": "" if target is None else str(target),
            "clock_runs": live and state.clock_runs,
            "minutes": minutes,
            "trials": trials,
            "device": state.device or run.search["device"],
            "workers": state.workers,
            "best": None if best is None else best.number,
            "started_s": state.started_s,
            "lines": [*self._lines(), *filter(None, [self._trouble])],
        }
