"""Appends events to a run's record, whole lines only.

One process writes: the one that holds the run's lock.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from notebook_automl.record.events import Event, to_line
from notebook_automl.record.files import folder_error

_CHUNK_BYTES = 65_536


class EventWriter:
    """Appends to a file of events; what a dead writer left half written is cut.

    Args:
        path: The file, made if it is not there.

    Raises:
        RunFolderError: The file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        try:
            self._descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            raise folder_error("write", path, error) from error
        try:
            self._written = _end_of_last_line(self._descriptor)
            os.ftruncate(self._descriptor, self._written)
        except OSError as error:
            self.close()
            raise folder_error("write", path, error) from error

    def __enter__(self) -> EventWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def append(self, event: Event) -> None:
        """Write one event, and wait until other hosts and a reboot would see it.

        Args:
            event: What happened.

        Raises:
            RunFolderError: The line cannot be written, say on a full disk. Nothing of
                it stays, so the same event may be appended again.
        """
        line = to_line(event).encode("ascii")
        try:
            write_whole(self._descriptor, line)
            os.fsync(self._descriptor)
            self._written += len(line)
        except OSError as error:
            raise folder_error("write", self._path, error) from error

    @property
    def offset(self) -> int | None:
        """The file's length in bytes; None if somebody else writes to it, too."""
        size = os.fstat(self._descriptor).st_size
        return size if size == self._written else None

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def _end_of_last_line(descriptor: int) -> int:
    """Find the number of bytes up to and with the last newline."""
    end = os.fstat(descriptor).st_size
    while end > 0:
        start = max(0, end - _CHUNK_BYTES)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def write_whole(descriptor: int, content: bytes) -> None:
    """Append all of it to a file, or nothing.

    Args:
        descriptor: Of the file, open for appending.
        content: What is appended.

    Raises:
        OSError: It cannot be written, say on a full disk.
    """
    rest = memoryview(content)
    size = os.fstat(descriptor).st_size
    try:
        # One write, unless the disk fills up: then it takes a part, and the next write
        # says why.
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError:
        os.ftruncate(descriptor, size)
        raise
