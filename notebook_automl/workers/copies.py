"""Files that go to a worker that does not see the run's folder, and come back from it.

Both ways are one: a side reads pieces of files, the other one writes them and checks
what it wrote. A file is there whole or not at all, and no more than a piece of it is in
memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from notebook_automl.errors import RunFolderError

# A message of a few megabytes: large enough that its way does not count, small enough
# for the memory of a scheduler through which many pass.
_PIECE_BYTES = 4 * 2**20
_ASIDE = ".arriving-"


class Stamp(NamedTuple):
    """By what a changed file is known.

    Args:
        bytes: Its size.
        changed_ns: When it was changed, on its own machine's clock.
    """

    bytes: int
    changed_ns: int


class Span(NamedTuple):
    """A part of a file, by its name below a folder."""

    name: str
    begin: int
    bytes: int
    last: bool


class Piece(NamedTuple):
    """The same with what it holds; the last one knows the whole file's checksum."""

    name: str
    begin: int
    content: bytes
    digest: str
    changed_ns: int


def stamps(folder: str | Path, below: Iterable[str] = ("",)) -> dict[str, Stamp]:
    """All files in a folder, without those that are still being written.

    Args:
        folder: Where.
        below: Files and folders in it, by their names.

    Returns:
        Each file's stamp by its name with slashes, the last changed last.
    """
    root, found = Path(folder), {}
    for start in (root / name for name in below):
        paths = [start] if start.is_file() else start.rglob("*")
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                status = path.lstat()
                if path.is_file() and not path.is_symlink() and path.name[0] != ".":
                    name = path.relative_to(root).as_posix()
                    found[name] = Stamp(status.st_size, status.st_mtime_ns)
    return dict(sorted(found.items(), key=lambda item: (item[1].changed_ns, item[0])))


def spans(files: Mapping[str, Stamp]) -> Iterator[list[Span]]:
    """Divide files into parts, as many as make a message.

    Args:
        files: From `stamps`.
    """
    message: list[Span] = []
    room = _PIECE_BYTES
    for name, stamp in files.items():
        begin, last = 0, False
        while not last:
            size = min(room, stamp.bytes - begin)
            last = begin + size == stamp.bytes
            message.append(Span(name, begin, size, last))
            begin, room = begin + size, room - size
            if room <= 0:
                yield message
                message, room = [], _PIECE_BYTES
    if message:
        yield message


def read(folder: str | Path, wanted: Iterable[Span]) -> list[Piece]:
    """Read parts of files.

    Args:
        folder: Where the files are.
        wanted: Their parts.
    """
    pieces = []
    for span in wanted:
        with _inside(folder, span.name).open("rb") as file:
            file.seek(span.begin)
            content, digest = file.read(span.bytes), ""
            changed_ns = os.fstat(file.fileno()).st_mtime_ns
            if span.last:
                file.seek(0)
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        pieces.append(Piece(span.name, span.begin, content, digest, changed_ns))
    return pieces


def write(folder: str | Path, pieces: Iterable[Piece]) -> dict[str, Stamp]:
    """Write parts of files; one whose last part has come is there from then on.

    Args:
        folder: Where they go; it must be there.
        pieces: In the order of each file.

    Returns:
        The stamps of the files that are whole now.

    Raises:
        RunFolderError: Something else has arrived than was sent.
    """
    whole = {}
    for piece in pieces:
        path = _inside(folder, piece.name)
        aside = path.with_name(_ASIDE + path.name)
        if piece.begin == 0:
            _make(Path(folder), path.parent)
        with aside.open("wb" if piece.begin == 0 else "ab") as file:
            file.write(piece.content)
        if piece.digest:
            whole[piece.name] = _finish(aside, path, piece)
    return whole


def remove(folder: str | Path, names: Iterable[str]) -> None:
    """Remove files and folders that may be gone already.

    Args:
        folder: Where they are.
        names: Of each; "" is the whole folder.
    """
    for name in names:
        path = _inside(folder, name) if name else Path(folder)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _finish(aside: Path, path: Path, piece: Piece) -> Stamp:
    """Put a file in its place, if it is what was sent."""
    with aside.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != piece.digest:
        aside.unlink()
        raise RunFolderError(
            f"Expected {piece.name} as it was sent (SHA-256 {piece.digest[:12]}), got "
            f"other bytes ({digest[:12]}): it was changed on its way, or while it was "
            "read."
        )
    os.utime(aside, ns=(piece.changed_ns, piece.changed_ns))
    os.replace(aside, path)
    status = path.stat()
    return Stamp(status.st_size, status.st_mtime_ns)


def _inside(folder: str | Path, name: str) -> Path:
    """The path of a name, which may not leave the folder."""
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts or not parts.parts:
        raise RunFolderError(f"Expected a name inside the folder, got {name!r}.")
    return Path(folder, *parts.parts)


def _make(root: Path, folder: Path) -> None:
    """Make a folder and those above it, but not the root: a run that was deleted must
    not come back."""
    if folder != root:
        _make(root, folder.parent)
        folder.mkdir(exist_ok=True)
