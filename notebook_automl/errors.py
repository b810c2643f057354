"""Every error that the package raises, as one tree.

    AutoMLError                     root; ``field`` names the Search field concerned
    ├── SearchError                 a description that cannot be (also ValueError)
    │   ├── UnknownNameError        no such task, metric, tuner, exporter, ...
    │   └── RunDiffersError         the name is taken by another description
    ├── DataError                   data that cannot be searched (also ValueError)
    ├── RunFolderError              a run folder that cannot be written or read
    │                               (also OSError)
    ├── RunNotFoundError            no such run (also LookupError)
    ├── RunHeldError                another supervisor holds the run
    ├── NoTrialError                no finished trial, or no such trial
    │                               (also LookupError)
    ├── UnsupportedLayerError       a layer that the code generator does not know
    ├── PageError                   the notebook's page could not do what it was asked
    ├── ClusterError                a cluster that cannot be used, or is gone
    ├── ReplayError                 a generated notebook did not give its metric again
    └── HelperError                 a process that we started failed
                                    (also RuntimeError)

A message says what was expected, what came (value and type) and what to type next.
All of them can be pickled, because they cross processes.
"""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable


class AutoMLError(Exception):
    """The root of all our errors.

    Args:
        message: What was expected, what came, what to type next.
        field: The field of ``Search`` that the error concerns, where there is one.
    """

    field: str | None

    def __init__(self, message: str = "", *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class SearchError(AutoMLError, ValueError):
    """A description of a search that cannot be."""


class UnknownNameError(SearchError):
    """A task, metric, tuner, exporter, ... that does not exist."""


class RunDiffersError(SearchError):
    """The name is taken by a run with another description."""


class DataError(AutoMLError, ValueError):
    """Data that cannot be searched."""


class RunFolderError(AutoMLError, OSError):
    """A run folder that cannot be written or read."""


class RunNotFoundError(AutoMLError, LookupError):
    """There is no such run."""


class RunHeldError(AutoMLError):
    """Another supervisor holds the run.

    Args:
        message: As everywhere.
        field: As everywhere.
        host: The host of the process that holds the run.
        pid: The number of that process on that host.
    """

    def __init__(
        self,
        message: str = "",
        *,
        field: str | None = None,
        host: str = "",
        pid: int | None = None,
    ) -> None:
        super().__init__(message, field=field)
        self.host = host
        self.pid = pid


class NoTrialError(AutoMLError, LookupError):
    """There is no finished trial yet, or no such trial."""


class UnsupportedLayerError(AutoMLError):
    """A layer that the code generator does not know."""


class PageError(AutoMLError):
    """The notebook's page could not do what it was asked."""


class ClusterError(AutoMLError):
    """Worker processes that cannot be had, or a scheduler that is gone."""


class ReplayError(AutoMLError):
    """A generated notebook did not run, or did not give its metric again."""


class HelperError(AutoMLError, RuntimeError):
    """A process that we started for the kernel failed."""


def nearest(name: object, choices: Iterable[object]) -> str:
    """Ask whether the most similar choice was meant.

    A choice is compared as a whole and by its words, so that a slip in the first word
    of ``image_classification`` finds it.

    Args:
        name: What was typed.
        choices: What exists; the first of equally similar ones wins.

    Returns:
        `` Did you mean 'x'?`` with a leading space, or nothing.
    """
    matcher = difflib.SequenceMatcher(b=str(name).casefold())

    def likeness(choice: object) -> float:
        text = str(choice).casefold()
        ratios = []
        for candidate in {text, *re.split(r"[\W_]+", text)}:
            matcher.set_seq1(candidate)
            ratios.append(matcher.ratio())
        return max(ratios)

    likely = [(likeness(choice), choice) for choice in choices]
    score, best = max(likely, key=lambda pair: pair[0], default=(0.0, None))
    return f" Did you mean {best!r}?" if score >= 0.6 else ""


def received(value: object) -> str:
    """Say what came.

    Args:
        value: Anything.

    Returns:
        ``got 'abc' (str)`` on one line, a long value shortened.
    """
    shortener = reprlib.Repr()
    shortener.maxstring = shortener.maxother = 60
    text = " ".join(shortener.repr(value).split())
    if len(text) > 100:  # nested values are shortened one by one
        text = f"{text[:80]}...{text[-17:]}"
    return f"got {text} ({type(value).__name__})"
