"""What runs in a worker beside its tasks: who it is, and for whom it works."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from notebook_automl.record.files import write_text
from notebook_automl.record.layout import RunFolder
from notebook_automl.source.backends import BACKENDS
from notebook_automl.workers import copies
from notebook_automl.workers.devices import devices
from notebook_automl.workers.mailbox import performing
from notebook_automl.workers.versions import versions

ALWAYS_COPY = "NOTEBOOK_AUTOML_COPY"
"""Set for a worker that shall work on a copy, say because it shares but a slow disk."""
# A supervisor that is gone says no more that it needs its workers.
LEASE_S = 60.0


@dataclass(frozen=True)
class Greeting:
    """What a worker says of itself.

    Args:
        host: Its host's name.
        scratch: A folder of its own, which Dask removes when it ends.
        shares: Whether it sees the run's own folder.
        nanny: Whether somebody starts it again when it ends.
        fresh: Whether it has done nothing yet that decides over numbers.
        versions: Of its packages.
        gpus: How many it could use.
        memory_mib: What its device has, or it may take of the host's memory; 0 if
            nobody knows.
    """

    host: str
    scratch: str
    shares: bool
    nanny: bool
    fresh: bool
    versions: Mapping[str, str] = field(default_factory=dict)
    gpus: int = 0
    memory_mib: float = 0.0


@dataclass
class _Claim:
    """For whom this process works."""

    run: str = ""
    until_s: float = 0.0
    place: str = ""


_claim = _Claim()


def greet(
    folder: str, token: str, backend: str, thorough: bool, dask_worker: Any = None
) -> Greeting:
    """Runs in a worker: say what one needs to know of it.

    Args:
        folder: Where the run lies for its supervisor.
        token: What stands there in a file of the supervisor's.
        backend: What Keras computes with.
        thorough: Whether versions and devices are asked for, too, which takes a while.
        dask_worker: Given by Dask.
    """
    seen = ""
    with contextlib.suppress(OSError, ValueError):
        seen = RunFolder(Path(folder)).token.read_text("ascii")
    known = Greeting(
        host=socket.gethostname(),
        scratch=str(dask_worker.local_directory),
        shares=seen == token and os.environ.get(ALWAYS_COPY, "") in ("", "0"),
        nanny=dask_worker.nanny is not None,
        fresh="keras" not in sys.modules and not performing(),
    )
    if not thorough:
        return known
    gpus = devices(backend).gpus
    memory_mib = min((float(gpu.memory_mib) for gpu in gpus), default=0.0)
    limit = getattr(dask_worker.memory_manager, "memory_limit", None) or 0
    return Greeting(
        **vars(known)
        | {
            "versions": versions(),
            "gpus": len(gpus),
            "memory_mib": memory_mib or limit / 2**20,
        }
    )


def unfit(greeting: Greeting, here: Mapping[str, str], backend: str) -> str:
    """Say why a worker cannot be used, and what to type; empty if it can.

    Args:
        greeting: Its answer.
        here: The supervisor's own versions.
        backend: What Keras computes with.
    """
    there = dict(greeting.versions)
    python = here["python"].rpartition(".")[0]
    if there.pop("python").rpartition(".")[0] != python:
        found = greeting.versions["python"]
        return f"Expected Python {python}, got {found}. Start it with Python {python}."
    decisive = [
        *("notebook-automl", "autokeras", "keras", "numpy", "pandas", "pyarrow"),
        *("scikit-learn", *BACKENDS[backend].packages),
    ]
    differing = [n for n in decisive if n in here and there.get(n) != here[n]]
    if not differing:
        return ""
    expected = ", ".join(f"{name} {here[name]}" for name in differing)
    found = ", ".join(f"{name} {there.get(name) or 'none'}" for name in differing)
    line = " ".join(f"{name}=={here[name]}" for name in differing)
    return (
        f"Expected {expected}, as here, got {found}: its numbers would be others. "
        f"Type there: pip install {line}."
    )


def claim(run: str, place: str, home: str) -> str:
    """Runs in a worker: let it work for a run from now on.

    Args:
        run: Which.
        place: Where the run lies for this worker; it is made if it is a copy's.
        home: Where it lies for its supervisor.

    Returns:
        Empty, or the run for which it works already.
    """
    if _claim.run not in ("", run) and time.monotonic() < _claim.until_s:
        return _claim.run
    _claim.run, _claim.place = run, place
    keep(run)
    copy = RunFolder(Path(place))
    if place != home and not copy.path.exists():
        for path in (copy.path, copy.data, copy.trials, copy.entries):
            path.mkdir(mode=0o700)
        write_text(copy.home_note, home)
    return ""


def keep(run: str) -> None:
    """Runs in a worker: it is still needed.

    Args:
        run: For which.
    """
    if _claim.run == run:
        _claim.until_s = time.monotonic() + LEASE_S


def release(run: str, home: str) -> None:
    """Runs in a worker: it is needed no more; its copy is removed.

    Args:
        run: By which.
        home: Where the run lies for its supervisor.
    """
    if _claim.run == run:
        if _claim.place != home:
            copies.remove(_claim.place, [""])
        _claim.run = ""


def place() -> str:
    """Where the run lies for which this process works."""
    return _claim.place


def end(dask_worker: Any = None) -> None:
    """Runs in a nanny: end its worker's process at once, whatever that does.

    Args:
        dask_worker: The nanny, given by Dask.
    """
    if dask_worker.pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(dask_worker.pid, signal.SIGKILL)


def end_self() -> None:
    """Runs in a worker without a nanny: end its process at once."""
    os.kill(os.getpid(), signal.SIGKILL)
