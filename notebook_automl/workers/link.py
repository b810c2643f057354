"""What passes between a worker's task and the supervisor."""

from __future__ import annotations

from typing import Any, Protocol

from notebook_automl.record.parameters import Parameter, Value


class Link(Protocol):
    """A task's line to the supervisor."""

    def tell(self, kind: str, **fields: Any) -> None:
        """Send a message."""

    def ask(self, parameter: Parameter) -> Value:
        """Ask the study for a value and wait for it."""

    def word(self, timeout_s: float | None) -> str | None:
        """The next word from the supervisor ("stop", "prune", "hold", "go").

        Args:
            timeout_s: How long to wait; 0 only looks, None waits without end.

        Returns:
            The word, or None if none came.
        """
