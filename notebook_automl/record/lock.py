"""Who holds a run. The one file with calls that only POSIX systems have.

The kernel of the operating system drops an ``flock`` when its process ends, however it
ends: a lock that is held names a supervisor that lives, on any host that shares the
folder. The heartbeat beside it says which one, since when, and when it last got on.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType

from notebook_automl.errors import HelperError, RunFolderError, RunHeldError
from notebook_automl.record.files import folder_error, read_json, write_json
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.snapshot import read_state

# Whoever asks for the holder holds the lock for microseconds: wait for that long.
_PROBE_TIMEOUT_S = 0.5
# Between taking the lock and writing its heartbeat a holder reads its old events.
_HEARTBEAT_TIMEOUT_S = 2.0
_RETRY_S = 0.01
# A tenth of what another process gets where cores are short: last, and not starved.
_NICENESS = 10


@dataclass(frozen=True)
class Holder:
    """The process that holds a run; times in Unix seconds.

    Args:
        host: Its host's name.
        boot_id: The boot of that host, "" where the system does not tell.
        pid: Its number there.
        start_time_s: When it took the run.
        time_s: Its last heartbeat.
        attempt: Its attempt at the run, from 1.
    """

    host: str
    boot_id: str
    pid: int
    start_time_s: float
    time_s: float
    attempt: int


class RunLock:
    """Holds a run for as long as the context is open.

    Args:
        folder: The run.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._lock = contextlib.ExitStack()
        self._holder: Holder | None = None

    @property
    def attempt(self) -> int:
        """The number of this attempt at the run, from 1.

        Raises:
            RuntimeError: The run is not held.
        """
        return self._held().attempt

    def __enter__(self) -> RunLock:
        """Take the run.

        Raises:
            RunHeldError: Another process holds it.
            RunFolderError: The lock or the heartbeat cannot be written.
        """
        with contextlib.ExitStack() as undo:
            if not self._take(undo):
                raise _held_error(self._folder)
            now_s = time.time()
            self._holder = Holder(
                host=socket.gethostname(),
                boot_id=_boot_id(),
                pid=os.getpid(),
                start_time_s=now_s,
                time_s=now_s,
                attempt=read_state(self._folder).attempt + 1,
            )
            self.beat()
            self._lock = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the run go."""
        self._holder = None
        self._lock.close()

    def beat(self) -> None:
        """Write that the holder lives.

        Raises:
            RunFolderError: The heartbeat cannot be written.
        """
        self._holder = replace(self._held(), time_s=time.time())
        write_json(self._folder.heartbeat, asdict(self._holder), durable=False)

    def _held(self) -> Holder:
        if self._holder is None:
            raise RuntimeError(
                "The run is not held. Use it inside `with RunLock(...)`."
            )
        return self._holder

    def _take(self, undo: contextlib.ExitStack) -> bool:
        try:
            # Python opens with O_CLOEXEC: a child that outlives us holds nothing.
            descriptor = os.open(self._folder.lock, os.O_RDWR | os.O_CREAT, 0o600)
            undo.callback(os.close, descriptor)
            deadline_s = time.monotonic() + _PROBE_TIMEOUT_S
            while not _flock(descriptor, fcntl.LOCK_EX):
                if time.monotonic() > deadline_s:
                    return False
                time.sleep(_RETRY_S)
            # Nobody may take the heartbeat of a dead holder for ours.
            self._folder.heartbeat.unlink(missing_ok=True)
        except OSError as error:
            raise folder_error("lock", self._folder.lock, error) from error
        return True


def holder(folder: RunFolder) -> Holder | None:
    """Say who holds a run.

    Args:
        folder: The run.

    Returns:
        The process that holds it, or ``None`` if nobody does.

    Raises:
        RunFolderError: The lock cannot be read, or its holder does not say who it is.
    """
    deadline_s = time.monotonic() + _HEARTBEAT_TIMEOUT_S
    while _is_held(folder):
        try:
            return Holder(**read_json(folder.heartbeat))
        except (RunFolderError, TypeError) as error:
            if time.monotonic() > deadline_s:
                raise folder_error("read", folder.heartbeat, error) from error
        time.sleep(_RETRY_S)
    return None


def claim(path: Path, text: str) -> int | None:
    """Hold a file of one's own, for as long as the descriptor is open.

    Args:
        path: The file; it and its folder are made.
        text: Who holds it, for those who cannot.

    Returns:
        The descriptor, to be closed; None if another process holds the file.

    Raises:
        RunFolderError: It cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Nobody else may have put a link there.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
        if not _flock(descriptor, fcntl.LOCK_EX):
            os.close(descriptor)
            return None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, text.encode())
    except OSError as error:
        raise folder_error("write", path, error) from error
    return descriptor


def claimed_by(path: Path) -> str:
    """What the holder of a claimed file says; empty if there is nothing to read."""
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""


def spawn_detached(
    args: Sequence[str], env: Mapping[str, str], log_path: Path, keep_stdin: bool
) -> subprocess.Popen[bytes]:
    """Start a process that outlives this one, its terminal and its Ctrl-C.

    Args:
        args: Program and arguments.
        env: The whole environment.
        log_path: The file that takes what it prints, at its end.
        keep_stdin: Whether its input is a pipe from here, else it is empty.

    Returns:
        The process, the leader of a session and process group of its own.

    Raises:
        RunFolderError: The log cannot be written.
        HelperError: The program cannot be started.
    """
    try:
        log = open(log_path, "ab")
    except OSError as error:
        raise folder_error("write", log_path, error) from error
    with log:
        try:
            return subprocess.Popen(
                list(args),
                env=dict(env),
                stdin=subprocess.PIPE if keep_stdin else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                close_fds=True,
            )
        except OSError as error:
            raise HelperError(
                f"Expected a program that can be started, got {args[0]!r}: "
                f"{error.strerror}. Check the Python installation."
            ) from error


def let_others_first() -> None:
    """Give this process the processor after others: what it does takes minutes anyway.

    So a kernel, a supervisor and a browser on the same cores answer at once.
    """
    os.nice(max(0, _NICENESS - os.nice(0)))
    # Linux may weigh sessions before what is in them: it needs one of its own.
    with contextlib.suppress(OSError):  # it has one already; or not Linux
        os.setsid()
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(_NICENESS), encoding="ascii")


def _is_held(folder: RunFolder) -> bool:
    try:
        # Shared and read-only: askers do not meet each other, and may only read.
        descriptor = os.open(folder.lock, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise folder_error("read", folder.lock, error) from error
    try:
        return not _flock(descriptor, fcntl.LOCK_SH)
    except OSError as error:
        raise folder_error("lock", folder.lock, error) from error
    finally:
        os.close(descriptor)  # which gives the lock back


def _flock(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _held_error(folder: RunFolder) -> RunHeldError:
    other = None
    with contextlib.suppress(RunFolderError):  # held all the same
        other = holder(folder)
    who = f"process {other.pid} on {other.host}" if other else "another process"
    return RunHeldError(
        f"Expected a run that nobody holds, but {folder.name!r} is held by {who}. "
        f"Watch it with notebook_automl.attach({folder.name!r}), or stop it first.",
        field="name",
        host=other.host if other else "",
        pid=other.pid if other else None,
    )


def _boot_id() -> str:
    try:
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:  # not Linux
        return ""
    return boot_id.strip()
