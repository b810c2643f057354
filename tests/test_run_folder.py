"""The run folder: who holds it, what it is asked, and disks that refuse it."""

from __future__ import annotations

import fcntl
import math
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

from notebook_automl.errors import (
    RunFolderError,
    RunHeldError,
    RunNotFoundError,
    UnknownNameError,
)
from notebook_automl.record.commands import UNREADABLE, pending, send
from notebook_automl.record.events import RunPaused
from notebook_automl.record.files import read_json, write_json
from notebook_automl.record.layout import RunFolder, runs_folder
from notebook_automl.record.lock import RunLock, holder, spawn_detached
from notebook_automl.record.tail import Tail
from notebook_automl.record.writer import EventWriter

NAN, INF = math.nan, math.inf

Start = Callable[..., "subprocess.Popen[str]"]


def output(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout


HOLD = """
import sys
from pathlib import Path
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.lock import RunLock

with RunLock(RunFolder(Path(sys.argv[1]))) as lock:
    print("held", flush=True)
    for line in sys.stdin:
        lock.beat()
        print("beaten", flush=True)
"""


class TestLock:
    def test_one_process_holds_a_run_until_it_dies(
        self, folder: RunFolder, start: Start
    ) -> None:
        assert holder(folder) is None
        process = start(HOLD, folder.path)
        assert output(process).readline() == "held\n"
        found = holder(folder)
        assert found is not None and found.pid == process.pid
        assert found.attempt == 1 and found.start_time_s <= found.time_s
        with pytest.raises(RunHeldError, match=f"process {process.pid} on") as caught:
            RunLock(folder).__enter__()
        assert (caught.value.pid, caught.value.host) == (found.pid, found.host)
        process.kill()
        process.wait()
        assert holder(folder) is None
        with RunLock(folder) as lock:
            assert lock.attempt == 1
            again = holder(folder)
            assert again is not None and again.pid == os.getpid()
        assert holder(folder) is None

    def test_a_beat_moves_only_the_time(self, folder: RunFolder, start: Start) -> None:
        process = start(HOLD, folder.path)
        output(process).readline()
        before = holder(folder)
        assert process.stdin is not None
        process.stdin.write("beat\n")
        process.stdin.flush()
        output(process).readline()
        after = holder(folder)
        assert before is not None and after is not None
        assert after.time_s > before.time_s
        assert after.start_time_s == before.start_time_s

    def test_the_attempt_follows_the_record(self, folder: RunFolder) -> None:
        with EventWriter(folder.events) as writer:
            writer.append(RunPaused(time_s=0.0, attempt=3))
        with RunLock(folder) as lock:
            assert lock.attempt == 4
        with pytest.raises(RuntimeError, match="not held"):
            lock.beat()

    def test_a_child_that_lives_on_holds_nothing(
        self, folder: RunFolder, start: Start
    ) -> None:
        code = HOLD.replace(
            'print("held"',
            "import subprocess\n"
            "    child = subprocess.Popen(['sleep', '60'], close_fds=False)\n"
            "    print(child.pid",
        )
        process = start(code, folder.path)
        child = int(output(process).readline())
        try:
            assert holder(folder) is not None
            process.kill()
            process.wait()
            assert holder(folder) is None
        finally:
            os.kill(child, signal.SIGKILL)

    def test_who_asks_is_no_holder_and_keeps_nobody_out(
        self, folder: RunFolder
    ) -> None:
        asker = os.open(folder.lock, os.O_RDONLY | os.O_CREAT)
        fcntl.flock(asker, fcntl.LOCK_SH)
        assert holder(folder) is None
        threading.Timer(0.1, os.close, [asker]).start()
        with RunLock(folder):
            assert holder(folder) is not None

    def test_a_dead_holder_is_never_taken_for_one_that_did_not_say_its_name(
        self, folder: RunFolder, start: Start
    ) -> None:
        with RunLock(folder):
            pass  # leaves its heartbeat
        # Opening it holds the next one up between its lock and its heartbeat.
        os.mkfifo(folder.snapshot)
        start(HOLD, folder.path)
        deadline_s = time.monotonic() + 20
        while folder.heartbeat.exists():
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
        with pytest.raises(RunHeldError, match="held by another process"):
            RunLock(folder).__enter__()

    def test_a_detached_process_has_its_own_session_and_log(
        self, tmp_path: Path, env: dict[str, str]
    ) -> None:
        log = tmp_path / "supervisor.log"
        log.write_text("before\n")
        code = "import os, sys; print(os.getsid(0) == os.getpid(), sys.stdin.read())"
        args = [sys.executable, "-c", code]
        spawn_detached(args, env, log, keep_stdin=False).wait()
        spawn_detached(args, env, log, keep_stdin=True).communicate(b"asked")
        assert log.read_text() == "before\nTrue \nTrue asked\n"


SEND = """
import sys
from pathlib import Path
from notebook_automl.record.commands import send
from notebook_automl.record.layout import RunFolder

for number in range(20):
    print(send(RunFolder(Path(sys.argv[1])), "extend", trials=number), flush=True)
"""


class TestCommands:
    def test_several_processes_send_while_one_reads(
        self, folder: RunFolder, start: Start
    ) -> None:
        senders = [start(SEND, folder.path) for _ in range(3)]
        done: set[str] = set()
        received: dict[str, dict[str, Any]] = {}
        while any(sender.poll() is None for sender in senders) or pending(folder, done):
            for command in pending(folder, done):
                assert command.verb == "extend" and command.id not in received
                received[command.id] = command.arguments
                done.add(command.id)
        sent = [output(sender).read().split() for sender in senders]
        assert sorted(received) == sorted(id for ids in sent for id in ids)
        for ids in sent:
            assert [received[id]["trials"] for id in ids] == [*range(20)]
            assert ids == sorted(ids)

    def test_order_is_time_and_done_is_left_out(self, folder: RunFolder) -> None:
        ids = [send(folder, verb) for verb in ("pause", "resume", "stop", "stop")]
        assert [command.id for command in pending(folder, set())] == ids
        left = pending(folder, set(ids[:3]))
        assert [(command.id, command.verb) for command in left] == [(ids[3], "stop")]

    def test_arguments_come_back(self, folder: RunFolder) -> None:
        send(folder, "extend", minutes=0.5, trials=None)
        assert pending(folder, set())[0].arguments == {"minutes": 0.5, "trials": None}

    @pytest.mark.parametrize("content", ["", '{"verb"', "[]", '{"verb": "stop"}', "\0"])
    def test_a_damaged_command_is_unreadable(
        self, folder: RunFolder, content: str
    ) -> None:
        (folder.commands / "1-a.json").write_text(content)
        (folder.commands / ".2-b.json.aside").write_text("half")
        command_id = send(folder, "stop")
        first, second = pending(folder, set())
        assert (first.id, first.verb) == ("1-a", UNREADABLE)
        assert (second.id, second.verb) == (command_id, "stop")

    def test_an_unknown_verb_is_refused(self, folder: RunFolder) -> None:
        with pytest.raises(UnknownNameError, match=r"'stpo' \(str\).*mean 'stop'"):
            send(folder, "stpo")

    def test_no_folder_has_no_commands(self, tmp_path: Path) -> None:
        folder = RunFolder(tmp_path / "none")
        assert pending(folder, set()) == []
        with pytest.raises(RunFolderError):
            send(folder, "stop")


READ_JSON = """
import sys
from pathlib import Path
from notebook_automl.record.files import read_json

print("reading", flush=True)
while True:
    assert len(set(read_json(Path(sys.argv[1])))) == 1
"""

READ_ONLY = """
import sys
from pathlib import Path
from notebook_automl.errors import RunFolderError
from notebook_automl.record.commands import send
from notebook_automl.record.files import write_json
from notebook_automl.record.layout import RunFolder
from notebook_automl.record.lock import RunLock, holder
from notebook_automl.record.writer import EventWriter

folder = RunFolder(Path(sys.argv[1]) / "run")
if sys.argv[2] == "fill":
    folder.create()
    RunLock(folder).__enter__().__exit__(None, None, None)
    sys.exit()
print(holder(folder))
for act in (
    RunFolder(folder.path.parent / "other").create,
    folder.trial(0).create,
    folder.delete,
    RunLock(folder).__enter__,
    lambda: EventWriter(folder.events),
    lambda: send(folder, "stop"),
    lambda: write_json(folder.search, {}),
):
    try:
        act()
    except RunFolderError as error:
        print(error)
"""


class TestLayout:
    def test_a_run_folder_is_its_owners_and_unknown_to_git(
        self, tmp_path: Path
    ) -> None:
        folder = RunFolder(tmp_path / "deep" / "runs" / "first")
        old = os.umask(0)
        try:
            folder.create()
        finally:
            os.umask(old)
        for path in (folder.path, folder.path.parent):
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert (folder.path.parent / ".gitignore").read_text() == "*\n"
        assert folder.commands.is_dir() and folder.data.is_dir()
        assert folder.name == "first"

    def test_a_persons_own_folder_stays_known_to_git(self, tmp_path: Path) -> None:
        (tmp_path / "work.py").write_text("")
        RunFolder(tmp_path / "first").create()
        assert not (tmp_path / ".gitignore").exists()

    def test_of_two_runs_with_one_name_one_is_refused(self, folder: RunFolder) -> None:
        with pytest.raises(RunFolderError, match=r"exists.*Search\(name=") as caught:
            folder.create()
        assert caught.value.field == "name"

    def test_every_path_is_in_the_folder(self, folder: RunFolder) -> None:
        assert folder.trial(7).path == folder.path / "trials" / "0007"
        assert folder.trial(12345).source == folder.trials / "12345" / "source.py"
        folder.trial(7).create()
        folder.trial(7).create()
        assert folder.trial(7).path.is_dir()

    def test_the_runs_are_where_the_person_says(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("NOTEBOOK_AUTOML_RUNS", raising=False)
        assert runs_folder() == tmp_path / "automl_runs"
        monkeypatch.setenv("NOTEBOOK_AUTOML_RUNS", "elsewhere")
        assert runs_folder() == tmp_path / "elsewhere"
        assert runs_folder(tmp_path / "mine") == tmp_path / "mine"

    def test_json_comes_back_with_its_floats_and_labels(self, tmp_path: Path) -> None:
        path = tmp_path / "values.json"
        write_json(path, {"a": [INF, -INF, "inf", 1.5], "b": ("nan", NAN, "\ud800")})
        back = read_json(path)
        assert back["a"] == [INF, -INF, "inf", 1.5]
        assert back["b"][0] == "nan" and math.isnan(back["b"][1])
        assert back["b"][2] == "\ud800"
        assert [entry.name for entry in tmp_path.iterdir()] == ["values.json"]

    def test_json_is_replaced_at_once(self, tmp_path: Path, start: Start) -> None:
        path = tmp_path / "values.json"
        write_json(path, [0] * 5000)
        process = start(READ_JSON, path)
        output(process).readline()
        for number in range(100):
            write_json(path, [number] * 5000)
        time.sleep(0.05)
        assert process.poll() is None

    @pytest.mark.parametrize("content", [None, b"", b"{", b"\xff"])
    def test_json_that_cannot_be_read_is_a_run_folder_error(
        self, tmp_path: Path, content: bytes | None
    ) -> None:
        path = tmp_path / "search.json"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(
            RunFolderError, match=r"Cannot read .*search\.json: .*runs\("
        ):
            read_json(path)

    def test_bytes_are_counted_and_deleted(self, folder: RunFolder) -> None:
        empty = folder.bytes_on_disk()
        (folder.data / "x.npy").write_bytes(b"x" * 1000)
        assert folder.bytes_on_disk() == empty + 1000
        folder.delete()
        assert not folder.path.exists() and folder.path.parent.exists()
        assert folder.bytes_on_disk() == 0

    def test_what_is_no_run_is_never_deleted(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.tex").write_text("")
        with pytest.raises(RunNotFoundError):
            RunFolder(tmp_path).delete()
        assert (tmp_path / "thesis.tex").exists()

    def test_a_folder_below_a_file_is_refused_with_advice(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        folder = RunFolder(tmp_path / "file" / "run")
        with pytest.raises(RunFolderError, match="Not a directory") as caught:
            folder.create()
        assert str(folder.path) in str(caught.value)
        assert "Search(folder=...)" in str(caught.value)
        assert "NOTEBOOK_AUTOML_RUNS" in str(caught.value)
        assert caught.value.field == "folder"
        for act in (lambda: Tail(folder.events).read(), lambda: holder(folder)):
            with pytest.raises(RunFolderError):
                act()

    def test_a_read_only_disk_is_refused_with_its_reason(
        self, tmp_path: Path, env: dict[str, str]
    ) -> None:
        script = (
            'mount -t tmpfs none "$1" && "$0" -c "$2" "$1" fill '
            '&& mount -o remount,ro "$1" && "$0" -c "$2" "$1" act'
        )
        shell = ["sh", "-c", script, sys.executable, str(tmp_path), READ_ONLY]
        args = ["unshare", "-rm", *shell]
        done = subprocess.run(args, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        free, *refused = done.stdout.splitlines()
        assert free == "None"
        assert len(refused) == 7
        assert all("Read-only file system. Choose" in line for line in refused)


def test_a_name_is_taken_once(folder: RunFolder, tmp_path: Path) -> None:
    """A draft becomes a run unless there is one of that name, which stays."""
    taken = RunFolder(tmp_path / "runs" / "taken")
    folder.rename(taken)
    (taken.path / "mine").write_text("kept")
    draft = RunFolder(tmp_path / "runs" / ".draft")
    draft.create()
    with pytest.raises(RunFolderError, match="Choose another name") as caught:
        draft.rename(taken)
    assert caught.value.field == "name"
    assert (taken.path / "mine").read_text() == "kept"
    assert draft.commands.is_dir()


def test_what_trains_lets_others_first_and_twice_is_once() -> None:
    code = (
        "import os\n"
        "from notebook_automl.record.lock import let_others_first\n"
        "before = os.nice(0)\n"
        "let_others_first(), let_others_first()\n"
        "print(max(before, 10), os.nice(0), os.getsid(0) == os.getpid())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    expected, found, own_session = done.stdout.split()
    assert (found, own_session) == (expected, "True")
