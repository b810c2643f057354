"""The workers that a run uses: who they are, whether they fit, what files they have."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from notebook_automl.errors import ClusterError
from notebook_automl.record.files import write_text
from notebook_automl.record.layout import RunFolder
from notebook_automl.workers import copies, greeting
from notebook_automl.workers.copies import Stamp
from notebook_automl.workers.greeting import Greeting
from notebook_automl.workers.versions import versions

if TYPE_CHECKING:
    from notebook_automl.workers._dask import Line

_log = logging.getLogger(__name__)

NO_GPU = 'it has no GPU. Type device="cpu" to use all workers.'
# What a worker may change in a run.
_THEIRS = ("trials", "entries", "data/prepared")
# So many messages with files are on their way at once: that much memory they take.
_LANES = 16
# Files from which on it pays that workers give them to each other.
_LARGE_BYTES = 8 * 2**20
_NO = (Stamp(-1, 0), Stamp(-1, 0))
# A worker that cannot be reached any more is given up after so long.
_FAREWELL_S = 10.0
# Who works for another run is asked again after so long.
_AGAIN_S = 5.0
# So long nobody may be there who can be used: of those that are there, and at all.
_UNFIT_S, _NOBODY_S = 6.0, 300.0


@dataclass
class Worker:
    """A worker that is used.

    Args:
        address: By which Dask knows it.
        name: By which a person knows it.
        known: What it said of itself.
        place: Where the run lies for it.
        task: What it does, if anything.
        leaving: Whether it is being ended.
        sent: The files that it has: their stamps here and there.
    """

    address: str
    name: str
    known: Greeting
    place: str
    task: str = ""
    leaving: bool = False
    sent: dict[str, tuple[Stamp, Stamp]] = field(default_factory=dict)


class Crew:
    """Greets workers that join, and keeps those that can be used.

    Args:
        folder: The run.
        line: To the workers.
        tell: Is told who "joined", "left", or was "refused", with what concerns it.
        backend: What Keras computes with.
        gpu: Whether only workers with a GPU are used.
    """

    def __init__(
        self,
        folder: RunFolder,
        line: Line,
        tell: Callable[..., None],
        backend: str,
        gpu: bool,
    ) -> None:
        self.workers: dict[str, Worker] = {}
        self.gpu = gpu
        self._folder, self._tell, self._backend = folder, tell, backend
        self._call, self._ours, self._most = line.call, line.ours, line.most
        self._run = f"{folder.name} ({socket.gethostname()}:{folder.path})"
        self._token = secrets.token_hex(16)
        self._meeting: dict[str, asyncio.Task[None]] = {}
        self._refused: dict[str, str] = {}
        self._busy: dict[str, tuple[str, float]] = {}
        self._alone_s = time.monotonic()
        self._bring = line.bring
        self._giving: set[str | None] = set()
        self._freed = asyncio.Event()
        self._apart = False
        self._lanes = asyncio.Semaphore(_LANES)
        write_text(folder.token, self._token)

    def fitting(self) -> list[Worker]:
        """The workers that may be given tasks."""
        return [
            worker
            for worker in list(self.workers.values())  # another thread may ask, too
            if not worker.leaving and (self._ours or not self.gpu or worker.known.gpus)
        ]

    def look(self, addresses: Iterable[str]) -> list[Worker]:
        """Begin to greet who is new.

        Args:
            addresses: Of all who are there now.

        Returns:
            Those who are gone, and had been used.

        Raises:
            ClusterError: For too long nobody was there who could be used.
        """
        there = set(addresses)
        gone = [w for a, w in self.workers.items() if a not in there]
        self._refused = {a: r for a, r in self._refused.items() if a in there}
        self._busy = {a: r for a, r in self._busy.items() if a in there}
        recent_s = time.monotonic() - _AGAIN_S
        asked = {a for a, (_, since_s) in self._busy.items() if since_s > recent_s}
        known = self.workers.keys() | self._meeting.keys() | self._refused.keys()
        new = there - known - asked
        held = len(self.workers) + len(self._meeting)
        room = len(new) if self._most is None else max(0, self._most - held)
        # Those who work for others are asked last.
        for address in sorted(new, key=lambda a: (a in self._busy, a))[:room]:
            self._meeting[address] = asyncio.create_task(self._meet(address))
        self._mind_loneliness(there)
        return gone

    def _mind_loneliness(self, there: set[str]) -> None:
        """Give up when nobody can be used."""
        now_s = time.monotonic()
        if self.fitting():
            self._alone_s = now_s
            return
        unfit = there and there == self._refused.keys()
        if now_s - self._alone_s < (_UNFIT_S if unfit else _NOBODY_S):
            return
        if unfit:
            told = " ".join(self._refused.values())
            raise ClusterError(f"no worker of the cluster can be used. {told}")
        busy = "".join(f" {a} works for {run}." for a, (run, _) in self._busy.items())
        raise ClusterError(
            f"there was no worker for {_NOBODY_S:.0f} s.{busy} Start one with: dask "
            "worker ADDRESS, or let the cluster object scale"
        )

    async def _meet(self, address: str) -> None:
        """Ask a worker who it is, and use it if it fits."""
        asked = str(self._folder.path), self._token, self._backend, not self._ours
        try:
            known = await self._call(address, False, greeting.greet, *asked)
            await self._judge(address, known)
        except ImportError as error:
            here = versions()["notebook-automl"]
            told = f"Type there: pip install notebook-automl=={here}."
            self._refuse(address, address, f"it cannot be used ({error}). {told}")
        except Exception:  # it ends just now, or starts: the next look will tell
            _log.debug("no answer from %s", address, exc_info=True)
        finally:
            del self._meeting[address]

    async def _judge(self, address: str, known: Greeting) -> None:
        """Use a worker if it fits and is free."""
        name = address if self._ours else f"{known.host}:{address.rpartition(':')[2]}"
        if not self._ours and (why := self._unfit(known)):
            self._refuse(address, name, why)
            return
        home = str(self._folder.path)
        copy = str(Path(known.scratch) / f"notebook-automl-{self._folder.name}")
        place = home if known.shares else copy
        claim = self._call(address, False, greeting.claim, self._run, place, home)
        if other := await claim:
            self._busy[address] = other, time.monotonic()
        elif self._ours or known.fresh:
            self._busy.pop(address, None)
            self.workers[address] = Worker(address, name, known, place)
            of_device = {"gpus": known.gpus, "memory_mib": known.memory_mib}
            self._tell("joined", worker=name, **of_device)
        elif known.nanny:
            # It has Keras loaded, and a process chooses its backend once.
            await self._end_process(address, nanny=True)
        else:
            why = "it has Keras loaded, and no nanny to start it anew. Start it again."
            self._refuse(address, name, why)

    def _unfit(self, known: Greeting) -> str:
        """Why a worker cannot be used, and what to type; empty if it can."""
        if self.gpu and not known.gpus:
            return NO_GPU
        return greeting.unfit(known, versions(), self._backend)

    def _refuse(self, address: str, name: str, why: str) -> None:
        self._refused[address] = f"{name}: {why}"
        self._tell("refused", worker=name, reason=why)

    def leave(self, address: str) -> Worker | None:
        """Forget a worker; gives it if it was used.

        Args:
            address: Its own.
        """
        worker = self.workers.pop(address, None)
        if worker is not None:
            self._tell("left", worker=worker.name)
        return worker

    async def send(self, worker: Worker, needs: Iterable[str]) -> None:
        """Send a worker what it lacks of some files.

        Args:
            worker: Who.
            needs: Files and folders of the run.
        """
        if worker.known.shares:
            return
        here = copies.stamps(self._folder.path, needs)
        lacks = {
            name: stamp
            for name, stamp in here.items()
            if name not in worker.sent or worker.sent[name][0] != stamp
        }
        if sum(stamp.bytes for stamp in lacks.values()) < _LARGE_BYTES:
            await self._send(worker, lacks)
            return
        # Each source gives to one at a time; who has all of it is the next source, so
        # that a thousand workers have it after ten rounds, and not after a thousand.
        source = await self._source(lacks)
        try:
            if source is not None:
                await self._pass_on(source, worker, lacks)
            else:
                await self._send(worker, lacks)
        finally:
            self._giving.discard(source and source.address)
            self._freed.set()

    async def _source(self, lacks: Mapping[str, Stamp]) -> Worker | None:
        """Who gives files: a worker that has them, or else ourselves (None)."""
        while True:
            for worker in [] if self._apart else self.workers.values():
                has = all(worker.sent.get(n, _NO)[0] == s for n, s in lacks.items())
                if has and not worker.leaving and worker.address not in self._giving:
                    self._giving.add(worker.address)
                    return worker
            if None not in self._giving:
                self._giving.add(None)
                return None
            self._freed.clear()
            await self._freed.wait()

    async def _pass_on(
        self, source: Worker, worker: Worker, lacks: Mapping[str, Stamp]
    ) -> None:
        """Let a worker bring files from another one; if it cannot, send them."""
        wanted = {name: source.sent[name][1] for name in lacks}
        try:
            whole = await self._bring(
                worker.address, source.address, source.place, worker.place, wanted
            )
        except Exception:
            if {worker.address, source.address} <= self.workers.keys():
                self._apart = True  # they do not reach each other: ask no more of them
            await self._send(worker, lacks)
        else:
            worker.sent |= {name: (lacks[name], whole[name]) for name in lacks}

    async def _send(self, worker: Worker, lacks: Mapping[str, Stamp]) -> None:
        """Send files from here."""
        root = self._folder.path
        for message in copies.spans(lacks):
            async with self._lanes:
                pieces = await asyncio.to_thread(copies.read, root, message)
                write = copies.write, worker.place, pieces
                whole = await self._call(worker.address, False, *write)
            for name, there in whole.items():
                worker.sent[name] = lacks[name], there

    async def fetch(self, worker: Worker) -> None:
        """Bring back what a worker has written, and let it forget what it is done with.

        Args:
            worker: Who.
        """
        if worker.known.shares:
            return
        call, place = self._call, worker.place
        there = await call(worker.address, False, copies.stamps, place, _THEIRS)
        had = {n: s[1] for n, s in worker.sent.items() if _is_theirs(n)}
        new = {n: s for n, s in there.items() if had.get(n) != s}
        for message in copies.spans(new):
            async with self._lanes:
                pieces = await call(worker.address, False, copies.read, place, message)
                whole = await asyncio.to_thread(self._write, pieces)
            for name, here in whole.items():
                worker.sent[name] = here, new[name]
        await asyncio.to_thread(copies.remove, self._folder.path, had.keys() - there)
        done = [n for n in {**had, **there} if not n.startswith("data/")]
        await call(worker.address, False, copies.remove, place, done)
        for name in done:
            worker.sent.pop(name, None)

    def _write(self, pieces: list[copies.Piece]) -> dict[str, Stamp]:
        """Write what came, where a worker may write."""
        for piece in pieces:
            if not _is_theirs(piece.name):
                raise ClusterError(f"a worker would write {piece.name!r}")
        return copies.write(self._folder.path, pieces)

    async def end(self, worker: Worker) -> None:
        """End a worker's process; its nanny starts another one.

        Args:
            worker: Who.
        """
        worker.leaving = True
        await self._end_process(worker.address, worker.known.nanny)

    async def _end_process(self, address: str, nanny: bool) -> None:
        does = greeting.end if nanny else greeting.end_self
        with contextlib.suppress(Exception):  # it may be gone, or out of reach
            await asyncio.wait_for(self._call(address, nanny, does), _FAREWELL_S)

    async def keep(self) -> None:
        """Say that the workers are still needed."""
        used = [] if self._ours else list(self.workers)
        calls = [self._call(each, False, greeting.keep, self._run) for each in used]
        await asyncio.gather(*calls, return_exceptions=True)

    async def release(self) -> None:
        """Leave the workers as they were found: without files, and without Keras."""
        self._folder.token.unlink(missing_ok=True)
        used = [] if self._ours else list(self.workers.values())
        busy = [bool(worker.task) for worker in used]  # it is forgotten meanwhile
        await asyncio.gather(*map(self._release, used, busy))

    async def _release(self, worker: Worker, busy: bool) -> None:
        gone = greeting.release, self._run, str(self._folder.path)
        with contextlib.suppress(Exception):
            await self._call(worker.address, False, *gone)
        if worker.known.nanny or busy:
            await self._end_process(worker.address, worker.known.nanny)


def _is_theirs(name: str) -> bool:
    """Whether a worker may write a file of that name."""
    return name.startswith(tuple(f"{folder}/" for folder in _THEIRS))
