"""How many trials share a GPU, as the driver's numbers and the trials decide."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from notebook_automl.workers.packing import Packing

GPUS = ["GPU-a", "GPU-b"]


def says(free: int = 70_000, busy: int = 20, total: int = 80_000) -> str:
    return "\n".join(f"{gpu}, {total}, {free}, {busy}" for gpu in GPUS)


def added(packing: Packing, *texts: str) -> int:
    """How many workers more a GPU has after these looks."""
    before = packing.sharing
    for text in texts:
        packing.look(text, GPUS)
    return packing.sharing - before


def test_a_worker_is_added_where_another_trial_fits() -> None:
    packing = Packing(looks=3, most=3)
    assert added(packing, *[says()] * 9) == 0  # no trial has shown what it takes
    packing.known = True
    assert added(packing, *[says()] * 2) == 0
    assert added(packing, says()) == 1
    # Twice as many take twice as much, and then there are as many as may be.
    assert added(packing, *[says(free=60_000)] * 3) == 1
    assert added(packing, *[says(free=50_000)] * 9) == 0


@pytest.mark.parametrize(
    "text",
    [
        says(free=40_000),  # as much again, and a half, would not fit
        says(busy=90),
        "GPU-a, 80000, 70000, 20",  # of the other one nothing is known
        says().replace("20", "[N/A]"),
        "Failed to initialize NVML",
        "",
    ],
)
def test_none_is_added_where_it_would_not_help(text: str) -> None:
    assert added(Packing(looks=3, known=True), *[text] * 9) == 0


def test_the_most_that_was_taken_counts() -> None:
    looks = [says(), says(free=40_000), says()]
    assert added(Packing(looks=3, known=True), *looks) == 0


def test_memory_that_was_short_ends_it() -> None:
    packing = Packing(looks=1, known=True, short=True)
    assert added(packing, *[says()] * 9) == 0


def test_the_drivers_program_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{says()}\nEND\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)))
    asked: list[int] = []
    packing = Packing(each_s=0.01, looks=2, most=8, known=True)
    asyncio.run(packing.run(GPUS, asked.append))
    assert asked == [4, 6]  # no more workers than cores
    # With as many as may be, nobody looks any more.
    asyncio.run(Packing(each_s=0.01, most=1).run(GPUS, asked.append))
