"""What stands on the leaderboard beside trials, as the supervisor sees it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from notebook_automl.errors import RunFolderError
from notebook_automl.record import events
from notebook_automl.record.files import read_json
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.reader import RunState
from notebook_automl.workers.budget import Clock
from notebook_automl.workers.cluster import NEEDS, Cluster, Message

_COMBINE = "notebook_automl.workers.ensemble:combine"
_ENSEMBLE = "ensemble"
_FIT = "notebook_automl.workers.baselines:fit"
# They are meant to take seconds.
_MOST_S = 60.0


@dataclass
class Entries:
    """Baselines and ensemble: no budget of trials counts them, no study knows them.

    Args:
        folder: The run.
        attempt: The attempt's number.
        state: What the events say; `emit` keeps it up to date.
        emit: Writes an event.
        cluster: Where they are computed.
        clock: Tells the time.
    """

    folder: RunFolder
    attempt: int
    state: RunState
    emit: Callable[..., None]
    cluster: Cluster
    clock: Clock
    _since_s: float = 0.0
    _key: str = ""
    _awaited: list[str] = field(default_factory=list)
    _tried: list[int] = field(default_factory=list)

    @property
    def busy(self) -> int:
        """How many workers are at it."""
        return int(bool(self._key))

    def begin(self) -> None:
        """Let a worker fit the baselines that are not done."""
        entries = self.state.entries.values()
        done = [e.name for e in entries if e.role == "baseline" and e.metrics]
        self._key, self._since_s = f"baselines-{self.attempt}", self.clock.steady()
        self._awaited = []
        self.cluster.submit(_FIT, self._key, done)

    def combine(self, numbers: list[int]) -> None:
        """Let a worker try an ensemble of trials whose models are kept.

        Args:
            numbers: The trials, the best first.
        """
        if self._key or len(numbers) < 2 or numbers == self._tried:
            return
        self._tried, self._awaited = numbers, [_ENSEMBLE]
        self._key = "-".join(map(str, (_ENSEMBLE, *numbers, self.attempt)))
        self._since_s = self.clock.steady()
        keys: list[int | str] = [*numbers, _ENSEMBLE]
        needs = (*NEEDS, *map(self.folder.name_of, keys))
        self.cluster.submit(_COMBINE, self._key, numbers, needs=needs)

    def give_up(self, reason: str) -> None:
        """Wait no longer.

        Args:
            reason: Why.
        """
        if self._key:
            self._key = ""
            for name in self._awaited:
                self._ended(name, 0.0, "skipped", reason)

    def mind(self) -> None:
        """End what takes too long: trials may wait for its worker."""
        if self._key and self.clock.steady() - self._since_s > _MOST_S:
            self._since_s = math.inf
            self.cluster.kill(self._key)

    def hears(self, message: Message) -> bool:
        """Take in what the task says; returns whether it was ours."""
        if not self._key or message.key != self._key:
            return False
        fields = message.fields
        if message.kind == "names":
            self._awaited = list(fields["names"])
        elif message.kind == "entry":
            self._awaited.remove(fields["name"])
            self._ended(**fields)
        elif message.kind in ("done", "lost"):
            self._key = ""
            late = f"it took more than {_MOST_S:.0f} s"
            reason = late if self._since_s == math.inf else fields.get("reason", "")
            # Without names it failed before the first one.
            for name in self._awaited or ["baselines"] * (message.kind == "lost"):
                self._ended(name, 0.0, "failed", reason)
        return True

    def tell_tests(self) -> None:
        """Tell the test scores, each once."""
        for entry in list(self.state.entries.values()):
            if entry.metrics and not entry.test:
                # A lost file is no reason to end; the entry has no test score then.
                with contextlib.suppress(RunFolderError):
                    test = read_json(self.folder.trial(entry.name).test)
                    self.emit(events.EntryScored, name=entry.name, metrics=test)

    def _ended(
        self,
        name: str,
        seconds: float,
        state: str,
        reason: str,
        metrics: dict[str, float] | None = None,
        weights: dict[str, int] | None = None,
        **more: Any,
    ) -> None:
        self.emit(
            events.EntryEnded,
            name=name,
            role="ensemble" if name == _ENSEMBLE else "baseline",
            state=state,
            reason=reason,
            metrics=metrics or {},
            weights=weights or {},
            seconds=seconds,
        )
