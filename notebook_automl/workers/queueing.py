"""Which GPUs a run has: each is held by one run of a person's, the next one queues."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from getpass import getuser
from pathlib import Path

from notebook_automl.record.lock import claim, claimed_by
from notebook_automl.workers.devices import Device

# Between two looks at whether another run has left its GPUs.
_QUEUE_S = 0.5
# With less of its memory no library begins.
_LEAST_FREE = 0.05
_RUNTIME_VARIABLE = "XDG_RUNTIME_DIR"


def claims_folder() -> Path:
    """Where the runs of one person, in any folder, say which GPUs they have."""
    runtime = os.environ.get(_RUNTIME_VARIABLE)
    if runtime:
        return Path(runtime) / "notebook-automl"
    return Path(tempfile.gettempdir()) / f"notebook-automl-{getuser()}"


def crowded(gpus: Sequence[Device]) -> str:
    """Say who has taken the memory of all GPUs that no run has; empty if one is free.

    Args:
        gpus: Those that a search would use.
    """
    claims = Claims("a search that begins", [gpu.id for gpu in gpus], most=len(gpus))
    unclaimed = claims.take() or []
    claims.release()
    if not unclaimed or len(unclaimed) < len(gpus):
        return ""  # it will queue, or has those of which a run makes room
    if any(gpu.free_mib >= _LEAST_FREE * gpu.memory_mib for gpu in gpus):
        return ""
    return "; ".join(
        f"{gpu.name} has {gpu.free_mib} of {gpu.memory_mib} MiB free, held by "
        + (" and ".join(gpu.holders) or "processes that the driver does not name")
        for gpu in gpus
    )


@dataclass
class Claims:
    """The GPUs that a run wants, and those that it has.

    Args:
        run: The run's name.
        gpus: CUDA identifiers of those that it may have.
        each: How many a trial trains on.
        most: How many it wants.

    Attributes:
        behind: The runs that have those that are missing; empty if none is.
    """

    run: str
    gpus: Sequence[str]
    each: int = 1
    most: int = 1
    behind: str = ""
    _held: dict[str, int] = field(default_factory=dict)

    def take(self) -> list[str] | None:
        """Take what is free.

        Returns:
            What each worker sees, as identifiers behind commas; None if others have so
            much that no trial could run: nothing is held then.
        """
        places = {gpu: claims_folder() / f"{gpu}.lock" for gpu in self.gpus}
        for gpu, place in places.items():
            if len(self._held) < self.most:
                descriptor = claim(place, self.run)
                if descriptor is not None:
                    self._held[gpu] = descriptor
        ids = list(self._held)
        if len(ids) >= self.each:
            self.behind = ""
            whole = len(ids) - len(ids) % self.each
            return [
                ",".join(ids[at : at + self.each]) for at in range(0, whole, self.each)
            ]
        others = [claimed_by(places[gpu]) for gpu in self.gpus if gpu not in ids]
        self.release()
        self.behind = " and ".join(dict.fromkeys(filter(None, others))) or "another run"
        return None

    async def wait(self) -> list[str]:
        """Take what each worker sees, once other runs have left enough."""
        while (seen := self.take()) is None:
            await asyncio.sleep(_QUEUE_S)
        return seen

    def release(self) -> None:
        """Let all go."""
        for descriptor in self._held.values():
            os.close(descriptor)
        self._held.clear()
