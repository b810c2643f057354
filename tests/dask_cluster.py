"""A real Dask scheduler and real workers, which do not see the runs' folder."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
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
        apart: Whether each worker has a network of its own, where this machine allows
            it: it reaches the scheduler, and no other worker.
    """

    root: Path
    runs: Path
    apart: bool = False
    address: str = ""
    networks: list[str] = field(default_factory=list)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.runs.mkdir(exist_ok=True)
        self.tls = certificate(self.root / "tls")
        host = "0.0.0.0" if self.apart else "127.0.0.1"
        options = [*("--protocol", "tls", "--host", host, "--port", "0")]
        told = self.root / "scheduler.json"
        self.scheduler = self._start(
            "scheduler", *options, "--no-dashboard", "--scheduler-file", str(told)
        )
        until(lambda: told.exists() and told.read_text().endswith("}"))
        address = json.loads(told.read_text())["address"]
        self.address = f"tls://127.0.0.1:{address.rpartition(':')[2]}"

    def worker(self, name: str, *options: str, **env: str) -> subprocess.Popen[bytes]:
        """Start a worker with a nanny, in a folder of its own."""
        network = own_network() if self.apart else None
        address, host, prefix = self.address, "127.0.0.1", []
        if network is not None:
            self.networks.append(network[0])
            address, host = address.replace(host, f"{network[1]}.1"), f"{network[1]}.2"
            prefix = ["ip", "netns", "exec", network[0]]
        if can_hide(self.runs):
            prefix = [*prefix, *HIDE, str(self.runs)]
        else:
            env["NOTEBOOK_AUTOML_COPY"] = "1"
        usual = ("--nworkers", "1", "--nthreads", "1", "--host", host)
        scratch = ("--local-directory", str(self.root / name), "--no-dashboard")
        given = (address, *usual, *scratch, *options)
        return self._start("worker", *given, name=name, prefix=prefix, **env)

    def _start(
        self,
        command: str,
        *options: str,
        name: str = "",
        prefix: Sequence[str] = (),
        **env: str,
    ) -> subprocess.Popen[bytes]:
        folder = self.root / (name or command)
        folder.mkdir()
        tls = [part for pair in self.tls.items() for part in pair]
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


def own_network() -> tuple[str, str] | None:
    """A network's name and first numbers; None where this machine allows none.

    Its gateway, here, is .1; who is inside is .2.
    """
    if shutil.which("ip") is None:
        return None
    name, inside = f"na{secrets.token_hex(4)}", ["ip", "netns", "exec"]
    numbers = f"10.{secrets.randbelow(100) + 100}.{secrets.randbelow(256)}"
    commands = [
        ["ip", "netns", "add", name],
        [*("ip", "link", "add", name, "type", "veth"), "peer", "eth0", "netns", name],
        ["ip", "addr", "add", f"{numbers}.1/24", "dev", name],
        ["ip", "link", "set", name, "up"],
        [*inside, name, "ip", "addr", "add", f"{numbers}.2/24", "dev", "eth0"],
        [*inside, name, "ip", "link", "set", "eth0", "up"],
        [*inside, name, "ip", "link", "set", "lo", "up"],
    ]
    for command in commands:
        if subprocess.run(command, capture_output=True).returncode != 0:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
            return None
    return name, numbers


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it has started, at once."""
    with contextlib.suppress(psutil.Error):
        family = psutil.Process(process.pid)
        for each in [family, *family.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                each.kill()
    process.wait()


@contextlib.contextmanager
def dask_cluster(
    runs: Path | None = None, apart: bool = False
) -> Iterator[DaskCluster]:
    """A scheduler; all that was started ends with it.

    Args:
        runs: The folder that its workers do not see; a new one if not given.
        apart: Whether each worker has a network of its own.
    """
    root = Path(tempfile.mkdtemp(prefix="dask-cluster-"))
    cluster = DaskCluster(root, runs or root / "runs", apart)
    try:
        yield cluster
    finally:
        for process in cluster.processes:
            kill(process)
        for network in cluster.networks:
            subprocess.run(["ip", "netns", "del", network], check=True)
        shutil.rmtree(root)
