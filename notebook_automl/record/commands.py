"""What is asked of a supervisor: a command is a file, written aside and renamed.

Any number of processes may send; the supervisor answers in the events. A command is
known by its id, the file's name: the same one twice is once.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from notebook_automl.errors import (
    RunFolderError,
    UnknownNameError,
    nearest,
    received,
)
from notebook_automl.record.files import folder_error, read_json, write_json
from notebook_automl.record.layout import RunFolder

Verb = Literal["stop", "pause", "resume", "extend"]
VERBS: tuple[str, ...] = get_args(Verb)
UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Command:
    """Something asked of a supervisor.

    Args:
        id: The name that its acknowledgement carries.
        verb: One of ``VERBS``, that of a newer version, or ``UNREADABLE``.
        arguments: What the verb needs, such as ``minutes``.
    """

    id: str
    verb: str
    arguments: dict[str, Any] = field(default_factory=dict)


def send(folder: RunFolder, verb: str, **arguments: Any) -> str:
    """Ask something of a run's supervisor, which need not live yet.

    Args:
        folder: The run.
        verb: One of ``VERBS``.
        **arguments: What the verb needs.

    Returns:
        The command's id.

    Raises:
        UnknownNameError: There is no such verb.
        RunFolderError: The command cannot be written.
    """
    if verb not in VERBS:
        raise UnknownNameError(
            f"Expected one of {', '.join(VERBS)}, {received(verb)}."
            f"{nearest(verb, VERBS)}"
        )
    command_id = f"{time.time_ns()}-{uuid.uuid4().hex}"
    content = {"verb": verb, "arguments": arguments}
    # Nobody waits for the disk: a command that is lost is not acknowledged.
    write_json(folder.commands / f"{command_id}.json", content, durable=False)
    return command_id


def pending(folder: RunFolder, done: Set[str]) -> list[Command]:
    """List what was asked and not yet done, oldest first.

    Args:
        folder: The run.
        done: The ids of the commands that were acknowledged.

    Returns:
        The commands; one whose file is damaged has the verb ``UNREADABLE``, so that it
        can be refused and is not met again.

    Raises:
        RunFolderError: The folder of commands cannot be read.
    """
    try:
        names = os.listdir(folder.commands)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise folder_error("read", folder.commands, error) from error
    # Files that are still written aside begin with a dot.
    ids = {
        n.removesuffix(".json") for n in names if n.endswith(".json") and n[0] != "."
    }
    return [_read(folder, command_id) for command_id in sorted(ids - done)]


def _read(folder: RunFolder, command_id: str) -> Command:
    try:
        content = read_json(folder.commands / f"{command_id}.json")
    except RunFolderError:
        return Command(command_id, UNREADABLE)
    match content:
        case {"verb": str(verb), "arguments": dict(arguments)}:
            return Command(command_id, verb, arguments)
    return Command(command_id, UNREADABLE)
