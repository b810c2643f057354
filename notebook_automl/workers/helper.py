"""The process that does for the kernel what needs Keras: predict, score, replay.

One JSON object a line on standard input, one on standard output. It ends when its input
closes, and after a while without work.
"""

from __future__ import annotations

import json
import os
import select
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from notebook_automl.errors import AutoMLError
from notebook_automl.record.layout import RunFolder, write_json
from notebook_automl.workers import trial

_IDLE_S = 300.0


def _predict(asked: dict[str, Any], warm: dict[str, Any]) -> None:
    """Predict raw rows by the trial's own program."""
    key = f"{asked['folder']}:{asked['trial']}"
    if warm.get("key") != key:
        warm.clear()
        warm["predict"] = trial.predictor(
            RunFolder(Path(asked["folder"])), asked["trial"]
        )
        warm["key"] = key
    predictions = warm["predict"](Path(asked["rows"]))
    kind = "object" if predictions.dtype.kind in "OU" else predictions.dtype.name
    write_json(Path(asked["out"]), {"dtype": kind, "values": predictions.tolist()})


def _score(asked: dict[str, Any], warm: dict[str, Any]) -> dict[str, float]:
    """Test metrics of a trial."""
    return trial.score(None, asked["folder"], asked["trial"])


def _execute(asked: dict[str, Any], warm: dict[str, Any]) -> None:
    """Run a notebook in a fresh kernel of this environment, in place."""
    import nbformat
    from nbclient import NotebookClient

    path = Path(asked["notebook"])
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        client.execute()
    finally:
        nbformat.write(notebook, path)


_DOES: dict[str, Callable[[dict[str, Any], dict[str, Any]], Any]] = {
    "predict": _predict,
    "score": _score,
    "execute": _execute,
}


def _told(error: Exception) -> dict[str, str]:
    """An error as the kernel raises it again: our own kinds as they are."""
    kind = type(error).__name__
    if isinstance(error, AutoMLError):
        return {"error": kind, "message": str(error)}
    return {"error": "HelperError", "message": f"{kind}: {error}"}


def main() -> None:
    """Answer requests until there are none."""
    # Answers go out on a descriptor of their own: what libraries print must not mix in.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warm: dict[str, Any] = {}
    while select.select([sys.stdin], [], [], _IDLE_S)[0]:
        line = sys.stdin.readline()
        if not line:
            return
        asked = json.loads(line)
        try:
            answer = {"result": _DOES[asked["do"]](asked, warm)}
        except Exception as error:
            sys.stderr.write(traceback.format_exc())
            kind = (
                type(error).__name__
                if isinstance(error, AutoMLError)
                else "HelperError"
            )
            answer = {"error": kind, "message": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
