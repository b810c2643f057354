"""A scheduler whose workers train: its address, and how one may speak to it."""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import urlsplit

from notebook_automl.errors import SearchError, received
from notebook_automl.record.files import read_json
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.lock import holder

INSECURE = "insecure+"
"""What a person puts before an address to say that anybody on the network may listen,
and run code."""
# Those of Dask's protocols that encrypt, and know who speaks.
_SAFE = ("tls", "wss", "gateway")
_OPEN = ("tcp", "ws")
_TLS = {
    "tls_ca_file": "tls_ca_file",
    "tls_client_cert": "tls_client_cert",
    "tls_client_key": "tls_client_key",
    # Gateway's own names.
    "tls_cert": "tls_client_cert",
    "tls_key": "tls_client_key",
}
_EXAMPLE = 'cluster="tls://host:8786"'


def check_cluster(cluster: Any) -> None:
    """Refuse what is no scheduler, and one to which nobody should speak.

    Args:
        cluster: An address, or an object of Dask's; None is this machine.

    Raises:
        SearchError: With what to type.
    """
    if cluster is None:
        return
    address = address_of(cluster)
    if address is None:
        raise SearchError(
            "Expected cluster to be the address of a Dask scheduler, or a Dask cluster "
            f"object that has one (scheduler_address), {received(cluster)}. Type "
            f"{_EXAMPLE}.",
            field="cluster",
        )
    scheme, port = _parts(address.removeprefix(INSECURE))
    if not port or scheme not in (*_SAFE, *_OPEN):
        raise SearchError(
            f"Expected cluster to be an address such as tls://host:8786, "
            f"{received(address)}. Type {_EXAMPLE}.",
            field="cluster",
        )
    if scheme in _OPEN and not address.startswith(INSECURE):
        raise SearchError(
            f"Expected cluster to be an address that encrypts (tls://), "
            f"{received(address)}: anybody who reaches it can read the data and run "
            "code on the workers. Start scheduler and workers with TLS (see "
            f'docs/cluster.md); on a network of your own type cluster="{INSECURE}'
            f'{address}".',
            field="cluster",
        )


def address_of(cluster: Any) -> str | None:
    """The address by which a cluster is recorded; None if it has none.

    Args:
        cluster: Of a `Search`.
    """
    if cluster is None or isinstance(cluster, str):
        return cluster or None
    address = getattr(cluster, "scheduler_address", None)
    return address if isinstance(address, str) and address else None


def keep_credentials(folder: RunFolder, cluster: Any) -> None:
    """Keep what a cluster object knows of its keys, while the run lasts.

    Args:
        folder: The run's.
        cluster: Of a `Search`. With an address Dask's own configuration is asked.
    """
    security = getattr(cluster, "security", None)
    found = {
        ours: value if "\n" in value else os.path.abspath(value)  # a text, or a path
        for theirs, ours in _TLS.items()
        if isinstance(value := getattr(security, theirs, None), str)
    }
    if found:
        # Gateway's certificate is its own authority.
        found.setdefault("tls_ca_file", found.get("tls_client_cert", ""))
        path = folder.credentials
        path.unlink(missing_ok=True)
        with open(path, "x", encoding="utf-8", opener=_for_its_owner) as file:
            json.dump(found, file)


def move(folder: RunFolder, cluster: Any) -> None:
    """Let a run go on at another cluster, or with other keys, unless it runs.

    Args:
        folder: The run's.
        cluster: Of a `Search`.
    """
    before = read_json(folder.search)
    if "cluster" in before and holder(folder) is None:
        address = address_of(cluster)
        if before["cluster"] != address:
            folder.decide(cluster=address)
            folder.credentials.unlink(missing_ok=True)  # those of the other one
        keep_credentials(folder, cluster)


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _parts(address: str) -> tuple[str, int]:
    """An address's protocol and port; nothing of what is none."""
    try:
        parts = urlsplit(address)
        return (parts.scheme, parts.port or 0) if parts.hostname else ("", 0)
    except ValueError:
        return "", 0
