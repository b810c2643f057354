"""Files that are written at once or not at all, and JSON that knows all floats."""

from __future__ import annotations

import errno
import json
import math
import os
import uuid
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from notebook_automl.errors import RunFolderError

RUNS_VARIABLE = "NOTEBOOK_AUTOML_RUNS"


def write_json(path: Path, obj: Any, durable: bool = True) -> None:
    """Write a JSON file at once: a reader sees the old one or the new one.

    Args:
        path: The file; what is there is replaced.
        obj: Anything that ``encode`` takes.
        durable: Whether it waits for the disk, so that a reboot loses nothing.

    Raises:
        RunFolderError: The file cannot be written.
    """
    text = json.dumps(encode(obj), allow_nan=False, indent=1) + "\n"
    write_bytes(path, [text.encode("utf-8")], durable)


def write_text(path: Path, text: str) -> None:
    """Write a text file at once: a reader sees the old one or the new one.

    Args:
        path: The file; what is there is replaced.
        text: What it holds, in UTF-8.

    Raises:
        RunFolderError: The file cannot be written.
    """
    write_bytes(path, [text.encode("utf-8")])


def write_bytes(
    path: Path, parts: Iterable[bytes | array[float]], durable: bool = True
) -> None:
    """Write a file at once: a reader sees the old one or the new one.

    Args:
        path: The file; what is there is replaced.
        parts: What it holds, one after the other.
        durable: Whether it waits for the disk, so that a reboot loses nothing.

    Raises:
        RunFolderError: The file cannot be written.
    """
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        # As few calls as can be: in a kernel that computes each of them waits for the
        # interpreter, and a person waits for a command.
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            try:
                _write_all(descriptor, parts)
                if durable:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(aside, path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise folder_error("write", path, error) from error


def _write_all(descriptor: int, parts: Iterable[bytes | array[float]]) -> None:
    """Write everything: a write takes a part of it where a disk fills up."""
    rest = memoryview(b"".join(parts))
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def read_json(path: Path) -> Any:
    """Read what ``write_json`` wrote, its non-finite floats included.

    Args:
        path: The file.

    Returns:
        The object; tuples have become lists.

    Raises:
        RunFolderError: The file cannot be read, or is no JSON.
    """
    try:
        return json.loads(path.read_bytes(), object_hook=decode)
    except (OSError, ValueError) as error:
        raise folder_error("read", path, error) from error


def encode(obj: Any) -> Any:
    """Turn an object into what strict JSON can hold.

    JSON knows neither NaN nor infinity, and a page's ``JSON.parse`` refuses them. They
    become ``{"$float": "nan"}``, which no label that reads "nan" can be taken for.

    Args:
        obj: Dicts, lists, tuples, texts, numbers, also NumPy's scalars.

    Returns:
        The same in plain Python types.
    """
    if isinstance(obj, dict):
        return {key: encode(value) for key, value in obj.items()}
    if isinstance(obj, list | tuple):
        return [encode(value) for value in obj]
    if not isinstance(obj, str | int | float | None) and hasattr(obj, "item"):
        obj = obj.item()  # NumPy's scalars, without importing NumPy
    if isinstance(obj, float) and not math.isfinite(obj):
        return {"$float": str(float(obj))}
    return obj


def decode(obj: dict[str, Any]) -> Any:
    """Undo ``encode``; the ``object_hook`` of JSON's reader."""
    return float(str(obj["$float"])) if obj.keys() == {"$float"} else obj


def folder_error(doing: str, path: Path, error: Exception) -> RunFolderError:
    """Say what the operating system refused, and what to type next.

    Args:
        doing: "read", or what was to be done to the path.
        path: The file or folder concerned.
        error: Why it could not be done.

    Returns:
        The error, to be raised from ``error``.
    """
    reason = getattr(error, "strerror", None) or str(error).rstrip(".")
    field = "folder"
    if isinstance(error, OSError) and error.errno in (errno.EEXIST, errno.ENOTEMPTY):
        field, advice = "name", "Choose another name with Search(name=...)."
    elif doing == "read":
        advice = "List the runs that can be read with notebook_automl.runs()."
    else:
        advice = (
            "Choose a folder that can be written with Search(folder=...) "
            f"or the environment variable {RUNS_VARIABLE}."
        )
    return RunFolderError(f"Cannot {doing} {path}: {reason}. {advice}", field=field)
