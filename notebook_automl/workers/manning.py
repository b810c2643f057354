"""Who works for a run: on this machine or a cluster, and what the run is told of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from notebook_automl.errors import ClusterError
from notebook_automl.record import events
from notebook_automl.record.files import read_json
from notebook_automl.record.layout import RunFolder
from notebook_automl.source.backends import backend_of
from notebook_automl.workers._dask import (
    GROWTH,
    Here,
    Line,
    There,
    cpu_workers,
    most_growth_mib,
    worker_memory_mib,
)
from notebook_automl.workers.cluster import Message
from notebook_automl.workers.crew import NO_GPU
from notebook_automl.workers.devices import devices
from notebook_automl.workers.obey import End
from notebook_automl.workers.packing import Packing
from notebook_automl.workers.queueing import Claims

if TYPE_CHECKING:
    from notebook_automl.workers.attempt import Attempt


@dataclass(frozen=True)
class Hands:
    """Who works for a run.

    Args:
        line: To the workers.
        workers: How many there will be; 0 for a cluster, whose workers are told of.
        memory_mib: What a trial may take of its device's memory; None is unknown.
        growth_mib: What a worker may grow by until it is replaced.
    """

    line: Line
    workers: int
    memory_mib: float | None
    growth_mib: float


def hands(folder: RunFolder, search: Mapping[str, Any]) -> Hands:
    """Say who will work for a run.

    Args:
        folder: The run.
        search: Its description.
    """
    if address := search.get("cluster"):
        line = There(address, _keys(folder), search["workers"])
        return Hands(line, 0, None, math.inf)
    gpus = devices(backend_of(search).name).gpus if search["device"] == "gpu" else ()
    each = int(search.get("devices_per_trial") or 1)
    workers = search["workers"] or max(1, (len(gpus) or cpu_workers()) // each)
    ids = [gpu.id for gpu in gpus]
    most = min(len(ids), workers * each)
    claims = Claims(folder.name, ids, each, most) if ids else None
    return Hands(
        Here(workers, claims, Packing() if ids and not search["workers"] else None),
        workers,
        worker_memory_mib(workers, gpus),
        most_growth_mib(workers),
    )


def _keys(folder: RunFolder) -> dict[str, str]:
    """What a cluster object knew of its keys."""
    kept = folder.credentials
    return dict(read_json(kept)) if kept.exists() else {}


def forget_keys(folder: RunFolder) -> None:
    """Remove keys that are texts; where a person's own files lie is no secret.

    Args:
        folder: The run, which has ended.
    """
    if any("\n" in value for value in _keys(folder).values()):
        folder.credentials.unlink()


def heed(attempt: Attempt, message: Message) -> bool:
    """Take in what the cluster says of itself.

    Args:
        attempt: Who hears it.
        message: From the cluster.

    Returns:
        Whether it was the cluster's.

    Raises:
        ClusterError: It is gone.
    """
    fields = message.fields
    match message.kind:
        case "joined":
            attempt.joined += 1
            if not attempt.hands.line.ours:
                _join(attempt, **fields)
        case "refused":
            attempt.emit(events.WorkerRefused, **fields)
        case "left":
            if not attempt.hands.line.ours:
                attempt.emit(events.WorkerLeft, **fields)
        case "broken":
            raise ClusterError(fields["reason"])
        case _:
            return False
    return True


def first_worker(attempt: Attempt) -> End | None:
    """Wait for a worker; returns what came between.

    Args:
        attempt: Who waits.
    """
    queued = ""
    while not attempt.cluster.ready:
        attempt.tick()
        queued = _queue(attempt, queued)
        if between := attempt.between():
            return between
    return None


def _queue(attempt: Attempt, before: str) -> str:
    """While other runs have the GPUs: say so, and let the budget's clock stand.

    Args:
        attempt: Who waits.
        before: The runs that it waited for.

    Returns:
        Those that it waits for.
    """
    behind = attempt.hands.line.behind
    if behind:
        attempt.budget.hold()
    elif before and not attempt.paused:
        attempt.budget.go()
    if behind != before:
        stage = f"queued for a GPU behind {behind}" if behind else "starting"
        attempt.emit(events.ClockRead, spent_s=attempt.budget.spent_s())
        attempt.emit(events.StageEntered, stage=stage)
    return behind


def warm(attempt: Attempt) -> None:
    """Let the other workers load Keras, while one prepares the data.

    Args:
        attempt: For whom.
    """
    while attempt.warmed < attempt.joined - 1:
        attempt.warmed += 1
        key = f"warm-{attempt.warmed}-{attempt.attempt}"
        attempt.cluster.submit("notebook_automl.workers.trial:warm", key)


def _join(attempt: Attempt, worker: str, gpus: int, memory_mib: float) -> None:
    """A worker of a cluster has come; the first one decides what "auto" means."""
    search, pool = attempt.search, attempt.pool
    if search["device"] == "auto":
        search["device"] = "gpu" if gpus else "cpu"
        attempt.folder.decide(device=search["device"])
    if search["device"] == "gpu":
        attempt.cluster.need_gpu()
        if not gpus:  # it came while nobody knew what was needed
            attempt.emit(events.WorkerRefused, worker=worker, reason=NO_GPU)
            return
    if memory_mib:
        # A trial may run on any of them.
        pool.memory_mib = min(pool.memory_mib or memory_mib, memory_mib)
        pool.most_growth_mib = min(pool.most_growth_mib, GROWTH * memory_mib)
    attempt.emit(events.WorkerJoined, worker=worker, device=search["device"])
