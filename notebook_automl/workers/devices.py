"""Which devices a search could use; standard library only, nothing is initialised."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec

_QUERY = "index,uuid,name,memory.total,memory.free"
_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Device:
    """One device.

    Args:
        kind: "gpu" or "cpu".
        name: As its maker calls it.
        id: What CUDA_VISIBLE_DEVICES calls it; empty for the CPU.
        memory_mib: Its own memory; 0 for the CPU.
        free_mib: What of it nobody uses.
    """

    kind: str
    name: str
    id: str = ""
    memory_mib: int = 0
    free_mib: int = 0


@dataclass(frozen=True)
class Devices:
    """The devices of this machine.

    Args:
        found: GPUs first, the CPU last.
        why_no_gpu: The reason if there is no usable GPU, with what to do; else empty.
    """

    found: tuple[Device, ...]
    why_no_gpu: str = ""

    @property
    def gpus(self) -> tuple[Device, ...]:
        """The GPUs that a search would use."""
        return tuple(device for device in self.found if device.kind == "gpu")

    def __str__(self) -> str:
        lines = [
            f"{device.kind}  {device.name}"
            + (f"  {device.free_mib} of {device.memory_mib} MiB free" * bool(device.id))
            for device in self.found
        ]
        return "\n".join([*lines, self.why_no_gpu]).strip()

    __repr__ = __str__


def devices() -> Devices:
    """Say which devices are seen and, if no GPU is, why.

    Returns:
        The GPUs that workers can use, and the CPU.
    """
    cpu = Device("cpu", f"{os.cpu_count() or 1} cores")
    gpus, why = _gpus()
    return Devices((*gpus, cpu), why)


def _gpus() -> tuple[tuple[Device, ...], str]:
    """Usable GPUs, or the reason why there is none."""
    if shutil.which("nvidia-smi") is None:
        return (), "No GPU: nvidia-smi is not found, so no NVIDIA driver is installed."
    try:
        answer = subprocess.run(
            ["nvidia-smi", f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"],
            capture_output=True,
            check=True,
            text=True,
            timeout=_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return (), f"No GPU: nvidia-smi failed ({error}). Check the NVIDIA driver."
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    allowed = None if visible is None else [v.strip() for v in visible.split(",")]
    gpus = []
    for line in filter(None, answer.stdout.splitlines()):
        index, uuid, name, memory, free = (part.strip() for part in line.split(","))
        if allowed is None or index in allowed or uuid in allowed:
            gpus.append(Device("gpu", name, uuid, int(memory), int(free)))
    if not gpus:
        return (), f"No GPU: CUDA_VISIBLE_DEVICES={visible!r} hides all. Unset it."
    if find_spec("nvidia.cudnn") is None if find_spec("nvidia") else True:
        return (), (
            "No GPU: TensorFlow's CUDA libraries are not installed. "
            'Type: pip install "tensorflow[and-cuda]".'
        )
    return tuple(gpus), ""
