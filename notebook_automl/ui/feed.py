"""Follows a run for its view: news go to the page, at most ten times a second."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from notebook_automl.api.run import Run
from notebook_automl.api.supervisor import ENDED
from notebook_automl.errors import SearchError, received
from notebook_automl.plots._summary import behind, budget, printable, stage
from notebook_automl.record.events import TrialEnded
from notebook_automl.record.layout import RunFolder
from notebook_automl.ui.frames import Frames

_POLL_S = 0.03
# What has ended begins anew only if somebody extends it; from here, we are told.
ENDED_POLL_S = 2.0
_TROUBLE_S = 0.5
# As often as a person can see; more only costs the page.
_INTERVAL_S = 0.1
# A view says "ready" once it stands in the page. Where nobody hears it, as a cell is
# busy and the page has no extension of ours, it is sent everything all the same.
READY_S = 3.0
# Whether the supervisor lives is asked of the operating system.
_STATUS_S = 1.0
# A hub ends kernels that say nothing for long: ours says something, up to a limit.
_KEEPALIVE_S = 50.0
KEEPALIVE_VARIABLE = "NOTEBOOK_AUTOML_KEEPALIVE_HOURS"
_KEEPALIVE_HOURS = 24.0
# More models than of so many of the best trials are never kept.
_MOST_KEPT = 20

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
        shown: Set while no view waits for its first picture.

    Raises:
        SearchError: The environment names no number of hours.
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
        self._was_live = self._again = False
        self._wake = threading.Event()
        self.shown = threading.Event()
        self._sent: dict[str, Any] = {}
        self._kept: list[int] = []
        # Another trial's model is dropped some time after a trial has ended.
        self._dropping = False
        self._trouble = ""
        self._sent_s = self._asked_s = 0.0
        self._alive_s = _keepalive_hours() * 3600
        self._watched_s = time.monotonic()

    def again(self) -> None:
        """A view begins: send everything once more, soon."""
        self._watched_s = time.monotonic()
        self._again = True
        self.shown.clear()
        self._wake.set()

    def wake(self) -> None:
        """Somebody has done something to the run: look soon."""
        self._wake.set()

    def run(self) -> None:
        """Follow the run until it is deleted."""
        state, self._tail = self._run.follow()
        self._frames = Frames(self._run.metric, self._run.mode, state)
        while self.status != "deleted":
            try:
                self._look()
                self._trouble, wait_s = "", self._pause_s()
            except Exception as error:
                # A bad moment, say of a network disk: the view must outlive it.
                self._trouble = f"The run could not be read: {error}"
                wait_s = _TROUBLE_S
            time.sleep(_POLL_S)
            self._wake.wait(wait_s)
            self._wake.clear()

    def _pause_s(self) -> float:
        """How long nobody need look."""
        calm = self.status in ENDED and self.shown.is_set() and not self._again
        return ENDED_POLL_S if calm else _POLL_S

    def _look(self) -> None:
        """Read what is new, and send it unless something was sent just now."""
        now_s = time.monotonic()
        if now_s - self._sent_s < _INTERVAL_S:
            return
        before, over = self._tail.offset, False
        for piece in self._tail.pieces():
            self._frames.take(piece)
            over = over or any(isinstance(event, TrialEnded) for event in piece)
        news = self._tail.offset > before
        again = self._again
        if again:
            self._again = False
            self._frames.again()
        due = now_s - self._asked_s >= _STATUS_S
        if over or again or (due and self._dropping):
            self._kept, self._dropping = self._models(), over or again
        if due or news:
            self._asked_s = now_s
            self._enter(self._run.status_of(self._frames.state))
        if not (again or self._sent) and now_s - self._watched_s < READY_S:
            return
        line = self._line()
        quiet = not news and not self._frames.waiting and line == self._sent
        if quiet and not self.must_speak(now_s):
            return
        self._sent, self._sent_s = line, now_s
        state = self._frames.state
        clock_s = time.time() if line["clock_runs"] else None
        told = line | {"spent_s": state.spent_s(clock_s)}
        for frame, numbers in self._frames.next(told, self.status == "interrupted"):
            message = {"kind": "frame", "sent_s": time.time(), **frame}
            self._send(message, [numbers])
        if not self._again:
            self.shown.set()

    def must_speak(self, now_s: float) -> bool:
        """Whether the kernel would count as idle while its run goes on.

        Args:
            now_s: The time on the monotonic clock.
        """
        watched = now_s - self._watched_s < self._alive_s
        long = now_s - self._sent_s >= _KEEPALIVE_S
        return long and watched and self.status not in ENDED

    def _models(self) -> list[int]:
        """The trials whose models are there."""
        run, folder = self._run, RunFolder(self._run.folder)
        best = self._frames.state.ranked(run.metric, run.mode)[:_MOST_KEPT]
        numbers = [trial.number for trial in best]
        return [n for n in numbers if folder.trial(n).checkpoint.exists()]

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
        minutes, trials = budget(state, run.search)
        best = state.best(run.metric, run.mode)
        return {
            "name": run.name,
            "status": self.status,
            "stage": stage(state) if live else "",
            "note": printable(
                state.left_out if live else _NOTES.get(self.status, state.reason)
            ),
            "metric": run.metric,
            "mode": run.mode,
            "task": run.search["task"],
            "target": run.schema.title,
            "clock_runs": live and state.clock_runs,
            "minutes": minutes,
            "trials": trials,
            "device": state.device or run.search["device"],
            "workers": state.workers,
            "best": None if best is None else best.number,
            "models": self._kept,
            "started_s": state.started_s,
            "lines": [
                *self._lines(),
                *filter(None, [behind(state, run.metric, run.mode), self._trouble]),
            ],
        }


def _keepalive_hours() -> float:
    """How long after a page was last there a kernel is kept from counting as idle."""
    given = os.environ.get(KEEPALIVE_VARIABLE) or str(_KEEPALIVE_HOURS)
    try:
        return float(given)
    except ValueError:
        raise SearchError(
            f"Expected a number of hours in the environment variable "
            f"{KEEPALIVE_VARIABLE}, {received(given)}. Type for instance "
            f"%env {KEEPALIVE_VARIABLE}=8, or 0 for never."
        ) from None
