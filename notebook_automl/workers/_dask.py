"""The one file that knows Dask: a line to workers here, or to those of a scheduler."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from ssl import SSLError
from typing import Any

import dask
import psutil
from dask.system import CPU_COUNT
from distributed import Client, KilledWorker, LocalCluster, Security, get_worker
from distributed.comm.core import FatalCommClosedError
from distributed.protocol.pickle import dumps
from distributed.system import MEMORY_LIMIT

from notebook_automl.errors import ClusterError
from notebook_automl.record.lock import let_others_first
from notebook_automl.workers import copies, greeting, mailbox
from notebook_automl.workers.copies import Stamp
from notebook_automl.workers.devices import Device
from notebook_automl.workers.packing import Packing
from notebook_automl.workers.queueing import Claims

# What a worker with TensorFlow and AutoKeras takes before it trains, and room to train.
_WORKER_BYTES = 1.5 * 2**30
_LIBRARIES_BYTES = 0.7 * 2**30
_LEAST_MIB = 256.0
GROWTH = 0.25
"""The share of its memory by which a worker may grow until it is replaced: backends
keep some of what each trial took, up to 15 MiB with TensorFlow."""
_CONNECT_TIMEOUT_S = 20.0
_CLOSE_TIMEOUT_S = 2.0
_SPAWNED = "--multiprocessing-fork"
_REACH_S = 3.0
_STARTING_LOOKS, _STARTING_LOOK_S = 5, 0.1
_GONE = "went away. Type run.resume() when it is there again"
_TLS_VARIABLE = "DASK_DISTRIBUTED__COMM__TLS__"
_KEYS = (
    "Type the search again with its name= and the cluster object itself, then "
    "run.resume(); or tell Dask the files that its scheduler was started with: "
    f"{_TLS_VARIABLE}CA_FILE, {_TLS_VARIABLE}CLIENT__CERT and "
    f"{_TLS_VARIABLE}CLIENT__KEY"
)
_CONFIG: dict[str, Any] = {
    # Whether a task whose worker died is tried again is for the supervisor to say.
    "distributed.scheduler.allowed-failures": 0,
    # Pages in plain HTTP, which would show other users of this host what is done.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


def cpu_workers() -> int:
    """One worker a core, as far as the memory goes; control groups are heeded."""
    return int(max(1, min(CPU_COUNT, MEMORY_LIMIT // _WORKER_BYTES)))


def most_growth_mib(workers: int) -> float:
    """What a worker process may grow by before a new one takes its place.

    Args:
        workers: How many share this machine.
    """
    return float(max(_LEAST_MIB, GROWTH * MEMORY_LIMIT / workers / 2**20))


def worker_memory_mib(workers: int, gpus: Sequence[Device]) -> float | None:
    """What a trial may take of its device's memory; None if nobody knows.

    Args:
        workers: How many share this machine.
        gpus: Those that they train on; empty for the CPU.
    """
    if gpus:
        return float(min(gpu.memory_mib for gpu in gpus)) or None
    return float(max(_LEAST_MIB, (MEMORY_LIMIT / workers - _LIBRARIES_BYTES) / 2**20))


class Line(ABC):
    """A line to a scheduler and its workers; all of it in one asyncio loop."""

    ours = False
    """Whether the workers were started for this run alone."""
    most: int | None = None
    """How many of them are used at the most; None for all."""
    packing: Packing | None = None
    """Adds workers that share a GPU."""
    _client: Client = None

    @abstractmethod
    async def open(self) -> None:
        """Connect; where the workers are ours, start them."""

    @property
    def behind(self) -> str:
        """The runs whose GPUs are waited for; empty if none is."""
        return ""

    @property
    def connected(self) -> bool:
        """Whether the scheduler is there, as far as is known."""
        return self._client is not None and self._client.status == "running"

    async def addresses(self) -> list[str]:
        """Of all workers that are there."""
        return list((await self._client.scheduler.identity())["workers"])

    async def call(
        self, address: str, nanny: bool, function: Callable[..., Any], *args: Any
    ) -> Any:
        """Run a function in a worker's own thread, beside its task.

        Args:
            address: The worker's.
            nanny: Whether it runs in the worker's nanny instead.
            function: It is found by its name; `dask_worker` is given to it.
            *args: What else it is given.

        Raises:
            ImportError: It is not found there.
        """
        given = {"workers": [address], "nanny": nanny}
        try:
            return (await self._client.run(function, *args, **given))[address]
        except Exception as error:
            # What a worker cannot unpickle it tells as a text.
            kind, _, told = str(error).rstrip(")").partition("(")
            if kind in ("ModuleNotFoundError", "ImportError", "AttributeError"):
                raise ImportError(told[1:-1]) from None
            raise

    async def bring(
        self,
        address: str,
        source: str,
        there: str,
        place: str,
        wanted: Mapping[str, Stamp],
    ) -> dict[str, Stamp]:
        """Let a worker bring files from another one, whatever both do meanwhile.

        Args:
            address: Its own address.
            source: The other one's.
            there: Where the files lie for the other one.
            place: Where they go.
            wanted: The files.
        """
        given = source, there, place, wanted
        found: dict[str, Stamp] = await self.call(address, False, _bring, *given)
        return found

    def listen(
        self,
        topic: str,
        hear: Callable[[str, dict[str, Any]], None],
        changed: Callable[[str, bool], None],
    ) -> None:
        """Hear what tasks tell, and who comes and goes.

        Args:
            topic: Of the tasks.
            hear: Given the worker's address and what its task tells.
            changed: Given the address of a worker, and whether it has come.
        """

        def on_event(event: tuple[float, dict[str, Any]]) -> None:
            fields = dict(event[1])
            hear(fields.pop("worker"), fields)  # Dask adds the sender's address

        def on_change(event: tuple[float, dict[str, Any]]) -> None:
            action = event[1].get("action")
            if action in ("add-worker", "remove-worker"):
                changed(event[1]["worker"], action == "add-worker")

        self._client.subscribe_topic(topic, on_event)
        self._client.subscribe_topic("all", on_change)

    async def perform(
        self, address: str, topic: str, entry: str, key: str, args: tuple[Any, ...]
    ) -> str:
        """Run a task in a worker, until it has ended or its worker.

        Args:
            address: The worker's.
            topic: Under which it tells.
            entry: "module:function".
            key: The task's name.
            args: What the function is given.

        Returns:
            Empty, or why it could not be run to its end.
        """
        given = topic, self.ours, entry, key, args
        options = {"workers": [address], "pure": False, "key": f"{key}-{topic}"}
        try:
            await self._client.submit(_perform, *given, retries=0, **options)
        except KilledWorker:
            return "its worker process ended abruptly"
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return ""

    def why(self, error: Exception) -> str:
        """Say why the workers cannot be used, or are gone, and what to type.

        Args:
            error: What has happened.
        """
        return str(error) or type(error).__name__

    async def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            with contextlib.suppress(Exception):  # nobody needs its answer
                self._client.unsubscribe_topic("all")  # it would tell us of our end
                await self._client.close(timeout=_CLOSE_TIMEOUT_S)


class Here(Line):
    """Workers on this machine: a scheduler in this process, speaking TLS on loopback.

    Args:
        workers: How many processes.
        claims: The GPUs that they want: each sees its own ones. None for the CPU.
        packing: Adds workers that share them; None if nothing does.
    """

    ours = True

    def __init__(
        self,
        workers: int,
        claims: Claims | None = None,
        packing: Packing | None = None,
    ) -> None:
        self._workers, self._claims, self.packing = workers, claims, packing
        self._cluster: Any = None

    @property
    def behind(self) -> str:
        """The runs whose GPUs are waited for; empty if none is."""
        return self._claims.behind if self._claims else ""

    async def open(self) -> None:
        """Start them."""
        seen = await self._claims.wait() if self._claims else []
        dask.config.set(_CONFIG)
        self._before = {child.pid for child in psutil.Process().children()}
        self._cluster = _PinnedCluster(
            gpus=seen,
            n_workers=len(seen) if self.packing else self._workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=0,
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            host="127.0.0.1",
            protocol="tls://",
            security=True,
            asynchronous=True,
        )
        await self._cluster
        self._client = await Client(
            self._cluster, asynchronous=True, set_as_default=False
        )
        if self.packing is not None:
            packed = self.packing.run(seen, self._cluster.scale)
            self._packed = asyncio.ensure_future(packed)

    async def close(self) -> None:
        """End all workers, whatever they do."""
        if self._cluster is None:
            if self._claims is not None:
                self._claims.release()
            return
        if self.packing is not None:
            self.packing.short = True  # nobody is added any more
        for nanny in self._cluster.workers.values():
            nanny.auto_restart = False
            greeting.end(nanny)
        if self._client is None:
            await self._end_starting()
        await super().close()
        with contextlib.suppress(Exception):  # the run has ended all the same
            await self._cluster.close(timeout=_CLOSE_TIMEOUT_S)

    async def _end_starting(self) -> None:
        """End those who were just starting, and of whom no list exists yet."""
        for _ in range(_STARTING_LOOKS):
            for child in psutil.Process().children():
                with contextlib.suppress(psutil.Error):
                    if child.pid not in self._before and _SPAWNED in child.cmdline():
                        child.kill()
            await asyncio.sleep(_STARTING_LOOK_S)


@dataclass
class There(Line):
    """The workers of a scheduler, which somebody else has started.

    Args:
        address: The scheduler's.
        tls: Arguments of `distributed.Security`; without them Dask's own configuration
            is asked.
        most: How many workers are used at the most; None for all.
    """

    address: str
    tls: Mapping[str, str] = field(default_factory=dict)
    most: int | None = None

    async def open(self) -> None:
        """Connect."""
        if self.address.startswith("gateway:"):
            import_module("dask_gateway")  # it teaches Dask this protocol
        self._client = await Client(
            self.address.removeprefix("insecure+"),
            security=Security(**self.tls) if self.tls else None,
            timeout=_CONNECT_TIMEOUT_S,
            asynchronous=True,
            set_as_default=False,
        )

    def why(self, error: Exception) -> str:
        """Say why the workers cannot be used, or are gone, and what to type.

        Args:
            error: What has happened.
        """
        where = f"the scheduler at {self.address}"
        text = str(error).rstrip(".") or type(error).__name__
        if isinstance(error, ClusterError):
            return text if self.connected else f"{where} {_GONE}"
        if self._client is not None:
            return f"{where} {_GONE} ({text})"
        if isinstance(error, ImportError):
            return f"{where} cannot be reached: {text}. Type: pip install dask-gateway"
        if isinstance(error, FatalCommClosedError):
            return f"{where} and this run do not trust each other ({text}). {_KEYS}"
        if isinstance(error, TypeError | FileNotFoundError | SSLError):
            return f"{where} wants keys that were not found ({text}). {_KEYS}"
        return f"{where} does not answer ({text}). Start it, then type run.resume()"


class _PinnedCluster(LocalCluster):
    """A local cluster whose workers each see their own GPUs."""

    def __init__(self, gpus: Sequence[str], **kwargs: Any) -> None:
        self._gpus = list(gpus)
        super().__init__(**kwargs)

    def new_worker_spec(self) -> dict[Any, Any]:
        """The next worker, with its own GPU where there are any."""
        spec: dict[Any, Any] = super().new_worker_spec()
        for number, worker in spec.items():
            seen = self._gpus[number % len(self._gpus)] if self._gpus else ""
            worker["options"] = {
                **worker["options"],
                "env": {"CUDA_VISIBLE_DEVICES": seen},
            }
        return spec


def _perform(
    topic: str, ours: bool, entry: str, key: str, args: tuple[Any, ...]
) -> None:
    """Runs in a worker: run a task in the run's folder, or its copy."""
    if ours:
        let_others_first()
    send = partial(get_worker().log_event, topic)
    mailbox.perform(send, entry, key, (greeting.place(), *args))


async def _bring(
    source: str,
    there: str,
    place: str,
    wanted: Mapping[str, Stamp],
    dask_worker: Any = None,
) -> dict[str, Stamp]:
    """Runs in a worker: see `Line.bring`."""
    whole: dict[str, Stamp] = {}
    # Dask itself would try for half a minute to reach who cannot be reached.
    reached = asyncio.wait_for(dask_worker.rpc.connect(source), _REACH_S)
    dask_worker.rpc.reuse(source, await reached)
    for message in copies.spans(wanted):
        read = {"function": dumps(copies.read), "args": dumps((there, message))}
        answer = await dask_worker.rpc(source).run(**read)
        whole |= copies.write(place, answer["result"])
    return whole
