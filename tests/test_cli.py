"""The command line, as a shell runs it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from handmade import begun, ended, over, started, write_run

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def cli(tmp_path: Path, env: dict[str, str]) -> Cli:
    """Runs a command in an empty folder."""

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "notebook_automl.ui.cli", *words],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert "Traceback" not in done.stderr
        return done

    return command


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """The folder with a good run, a failed one and one whose supervisor is gone."""
    folder = tmp_path / "automl_runs"
    folder.mkdir()
    trial = ended(0, val_accuracy=0.875)
    write_run(folder, "good", *started(), trial, over(), started_s=3.0)
    bad = ended(0, state="failed", reason="no memory\x1b[2J")
    failed = over(state="failed", reason="no trial finished")
    write_run(folder, "bad", *started(), bad, failed, started_s=2.0)
    gone = [*started(), *begun(0, epochs=1, val_accuracy=0.5)]
    write_run(folder, "gone", *gone, started_s=1.0)
    return folder


def test_help_lists_the_verbs(cli: Cli) -> None:
    for words in ((), ("--help",)):
        done = cli(*words)
        assert done.returncode == 0
        for verb in "start status leaderboard stop pause resume extend wait".split():
            assert f"  {verb} " in done.stdout
        for verb in "export plot runs devices attach".split():
            assert f"  {verb} " in done.stdout


def test_help_of_a_verb_has_every_field_of_a_search(cli: Cli) -> None:
    done = cli("start", "--help")
    assert done.returncode == 0
    assert "--validation-split" in done.stdout
    assert "tabular_classification" in done.stdout
    assert "(default: 0.2)" in done.stdout
    assert "--data" not in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["statsu"], "Did you mean 'status'?"),
        (["start"], "required: DATA"),
        (["start", "a.csv", "--mintes", "2"], "Did you mean '--minutes'?"),
        (["start", "a.csv", "--minutes", "two"], "a number, got 'two' (str)"),
        (["start", "a.csv", "--trials", "2.5"], "a whole number, got '2.5' (str)"),
        (["start", "a.csv", "--target", "y"], "a .csv file that can be read"),
        (["start", "a.json"], ".csv, .parquet, .npz, got 'a.json' (str)"),
        (["status", "here", "there"], "unexpected argument 'there'"),
        (["status"], "Start one with"),
        (["attach"], "Start one with"),
        (["extend"], "got none"),
    ],
)
def test_wrong_input(cli: Cli, words: list[str], told: str) -> None:
    done = cli(*words)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stdout == ""


def test_files_that_are_not_what_they_say(cli: Cli, tmp_path: Path) -> None:
    for name in ("a.csv", "a.parquet", "a.npz"):
        (tmp_path / name).write_bytes(b"\xff\xfe\x00 nothing")
        done = cli("start", name, "--target", "y")
        assert done.returncode == 2
        assert "that can be read" in done.stderr


def test_the_options_reach_the_search(cli: Cli, runs: Path, tmp_path: Path) -> None:
    rows = [f"{n},{'ab'[n % 2]}" for n in range(40)]
    (tmp_path / "table.csv").write_text("\n".join(["petal length,species", *rows]))
    asked = "--target species --minutes 2 --seed 3 --batch-size 8 --tuner random"
    done = cli("start", "table.csv", *asked.split(), "--name", "good")
    assert done.returncode == 2  # the name is taken by another search
    for difference in (
        "target is None there and 'species' here",
        "minutes is 10.0 there and 2.0 here",
        "seed is 0 there and 3 here",
        "batch_size is 32 there and 8 here",
        "tuner is 'tpe' there and 'random' here",
        "the data differ",
    ):
        assert difference in done.stderr


def test_what_a_person_brings_reaches_the_search(
    cli: Cli, runs: Path, tmp_path: Path
) -> None:
    asked = {"graph": None, "loss": None, "space": {}, "sample_weight": None}
    write_run(runs, "mine", started_s=0.5, **asked)
    rows = [f"{n},{n % 3},{'ab'[n % 2]}" for n in range(40)]
    (tmp_path / "table.csv").write_text("\n".join(["petal length,w,species", *rows]))
    (tmp_path / "graph.py").write_text("node = ak.Input()\n")
    words = "start table.csv --target species --name mine --sample-weight w".split()
    done = cli(
        *words, "--graph", "graph.py", "--loss", "huber", "--space", "{'a': [1]}"
    )
    for difference in (
        "graph is None there and 'node = ak.Input()\\n' here",
        "loss is None there and {'name': 'huber'",
        "space is {} there and {'a': [1]} here",
        "sample_weight is None there and {'column': 'w'",
    ):
        assert difference in done.stderr
    assert "--callbacks" not in cli("start", "--help").stdout
    done = cli(*words, "--graph", "nothing.py")
    assert done.returncode == 2 and "nothing.py" in done.stderr


@pytest.mark.parametrize(
    "words", [["status"], ["status", "good"], ["attach"], ["attach", "good"]]
)
def test_status(cli: Cli, runs: Path, words: list[str]) -> None:
    done = cli(*words)
    assert done.returncode == 0
    assert done.stdout.startswith("good: completed, 1:30 of 10:00")
    assert "0.8750" in done.stdout


def test_an_unknown_run(cli: Cli, runs: Path) -> None:
    done = cli("status", "goood")
    assert done.returncode == 2
    assert "Did you mean 'good'?" in done.stderr


def test_waiting_tells_a_good_run_from_a_failed_one(cli: Cli, runs: Path) -> None:
    assert cli("wait", "good").returncode == 0
    for name in ("bad", "gone"):
        assert cli("wait", name).returncode == 1
        assert cli("status", name).returncode == 0


def test_a_name_cannot_move_the_cursor(cli: Cli, runs: Path) -> None:
    for verb in ("status", "leaderboard", "wait"):
        done = cli(verb, "bad")
        assert "\x1b" not in done.stdout + done.stderr


def test_leaderboard_and_runs(cli: Cli, runs: Path) -> None:
    assert "0.875" in cli("leaderboard", "good").stdout
    done = cli("runs")
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == [
        "good",
        "bad",
        "gone",
    ]
    assert cli("runs", "--folder", "elsewhere").stdout == "none\n"


@pytest.mark.parametrize("verb", ["stop", "pause"])
def test_commands_answer(cli: Cli, runs: Path, verb: str) -> None:
    done = cli(verb, "good")
    assert done.returncode == 0
    assert done.stdout == "'good' is completed already\n"


def test_export_of_an_unknown_kind(cli: Cli, runs: Path) -> None:
    done = cli("export", "notebok", "best.ipynb", "--name", "good")
    assert done.returncode == 2
    assert "notebook" in done.stderr


def test_a_plot_is_a_file(cli: Cli, runs: Path, tmp_path: Path) -> None:
    done = cli("plot", "--name", "good")
    assert (done.returncode, done.stdout) == (0, "good-curves.png\n")
    assert (tmp_path / "good-curves.png").read_bytes().startswith(b"\x89PNG")
    done = cli("plot", "timeline", "--save", "when.svg")
    assert (done.returncode, done.stdout) == (0, "when.svg\n")
    assert (tmp_path / "when.svg").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["timelin"], "Did you mean 'timeline'?"),
        (["history", "--metric", "val_loss"], "an option of the plot 'history'"),
        (["--save", "no/a.png"], "a path that a picture can be written to"),
        (["--save", "a.unknown"], "a path that a picture can be written to"),
    ],
)
def test_a_plot_that_cannot_be(
    cli: Cli, runs: Path, words: list[str], told: str
) -> None:
    done = cli("plot", *words)
    assert done.returncode == 2
    assert told in done.stderr


def test_devices(cli: Cli) -> None:
    done = cli("devices")
    assert done.returncode == 0
    assert "cpu" in done.stdout
