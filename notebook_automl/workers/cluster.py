"""The one file that knows Dask: an embedded cluster of one-thread worker processes."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any

import dask
from dask.system import CPU_COUNT
from distributed import Client, Future, LocalCluster, get_worker
from distributed.system import MEMORY_LIMIT

from notebook_automl.errors import HelperError
from notebook_automl.record.parameters import Parameter, Value

# What a worker with TensorFlow and AutoKeras takes before it trains, and room to train.
_WORKER_BYTES = 1.5 * 2**30
_TOPIC = "notebook-automl"
_ANSWER_TIMEOUT_S = 60.0


def cpu_workers() -> int:
    """One worker a core, as far as the memory goes; control groups are heeded."""
    return int(max(1, min(CPU_COUNT, MEMORY_LIMIT // _WORKER_BYTES)))


@dataclass(frozen=True)
class Message:
    """What the supervisor hears of a task.

    Args:
        key: The task.
        kind: "started", "ask", what the task tells, "done" or "lost".
        fields: The message's content.
    """

    key: str
    kind: str
    fields: dict[str, Any] = field(default_factory=dict)


class Cluster:
    """A scheduler in this process and workers in their own, speaking TLS on loopback.

    Args:
        workers: How many worker processes.
        gpus: CUDA identifiers; worker i sees the i-th alone. Empty for none.
        hear: Called with each message, from threads of the cluster's own.
    """

    def __init__(
        self, workers: int, gpus: Sequence[str], hear: Callable[[Message], None]
    ) -> None:
        # Whether a task whose worker died is tried again is for the supervisor to say.
        dask.config.set({"distributed.scheduler.allowed-failures": 0})
        self._hear = hear
        self._tasks: dict[str, Future] = {}
        self._addresses: dict[str, str] = {}
        self._cluster = _PinnedCluster(
            gpus=gpus,
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=0,
            dashboard_address=None,
            host="127.0.0.1",
            protocol="tls://",
            security=True,
        )
        self._client = Client(self._cluster)
        self._client.subscribe_topic(_TOPIC, self._on_event)

    @property
    def address(self) -> str:
        """The scheduler's address."""
        return str(self._cluster.scheduler_address)

    def submit(self, entry: str, key: str, *args: Any) -> None:
        """Run a function in a worker.

        Args:
            entry: "module:function"; it is called with a `Link` and the arguments. A
                name, so that this process never imports what only workers may.
            key: The task's name, each used once.
            *args: What the function is given.
        """
        future = self._client.submit(
            _perform, entry, key, args, key=key, pure=False, retries=0
        )
        self._tasks[key] = future
        future.add_done_callback(lambda done: self._on_done(key, done))

    def answer(self, key: str, value: Value) -> None:
        """Answer a task's question."""
        self._deliver(key, "answers", value)

    def word(self, key: str, word: str) -> None:
        """Say "stop", "hold" or "go" to a task."""
        self._deliver(key, "words", word)

    def kill(self, key: str) -> None:
        """End the worker process of a task at once; a new one takes its place."""
        pids = {n.worker_address: n.pid for n in self._cluster.workers.values()}
        pid = pids.get(self._addresses.get(key, ""))
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """End all workers, whatever they do."""
        for nanny in self._cluster.workers.values():
            nanny.auto_restart = False
        for key in list(self._tasks):
            self.kill(key)
        self._client.close(timeout=2)
        self._cluster.close(timeout=5)

    def _deliver(self, key: str, box: str, content: Value) -> None:
        # The worker may have died meanwhile; its end is told by "lost".
        with contextlib.suppress(Exception):
            self._client.run(
                _receive, key, box, content, workers=[self._addresses[key]]
            )

    def _on_event(self, event: tuple[float, dict[str, Any]]) -> None:
        fields = dict(event[1])
        key, kind = fields.pop("key"), fields.pop("kind")
        worker = fields.pop("worker")  # Dask adds the sender's address
        if kind == "started":
            self._addresses[key] = fields["worker"] = worker
        self._hear(Message(key, kind, fields))

    def _on_done(self, key: str, future: Future) -> None:
        self._tasks.pop(key, None)
        error = future.exception() if future.status == "error" else None
        if future.status == "finished":
            self._hear(Message(key, "done", {"result": future.result()}))
        elif error is not None and type(error).__name__ != "KilledWorker":
            self._hear(
                Message(key, "lost", {"reason": f"{type(error).__name__}: {error}"})
            )
        else:
            reason = "its worker process ended abruptly (killed, or out of memory)"
            self._hear(Message(key, "lost", {"reason": reason}))


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
        message = {"key": self._key, "kind": kind, **fields}
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


def _perform(entry: str, key: str, args: tuple[Any, ...]) -> Any:
    """Runs in a worker: call the function with a line to the supervisor."""
    link = _WorkerLink(key)
    link.tell("started")
    module, _, name = entry.partition(":")
    try:
        return getattr(import_module(module), name)(link, *args)
    finally:
        _mailboxes.pop(key, None)


def _receive(key: str, box: str, content: Any) -> None:
    """Runs in a worker: put what came into the task's mailbox."""
    if key in _mailboxes:
        getattr(_mailboxes[key], box).put(content)
