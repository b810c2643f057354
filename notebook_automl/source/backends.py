"""What Keras computes with: how a program names its backend and is exact on it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from notebook_automl.errors import SearchError, nearest, received
from notebook_automl.source.code import Code

VARIABLE = "KERAS_BACKEND"
_NAMED = re.compile(rf'(?m)^os\.environ\["{VARIABLE}"\] = "(\w+)"$')
# No program sees a GPU that its run does not use; the rest of the line is NumPy's.
_ONE_THREAD = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Backend:
    """One of Keras's backends.

    Args:
        name: What `KERAS_BACKEND` calls it, and its module.
        title: What people call it.
        packages: Distributions whose versions decide over its numbers.
        install: What to type to get it.
        install_gpu: What to type to get it with CUDA's libraries.
        cpu: Variables for one thread of a CPU, set before anything is imported.
        gpu: Variables for a GPU of which no memory is taken in advance.
        on_cpu: What the set-up cell says for the same digits each time.
        on_gpu: The same for a GPU.
        jit_compile: Whether a step is compiled by XLA.
        shares: Whether several devices may share a batch.
        graphs: Whether steps become TensorFlow's graphs, fed from its datasets.
    """

    name: str
    title: str
    packages: tuple[str, ...]
    install: str
    install_gpu: str
    cpu: Mapping[str, str]
    gpu: Mapping[str, str]
    on_cpu: Code = field(default_factory=Code)
    on_gpu: Code = field(default_factory=Code)
    jit_compile: bool = False
    shares: bool = False
    graphs: bool = False

    @property
    def installed(self) -> bool:
        """Whether it can be imported; it is not."""
        if sys.modules.get(self.name) is not None:
            return True
        # As `import` asks, whatever stands in `sys.modules`.
        return any(f.find_spec(self.name, None) is not None for f in sys.meta_path)

    def environment(self, accelerated: bool, devices: int = 1) -> dict[str, str]:
        """Variables that the first cell sets before anything is imported.

        Args:
            accelerated: Whether a GPU trains.
            devices: How many share each batch.
        """
        rest = dict(self.gpu) if accelerated else _ONE_THREAD | dict(self.cpu)
        if devices > 1 and not accelerated:
            rest["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
        return {VARIABLE: self.name, **rest}

    def setup(self, accelerated: bool) -> Code:
        """What the first cell says behind its imports; it knows `keras` and `SEED`.

        Args:
            accelerated: Whether a GPU trains.
        """
        own = self.on_gpu if accelerated else self.on_cpu
        alone = Code() if self.name == "tensorflow" else _ALONE
        return Code((*alone.imports, *own.imports), own.source + alone.source)


# Keras imports TensorFlow at the first call of `set_random_seed`, whatever its backend,
# and remembers whether that went well.
_ALONE = Code(
    ("import sys",),
    """\
# Keras looks once for TensorFlow, and would load it beside its backend.
if "tensorflow" not in sys.modules:
    sys.modules["tensorflow"] = None
    keras.utils.set_random_seed(SEED)
    del sys.modules["tensorflow"]
""",
)
BACKENDS = {
    backend.name: backend
    for backend in (
        Backend(
            name="tensorflow",
            title="TensorFlow",
            packages=("tensorflow",),
            install="tensorflow",
            install_gpu="tensorflow[and-cuda]",
            cpu={
                "TF_NUM_INTRAOP_THREADS": "1",
                "TF_NUM_INTEROP_THREADS": "1",
                "TF_ENABLE_ONEDNN_OPTS": "1",
                "TF_CPP_MIN_LOG_LEVEL": "2",
            },
            gpu={
                "TF_FORCE_GPU_ALLOW_GROWTH": "true",
                "TF_CPP_MIN_LOG_LEVEL": "2",
            },
            on_gpu=Code(
                ("import tensorflow as tf",),
                "tf.config.experimental.enable_op_determinism()\n",
            ),
            graphs=True,
        ),
        Backend(
            name="jax",
            title="JAX",
            packages=("jax", "jaxlib"),
            install="notebook-automl[jax]",
            install_gpu="jax[cuda12]",
            # XLA takes the size of its pool of threads from NPROC; weights differ
            # between one thread and two.
            cpu={"JAX_PLATFORMS": "cpu", "NPROC": "1"},
            gpu={
                "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
                "XLA_FLAGS": "--xla_gpu_deterministic_ops=true",
            },
            # Without, Keras runs each operation of a step on its own.
            jit_compile=True,
            shares=True,
        ),
        Backend(
            name="torch",
            title="PyTorch",
            packages=("torch",),
            install="notebook-automl[torch]",
            install_gpu="torch",
            cpu={},
            # cuBLAS is deterministic only with a workspace of fixed size.
            gpu={"CUBLAS_WORKSPACE_CONFIG": ":4096:8"},
            on_cpu=Code(("import torch",), "torch.set_num_threads(1)\n"),
            on_gpu=Code(
                ("import torch",), "torch.use_deterministic_algorithms(True)\n"
            ),
        ),
    )
}
CHOICES = ("auto", *BACKENDS)


def backend_of(search: Mapping[str, object]) -> Backend:
    """The backend of a run; those of earlier releases knew one alone.

    Args:
        search: The run's description.
    """
    return BACKENDS[str(search.get("backend", "tensorflow"))]


def named_in(source: str) -> str:
    """The backend that a program names.

    Args:
        source: Its set-up cell.
    """
    found = _NAMED.search(source)
    return found.group(1) if found else "tensorflow"


def check_backend(name: object) -> None:
    """Refuse what is no backend's name.

    Raises:
        SearchError: With the names that there are.
    """
    if not isinstance(name, str) or name not in CHOICES:
        raise SearchError(
            f"Expected backend to be one of {', '.join(CHOICES)}, {received(name)}."
            f'{nearest(name, CHOICES)} Type backend="auto".',
            field="backend",
        )


def chosen_backend(name: str) -> Backend:
    """The backend that a search will use.

    Args:
        name: One of `CHOICES`; "auto" is what `KERAS_BACKEND` says, else TensorFlow.

    Raises:
        SearchError: It is not installed, or the variable names none that we know.
    """
    asked, told = name, f"backend={name!r}"
    if name == "auto":
        asked = os.environ.get(VARIABLE) or "tensorflow"
        told = f"{VARIABLE}={asked!r} in the environment"
    if asked not in BACKENDS:
        raise SearchError(
            f"Expected {VARIABLE} to be one of {', '.join(BACKENDS)}, "
            f'{received(asked)}. Type backend="tensorflow".',
            field="backend",
        )
    backend = BACKENDS[asked]
    if not backend.installed:
        raise SearchError(
            f"Expected a backend that is installed, got {told}, and there is no "
            f'{backend.title}. Type: pip install "{backend.install}".',
            field="backend",
        )
    return backend


@contextmanager
def only(name: str) -> Iterator[None]:
    """Let no other backend be imported meanwhile.

    Keras and AutoKeras import each one that is installed: seconds, half a gigabyte of
    memory, and a hand on the GPU.

    Args:
        name: The one that may be.
    """
    finder = _Hiding(tuple(other for other in BACKENDS if other != name))
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Hiding(MetaPathFinder, Loader):
    """Finds modules that cannot be loaded.

    `None` in `sys.modules` would do the same, but SciPy and Keras look there for names
    alone.

    Args:
        names: The modules.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """One of ours, or nothing."""
        return ModuleSpec(fullname, self) if fullname in self._names else None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Refuse, as if there were no such module."""
        raise ModuleNotFoundError(f"No module named {spec.name!r}", name=spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Never reached."""
