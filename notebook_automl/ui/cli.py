"""The command line: `notebook-automl start data.csv --target species --minutes 2`.

It exits with 0 if all went well, with 1 if a run that was started or waited for, an
export or a replay failed, and with 2 if what was typed or what it names cannot be.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from notebook_automl.api.run import Run
from notebook_automl.api.runs import attach
from notebook_automl.data._source import SOURCES
from notebook_automl.errors import (
    AutoMLError,
    DataError,
    HelperError,
    ReplayError,
    UnsupportedLayerError,
    received,
)
from notebook_automl.plots._summary import printable
from notebook_automl.ui.verbs import perform

_FAILED = ("failed", "interrupted")
_FAILURES = (HelperError, ReplayError, UnsupportedLayerError)
_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class _Terminal:
    """The command line as a place to type verbs at."""

    prog = "notebook-automl"
    draws = False
    graph: str | None = None
    accepts = "a file: .csv, .parquet, or .npz with x and y"

    def load(self, name: str) -> Any:
        """The path of a file that a source reads."""
        endings = (".csv", ".parquet", ".npz")
        if not any(SOURCES.get(source).accepts(name) for source in SOURCES.names()):
            raise DataError(
                f"Expected a file that ends in {', '.join(endings)}, {received(name)}. "
                f"Type {self.prog} start data.csv --target NAME.",
                field="data",
            )
        return name

    def value(self, text: str) -> Any:
        """The text: there are no variables here."""
        return text

    def run(self, name: str | None, folder: str | None) -> Run:
        """The run of that name, or the newest."""
        return attach(name, folder)

    def took(self, run: Run) -> None:
        """Nothing is remembered between two commands."""


def main(words: Sequence[str] | None = None) -> int:
    """Carry out one command.

    Args:
        words: Its arguments, by default those of the process.

    Returns:
        The exit code.
    """
    words = sys.argv[1:] if words is None else words
    try:
        shown = perform(_Terminal(), words)
    except AutoMLError as error:
        sys.stderr.write(f"{_lines(str(error))}\n")
        return 1 if isinstance(error, _FAILURES) else 2
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted; a run that was started goes on.\n")
        return _INTERRUPTED
    sys.stdout.write(f"{_lines(_text(shown))}\n")
    awaited = isinstance(shown, Run) and words[0] in ("start", "wait")
    return int(awaited and shown.status in _FAILED)


def _text(shown: Any) -> str:
    if hasattr(shown, "to_string"):  # a DataFrame
        return "none" if shown.empty else str(shown.to_string(index=False))
    return str(shown).rstrip("\n")


def _lines(text: str) -> str:
    """Text that a terminal shows and does not obey, whatever a name holds."""
    return "\n".join(map(printable, text.split("\n")))


if __name__ == "__main__":
    sys.exit(main())
