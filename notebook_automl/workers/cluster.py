"""Tasks for workers, wherever they are: one at a time to each, and their files."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

from notebook_automl.errors import ClusterError
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.parameters import Value
from notebook_automl.workers import mailbox
from notebook_automl.workers._dask import Line
from notebook_automl.workers.crew import Crew, Worker
from notebook_automl.workers.greeting import LEASE_S

# What every task reads: the description, what the data are, what was prepared of them.
NEEDS = ("search.json", "data/schema.json", "data/prepared")
# Between two looks at who is there; who comes and goes is also told at once.
_LOOK_S, _FIRST_LOOK_S = 5.0, 0.2
# A scheduler that does not answer for so long is gone.
_LOST_S = 60.0
# Somebody waits for a trial that is ended at once.
_LAST_FILES_S = 3.0
# A process that was ended is gone by then.
_GONE_S = 5.0
_CLOSE_TIMEOUT_S = 8.0
_ABRUPT = "its worker process ended abruptly"
_Does = Callable[..., Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Message:
    """What the supervisor hears of a task, or of the cluster itself.

    Args:
        key: The task; empty for the cluster.
        kind: "started", "ask", what the task tells, "done" or "lost"; of the cluster
            "joined", "left", "refused" (workers), or "broken".
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
        entry: "module:function".
        args: What it is given.
        needs: The files and folders of the run that it reads.
        worker: Who has it.
        given: Whether the worker was told to begin it.
        begun: Set once the worker has begun it, or none will.
        over: Set once it is known how it ended.
        last: That.
        line: Keeps in order what is said to it.
    """

    entry: str
    args: tuple[Any, ...]
    needs: tuple[str, ...]
    worker: Worker | None = None
    given: bool = False
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    last: Message | None = None
    line: asyncio.Lock = field(default_factory=asyncio.Lock)


class Cluster:
    """Workers, and tasks that are given to them, one at a time to each.

    All that changes, changes in one thread of its own.

    Args:
        folder: The run.
        line: To the workers.
        hear: Called with each message, from that thread. A task's messages come in its
            own order; the last is "done" or "lost", once, and what the task has
            written is in the run's folder by then.
        backend: What Keras computes with.
        gpu: Whether only workers with a GPU are used.
    """

    def __init__(
        self,
        folder: RunFolder,
        line: Line,
        hear: Callable[[Message], None],
        backend: str = "tensorflow",
        gpu: bool = False,
    ) -> None:
        self._line, self._hear = line, hear
        self._topic = f"notebook-automl-{secrets.token_hex(8)}"
        self._tasks: dict[str, _Task] = {}
        self._waiting: deque[str] = deque()
        self._crew = Crew(folder, line, self._tell, backend, gpu)
        self._running: set[asyncio.Future[None]] = set()
        self._changed = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._soon(self._live)

    @property
    def ready(self) -> int:
        """How many workers there are to be given tasks."""
        return len(self._crew.fitting())

    def need_gpu(self) -> None:
        """Use only workers with a GPU from now on."""
        self._crew.gpu = True

    def submit(
        self, entry: str, key: str, *args: Any, needs: Iterable[str] = NEEDS
    ) -> None:
        """Run a function in the next worker that is idle.

        Args:
            entry: "module:function"; it is called with a `Link`, the run's folder and
                the arguments. A name, so that this process never imports what only
                workers may.
            key: The task's name, each used once.
            *args: What the function is given.
            needs: The files and folders of the run that it reads.
        """
        self._soon(self._add, key, _Task(entry, args, tuple(needs)))

    def answer(self, key: str, value: Value) -> None:
        """Answer a task's question."""
        self._soon(self._deliver, key, "answers", value)

    def word(self, key: str, word: str) -> None:
        """Say "stop", "prune", "hold" or "go" to a task, begun or not."""
        self._soon(self._deliver, key, "words", word)

    def kill(self, key: str) -> None:
        """End the worker process of a task at once; a new one takes its place."""
        self._soon(self._kill, key)

    def renew(self, address: str) -> None:
        """End a worker process once it has nothing to do; a new one takes its place."""
        self._soon(self._renew, address)

    def learn(self, ended: bool, short: bool) -> None:
        """How a trial went, for who adds workers that share a GPU.

        Args:
            ended: Whether it was trained to its end.
            short: Whether memory was short.
        """
        if (packing := self._line.packing) is not None:
            packing.known |= ended
            packing.short |= short

    def close(self) -> None:
        """End the workers that are ours, whatever they do, and leave the others."""
        # What Dask says about workers that we end is no news.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        closing = asyncio.run_coroutine_threadsafe(self._close(), self._loop)
        with contextlib.suppress(Exception):  # the run has ended all the same
            closing.result(_CLOSE_TIMEOUT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _close(self) -> None:
        self._tasks.clear()
        self._waiting.clear()
        for running in list(self._running):
            running.cancel()
        await self._crew.release()
        await self._line.close()

    def _soon(self, method: _Does, *args: Any) -> None:
        """Begin something in our thread, in the order of the calls."""
        self._loop.call_soon_threadsafe(self._begin, method, *args)

    def _begin(self, method: _Does, *args: Any) -> None:
        running = asyncio.ensure_future(method(*args))
        self._running.add(running)  # or it may be collected
        running.add_done_callback(self._running.discard)

    def _tell(self, kind: str, **fields: Any) -> None:
        """Say something of the cluster itself."""
        self._hear(Message("", kind, fields))
        self._give()

    async def _live(self) -> None:
        """Start or find the workers, and mind them until the end."""
        try:
            await self._line.open()
            self._line.listen(self._topic, self._on_event, self._on_change)
            await self._mind()
        except Exception as error:
            self._tell("broken", reason=self._line.why(error))

    async def _mind(self) -> None:
        """See who is there, again and again."""
        kept_s = self._loop.time()
        while self._line.connected:
            addresses = await asyncio.wait_for(self._line.addresses(), _LOST_S)
            for worker in self._crew.look(addresses):
                self._leave(worker.address)
            if self._loop.time() - kept_s > LEASE_S / 4:
                kept_s = self._loop.time()
                self._begin(self._crew.keep)
            wait_s = _LOOK_S if self._crew.workers else _FIRST_LOOK_S
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), wait_s)
            self._changed.clear()
        raise ClusterError("the connection was lost")

    def _on_change(self, address: str, come: bool) -> None:
        """Somebody came or went."""
        if not come:
            self._leave(address)
        self._changed.set()

    def _leave(self, address: str) -> None:
        """A worker is gone, and with it what it did."""
        worker = self._crew.leave(address)
        if worker is not None and worker.task in self._tasks:
            self._lose(worker.task, _ABRUPT)

    async def _add(self, key: str, task: _Task) -> None:
        self._tasks[key] = task
        self._waiting.append(key)
        self._give()

    def _give(self) -> None:
        """Give what waits to who is idle."""
        idle = [w for w in self._crew.fitting() if not w.task]
        while self._waiting and idle:
            key, worker = self._waiting.popleft(), idle.pop(0)
            worker.task, self._tasks[key].worker = key, worker
            self._begin(self._attend, key, self._tasks[key], worker)

    async def _attend(self, key: str, task: _Task, worker: Worker) -> None:
        """See a task through: its files there, the work, its files back, its end."""
        performing = None
        try:
            await _unless(task.over, self._crew.send(worker, task.needs))
            if task.last is None:
                task.given = True
                perform = self._perform(key, task, worker)
                performing = asyncio.ensure_future(perform)
                await task.over.wait()
                if worker.address in self._crew.workers:
                    await self._crew.fetch(worker)
        except Exception as error:
            reason = f"its files did not come through ({error})"
            task.last = Message(key, "lost", {"reason": reason})
        finally:
            if performing is not None:
                performing.cancel()  # no scheduler may begin it again elsewhere
            worker.task = ""
            self._end(key)
            if worker.leaving and worker.address in self._crew.workers:
                await self._crew.end(worker)
            self._give()

    async def _perform(self, key: str, task: _Task, worker: Worker) -> None:
        """Let a worker do a task; what it tells of its end is told by itself."""
        given = self._topic, task.entry, key, task.args
        reason = await self._line.perform(worker.address, *given)
        if reason and self._line.connected and key in self._tasks:
            self._lose(key, reason)
            # Whatever process answers there now, it is asked anew who it is.
            self._leave(worker.address)

    async def _kill(self, key: str) -> None:
        """End a task, begun or not."""
        task = self._tasks.get(key)
        if task is None:
            return
        if task.worker is None or not task.given:
            self._lose(key, "it had not begun")
            return
        worker = task.worker
        if task.last is not None:  # its files are on their way
            await asyncio.sleep(_LAST_FILES_S)
            if key not in self._tasks:
                return
        with contextlib.suppress(Exception):  # the best epoch so far may be among them
            await asyncio.wait_for(self._crew.fetch(worker), _LAST_FILES_S)
        await self._crew.end(worker)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(task.over.wait(), _GONE_S)
        if key in self._tasks:  # its scheduler has not seen that it is gone
            self._leave(worker.address)

    async def _renew(self, address: str) -> None:
        worker = self._crew.workers.get(address)
        if worker is not None and worker.known.nanny:
            worker.leaving = True
            if not worker.task:
                await self._crew.end(worker)

    async def _deliver(self, key: str, box: str, content: Value) -> None:
        """Put something into a task's mailbox; nobody waits for a worker that hangs."""
        task = self._tasks.get(key)
        if task is None:
            return
        async with task.line:  # in the order in which it was said
            await task.begun.wait()
            if task.worker is None or key not in self._tasks:
                return
            # The worker may have died meanwhile; its end is told by "lost".
            with contextlib.suppress(Exception):
                put = mailbox.receive, key, box, content
                await self._line.call(task.worker.address, False, *put)

    def _on_event(self, worker: str, fields: dict[str, Any]) -> None:
        """What a task tells."""
        key, kind, told_s = (fields.pop(name) for name in ("key", "kind", "told_s"))
        task = self._tasks.get(key)
        if task is None or task.worker is None or task.worker.address != worker:
            return
        if kind == "started":
            fields |= {"worker": worker, "name": task.worker.name}
            task.begun.set()
        message = Message(key, kind, fields, told_s)
        if kind in ("done", "lost"):
            task.last = task.last or message
            task.over.set()
        else:
            self._hear(message)

    def _lose(self, key: str, reason: str) -> None:
        """A task has ended without saying so."""
        task = self._tasks[key]
        task.last = task.last or Message(key, "lost", {"reason": reason})
        task.over.set()
        if task.worker is None:
            self._waiting.remove(key)
            self._end(key)

    def _end(self, key: str) -> None:
        """Say once how a task ended, and forget it."""
        task = self._tasks.pop(key, None)
        if task is not None and task.last is not None:
            self._hear(task.last)
            task.begun.set()  # who waits may go


async def _unless(over: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do some work, unless it is over before."""
    working, waiting = asyncio.ensure_future(work), asyncio.ensure_future(over.wait())
    try:
        await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        if not working.done():
            working.cancel()
    if not working.cancelled() and working.done():
        working.result()
