"""A real Dask scheduler and real workers, which do not see the runs' folder."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from distributed import Security
from live import until

DASK = str(Path(sys.executable).with_name("dask"))
# In a mount namespace of its own an empty file system lies over the runs' folder.
HIDE = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs tmpfs "$0" && exec "$@"']


def certificate(folder: Path) -> dict[str, str]:
    """A key and what it signs, as files, in the terms of Dask's options."""
    made = Security.temporary()
    names = {"ca": "tls_ca_file", "cert": "tls_client_cert", "key": "tls_client_key"}
    folder.mkdir()
    for name, field_ in names.items():
        (folder / f"{name}.pem").write_text(getattr(made, field_))
    return {
        "--tls-ca-file": str(folder / "ca.pem"),
        "--tls-cert": str(folder / "cert.pem"),
        "--tls-key": str(folder / "key.pem"),
    }


@dataclass
class DaskCluster:
    """Processes as an administrator starts them.

    Args:
        root: A folder for theirs.
        runs: The folder that workers do not see.
    """

    root: Path
    runs: Path
    address: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.runs.mkdir(exist_ok=True)
        self.tls = certificate(self.root / "tls")
        options = [*("--protocol", "tls", "--host", "127.0.0.1", "--port", "0")]
        told = self.root / "scheduler.json"
        self.scheduler = self._start(
            "scheduler", *options, "--no-dashboard", "--scheduler-file", str(told)
        )
        until(lambda: told.exists() and told.read_text().endswith("}"))
        self.address = json.loads(told.read_text())["address"]

    def worker(self, name: str, *options: str, **env: str) -> subprocess.Popen[bytes]:
        """Start a worker with a nanny, in a folder of its own."""
        usual = ("--nworkers", "1", "--nthreads", "1", "--host", "127.0.0.1")
        scratch = ("--local-directory", str(self.root / name), "--no-dashboard")
        given = (self.address, *usual, *scratch, *options)
        return self._start("worker", *given, name=name, hide=True, **env)

    def _start(
        self,
        command: str,
        *options: str,
        name: str = "",
        hide: bool = False,
        **env: str,
    ) -> subprocess.Popen[bytes]:
        folder = self.root / (name or command)
        folder.mkdir()
        tls = [part for pair in self.tls.items() for part in pair]
        prefix: list[str] = []
        if hide and can_hide(self.runs):
            prefix = [*HIDE, str(self.runs)]
        elif hide:
            env["NOTEBOOK_AUTOML_COPY"] = "1"
        with (self.root / f"{name or command}.log").open("wb") as log:
            process = subprocess.Popen(
                [*prefix, DASK, command, *options, *tls],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), **env},
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def files(self, name: str) -> list[str]:
        """What our runs have left in a worker's folder."""
        found = (self.root / name).rglob("*notebook-automl*")
        return [str(path) for path in found]

    def log(self, name: str) -> str:
        """What a process said."""
        return (self.root / f"{name}.log").read_text()


def can_hide(folder: Path) -> bool:
    """Whether this machine allows namespaces to whoever runs the tests."""
    if shutil.which("unshare") is None:
        return False
    return (
        subprocess.run([*HIDE, str(folder), "true"], capture_output=True).returncode
        == 0
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it has started, at once."""
    with contextlib.suppress(psutil.Error):
        family = psutil.Process(process.pid)
        for each in [family, *family.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                each.kill()
    process.wait()


@contextlib.contextmanager
def dask_cluster(runs: Path | None = None) -> Iterator[DaskCluster]:
    """A scheduler; all that was started ends with it.

    Args:
        runs: The folder that its workers do not see; a new one if not given.
    """
    root = Path(tempfile.mkdtemp(prefix="dask-cluster-"))
    cluster = DaskCluster(root, runs or root / "runs")
    try:
        yield cluster
    finally:
        for process in cluster.processes:
            kill(process)
        shutil.rmtree(root)
