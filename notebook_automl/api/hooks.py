"""A person's functions, called with the events of a run."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from notebook_automl.record.events import Event
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.reader import Tail

_POLL_S = 0.1


class Hooks:
    """Calls each function with each event of its kind, once, in the file's order.

    Args:
        folder: The run.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder

    def add(self, kind: type[Event], fn: Callable[[Any], Any]) -> None:
        """Call a function from now on, and for all that has happened.

        Args:
            kind: The kind of event.
            fn: Called in a thread of its own, which ends with the kernel.
        """
        threading.Thread(
            target=self._follow, args=(kind, fn), name=f"hook-{kind.kind}", daemon=True
        ).start()

    def _follow(self, kind: type[Event], fn: Callable[[Any], Any]) -> None:
        tail = Tail(self._folder.events)
        while self._folder.path.exists():
            for event in tail.read():
                if isinstance(event, kind):
                    _call(fn, event)
            # A run that has ended may be extended: look on, but seldom.
            time.sleep(_POLL_S)


def _call(fn: Callable[[Any], Any], event: Event) -> None:
    """Call a person's function; what it raises is shown and goes no further."""
    try:
        fn(event)
    except Exception:
        name = getattr(fn, "__name__", repr(fn))
        sys.stderr.write(f"The hook {name} failed:\n{traceback.format_exc()}")
