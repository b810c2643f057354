"""Which devices are seen: a program called nvidia-smi and the environment decide."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import notebook_automl as automl
from notebook_automl.workers.queueing import Claims

FIRST = "0, GPU-aaaa-1, NVIDIA H200, 143771, 143000"
SECOND = "1, GPU-bbbb-2, NVIDIA H200, 143771, 5"
Says = Callable[..., None]


@pytest.fixture
def says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Says:
    """Puts a program in place that says what nvidia-smi would, and CUDA's libraries."""
    cudnn = tmp_path / "packages" / "nvidia" / "cudnn"
    cudnn.mkdir(parents=True)
    (cudnn / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path / "packages")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def say(*lines: str, status: int = 0) -> None:
        text = "\n".join(lines)
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\nexit {status}\n")
        program.chmod(0o755)

    return say


def test_the_gpus_come_first_and_the_cpu_last(says: Says) -> None:
    says(FIRST, SECOND)
    found = automl.devices()
    assert [device.kind for device in found.found] == ["gpu", "gpu", "cpu"]
    assert [gpu.id for gpu in found.gpus] == ["GPU-aaaa-1", "GPU-bbbb-2"]
    assert (found.gpus[1].memory_mib, found.gpus[1].free_mib) == (143771, 5)
    assert found.why_no_gpu == ""
    assert "5 of 143771 MiB free" in str(found)


@pytest.mark.parametrize(
    ("visible", "ids"),
    [
        ("1", ["GPU-bbbb-2"]),
        ("0, 1", ["GPU-aaaa-1", "GPU-bbbb-2"]),
        ("GPU-aaaa-1", ["GPU-aaaa-1"]),
        ("GPU-bbbb", ["GPU-bbbb-2"]),
        ("", []),
        ("-1", []),
        ("7", []),
    ],
)
def test_only_visible_gpus_are_seen(
    says: Says, monkeypatch: pytest.MonkeyPatch, visible: str, ids: list[str]
) -> None:
    says(FIRST, SECOND)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = automl.devices()
    assert [gpu.id for gpu in found.gpus] == ids
    assert (f"CUDA_VISIBLE_DEVICES={visible!r}" in found.why_no_gpu) == (not ids)


def test_who_holds_a_gpu_is_named(says: Says) -> None:
    others = "GPU-bbbb-2, 4242, /usr/bin/python3, 139000"
    ours = f"GPU-bbbb-2, {os.getpid()}, python, [N/A]"
    says(FIRST, SECOND, others, ours)
    free, full = automl.devices().gpus
    assert free.holders == ()
    assert full.holders[0] == "process 4242 (python3), 139000 MiB"
    assert f"process {os.getpid()}" in full.holders[1]
    assert "your kernel" in full.holders[1] and "PREALLOCATE=false" in full.holders[1]
    assert "held by process 4242" in str(automl.devices())


def test_a_search_says_who_holds_the_gpu(
    says: Says, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    says(SECOND, "GPU-bbbb-2, 4242, /usr/bin/python3, 139000")
    table = automl.example("iris")
    for device in ("auto", "gpu"):
        search = automl.Search(table, target="species", device=device)
        with pytest.raises(automl.SearchError, match="process 4242") as caught:
            search.description(search.schema())
        assert caught.value.field == "device"
        assert 'device="cpu"' in str(caught.value)
    # Another run of ours has it: the search will queue.
    queue = Claims("other", ["GPU-bbbb-2"])
    assert queue.take() == ["GPU-bbbb-2"]
    assert search.description(search.schema())["device"] == "gpu"
    queue.release()


def test_memory_that_is_not_told_is_none(says: Says) -> None:
    says("0, GPU-aaaa-1, NVIDIA H200, [N/A], [N/A]")
    [gpu] = automl.devices().gpus
    assert (gpu.memory_mib, gpu.free_mib) == (0, 0)


@pytest.mark.parametrize(
    ("lines", "status", "why"),
    [
        (["Failed to initialize NVML"], 9, "nvidia-smi failed"),
        (["No devices were found"], 0, "nvidia-smi lists none"),
        ([], 0, "nvidia-smi lists none"),
    ],
)
def test_the_reason_is_told(
    says: Says, lines: list[str], status: int, why: str
) -> None:
    says(*lines, status=status)
    found = automl.devices()
    assert found.gpus == () and why in found.why_no_gpu
    assert why in str(found)


def test_no_driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = automl.devices()
    assert [device.kind for device in found.found] == ["cpu"]
    assert "nvidia-smi is not found" in found.why_no_gpu


def test_a_search_that_wants_a_gpu_says_why_there_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    search = automl.Search(automl.example("iris"), target="species", device="gpu")
    search.folder = str(tmp_path / "runs")
    with pytest.raises(automl.SearchError, match="nvidia-smi is not found") as caught:
        search.start()
    assert caught.value.field == "device"
