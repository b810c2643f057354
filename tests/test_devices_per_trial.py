"""Several devices share each batch: two that JAX makes of a CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import notebook_automl as automl
from notebook_automl.errors import SearchError

# XLA compiles each step anew in each process.
pytestmark = pytest.mark.timeout(600)


def search(home: Path, rows: int = 150, **options: Any) -> automl.Search:
    """One trial of a small table."""
    data = automl.example("iris").head(rows)
    given = {"backend": "jax", "trials": 1, "epochs": 3, "workers": 1, "batch_size": 30}
    return automl.Search(data, target="species", folder=str(home), **(given | options))


def test_two_devices_train_what_one_does(tmp_path: Path) -> None:
    two = search(tmp_path, devices_per_trial=2).start()
    one = search(tmp_path).start()
    assert two.wait().status == one.wait().status == "completed", (one, two)
    found, alone = two.trial("best"), one.trial("best")
    assert "xla_force_host_platform_device_count=2" in found.source
    assert "keras.distribution.DataParallel(devices=devices)" in found.source
    assert "distribution" not in alone.source
    for name, values in alone.history.items():
        if name != "seconds":
            same = pytest.approx(values.to_list(), rel=1e-4)
            assert found.history[name].to_list() == same, name
    # Raises if it does not give the recorded metrics to the last digit.
    two.export("notebook", tmp_path / "two.ipynb", replay=True)


def test_sets_need_not_be_even(tmp_path: Path) -> None:
    # 89, 29 and 29 rows: the last batch of each cannot be halved.
    run = search(tmp_path, rows=147, devices_per_trial=2).start().wait()
    assert run.status == "completed", run
    assert "accuracy" in run.trial("best").test
    assert len(run.predict(automl.example("iris").head(3))) == 3


def test_several_inputs_are_refused(tmp_path: Path) -> None:
    several = search(tmp_path, devices_per_trial=2)
    several.data = automl.example("digits_and_angles")
    several.target = None
    with pytest.raises(SearchError, match="one input and one output") as caught:
        several.start()
    assert caught.value.field == "devices_per_trial"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"backend": "tensorflow"}, ["JAX", "'tensorflow'", 'backend="jax"']),
        ({"batch_size": 31}, ["that 2 divides", "31", "batch_size=30"]),
        ({"space": {"batch_size": [16, 31]}}, ["that 2 divides", "[16, 31]"]),
        ({"folds": 3}, ["no folds", "folds=3"]),
        (
            {"devices_per_trial": 5, "validation_split": 0.02},
            ["5 training and validation rows", "got 3", "devices_per_trial=3"],
        ),
        ({"devices_per_trial": 0}, ["a whole number above 0", "0 (int)"]),
        ({"devices_per_trial": True}, ["a whole number above 0", "True (bool)"]),
    ],
)
def test_what_cannot_be_shared_is_refused(
    options: dict[str, Any], words: list[str], tmp_path: Path
) -> None:
    with pytest.raises(SearchError) as caught:
        search(tmp_path, **({"devices_per_trial": 2} | options)).start()
    assert caught.value.field == "devices_per_trial"
    assert all(word in str(caught.value) for word in words), caught.value
    assert not any(tmp_path.iterdir())
