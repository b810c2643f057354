"""Several trials on one GPU, once it is known that another one fits."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

_QUERY = "uuid,memory.total,memory.free,utilization.gpu"
_EACH_S = 5.0
# So many looks after each worker that was added, before the next one is.
_LOOKS = 6
_MOST_A_GPU = 8
# A GPU that is busier than this has nothing left for another trial.
_BUSY_PERCENT = 60
# Memory that stays free, and how much more than the others a trial may take.
_SPARE, _DOUBT = 0.1, 1.5


@dataclass
class Packing:
    """How many workers share each GPU: one, until trials have shown what they take.

    Args:
        each_s: Between two looks at the GPUs.
        looks: How many looks are made before a worker is added.
        most: Of workers that share a GPU.

    Attributes:
        known: Whether a trial has been trained to its end.
        short: Whether memory was short once: nothing is added any more.
        sharing: How many workers share each GPU.
    """

    each_s: float = _EACH_S
    looks: int = _LOOKS
    most: int = _MOST_A_GPU
    known: bool = False
    short: bool = False
    sharing: int = 1
    _seen: list[dict[str, tuple[int, int, int]]] = field(default_factory=list)

    def look(self, text: str, gpus: Sequence[str]) -> bool:
        """Take in what the driver says; whether each GPU has room for one more worker.

        Args:
            text: Its lines: identifier, MiB in all and free, per cent of time busy.
            gpus: Those that the run has.
        """
        found = dict(filter(None, map(_gpu, text.splitlines())))
        if not self.known or self.short or not set(gpus) <= found.keys():
            return False
        self._seen = [*self._seen, {gpu: found[gpu] for gpu in gpus}][-self.looks :]
        if len(self._seen) < self.looks or self.sharing >= self.most:
            return False
        room = all(self._has_room([look[gpu] for look in self._seen]) for gpu in gpus)
        if room:
            self.sharing += 1
            self._seen.clear()
        return room

    def _has_room(self, looks: Sequence[tuple[int, int, int]]) -> bool:
        total = looks[0][0]
        used = total - min(free for _, free, _ in looks)
        another = used / self.sharing * _DOUBT
        busy = median(percent for *_, percent in looks)
        fits = used + another < (1 - _SPARE) * total
        return fits and busy < _BUSY_PERCENT

    async def run(self, seen: Sequence[str], scale: Callable[[int], object]) -> None:
        """Add workers while there is room.

        Args:
            seen: What each worker sees, identifiers behind commas.
            scale: Called with how many workers there shall be.
        """
        gpus = [gpu for some in seen for gpu in some.split(",")]
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
        most = min(self.most, cores // len(seen))
        while self.sharing < most and not self.short:
            await asyncio.sleep(self.each_s)
            with contextlib.suppress(OSError):
                if self.look(await _said(), gpus):
                    scale(self.sharing * len(seen))


async def _said() -> str:
    """What the driver says of its GPUs now."""
    words = f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"
    driver = await asyncio.create_subprocess_exec(
        "nvidia-smi",
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    text, _ = await driver.communicate()
    return text.decode(errors="replace")


def _gpu(line: str) -> tuple[str, tuple[int, int, int]] | None:
    """A GPU's line; None if it does not tell all numbers."""
    uuid, *numbers = (part.strip() for part in line.split(","))
    if len(numbers) != 3 or not all(number.isdecimal() for number in numbers):
        return None
    total, free, busy = map(int, numbers)
    return uuid, (total, free, busy)
