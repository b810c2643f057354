"""The kernel's side of the supervisor: start it, ask it, know whether it lives."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from notebook_automl.record import commands
from notebook_automl.record.events import Event, TrialEvent
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.lock import holder, spawn_detached
from notebook_automl.record.reader import RunState
from notebook_automl.record.snapshot import open_state
from notebook_automl.record.tail import Tail

ENDED = ("completed", "stopped", "failed", "interrupted")
# A run that another kernel started may take so long until it is held.
_LAUNCH_TIMEOUT_S = 60.0
_ANSWER_TIMEOUT_S = 10.0
_POLL_S = 0.05
# Somebody looks at the button that he has pressed.
_ANSWER_POLL_S = 0.01
_STATUS_POLL_S = 0.25


class View:
    """The state of a run, read on from where it was left, by several threads.

    Args:
        folder: The run.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._state, self._seen = RunState(), RunState()
        self._tail: Tail | None = None
        self._lock = threading.Lock()

    def read(self) -> RunState:
        """All that is known now; what was returned before stays as it was."""
        with self._lock:
            self._catch_up()
            return self._seen

    def follow(self) -> tuple[RunState, Tail]:
        """All that is known now and what comes after it, for who folds on himself."""
        with self._lock:
            tail = self._catch_up()
            return _copy(self._state), Tail(self._folder.events, tail.offset)

    def _catch_up(self) -> Tail:
        """Take in what is new, and see it."""
        if self._tail is None:
            self._state, self._tail = open_state(self._folder)
            self._seen = _copy(self._state)
        for piece in self._tail.pieces():
            for event in piece:
                self._state.apply(event)
            self._seen = _copy(self._state, self._seen, piece)
        return self._tail


def _copy(
    state: RunState, earlier: RunState | None = None, since: Sequence[Event] = ()
) -> RunState:
    """A copy that later events leave alone: they change what is copied here.

    Args:
        state: What is copied.
        earlier: An earlier copy, of which it takes the trials that are still the same.
        since: All that happened since then.
    """
    old = {} if earlier is None else earlier.trials
    told = {event.trial for event in since if isinstance(event, TrialEvent)}
    # The others' trials that ran may have been abandoned; what is over stays so.
    trials = {
        number: trial.copy()
        if number not in old or number in told or old[number].state == "running"
        else old[number]
        for number, trial in state.trials.items()
    }
    entries = {name: entry.copy() for name, entry in state.entries.items()}
    return replace(
        state,
        trials=trials,
        entries=entries,
        acknowledged=dict(state.acknowledged),
        space=dict(state.space),
        refused=dict(state.refused),
    )


class Supervisor:
    """The process that holds a run, whoever started it.

    Args:
        folder: The run.

    Attributes:
        view: What the run's record says.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.view = View(folder)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._attempt_before = 0

    def start(self, detach: bool) -> None:
        """Start one and come back at once.

        Args:
            detach: Whether it outlives this process.
        """
        self._attempt_before = self.view.read().attempt
        arguments = [] if detach else ["--while-stdin-open"]
        # -P: a file of the person's that is called like a library is not imported.
        module = ["-P", "-m", "notebook_automl.workers.supervisor"]
        self._process = spawn_detached(
            [sys.executable, *module, str(self._folder.path), *arguments],
            env=os.environ | {"NOTEBOOK_AUTOML_RUN": self._folder.name},
            log_path=self._folder.log,
            keep_stdin=not detach,
        )
        # Reap it when it ends: a kernel lives long, and a dead child stays in the
        # process table until somebody waits for it.
        threading.Thread(target=self._process.wait, daemon=True).start()

    def go_on(self) -> None:
        """Start one for a run that has ended, and wait until everybody can see it.

        Of several that are started at once, one takes the run and the others end.
        """
        self.start(detach=True)
        deadline_s = time.monotonic() + _LAUNCH_TIMEOUT_S
        while time.monotonic() < deadline_s and self._starting(self.view.read()):
            time.sleep(_POLL_S)

    def status(self, state: RunState) -> str:
        """The run's state, unless nobody is there any more to change it.

        Args:
            state: What was read of the run.

        Returns:
            The word in it, "starting", or "interrupted".
        """
        if self._starting(state):
            return "starting"
        if state.state not in ENDED and holder(self._folder) is None:
            # It may have ended between the two looks.
            state = self.view.read()
            return state.state if state.state in ENDED else "interrupted"
        return state.state

    def ask(self, verb: str, **arguments: object) -> str:
        """Send a command and wait for the answer; "extend" starts what has ended.

        Args:
            verb: The command.
            **arguments: What it needs.

        Returns:
            The answer, to be read by a person.
        """
        started = False
        command = commands.send(self._folder, verb, **arguments)
        asked_s = time.monotonic()
        deadline_s = asked_s + _ANSWER_TIMEOUT_S
        while time.monotonic() < deadline_s:
            time.sleep(_ANSWER_POLL_S)
            state = self.view.read()
            answer = state.acknowledged.get(command)
            if answer is not None:
                return answer.message
            # Whether somebody is there to answer takes longer to say, and is rare news.
            if state.state not in ENDED and time.monotonic() - asked_s < _STATUS_POLL_S:
                continue
            asked_s = time.monotonic()
            status = self.status(state)
            if status in ENDED and verb != "extend":
                # Nobody reads it now, and a later supervisor must not obey it.
                (self._folder.commands / f"{command}.json").unlink(missing_ok=True)
                return f"{self._folder.name!r} is {status} already"
            if status in ENDED and not started:
                self.start(detach=True)
                started = True
        return "no answer yet: the command is obeyed as soon as the supervisor reads it"

    def _starting(self, state: RunState) -> bool:
        """Whether a new process has not written its first event yet."""
        if self._process is not None:
            alive = self._process.poll() is None
            return alive and state.attempt <= self._attempt_before
        return state.attempt == 0 and self._age_s() < _LAUNCH_TIMEOUT_S

    def _age_s(self) -> float:
        """How long ago the run was asked for, in seconds."""
        try:
            return abs(time.time() - self._folder.search.stat().st_mtime)
        except FileNotFoundError:
            return float("inf")
