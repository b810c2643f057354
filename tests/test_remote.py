"""Searches on workers of real Dask schedulers, with TLS and without a shared disk."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from dask_cluster import DaskCluster, certificate, dask_cluster, kill
from distributed import LocalCluster
from live import PATIENCE_S, assert_whole, quick, slow, told, training, until

import notebook_automl as automl
from notebook_automl.api.cluster import keep_credentials, move
from notebook_automl.api.run import Run
from notebook_automl.errors import RunFolderError, SearchError
from notebook_automl.record import events
from notebook_automl.record.files import read_json, write_json
from notebook_automl.record.layout import RunFolder
from notebook_automl.workers import copies
from notebook_automl.workers._dask import There
from notebook_automl.workers.cluster import Cluster, Message
from notebook_automl.workers.link import Link


@dataclass
class Security:
    """What a cluster object knows of its keys."""

    tls_ca_file: str
    tls_client_cert: str
    tls_client_key: str


@dataclass
class ClusterObject:
    """A cluster object, as those of jobqueue, Kubernetes and Gateway are."""

    scheduler_address: Any
    security: Security | None = None


def keys(cluster: DaskCluster, tls: dict[str, str] | None = None) -> Security:
    return Security(*(tls or cluster.tls).values())


def of(cluster: DaskCluster, tls: dict[str, str] | None = None) -> ClusterObject:
    return ClusterObject(cluster.address, keys(cluster, tls))


def search(dask: DaskCluster, frame: pd.DataFrame, **fields: Any) -> automl.Search:
    given = {"cluster": of(dask), "folder": str(dask.runs), **fields}
    return automl.Search(frame, target="label", **given)


def left(cluster: DaskCluster, *names: str) -> list[str]:
    return [path for name in names for path in cluster.files(name)]


class TestARunOnACluster:
    """Two workers that see neither the run's folder nor each other; the second one
    comes later."""

    @pytest.fixture(scope="class")
    @classmethod
    def cluster(cls) -> Iterator[DaskCluster]:
        with dask_cluster(apart=True) as cluster:
            yield cluster

    @pytest.fixture(scope="class")
    @classmethod
    def run(cls, cluster: DaskCluster) -> Run:
        cluster.worker("one")
        run = search(cluster, quick(), trials=3, epochs=2).start()
        until(lambda: training(run, epochs=0))
        cluster.worker("two")
        until(lambda: run.state.workers == 2)
        run.extend(trials=3)
        return run.wait()

    def test_it_takes_its_budget(self, run: Run) -> None:
        assert (run.status, run.state.reason) == ("completed", "all 6 trials are done")
        assert len(run.state.finished()) == 6

    def test_a_worker_that_joins_gets_trials(self, run: Run) -> None:
        joined = [event.worker for event in told(run, events.WorkerJoined)]
        started = {event.worker for event in told(run, events.TrialStarted)}
        assert len(joined) == 2 and started == set(joined)

    def test_workers_go_by_their_hosts(self, run: Run) -> None:
        host = os.uname().nodename
        assert all(t.worker.startswith(f"{host}:") for t in run.state.finished())
        assert (
            run.state.device == run.search["device"] or run.search["device"] == "auto"
        )

    def test_what_workers_wrote_has_come_back(self, run: Run) -> None:
        for number in [t.number for t in run.state.ranked(run.metric, run.mode)][:5]:
            assert_whole(run, run.state.trials[number])
        best = RunFolder(run.folder).trial(run.trial("best").number)
        assert run.trial("best").test and best.log.read_text() and best.model.exists()
        assert {"linear", "ensemble"} <= set(run.state.entries)

    def test_programs_name_the_run_and_no_copy(self, run: Run) -> None:
        for trial in run.state.finished():
            source = run.trial(trial.number).source
            assert str(run.folder / "data") in source and "scratch" not in source

    def test_its_model_predicts_here(self, run: Run) -> None:
        rows = quick().drop(columns="label")
        assert set(run.predict(rows.head(9))) <= set(quick()["label"])

    @pytest.mark.slow
    def test_a_notebook_replays_here(self, run: Run, tmp_path: Path) -> None:
        run.export("notebook", tmp_path / "best.ipynb", replay=True)

    def test_nothing_is_left_on_the_workers(
        self, run: Run, cluster: DaskCluster
    ) -> None:
        assert left(cluster, "one", "two") == []
        folder = RunFolder(run.folder)
        assert not folder.token.exists()
        assert " - distributed." not in folder.log.read_text()  # so Dask's log reads

    @pytest.mark.slow
    def test_their_processes_are_fresh_for_the_next_run(
        self, run: Run, cluster: DaskCluster
    ) -> None:
        again = search(cluster, quick(), trials=1, epochs=1, workers=1).start().wait()
        assert again.status == "completed" and again.state.workers == 1


class TestWhatDies:
    """The only worker is killed with its nanny in the middle of a trial, another one
    comes, and later the scheduler is killed."""

    @pytest.fixture(scope="class")
    @classmethod
    def cluster(cls) -> Iterator[DaskCluster]:
        with dask_cluster() as cluster:
            yield cluster

    @pytest.fixture(scope="class")
    @classmethod
    def run(cls, cluster: DaskCluster) -> Run:
        first = cluster.worker("one")
        run = search(cluster, slow(6000), trials=50, epochs=3, name="dies").start()
        until(lambda: run.state.finished() and training(run))
        [trial] = training(run, epochs=0)
        kill(first)
        cls.number, cls.dead = trial.number, trial.worker
        cluster.worker("two")
        until(lambda: run.state.trials[trial.number].ended_s and training(run))
        kill(cluster.scheduler)
        return run.wait()

    def test_a_trial_is_tried_again_on_another_worker(self, run: Run) -> None:
        [retried] = told(run, events.TrialRetried)
        reason = "tried again, because its worker process ended abruptly"
        assert (retried.trial, retried.reason) == (self.number, reason)
        trial = run.state.trials[self.number]
        assert trial.worker != self.dead and trial.reason == reason
        assert_whole(run, trial)

    def test_the_run_knows_who_left(self, run: Run) -> None:
        [joined, other] = [event.worker for event in told(run, events.WorkerJoined)]
        assert joined == self.dead != other
        assert self.dead in {event.worker for event in told(run, events.WorkerLeft)}

    def test_a_scheduler_that_went_away_is_named(
        self, run: Run, cluster: DaskCluster
    ) -> None:
        assert run.status == "failed"
        assert run.state.reason.startswith(f"the scheduler at {cluster.address} went")
        for trial in run.state.finished():
            assert_whole(run, trial)

    @pytest.mark.slow
    def test_it_goes_on_at_another_scheduler(
        self, run: Run, cluster: DaskCluster
    ) -> None:
        finished = {t.number: t.metrics for t in run.state.finished()}
        with dask_cluster(cluster.runs) as other:
            again = search(other, slow(6000), trials=50, epochs=3, name="dies")
            run = again.start()
            run.resume()
            other.worker("one")
            until(lambda: len(run.state.finished()) > len(finished))
            run.stop()
            run.wait()
        assert run.status == "stopped"
        assert (
            finished.items()
            <= {t.number: t.metrics for t in run.state.finished()}.items()
        )


def write(link: Link, folder: str, number: int) -> int:
    """A task: how large the data are, and a file that says where they were."""
    trial = RunFolder(Path(folder)).trial(number)
    trial.create()
    trial.log.write_text(folder)
    return (RunFolder(Path(folder)).data / "x.bin").stat().st_size


def hang(link: Link, folder: str, number: int) -> None:
    """A task that writes something, and does not end."""
    write(link, folder, number)
    link.tell("written")
    time.sleep(PATIENCE_S)


def test_files_come_back_also_from_who_is_ended(folder: RunFolder) -> None:
    (folder.data / "x.bin").write_bytes(os.urandom(5_000_000))
    paths = map(str, (Path(__file__).parent, Path(__file__).parents[1]))
    heard: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def until_told(key: str, *kinds: str) -> dict[str, Any]:
        while (message := heard.get(timeout=PATIENCE_S)).kind not in kinds:
            assert message.kind != "broken", message.fields
        assert message.key == key
        return message.fields

    with dask_cluster(folder.path.parent) as dask:
        dask.worker("one", PYTHONPATH=os.pathsep.join(paths))
        cluster = Cluster(folder, There(dask.address, vars(keys(dask))), heard.put)
        cluster.submit("test_remote:write", "first", 0, needs=["data"])
        assert until_told("first", "done", "lost")["result"] == 5_000_000
        place = folder.trial(0).log.read_text()
        assert place.startswith(str(dask.root / "one")) and "notebook-automl" in place
        cluster.submit("test_remote:hang", "second", 1, needs=["data"])
        until_told("second", "written", "lost")
        assert dask.files("one") == [place]
        cluster.kill("second")
        assert "abruptly" in until_told("second", "done", "lost")["reason"]
        assert folder.trial(1).log.read_text() == place
        # Another process of the same worker, which has none of the files.
        cluster.submit("test_remote:write", "third", 2, needs=["data"])
        assert until_told("third", "done", "lost")["result"] == 5_000_000
        assert folder.trial(2).log.read_text() != place
        cluster.close()
        assert dask.files("one") == [] and not folder.token.exists()


def size(link: Link, folder: str) -> int:
    """A task: how large the data are."""
    return (RunFolder(Path(folder)).data / "x.bin").stat().st_size


@pytest.mark.parametrize("apart", [False, True])
def test_large_files_go_from_worker_to_worker(folder: RunFolder, apart: bool) -> None:
    """What a thousand workers need leaves this machine once, unless they must not
    speak to each other."""
    (folder.data / "x.bin").write_bytes(os.urandom(9_000_000))
    path = os.pathsep.join(map(str, (Path(__file__).parent, Path(__file__).parents[1])))
    heard: queue.SimpleQueue[Message] = queue.SimpleQueue()
    with dask_cluster(folder.path.parent, apart) as dask:
        for name in ("one", "two"):
            dask.worker(name, PYTHONPATH=path)
        cluster = Cluster(folder, There(dask.address, vars(keys(dask))), heard.put)
        until(lambda: cluster.ready == 2)
        for number in range(2):
            cluster.submit("test_remote:size", str(number), needs=["data"])
        done: dict[str, Any] = {}
        while len(done) < 2:
            message = heard.get(timeout=PATIENCE_S)
            if message.kind in ("done", "lost"):
                done[message.key] = message.fields.get("result")
        assert done == {"0": 9_000_000, "1": 9_000_000}
        cluster.close()
        asked = [n for n in ("one", "two") if "function '_bring'" in dask.log(n)]
        given = [n for n in ("one", "two") if "function 'read'" in dask.log(n)]
        sent = [n for n in ("one", "two") if "function 'write'" in dask.log(n)]
        assert len(asked) == 1 and asked != given
        if dask.networks:
            assert given == [] and len(sent) == 2
        else:
            assert len(given) == 1 and sent == given


def test_two_runs_share_no_worker(folder: RunFolder) -> None:
    """The second one waits until the first one has ended."""
    path = os.pathsep.join(map(str, (Path(__file__).parent, Path(__file__).parents[1])))
    heard: queue.SimpleQueue[Message] = queue.SimpleQueue()
    second = RunFolder(folder.path.with_name("second"))
    second.create()
    for run in (folder, second):
        (run.data / "x.bin").write_bytes(run.name.encode())
    with dask_cluster(folder.path.parent) as dask:
        dask.worker("one", PYTHONPATH=path)
        line = There(dask.address, vars(keys(dask)))
        first = Cluster(folder, line, lambda message: None)
        until(lambda: first.ready)
        line = There(dask.address, vars(keys(dask)))
        waiting = Cluster(second, line, heard.put)
        waiting.submit("test_remote:size", "task", needs=["data"])
        greeted = "function 'claim'"
        until(lambda: dask.log("one").count(greeted) > 1)
        assert heard.empty() and not waiting.ready
        first.close()
        while (message := heard.get(timeout=PATIENCE_S)).kind != "done":
            assert message.kind in ("joined", "started"), message
        assert message.fields["result"] == len("second")
        waiting.close()


class TestASchedulerWithoutWorkers:
    """Nobody can train anything."""

    @pytest.fixture(scope="class")
    @classmethod
    def cluster(cls) -> Iterator[DaskCluster]:
        with dask_cluster() as cluster:
            yield cluster

    def test_strangers_are_told_what_to_type(self, cluster: DaskCluster) -> None:
        other = of(cluster, certificate(cluster.root / "other"))
        run = search(cluster, quick(), cluster=other).start().wait()
        assert run.status == "failed" and run.state.trials == {}
        assert "do not trust each other" in run.state.reason
        assert "DASK_DISTRIBUTED__COMM__TLS__CA_FILE" in run.state.reason

    def test_waiting_for_workers_spends_the_budget(self, cluster: DaskCluster) -> None:
        run = search(cluster, quick(), minutes=0.05).start().wait()
        assert (run.status, run.state.reason) == (
            "failed",
            "the budget of 0.05 minutes was spent in the stage 'starting'",
        )

    def test_workers_that_are_otherwise_are_not_used(
        self, cluster: DaskCluster, tmp_path: Path
    ) -> None:
        """One with a Keras that nobody has, and one without this package."""
        metadata = tmp_path / "keras-99.0.dist-info" / "METADATA"
        metadata.parent.mkdir()
        metadata.write_text("Metadata-Version: 2.1\nName: keras\nVersion: 99.0\n")
        (tmp_path / "none" / "notebook_automl").mkdir(parents=True)
        (tmp_path / "none" / "notebook_automl" / "__init__.py").touch()
        run = search(cluster, quick()).start()
        for_gpus = search(cluster, quick(), device="gpu").start()
        other = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[1])])
        workers = [
            cluster.worker("newer", PYTHONPATH=other, CUDA_VISIBLE_DEVICES=""),
            cluster.worker("none", PYTHONPATH=str(tmp_path / "none")),
        ]
        for each in (run, for_gpus):
            each.wait()
        for worker in workers:
            kill(worker)
        reasons = {event.reason for event in told(run, events.WorkerRefused)}
        [missing] = [each for each in reasons if "No module named" in each]
        assert "Type there: pip install notebook-automl==" in missing
        [differs] = reasons - {missing}
        assert "got keras 99.0" in differs
        assert "Type there: pip install keras==" in differs
        assert run.status == "failed" and len(run.state.refused) == 2
        assert all(each.rstrip(".") in run.state.reason for each in reasons)
        assert all(each in run.state.left_out for each in reasons)
        assert for_gpus.status == "failed" and missing in for_gpus.state.left_out
        assert 'it has no GPU. Type device="cpu"' in for_gpus.state.left_out

    def test_it_can_be_stopped(self, cluster: DaskCluster) -> None:
        run = search(cluster, quick(), trials=1).start()
        until(lambda: run.state.attempt)
        run.stop()
        assert run.wait().status == "stopped"


@pytest.mark.slow
def test_a_cluster_object_that_shares_the_disk(tmp_path: Path) -> None:
    """Its keys are texts; they are kept while the run lasts, for its owner alone."""
    options = {"threads_per_worker": 2, "protocol": "tls://", "security": True}
    with LocalCluster(n_workers=1, dashboard_address=None, **options) as cluster:
        fields = {"cluster": cluster, "folder": str(tmp_path), "trials": 2}
        run = automl.Search(quick(), target="label", epochs=2, **fields).start()
        kept = RunFolder(run.folder).credentials
        assert kept.stat().st_mode & 0o777 == 0o600
        run.wait()
        assert run.status == "completed" and run.state.workers == 1
        assert run.search["cluster"] == cluster.scheduler_address
    assert not kept.exists() and len(run.state.finished()) == 2


@pytest.mark.parametrize(
    ("cluster", "told_"),
    [
        (3, "Expected cluster to be the address of a Dask scheduler"),
        ("", "Expected cluster to be the address of a Dask scheduler"),
        (ClusterObject(None), "Expected cluster to be the address of a Dask scheduler"),
        ("host", "such as tls://host:8786"),
        ("tls://host", "such as tls://host:8786"),
        ("tls://host:port", "such as tls://host:8786"),
        ("http://host:80", "such as tls://host:8786"),
        ("tcp://host:8786", 'type cluster="insecure+tcp://host:8786"'),
        (ClusterObject("tcp://host:8786"), 'type cluster="insecure+tcp://host:8786"'),
    ],
)
def test_what_is_no_cluster_is_refused(cluster: Any, told_: str) -> None:
    with pytest.raises(SearchError) as refused:
        automl.Search(quick(), target="label", cluster=cluster)
    assert refused.value.field == "cluster" and told_ in str(refused.value)


def test_another_address_has_keys_of_its_own(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.create()
    write_json(folder.search, {"cluster": "tls://a:1"})
    known = ClusterObject("tls://a:1", Security("ca", "cert", "key"))
    keep_credentials(folder, known)
    move(folder, "tls://a:1")
    assert folder.credentials.exists()
    move(folder, "tls://b:1")
    assert read_json(folder.search)["cluster"] == "tls://b:1"
    assert not folder.credentials.exists()


def test_a_form_shows_an_object_by_its_address() -> None:
    panel = automl.Panel(cluster=ClusterObject("tls://host:8786"))
    assert 'cluster="tls://host:8786"' in repr(panel)


def test_files_arrive_as_they_are(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    contents = {"a": b"", "b/c": b"x", "b/d/e": os.urandom(9_000_000), "f": b"\n" * 7}
    for name, content in contents.items():
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (here / ".half").write_bytes(b"written")
    there.mkdir()
    files, whole = copies.stamps(here), {}
    for message in copies.spans(files):
        assert sum(span.bytes for span in message) <= 4 * 2**20
        whole |= copies.write(there, copies.read(here, message))
    assert whole == files == copies.stamps(there)
    assert {n: (there / n).read_bytes() for n in contents} == contents
    assert [p for p in there.rglob("*") if p.name.startswith(".")] == []


def test_files_that_changed_on_their_way_do_not_arrive(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    [piece] = copies.read(tmp_path, [copies.Span("a", 0, 3, True)])
    there = tmp_path / "there"
    there.mkdir()
    with pytest.raises(RunFolderError, match="as it was sent"):
        copies.write(there, [piece._replace(content=b"two")])
    assert list(there.iterdir()) == []


@pytest.mark.parametrize("name", ["../a", "/a", "b/../../a", ""])
def test_no_file_leaves_its_folder(tmp_path: Path, name: str) -> None:
    there = tmp_path / "there"
    there.mkdir()
    piece = copies.Piece(name, 0, b"", "", time.time_ns())
    with pytest.raises(RunFolderError, match="inside the folder"):
        copies.write(there, [piece])


def test_a_run_that_was_deleted_does_not_come_back(tmp_path: Path) -> None:
    piece = copies.Piece("trials/0000/log.txt", 0, b"", "", time.time_ns())
    with pytest.raises(FileNotFoundError):
        copies.write(tmp_path / "deleted", [piece])
