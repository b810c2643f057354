"""Which trials are tried again: those whose worker or memory gave out."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from pathlib import Path

from notebook_automl.workers.running import Running

# As Python, TensorFlow, JAX, PyTorch, CUDA and C++ say it.
_MEMORY = re.compile(
    "MemoryError|ResourceExhausted|RESOURCE_EXHAUSTED|OutOfMemory|[Oo]ut of memory"
    "|bad_alloc|ALLOC_FAILED"
)
_VMSTAT = Path("/proc/vmstat")


def for_memory(reason: str) -> bool:
    """Whether a trial failed because there was too little memory.

    Args:
        reason: Why it failed, beginning with the kind of the error.
    """
    return _MEMORY.search(reason) is not None


def memory_kills() -> int:
    """How many processes this machine has ended for memory; 0 where it does not say."""
    with contextlib.suppress(OSError, ValueError):
        for line in _VMSTAT.read_text("ascii").splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0


def next_try(running: Running, reason: str, now_s: float) -> Running | None:
    """How a trial is tried again that its worker could not finish.

    Too little memory: first alone, then with half the batch. A worker that ended
    otherwise: once more, as before.

    Args:
        running: The trial as it ran.
        reason: Why it could not be finished.
        now_s: Now.

    Returns:
        The trial as it is to run, or None if it was tried often enough.
    """
    short, deaths, halvings, alone = running.short, running.deaths, 0, False
    if for_memory(reason):
        short += 1
        if short > 2:
            return None
        alone, halvings = True, short - 1
    else:
        deaths += 1
        if deaths > 1:
            return None
        alone, halvings = running.alone, running.halvings
    how = (" alone", " with half the batch")[halvings] if alone else ""
    return replace(
        Running(running.number, now_s),
        planned=running.planned,
        promoted_from=running.promoted_from,
        notes=[*running.notes, f"tried again{how}, because {reason}"],
        short=short,
        deaths=deaths,
        halvings=halvings,
        alone=alone,
    )
