"""The one file that knows Dask: an embedded cluster of one-thread worker processes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import queue
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any

import dask
import psutil
from dask.system import CPU_COUNT
from distributed import Client, Future, KilledWorker, LocalCluster, get_worker
from distributed.system import MEMORY_LIMIT

from notebook_automl.errors import HelperError
from notebook_automl.record.lock import let_others_first
from notebook_automl.record.parameters import Parameter, Value
from notebook_automl.workers.devices import Device

# What a worker with TensorFlow and AutoKeras takes before it trains, and room to train.
_WORKER_BYTES = 1.5 * 2**30
_LIBRARIES_BYTES = 0.7 * 2**30
_LEAST_MIB = 256.0
# Backends keep some of what each trial took: up to 15 MiB with TensorFlow.
_GROWTH = 0.25
_TOPIC = "notebook-automl"
_ANSWER_TIMEOUT_S = 60.0
_CLOSE_TIMEOUT_S = 2.0
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
    return float(max(_LEAST_MIB, _GROWTH * MEMORY_LIMIT / workers / 2**20))


def worker_memory_mib(workers: int, gpus: Sequence[Device]) -> float | None:
    """What a trial may take of its device's memory; None if nobody knows.

    Args:
        workers: How many share this machine.
        gpus: Those that they train on; empty for the CPU.
    """
    if gpus:
        return float(min(gpu.memory_mib for gpu in gpus)) or None
    return float(max(_LEAST_MIB, (MEMORY_LIMIT / workers - _LIBRARIES_BYTES) / 2**20))


@dataclass(frozen=True)
class Message:
    """What the supervisor hears of a task.

    Args:
        key: The task.
        kind: "started", "ask", what the task tells, "done" or "lost".
        fields: The message's content.
        told_s: When the task said it, in Unix seconds; 0 if it is not the task's own.
    """

    key: str
    kind: str
    fields: dict[str, Any] = field(default_factory=dict)
    told_s: float = 0.0


@dataclass
class _Task:
    """A task that has not ended.

    Args:
        call: What `_perform` is given.
        future: Dask's own view of it.
        begun: Set once a worker has begun it, or none will.
        address: That worker's.
        line: Keeps in order what is said to it.
    """

    call: tuple[Any, ...]
    future: Future | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    address: str = ""
    line: asyncio.Lock = field(default_factory=asyncio.Lock)


class Cluster:
    """A scheduler in this process and workers in their own, speaking TLS on loopback.

    Args:
        workers: How many worker processes.
        gpus: CUDA identifiers; worker i sees the i-th alone. Empty for none.
        hear: Called with each message, from threads of the cluster's own. A task's
            messages come in its own order; the last is "done" or "lost", once.
    """

    def __init__(
        self, workers: int, gpus: Sequence[str], hear: Callable[[Message], None]
    ) -> None:
        dask.config.set(_CONFIG)
        self._hear = hear
        self._tasks: dict[str, _Task] = {}
        self._cluster = _PinnedCluster(
            gpus=gpus,
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=0,
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            host="127.0.0.1",
            protocol="tls://",
            security=True,
        )
        self._client = Client(self._cluster)
        self._client.subscribe_topic(_TOPIC, self._on_event)

    def submit(self, entry: str, key: str, *args: Any) -> None:
        """Run a function in a worker.

        Args:
            entry: "module:function"; it is called with a `Link` and the arguments. A
                name, so that this process never imports what only workers may.
            key: The task's name, each used once.
            *args: What the function is given.
        """
        self._tasks[key] = _Task((entry, key, args))
        self._give(key)

    def answer(self, key: str, value: Value) -> None:
        """Answer a task's question."""
        self._client.loop.add_callback(self._deliver, key, "answers", value)

    def word(self, key: str, word: str) -> None:
        """Say "stop", "prune", "hold" or "go" to a task, begun or not."""
        self._client.loop.add_callback(self._deliver, key, "words", word)

    def kill(self, key: str) -> None:
        """End the worker process of a task at once; a new one takes its place."""
        task = self._tasks.get(key)
        if task is None:
            return
        if not task.begun.is_set():
            self._end(Message(key, "lost", {"reason": "it had not begun"}))
            if task.future is not None:
                task.future.cancel()
        self.renew(task.address)

    def renew(self, address: str) -> None:
        """End a worker process at once, whatever it does; a new one takes its place."""
        for nanny in self._cluster.workers.values():
            if nanny.worker_address == address:
                _kill(nanny.pid)

    def close(self) -> None:
        """End all workers, whatever they do."""
        # What Dask says about workers that we end is no news.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        self._tasks.clear()
        for nanny in self._cluster.workers.values():
            nanny.auto_restart = False
            _kill(nanny.pid)
        for party in (self._client, self._cluster):
            with contextlib.suppress(Exception):  # the run has ended all the same
                party.close(timeout=_CLOSE_TIMEOUT_S)

    def _give(self, key: str) -> None:
        """Give a task to Dask, which chooses the worker."""
        task = self._tasks[key]
        task.future = self._client.submit(_perform, *task.call, pure=False)
        task.future.add_done_callback(lambda done: self._on_done(key, done))

    async def _deliver(self, key: str, box: str, content: Value) -> None:
        """Put something into a task's mailbox; nobody waits for a worker that hangs."""
        task = self._tasks.get(key)
        if task is None:
            return
        async with task.line:  # in the order in which it was said
            await task.begun.wait()
            # The worker may have died meanwhile; its end is told by "lost".
            with contextlib.suppress(Exception):
                where = [task.address] if key in self._tasks else []
                await self._client.run(_receive, key, box, content, workers=where)

    def _on_event(self, event: tuple[float, dict[str, Any]]) -> None:
        """What a task tells, in Dask's own thread."""
        fields = dict(event[1])
        worker = fields.pop("worker")  # Dask adds the sender's address
        key, kind, told_s = (fields.pop(name) for name in ("key", "kind", "told_s"))
        message = Message(key, kind, fields, told_s)
        task = self._tasks.get(key)
        if task is not None and kind == "started":
            task.address = fields["worker"] = worker
            task.begun.set()
        if kind in ("done", "lost"):
            self._end(message)
        elif task is not None:
            self._hear(message)

    def _on_done(self, key: str, future: Future) -> None:
        """Dask's own word on a task: nothing new, unless its worker died."""
        task = self._tasks.get(key)
        if task is None or future.status == "finished":
            return
        error = future.exception()
        reason = f"{type(error).__name__}: {error}"
        if isinstance(error, KilledWorker):
            if not task.begun.is_set():
                # It only stood in line behind another one, whose worker died.
                self._give(key)
                return
            reason = "its worker process ended abruptly"
        self._end(Message(key, "lost", {"reason": reason}))

    def _end(self, message: Message) -> None:
        """Say once how a task ended, and forget it."""
        task = self._tasks.pop(message.key, None)
        if task is not None:
            self._hear(message)
            self._client.loop.add_callback(task.begun.set)  # who waits may go


