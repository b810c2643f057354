"""Ensembles: chosen as Caruana et al. choose, kept where they help, and plain code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from live import Starts, searches, told

import notebook_automl as automl
from notebook_automl.api.run import Run
from notebook_automl.errors import NoTrialError
from notebook_automl.record import events
from notebook_automl.record.layout import RunFolder
from notebook_automl.workers.selection import greedy, judged, mixed

ROUNDS = 8


def error(labels: Any) -> Any:
    """A score by squared error; more is better."""
    return lambda given, rows: -float(np.mean((given - labels[rows]) ** 2))


def by_hand(candidates: list[Any], labels: Any) -> tuple[int, ...]:
    """The same choice, by trying each sequence of additions round by round."""
    chosen: list[int] = []
    best: tuple[float, tuple[int, ...]] | None = None
    for _ in range(ROUNDS):
        errors = []
        for i in range(len(candidates)):
            mean = sum(candidates[j] for j in [*chosen, i]) / (len(chosen) + 1)
            errors.append(float(np.mean((mean - labels) ** 2)))
        chosen.append(errors.index(min(errors)))
        counts = tuple(chosen.count(i) for i in range(len(candidates)))
        if best is None or min(errors) < best[0]:
            best = min(errors), counts
    assert best is not None
    return best[1]


# Eighths: their sums and means over few rows are exact, so that ties are ties.
EIGHTHS = st.integers(0, 8).map(lambda n: n / 8)


@given(
    st.integers(2, 4).flatmap(
        lambda n: st.lists(
            st.lists(EIGHTHS, min_size=4, max_size=4), min_size=n + 1, max_size=n + 1
        )
    )
)
def test_the_greedy_choice_is_that_by_hand(rows: list[list[float]]) -> None:
    labels, *candidates = [np.array(row)[:, None] for row in rows]
    found = greedy(candidates, np.arange(4), error(labels))
    # Rounding decides between equal ones: what counts is how good the choice is.
    score = error(labels)
    expected = by_hand(candidates, labels)
    mine = score(mixed(candidates, found), np.arange(4))
    assert mine == pytest.approx(score(mixed(candidates, expected), np.arange(4)))
    # No single model is better, and no step away from the choice was passed over.
    assert mine >= max(score(each, np.arange(4)) for each in candidates)


def test_all_mixtures_of_two_are_no_better_than_the_choice() -> None:
    labels = np.array([[0.0], [1.0], [2.0], [4.0]])
    wave = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    candidates = [labels + wave, labels - 3 * wave]
    found = greedy(candidates, np.arange(4), error(labels))
    score = error(labels)
    every = [pair for pair in product(range(5), repeat=2) if 0 < sum(pair) <= ROUNDS]
    best = max(score(mixed(candidates, pair), np.arange(4)) for pair in every)
    assert found == (3, 1) and score(mixed(candidates, found), np.arange(4)) == best


def test_models_that_err_differently_help_on_rows_that_did_not_choose() -> None:
    noise = np.random.default_rng(0)
    labels = noise.normal(size=(200, 1))
    candidates = [labels + noise.normal(size=(200, 1)) for _ in range(4)]
    verdict = judged(candidates, labels, error(labels))
    assert verdict.helps and sum(map(bool, verdict.counts)) > 1
    assert len(verdict.gains) == 5
    # Each row's prediction comes from an ensemble that the other folds chose.
    assert error(labels)(verdict.held_out, np.arange(200)) > -0.5


def test_a_better_model_alone_is_not_replaced() -> None:
    noise = np.random.default_rng(0)
    labels = noise.normal(size=(100, 1))
    good = labels + 0.01 * noise.normal(size=(100, 1))
    bad = labels + 5 + noise.normal(size=(100, 1))
    verdict = judged([good, bad], labels, error(labels))
    assert verdict.counts[1] == 0 and not verdict.helps


def test_what_helps_only_where_it_was_chosen_is_not_kept() -> None:
    # Noise: whatever the rows choose, the rows held out gain nothing by it.
    noise = np.random.default_rng(3)
    labels = noise.choice([0.0, 1.0], size=(60, 1))
    same = noise.uniform(size=(60, 1))
    others = [same + 1e-3 * noise.normal(size=(60, 1)) for _ in range(4)]
    assert not judged([same, *others], labels, error(labels)).helps


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starts]:
    with searches(tmp_path_factory) as starts:
        yield starts


@pytest.fixture(scope="module", params=["one", "several"])
def run(search: Starts, request: pytest.FixtureRequest) -> Run:
    """Trials that are alike and learn the noise, each in its own way."""
    fields = {"epochs": 8, "tuner": "random", "seed": 2, "validation_split": 0.4}
    if request.param == "one":
        return search(noisy(), trials=4, space=ALIKE, **fields).wait()
    label = noisy()["label"].to_numpy()
    outputs = {"label": label, "large": np.where(label > 1.5, "yes", "no")}
    fields |= {"target": None, "metric": "label_rmse"}
    data = halves(noisy()), outputs
    return search(data, trials=4, space=ALIKE, **fields).wait()


ALIKE: dict[str, Any] = {
    "optimizer": "adam",
    "learning_rate": 0.06,  # so fast that each ends somewhere else
    "*/dropout": 0.0,
    "*/use_batchnorm": False,
    "*/num_layers": 2,
    "*/units_*": [64, 128, 256],
}


def noisy() -> pd.DataFrame:
    """Curved, with as much noise as networks like to learn by heart."""
    draws = np.random.default_rng(0)
    x = draws.normal(size=(900, 6))
    y = np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.5 * np.abs(x[:, 3])
    noise = 0.6 * draws.normal(size=900)
    return pd.DataFrame(x, columns=list("abcdef")).assign(label=y + noise)


def halves(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The same columns as two inputs."""
    return {"left": frame[["a", "b", "c"]], "right": frame[["d", "e", "f"]]}


