"""What several tests need: a run folder, and processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from notebook_automl.record.layout import RunFolder

Start = Callable[..., "subprocess.Popen[str]"]

# How long an example takes says more of the machine than of the code.
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")

# A shell's background jobs ignore Ctrl-C, which tests type to themselves.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def env() -> dict[str, str]:
    """The environment of a process that imports this very package."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    run = RunFolder(tmp_path / "runs" / "first")
    run.create()
    return run


@pytest.fixture
def start(env: dict[str, str]) -> Iterator[Start]:
    """Starts Python code in a process of its own, which ends with the test."""
    started = []

    def begin(code: str, *args: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, args)],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()
