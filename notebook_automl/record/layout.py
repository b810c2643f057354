"""Every path inside a run folder; spelled here and nowhere else."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notebook_automl.errors import RunNotFoundError
from notebook_automl.record.files import (
    RUNS_VARIABLE,
    folder_error,
    read_json,
    write_json,
)


@dataclass(frozen=True)
class TrialFolder:
    """The paths of one trial."""

    path: Path

    @property
    def source(self) -> Path:
        """The program that the trial ran."""
        return self.path / "source.py"

    @property
    def checkpoint(self) -> Path:
        """The model of the best epoch."""
        return self.path / "best.keras"

    @property
    def values(self) -> Path:
        """What the tuner proposed."""
        return self.path / "values.json"

    @property
    def model(self) -> Path:
        """The model's configuration."""
        return self.path / "model.json"

    @property
    def ended(self) -> Path:
        """The event of its end once more: the record's own line may be damaged."""
        return self.path / "ended.json"

    @property
    def log(self) -> Path:
        """What the trial printed."""
        return self.path / "log.txt"

    @property
    def folds(self) -> Path:
        """What its folds came to, where there are folds."""
        return self.path / "folds.json"

    @property
    def test(self) -> Path:
        """The score on the test rows."""
        return self.path / "test.json"

    def create(self) -> None:
        """Make the folder unless it is there.

        Raises:
            RunFolderError: It cannot be made.
        """
        try:
            # Not its parents: a run that was deleted must not come back.
            self.path.mkdir(exist_ok=True)
        except OSError as error:
            raise folder_error("make the trial folder", self.path, error) from error