def predicted(run: Run, trial: str | int) -> Any:
    """What a trial predicts of the label, for a few rows."""
    rows = noisy().head(30).drop(columns="label")
    if not run.schema.inputs:
        return run.predict(rows, trial=trial)
    found = run.predict(halves(rows), trial=trial)
    assert set(found["large"]) == {"yes", "no"}
    return found["label"]


class TestRun:
    def test_it_is_kept_with_its_members_and_scores(self, run: Run) -> None:
        (ended,) = [e for e in told(run, events.EntryEnded) if e.role == "ensemble"]
        assert ended.state == "completed", ended.reason
        assert len(ended.weights) > 1 and "on rows held out" in ended.reason
        board = run.leaderboard().set_index("trial")
        assert board.loc["ensemble", "role"] == "ensemble"
        metric = run.search["metric"]
        best = run.trial("best").metrics[f"val_{metric}"]
        assert board.loc["ensemble", f"val_{metric}"] < best
        test = run.trial("ensemble").test
        assert board.loc["ensemble", f"test_{metric}"] == test[metric]
        assert test.keys() == run.trial("best").test.keys()

    def test_it_gives_the_mean_of_its_members(self, run: Run) -> None:
        weights = run.trial("ensemble").state.weights
        total = sum(n * predicted(run, int(number)) for number, n in weights.items())
        mean = total / sum(weights.values())
        assert predicted(run, "ensemble") == pytest.approx(mean, rel=1e-5)

    def test_its_code_is_its_members_own(self, run: Run) -> None:
        text = run.trial("ensemble").source
        for number in run.trial("ensemble").state.weights:
            source = run.trial(int(number)).source
            for cell in ("build", "compile", "train"):
                begin = source.index(f"# %% {cell}\n") + len(f"# %% {cell}\n")
                assert source[begin : source.index("# %%", begin)].strip() in text
        modules = {
            alias.name.partition(".")[0]
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        assert not modules & {"notebook_automl", "autokeras", "keras_tuner"}

    def test_its_notebook_replays_exactly(self, run: Run, tmp_path: Path) -> None:
        path = tmp_path / "ensemble.ipynb"
        run.export("notebook", path, trial="ensemble", replay=True)
        text = path.read_text("utf-8")
        assert "equal to the last digit" in text and "**differs**" not in text


def test_one_that_is_not_kept_says_why(search: Starts) -> None:
    frame = automl.example("wine").head(80).rename(columns={"cultivar": "label"})
    run = search(frame, trials=2, epochs=1).wait()
    (ended,) = [e for e in told(run, events.EntryEnded) if e.role == "ensemble"]
    assert ended.state == "skipped" and "16 validation rows are too few" in ended.reason
    assert not RunFolder(run.folder).trial("ensemble").checkpoint.exists()
    with pytest.raises(NoTrialError, match="ensemble, which is skipped"):
        run.predict(frame.drop(columns="label"), trial="ensemble")
