"""What trains: a CPU, GPUs, or several of them for each trial."""

from __future__ import annotations

from typing import Any

from notebook_automl.errors import SearchError, nearest, received
from notebook_automl.record.schema import Schema
from notebook_automl.source.backends import BACKENDS
from notebook_automl.tasks._task import Split
from notebook_automl.workers.devices import devices
from notebook_automl.workers.queueing import crowded

DEVICES = ("auto", "cpu", "gpu")


def check_device(device: Any) -> None:
    """Refuse what is no kind of device.

    Args:
        device: What came.

    Raises:
        SearchError: With what there is.
    """
    if not isinstance(device, str) or device not in DEVICES:
        raise SearchError(
            f"Expected device to be one of {', '.join(DEVICES)}, "
            f"{received(device)}.{nearest(device, DEVICES)} "
            'Type device="auto".',
            field="device",
        )


def chosen_device(search: Any, backend: str) -> str:
    """What trains; of a cluster the first worker will tell what "auto" means.

    Args:
        search: A `Search`.
        backend: What Keras computes with.

    Raises:
        SearchError: There is no such device, or it has no free memory.
    """
    if search.cluster is not None:
        return str(search.device)
    found = devices(backend)
    if search.device == "gpu" and not found.gpus:
        raise SearchError(
            f'Expected a GPU for device="gpu", got none. {found.why_no_gpu} '
            'Or type device="auto".',
            field="device",
        )
    if not found.gpus or search.device == "cpu":
        return "cpu"
    if full := crowded(found.gpus):
        raise SearchError(
            f"Expected a GPU with free memory for device={search.device!r}, got "
            f'none: {full}. End what holds it, or type device="cpu".',
            field="device",
        )
    return "gpu"


def check_devices(
    search: Any, schema: Schema, split: Split, backend: str, device: str
) -> None:
    """Refuse several devices a trial where a batch cannot be shared among them.

    Args:
        search: A `Search`.
        schema: Of its data.
        split: How its rows are divided.
        backend: What Keras computes with.
        device: "cpu" or "gpu".

    Raises:
        SearchError: The backend, the batch size, the validation or the machine.
    """
    number = search.devices_per_trial
    if number == 1:
        return
    batches, rows = _batch_sizes(search), _fewest_rows(schema, split)
    gpus = len(devices(backend).gpus) if device == "gpu" else number
    whole = number * max(1, search.batch_size // number)
    for refused, expected, got, type_ in (
        (
            not BACKENDS[backend].shares,
            "the backend that shares batches among devices, JAX,",
            f"backend={backend!r}",
            'backend="jax"',
        ),
        (
            bool(schema.inputs),
            "one input and one output",
            f"several ({type(search.data).__name__})",
            "devices_per_trial=1",
        ),
        (search.folds, "no folds", f"folds={search.folds!r}", "devices_per_trial=1"),
        (
            search.cluster is not None,
            "workers on this machine",
            f"cluster={search.cluster!r}",
            "devices_per_trial=1",
        ),
        (
            batches is None or any(size % number for size in batches),
            f"batch sizes that {number} divides",
            f"{batches or (search.space or {}).get('batch_size')!r}",
            f"batch_size={whole}",
        ),
        (
            rows < number,
            f"{number} training and validation rows or more, one a device,",
            rows,
            f"devices_per_trial={max(1, rows)}",
        ),
        (gpus < number, f"{number} GPUs", gpus, f"devices_per_trial={max(1, gpus)}"),
    ):
        if refused:
            raise SearchError(
                f"Expected {expected} for devices_per_trial={number}, got {got}. Type "
                f"{type_}.",
                field="devices_per_trial",
            )


def _fewest_rows(schema: Schema, split: Split) -> int:
    """Rows of the smaller one of the sets for training and validation, or all rows
    where groups of any size are drawn."""
    if schema.groups:
        return schema.rows
    drawn = schema.rows - sum(schema.own)
    train = drawn - split.validation_rows - split.test_rows
    return min(train, schema.own[0] or split.validation_rows)


def _batch_sizes(search: Any) -> list[int] | None:
    """The batch sizes that a search may choose; None if they are not listed."""
    left = (search.space or {}).get("batch_size", search.batch_size)
    if isinstance(left, int):
        return [left]
    return list(left) if isinstance(left, list | tuple) else None
