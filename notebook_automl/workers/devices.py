"""Which devices a search could use; standard library only, nothing is initialised."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from ctypes.util import find_library
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules

from notebook_automl.source.backends import Backend, check_backend, chosen_backend

_QUERY = "index,uuid,name,memory.total,memory.free"
_APPS = "gpu_uuid,pid,process_name,used_memory"
_HOLDER = re.compile(r"(\d+), (.*), (\d+|\[N/A\])")
_TIMEOUT_S = 10.0
# What keeps a library from taking all memory at once.
_SPARING = (
    "TF_FORCE_GPU_ALLOW_GROWTH=true and XLA_PYTHON_CLIENT_PREALLOCATE=false in its "
    "environment"
)


@dataclass(frozen=True)
class Device:
    """One device.

    Args:
        kind: "gpu" or "cpu".
        name: As its maker calls it.
        id: What CUDA_VISIBLE_DEVICES calls it; empty for the CPU.
        memory_mib: Its own memory; 0 for the CPU.
        free_mib: What of it nobody uses.
        holders: The processes that hold memory of it, in words.
    """

    kind: str
    name: str
    id: str = ""
    memory_mib: int = 0
    free_mib: int = 0
    holders: tuple[str, ...] = ()


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
            + "".join(f"\n     held by {holder}" for holder in device.holders)
            for device in self.found
        ]
        return "\n".join([*lines, self.why_no_gpu]).strip()

    __repr__ = __str__


def devices(backend: str = "auto") -> Devices:
    """Say which devices are seen and, if no GPU is, why.

    Args:
        backend: What Keras computes with; as `Search(backend=)`.

    Returns:
        The GPUs that workers can use, and the CPU.

    Raises:
        SearchError: There is no such backend, or it is not installed.
    """
    check_backend(backend)
    cpu = Device("cpu", f"{os.cpu_count() or 1} cores")
    gpus, why = _gpus(chosen_backend(backend))
    return Devices((*gpus, cpu), why)


def _gpus(backend: Backend) -> tuple[tuple[Device, ...], str]:
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
    gpus = [gpu for line in answer.stdout.splitlines() if (gpu := _gpu(line))]
    if not gpus:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        if visible is None:
            return (), "No GPU: nvidia-smi lists none. Check the NVIDIA driver."
        return (), f"No GPU: CUDA_VISIBLE_DEVICES={visible!r} hides all. Unset it."
    if not _HAS_CUDA[backend.name]():
        return (), (
            f"No GPU: {backend.title}'s CUDA libraries are not installed. "
            f'Type: pip install "{backend.install_gpu}".'
        )
    holders = _holders()
    held = (replace(gpu, holders=tuple(holders.get(gpu.id, ()))) for gpu in gpus)
    return tuple(held), ""


def _holders() -> dict[str, list[str]]:
    """Which processes hold memory of which GPU, as far as the driver tells."""
    try:
        answer = subprocess.run(
            [
                "nvidia-smi",
                f"--query-compute-apps={_APPS}",
                "--format=csv,noheader,nounits",
            ],
            capture_output=True,
            check=True,
            text=True,
            timeout=_TIMEOUT_S,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    found: dict[str, list[str]] = {}
    for line in answer.splitlines():
        uuid, _, rest = line.partition(", ")
        if match := _HOLDER.fullmatch(rest):
            pid, name, size = match.groups()
            whose = f"process {pid} ({Path(name).name}), {size} MiB"
            if int(pid) == os.getpid():
                whose += ": your kernel. Restart it, or begin it with " + _SPARING
            found.setdefault(uuid, []).append(whose)
    return found


def _gpu(line: str) -> Device | None:
    """A GPU from a line of nvidia-smi; None if it is hidden or the line names none."""
    parts = [part.strip() for part in line.split(",")]
    if len(parts) != 5:
        return None
    index, uuid, name, *sizes = parts
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        allowed = [part.strip() for part in visible.split(",")]
        if not any(v == index or (v and uuid.startswith(v)) for v in allowed):
            return None
    # A GPU that is shared or divided tells "[N/A]".
    memory, free = (int(size) if size.isdecimal() else 0 for size in sizes)
    return Device("gpu", name, uuid, memory, free)


def _tensorflow_has_cuda() -> bool:
    """Whether TensorFlow finds cuDNN: among Python's packages, or the system's."""
    packaged = find_spec("nvidia") is not None and find_spec("nvidia.cudnn") is not None
    return packaged or find_library("cudnn") is not None


def _jax_has_cuda() -> bool:
    """Whether one of JAX's plugins for CUDA is there."""
    folder = find_spec("jax_plugins")
    paths = folder.submodule_search_locations if folder else None
    names = {module.name for module in iter_modules(paths or [])}
    return any(name.startswith("xla_cuda") for name in names)


def _torch_has_cuda() -> bool:
    """Whether PyTorch is a build with CUDA, as its own file of versions says."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    text = Path(spec.origin).with_name("version.py").read_text("utf-8")
    return re.search(r"""(?m)^cuda\b[^=]*= ["']""", text) is not None


_HAS_CUDA: dict[str, Callable[[], bool]] = {
    "tensorflow": _tensorflow_has_cuda,
    "jax": _jax_has_cuda,
    "torch": _torch_has_cuda,
}
