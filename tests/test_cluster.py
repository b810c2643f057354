"""Real Dask workers without a run: who is heard, and who is not."""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from live import (
    PATIENCE_S,
    listening,
    until,
)

from notebook_automl.record.layout import RunFolder
from notebook_automl.workers._dask import Here
from notebook_automl.workers.cluster import Cluster, Message
from notebook_automl.workers.link import Link

CLIENTS = """
import os, sys
from distributed import Client, Security
others = Security.temporary()
for protocol, security in (("tcp", None), ("tls", None), ("tls", others)):
    try:
        Client(f"{protocol}://127.0.0.1:{sys.argv[1]}", security=security, timeout=5)
    except (OSError, TypeError):
        print("refused", flush=True)
os._exit(0)  # rather than wait for what such a client still tries
"""


class Ear:
    """Hears what tasks say."""

    def __init__(self) -> None:
        self.messages: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def next(self) -> tuple[str, str, Any]:
        """Task, kind, and the result or reason; a task's own order is kept."""
        message = self.messages.get(timeout=PATIENCE_S)
        while not message.key:  # of the cluster itself
            message = self.messages.get(timeout=PATIENCE_S)
        fields = message.fields
        return message.key, message.kind, fields.get("result", fields.get("reason"))


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def cluster(ear: Ear, folder: RunFolder) -> Iterator[Cluster]:
    cluster = Cluster(folder, Here(1), ear.messages.put)
    assert ear.messages.get(timeout=PATIENCE_S).kind == "joined"
    yield cluster
    began_s = time.monotonic()
    cluster.close()
    assert time.monotonic() - began_s < 20
    while not ear.messages.empty():
        assert not ear.messages.get().key


def collect(link: Link, folder: str) -> str:
    """A task: the next twenty words."""
    return " ".join(str(link.word(timeout_s=PATIENCE_S)) for _ in range(20))


def fail(link: Link, folder: str, why: str) -> None:
    """A task that cannot be done."""
    raise ValueError(why)


def test_strangers_are_refused(cluster: Cluster) -> None:
    """Whoever has no key hears nothing, and nobody from elsewhere is listened to."""
    ours = [psutil.Process(), *psutil.Process().children(recursive=True)]
    addresses = [a for p in ours for a in listening(p)]
    assert len(addresses) >= 3 and {a.ip for a in addresses} == {"127.0.0.1"}
    encrypted = []
    for address in addresses:
        answer = plain_answer(address)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 404")
        encrypted += [address.port] * (answer == b"")
        assert answer or stranger_answer(address) == b""
    # A process each: one with many clients whose loops still try hung now and then.
    for port in encrypted:
        command = [sys.executable, "-c", CLIENTS, str(port)]
        answers = subprocess.run(command, capture_output=True, text=True).stdout
        assert answers.split() == ["refused"] * 3


@pytest.mark.parametrize("wait_s", [0.0, 0.2, 0.5])
def test_who_is_closed_while_it_starts_leaves_nobody(
    folder: RunFolder, ear: Ear, wait_s: float
) -> None:
    """A budget may be spent before the workers are there."""
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    cluster = Cluster(folder, Here(2), ear.messages.put)
    time.sleep(wait_s)
    cluster.close()
    until(lambda: not ours() - before)


def ours() -> set[int]:
    """The workers among this process's children that live."""
    found = set()
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has just ended
            if "resource_tracker" not in " ".join(child.cmdline()):
                found.add(child.pid)
    return found


def test_words_come_in_order_also_before_a_task_begins(
    cluster: Cluster, ear: Ear
) -> None:
    cluster.submit("test_cluster:collect", "first")
    cluster.submit("test_cluster:collect", "second")
    words = [str(number) for number in range(20)]
    for key in ("second", "first"):
        for word in words:
            cluster.word(key, word)
    for key in ("first", "second"):
        assert ear.next() == (key, "started", None)
        assert ear.next() == (key, "done", " ".join(words))


def test_a_death_takes_nobody_along(cluster: Cluster, ear: Ear) -> None:
    """Dask fails all tasks of a dead worker, also those that had not begun."""
    for key in ("first", "second", "third"):
        cluster.submit("test_cluster:collect", key)
    assert ear.next() == ("first", "started", None)
    cluster.kill("third")
    assert ear.next() == ("third", "lost", "it had not begun")
    cluster.kill("first")
    key, kind, reason = ear.next()
    assert (key, kind) == ("first", "lost") and "ended abruptly" in reason
    assert ear.next() == ("second", "started", None)


def test_a_task_that_fails_says_why(cluster: Cluster, ear: Ear) -> None:
    cluster.submit("test_cluster:fail", "first", "no luck")
    cluster.submit("test_cluster:nothing", "second")
    assert ear.next() == ("first", "started", None)
    assert ear.next() == ("first", "lost", "ValueError: no luck")
    assert ear.next() == ("second", "started", None)
    key, kind, reason = ear.next()
    assert (key, kind) == ("second", "lost") and "nothing" in reason


def plain_answer(address: Any) -> bytes:
    """What somebody hears who does not encrypt."""
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(b"GET /info/main/workers.html HTTP/1.0\r\n\r\n")
        return received(connection)


def stranger_answer(address: Any) -> bytes:
    """What somebody hears who encrypts, trusts anybody and has no key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(address, timeout=5) as connection:
        try:
            with context.wrap_socket(connection) as line:
                return received(line)
        except OSError:
            return b""


def received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1024)
    except ConnectionError:
        return b""
