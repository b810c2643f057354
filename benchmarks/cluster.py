"""What limits a search on many workers: messages, and files on their way.

Trials that do nothing but report epochs are heard and written as a supervisor does it,
and a file goes through a scheduler, encrypted, to workers that have no disk in common
with it. Prints a table.

    python benchmarks/cluster.py --epochs 20000 --mib 128
"""

from __future__ import annotations

import argparse
import itertools
import os
import queue
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from notebook_automl.record.layout import RunFolder
from notebook_automl.record.reader import RunState
from notebook_automl.record.writer import EventWriter
from notebook_automl.workers._dask import Here
from notebook_automl.workers.budget import Clock, Costs
from notebook_automl.workers.cluster import Cluster, Message
from notebook_automl.workers.link import Link
from notebook_automl.workers.pool import Pool
from notebook_automl.workers.running import Patience, Running

TRIALS, TOLD = 1000, 2000
METRICS = {"loss": 0.5, "accuracy": 0.8, "val_loss": 0.6, "val_accuracy": 0.7}


def heard(epochs: int, folder: RunFolder) -> float:
    """Messages of epochs a second: taken in, written, folded."""
    search = {"metric": "accuracy", "mode": "max", "epochs": 1000}
    state = RunState(attempt=1)
    with EventWriter(folder.events) as writer:

        def emit(kind: Any, **fields: Any) -> None:
            event = kind(time_s=time.time(), attempt=1, **fields)
            writer.append(event)
            state.apply(event)

        study: Any = SimpleNamespace(report=lambda *_: "")
        cluster: Any = None
        parts = folder, 1, search, state, emit, study, cluster, None, 1.0
        pool = Pool(*parts, Costs(), Clock(), Patience())
        pool.running = {str(n): Running(n, 0.0) for n in range(TRIALS)}
        began_s = time.perf_counter()
        for number in range(epochs):
            fields = {"epoch": number // TRIALS + 1, "metrics": METRICS, "seconds": 1.0}
            message = Message(str(number % TRIALS), "epoch", fields, time.time())
            if number < TRIALS:
                started = {"worker": "w", "name": "w"}
                pool.hear(Message(message.key, "started", started))
            pool.hear(message)
        return epochs / (time.perf_counter() - began_s)


def nothing(link: Link, folder: str) -> None:
    """A task."""


def chatter(link: Link, folder: str, count: int) -> None:
    """A task that tells much."""
    for number in range(count):
        link.tell("epoch", epoch=number, metrics=METRICS, seconds=1.0)


def moved(mib: int, folder: RunFolder) -> tuple[float, float, float]:
    """MiB a second from here to a worker, and from that one to another one; messages a
    second from both."""
    (folder.data / "x.npy").write_bytes(os.urandom(mib * 2**20))
    inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
    cluster = Cluster(folder, Here(2), inbox.put)

    def run(count: int, entry: str, *args: Any, needs: tuple[str, ...] = ()) -> float:
        began_s = time.perf_counter()
        for _ in range(count):
            key = f"{entry}-{next(keys)}"
            cluster.submit(f"cluster:{entry}", key, *args, needs=needs)
        ended = 0
        while ended < count:
            ended += inbox.get().kind in ("done", "lost")
        return time.perf_counter() - began_s

    keys = itertools.count()
    while cluster.ready < 2:
        time.sleep(0.1)
    run(2, "nothing")
    first_s = run(1, "nothing", needs=("data",))
    second_s = run(2, "nothing", needs=("data",))  # one of them has it
    told_s = run(2, "chatter", TOLD)
    cluster.close()
    return mib / first_s, mib / second_s, 2 * TOLD / told_s


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--epochs", type=int, default=20_000)
    parser.add_argument("--mib", type=int, default=128)
    options = parser.parse_args()
    # Workers on this very machine get a copy all the same, and find this file.
    os.environ["NOTEBOOK_AUTOML_COPY"] = "1"
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    )
    here, there, told = _new(moved, options.mib)
    rows = {
        "epochs heard, written and folded, a second": _new(heard, options.epochs),
        "messages from two workers, a second": told,
        "MiB a second, from the supervisor to a worker": here,
        "MiB a second, from a worker to another one": there,
    }
    print("| what | measured |\n| --- | --: |")
    for what, measured in rows.items():
        print(f"| {what} | {measured:,.0f} |")


def _new(measure: Any, *args: Any) -> Any:
    with tempfile.TemporaryDirectory() as name:
        folder = RunFolder(Path(name) / "runs" / "run")
        folder.create()
        return measure(*args, folder)


if __name__ == "__main__":
    main()
