"""Reads a run's events while they are written, each of them once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from notebook_automl.record.events import Event, from_line
from notebook_automl.record.files import folder_error

# What is read at once: as events, a record of 250 MB would take gigabytes.
_PIECE_BYTES = 1_000_000


class Tail:
    """Reads a file of events again and again, each event once.

    Args:
        path: The file; it may not be there yet.
        offset: Where it begins, at a line's first byte.
        damaged: How many lines before could not be read.

    Attributes:
        offset: How many bytes were read; the next line begins there.
        damaged: How many lines could not be read, and were skipped.
    """

    def __init__(self, path: Path, offset: int = 0, damaged: int = 0) -> None:
        self._path = path
        self.offset, self.damaged = offset, damaged

    def read(self) -> list[Event]:
        """Read what is new since the last call.

        Returns:
            The events in the order of the file, without kinds that this version does
            not know. A last line that is half written is left for the next call.

        Raises:
            RunFolderError: The file is there and cannot be read.
        """
        return [event for piece in self.pieces() for event in piece]

    def pieces(self) -> Iterator[list[Event]]:
        """The same, a part of the file after the other.

        Raises:
            RunFolderError: The events cannot be read.
        """
        # No further than the size seen now, or a busy writer never lets us go.
        end = self._size()
        while self.offset < end and (lines := self._lines(end - self.offset)):
            yield [event for line in lines if (event := self._event(line)) is not None]

    def _event(self, line: bytes) -> Event | None:
        try:
            return from_line(line.decode("utf-8"))
        except ValueError:
            self.damaged += 1
            return None

    def _size(self) -> int:
        try:
            return os.stat(self._path).st_size
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise folder_error("read", self._path, error) from error

    def _lines(self, most: int) -> list[bytes]:
        """The next whole lines, at least one if there is one."""
        try:
            content = self._read(min(most, _PIECE_BYTES))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise folder_error("read", self._path, error) from error
        end = content.rfind(b"\n") + 1
        self.offset += end
        return content[:end].split(b"\n")[:-1]

    def _read(self, size: int) -> bytes:
        """So many bytes, or more if these hold no whole line."""
        # As few calls as can be: in a kernel that computes each of them waits for the
        # interpreter.
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            content = os.pread(descriptor, size, self.offset)
            while b"\n" not in content:
                more = os.pread(descriptor, size, self.offset + len(content))
                if not more:
                    break
                content += more
            return content
        finally:
            os.close(descriptor)