@dataclass(frozen=True)
class RunFolder:
    """The paths of one run."""

    path: Path

    @property
    def name(self) -> str:
        """The run's name."""
        return self.path.name

    @property
    def search(self) -> Path:
        """What was asked for, written once."""
        return self.path / "search.json"

    @property
    def data(self) -> Path:
        """The saved data."""
        return self.path / "data"

    @property
    def schema(self) -> Path:
        """What the data are."""
        return self.data / "schema.json"

    @property
    def prepared(self) -> Path:
        """What several trials share: split and prepared arrays."""
        return self.data / "prepared"

    @property
    def study(self) -> Path:
        """The tuner's journal."""
        return self.path / "study.journal"

    @property
    def events(self) -> Path:
        """All that happened, a line each."""
        return self.path / "events.jsonl"

    @property
    def snapshot(self) -> Path:
        """What the events come to, up to one of them; may be deleted at any time."""
        return self.path / "events.snapshot"

    @property
    def commands(self) -> Path:
        """What was asked of the supervisor, a file each."""
        return self.path / "commands"

    @property
    def lock(self) -> Path:
        """The file that the supervisor holds locked for its life."""
        return self.path / "lock"

    @property
    def heartbeat(self) -> Path:
        """Who holds the lock, and when it was last alive."""
        return self.path / "heartbeat.json"

    @property
    def log(self) -> Path:
        """What the supervisor printed."""
        return self.path / "supervisor.log"

    @property
    def trials(self) -> Path:
        """A folder a trial."""
        return self.path / "trials"

    @property
    def exports(self) -> Path:
        """What left the run."""
        return self.path / "exports"

    @property
    def token(self) -> Path:
        """What says to a worker that it sees this very folder."""
        return self.path / "token.txt"

    @property
    def credentials(self) -> Path:
        """What a scheduler asks for, while the run lasts; its owner's alone."""
        return self.path / "credentials.json"

    @property
    def home_note(self) -> Path:
        """In a worker's copy: where the run itself lies."""
        return self.path / "home.txt"

    @property
    def home(self) -> RunFolder:
        """The run itself, of which this folder may be a worker's copy."""
        try:
            return RunFolder(Path(self.home_note.read_text("utf-8")))
        except FileNotFoundError:
            return self

    @property
    def entries(self) -> Path:
        """A folder a baseline, and one for the ensemble."""
        return self.path / "entries"

    def trial(self, key: int | str) -> TrialFolder:
        """Give the paths of a trial by its number, from 0, or of another entry."""
        if isinstance(key, str):
            return TrialFolder(self.entries / key)
        return TrialFolder(self.trials / f"{key:04d}")

    def name_of(self, key: int | str) -> str:
        """The name of a trial's or an entry's folder below this one, with slashes."""
        return self.trial(key).path.relative_to(self.path).as_posix()

    def begun(self) -> list[int]:
        """The numbers of the trials that have a folder."""
        try:
            names = [path.name for path in self.trials.iterdir()]
        except OSError:
            return []
        return sorted(int(name) for name in names if name.isdecimal())

    def create(self) -> None:
        """Make the folder, for its owner alone, and claim it for a new run.

        Raises:
            RunFolderError: It cannot be made, or holds a run already.
        """
        try:
            _make_parent(self.path.parent)
            self.path.mkdir(mode=0o700, exist_ok=True)
            # Of two who start a run of one name at once, one fails here.
            self.commands.mkdir()
            for folder in (self.data, self.trials, self.entries, self.exports):
                folder.mkdir()
            self.path.chmod(0o700)
        except OSError as error:
            raise folder_error("make the run folder", self.path, error) from error

    def decide(self, **fields: Any) -> None:
        """Write into the description what is known only once the run has begun.

        Args:
            **fields: What is decided. It stays the same run, which is told from a later
                one in this folder by the time of its description.
        """
        asked, since = read_json(self.search), self.search.stat().st_mtime_ns
        aside = self.search.with_name(".decided.json")
        write_json(aside, {**asked, **fields})
        os.utime(aside, ns=(since, since))
        os.replace(aside, self.search)

    def rename(self, other: RunFolder) -> None:
        """Give the folder the name of another run that does not exist yet.

        Args:
            other: The run that it becomes.

        Raises:
            RunFolderError: There is a run of that name, or it cannot be renamed.
        """
        try:
            # An empty folder gives way; one that holds anything does not.
            self.path.rename(other.path)
        except OSError as error:
            raise folder_error("make the run folder", other.path, error) from error

    def bytes_on_disk(self) -> int:
        """Sum the sizes of all files, in bytes; 0 if there is no folder."""
        total = 0
        for folder, _, files in os.walk(self.path):
            for file in files:
                try:
                    total += os.lstat(os.path.join(folder, file)).st_size
                except FileNotFoundError:  # a live run renames and deletes
                    continue
        return total

    def delete(self) -> None:
        """Remove the folder and all that is in it.

        Raises:
            RunNotFoundError: There is no run here; nothing was removed.
            RunFolderError: It cannot be removed.
        """
        if not self.commands.is_dir():
            raise RunNotFoundError(
                f"Expected a run folder, got {str(self.path)!r}, which holds no run. "
                "List the runs with notebook_automl.runs()."
            )
        try:
            shutil.rmtree(self.path)
        except OSError as error:
            raise folder_error("delete the run folder", self.path, error) from error


def runs_folder(folder: str | os.PathLike[str] | None = None) -> Path:
    """Say where the runs are.

    Args:
        folder: The person's own choice; without one the environment variable
            ``NOTEBOOK_AUTOML_RUNS`` decides, then ``automl_runs`` here.

    Returns:
        An absolute path, so that a later change of directory changes nothing.
    """
    chosen = folder or os.environ.get(RUNS_VARIABLE) or "automl_runs"
    return Path(chosen).expanduser().absolute()


def _make_parent(parent: Path) -> None:
    """Make the folder of all runs, unknown to git, and closed to others.

    A folder that already holds something is the person's own: a ``.gitignore`` of
    ``*`` there would hide their work from git.
    """
    if not parent.exists():
        os.makedirs(parent, mode=0o700, exist_ok=True)
    if not any(parent.iterdir()):
        (parent / ".gitignore").write_text("*\n", encoding="ascii")