class _PinnedCluster(LocalCluster):
    """A local cluster whose workers each see one GPU."""

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


@dataclass(frozen=True)
class _Mailbox:
    """What the supervisor sent to a task of this process."""

    answers: queue.SimpleQueue[Value] = field(default_factory=queue.SimpleQueue)
    words: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)


_mailboxes: dict[str, _Mailbox] = {}


class _WorkerLink:
    """A task's line to the supervisor; see `notebook_automl.workers.link.Link`."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._worker = get_worker()
        self._mail = _mailboxes.setdefault(key, _Mailbox())

    def tell(self, kind: str, **fields: Any) -> None:
        """Send a message."""
        message = {"key": self._key, "kind": kind, "told_s": time.time(), **fields}
        self._worker.log_event(_TOPIC, message)

    def ask(self, parameter: Parameter) -> Value:
        """Ask for a value and wait for it."""
        self.tell("ask", parameter=asdict(parameter))
        try:
            return self._mail.answers.get(timeout=_ANSWER_TIMEOUT_S)
        except queue.Empty:
            raise HelperError(
                f"Expected the study's value for {parameter.name!r}, got no answer "
                f"within {_ANSWER_TIMEOUT_S} s. See supervisor.log in the run's folder."
            ) from None

    def word(self, timeout_s: float | None) -> str | None:
        """The next word, or None."""
        try:
            return self._mail.words.get(timeout_s != 0, timeout_s or None)
        except queue.Empty:
            return None


def _perform(entry: str, key: str, args: tuple[Any, ...]) -> None:
    """Runs in a worker: call the function with a line to the supervisor.

    The outcome goes the same way as all else that the task tells, and so comes last.
    """
    let_others_first()
    link = _WorkerLink(key)
    link.tell("started")
    module, _, name = entry.partition(":")
    try:
        result = getattr(import_module(module), name)(link, *args)
        rss_mib = psutil.Process().memory_info().rss / 2**20
        link.tell("done", result=result, rss_mib=rss_mib)
    except BaseException as error:
        sys.stderr.write(traceback.format_exc())
        link.tell("lost", reason=f"{type(error).__name__}: {error}")
    finally:
        _mailboxes.pop(key, None)


def _receive(key: str, box: str, content: Any) -> None:
    """Runs in a worker: put what came into the task's mailbox."""
    if key in _mailboxes:
        getattr(_mailboxes[key], box).put(content)


def _kill(pid: int | None) -> None:
    """End a process that may be gone already."""
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
