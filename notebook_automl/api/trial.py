"""One trial of a run."""

from __future__ import annotations

import operator
import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from notebook_automl.errors import NoTrialError
from notebook_automl.record.files import read_json
from notebook_automl.record.layout import TrialFolder
from notebook_automl.record.reader import RunState
from notebook_automl.record.trial import TrialState
from notebook_automl.source.backends import VARIABLE, named_in
from notebook_automl.source.program import Program

if TYPE_CHECKING:
    import pandas as pd


class Trial:
    """What one trial chose, did and left, as of the moment when it was asked for.

    Args:
        folder: The trial's folder.
        state: What the run's events say of it.
    """

    def __init__(self, folder: TrialFolder, state: TrialState) -> None:
        self.folder = folder
        self.state = state

    @property
    def number(self) -> int:
        """From 0, in the order of the proposals."""
        return self.state.number

    @property
    def values(self) -> dict[str, str | int | float | bool]:
        """What the tuner chose, by the parameters' paths."""
        return self.state.values

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics of the best epoch, on the validation set as val_*."""
        return self.state.metrics

    @property
    def test(self) -> dict[str, float]:
        """Metrics on the test set; empty for a trial that was not chosen."""
        # Those of a baseline are told with the chosen trial's.
        if self.state.role == "trial" and self.folder.test.exists():
            return dict(read_json(self.folder.test))
        return self.state.test

    @property
    def history(self) -> pd.DataFrame:
        """Learning curves: one row an epoch, indexed by epoch from 1."""
        import pandas as pd

        table = pd.DataFrame(self.state.history)
        table.index = pd.RangeIndex(1, len(table) + 1, name="epoch")
        return table

    @property
    def source(self) -> str:
        """The program that trained it.

        Raises:
            NoTrialError: The trial ended before its program was written.
        """
        if not self.folder.source.exists():
            raise NoTrialError(
                f"Expected the program of {self.state.title}, got none: it is "
                f"{self.state.state} ({self.state.reason or 'not written yet'}). Type "
                'run.trial("best").source.'
            )
        return self.folder.source.read_text("utf-8")

    def check_finished(self) -> None:
        """Refuse a trial that runs or failed.

        Raises:
            NoTrialError: The trial has no metrics.
        """
        if not self.metrics:
            reason = f" ({self.state.reason})" if self.state.reason else ""
            raise NoTrialError(
                f"Expected a finished trial, got {self.state.title}, which is "
                f'{self.state.state}{reason}. Type trial="best".'
            )

    def check_model(self) -> None:
        """Refuse a trial whose model is not there.

        Raises:
            NoTrialError: The trial did not finish, or its model is not kept.
        """
        self.check_finished()
        if self.state.role == "baseline":
            raise NoTrialError(
                f"Expected a Keras model, got {self.state.title}, which has none. Type "
                f"run.trial({self.state.key!r}).source for its program."
            )
        # With folds it is trained when it is asked for.
        if not (self.folder.checkpoint.exists() or self.folder.folds.exists()):
            raise NoTrialError(
                f"Expected the model of {self.state.title}, got none: only those of "
                "the best few are kept. Choose a better trial, or take the code alone: "
                f'run.export("cells", trial={self.state.key!r}).'
            )

    def check_predicts(self) -> None:
        """Refuse a trial that cannot predict; a baseline is fitted again.

        Raises:
            NoTrialError: The trial did not finish, or its model is not kept.
        """
        if self.state.role == "baseline":
            self.check_finished()
        else:
            self.check_model()

    def load_model(self) -> Any:
        """Load Keras here, and the best epoch's model.

        Returns:
            A `keras.Model` that takes prepared rows, on the backend that it was trained
            with, unless Keras is loaded here already.

        Raises:
            NoTrialError: The model is not kept: only the best few are.
        """
        self.check_model()
        if not self.folder.checkpoint.exists():
            raise NoTrialError(
                f"Expected the model of trial {self.number}, got none yet: its folds "
                "have chosen, and the final model is trained when it is needed. Type "
                f"run.predict(rows, trial={self.number}) first."
            )
        text = Program.from_text(self.source)
        before = os.environ.get(VARIABLE)
        os.environ[VARIABLE] = named_in(text["setup"])
        try:
            # Named at run time: whoever lists trials loads no Keras.
            models = import_module("keras").models
        finally:
            # What is started from here later chooses for itself.
            del os.environ[VARIABLE]
            if before is not None:
                os.environ[VARIABLE] = before
        # A metric that its program defines is not known here.
        return models.load_model(self.folder.checkpoint, compile="define" not in text)

    def __repr__(self) -> str:
        state, metrics = self.state, self.metrics.items()
        epochs = f"{state.epochs_trained} epochs in " * (state.role == "trial")
        time = f"{epochs}{state.seconds:.1f} s"
        size = [] if state.parameters is None else [f"{state.parameters:,} parameters"]
        scores = [", ".join(f"{name} {value:.6g}" for name, value in metrics)]
        reason = f" ({state.reason})" if state.reason else ""
        lines = [
            f"{state.title.capitalize()}: {state.state}{reason}",
            ", ".join([*size, time]),
            *(scores if metrics else []),
            *(f"{path} = {value!r}" for path, value in self.values.items()),
        ]
        return "\n  ".join(lines)


def entry_of(state: RunState, given: Any) -> TrialState | None:
    """What a person means by a number or a name.

    Args:
        state: The run.
        given: Anything; numbers may come from a table of NumPy's.

    Returns:
        The trial or other entry; None if there is no such.
    """
    if isinstance(given, str):
        return state.entries.get(given)
    number = number_of(given)
    if number is None:
        return None
    # Entries without a number of the person's have one below 0 on the page.
    others = {entry.number: entry for entry in state.entries.values()}
    return others.get(number) or state.trials.get(number)


def number_of(given: Any) -> int | None:
    """The number of a trial as it was typed, or taken from a table of NumPy's numbers.

    Args:
        given: Anything.

    Returns:
        The number; None for what is none.
    """
    if isinstance(given, bool):
        return None
    try:
        return operator.index(given)
    except TypeError:
        return None
