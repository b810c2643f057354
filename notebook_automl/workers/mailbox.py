"""A task in a worker: its line to the supervisor, and what is said to it."""

from __future__ import annotations

import queue
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any

import psutil

from notebook_automl.errors import HelperError
from notebook_automl.record.parameters import Parameter, Value

_ANSWER_TIMEOUT_S = 60.0
_Send = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class _Mailbox:
    """What the supervisor sent to a task of this process."""

    answers: queue.SimpleQueue[Value] = field(default_factory=queue.SimpleQueue)
    words: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)


_mailboxes: dict[str, _Mailbox] = {}


class WorkerLink:
    """A task's line to the supervisor; see `notebook_automl.workers.link.Link`.

    Args:
        key: The task.
        send: Sends a message.
    """

    def __init__(self, key: str, send: _Send) -> None:
        self._key, self._send = key, send
        self._mail = _mailboxes.setdefault(key, _Mailbox())

    def tell(self, kind: str, **fields: Any) -> None:
        """Send a message."""
        self._send({"key": self._key, "kind": kind, "told_s": time.time(), **fields})

    def ask(self, parameter: Parameter) -> Value:
        """Ask for a value and wait for it."""
        self.tell("ask", parameter=asdict(parameter))
        try:
            return self._mail.answers.get(timeout=_ANSWER_TIMEOUT_S)
        except queue.Empty:
            raise HelperError(
                f"Expected the study's value for {parameter.name!r}, got no answer "
                f"within {_ANSWER_TIMEOUT_S} s. See supervisor.log in the run's folder."
            ) from None

    def word(self, timeout_s: float | None) -> str | None:
        """The next word, or None."""
        try:
            return self._mail.words.get(timeout_s != 0, timeout_s or None)
        except queue.Empty:
            return None


def perform(send: _Send, entry: str, key: str, args: tuple[Any, ...]) -> None:
    """Call a function with a line to the supervisor.

    The outcome goes the same way as all else that the task tells, and so comes last.

    Args:
        send: Sends a message.
        entry: "module:function".
        key: The task.
        args: What the function is given behind the line.
    """
    link = WorkerLink(key, send)
    link.tell("started")
    module, _, name = entry.partition(":")
    try:
        result = getattr(import_module(module), name)(link, *args)
        rss_mib = psutil.Process().memory_info().rss / 2**20
        link.tell("done", result=result, rss_mib=rss_mib)
    except BaseException as error:
        sys.stderr.write(traceback.format_exc())
        link.tell("lost", reason=f"{type(error).__name__}: {error}")
    finally:
        _mailboxes.pop(key, None)


def receive(key: str, box: str, content: Any) -> None:
    """Put what came into the mailbox of a task that still runs.

    Args:
        key: The task.
        box: "answers" or "words".
        content: What came.
    """
    if key in _mailboxes:
        getattr(_mailboxes[key], box).put(content)


def performing() -> bool:
    """Whether a task runs in this process."""
    return bool(_mailboxes)
