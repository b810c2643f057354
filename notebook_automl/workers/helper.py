"""The process that does for the kernel what needs Keras or Optuna.

One JSON object a line on standard input, one on standard output. It ends when its input
closes, whatever it does then, and after a while without work.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from notebook_automl.errors import AutoMLError
from notebook_automl.record.files import write_json
from notebook_automl.record.layout import RunFolder
from notebook_automl.workers import trial

_IDLE_S = 300.0
# As it was before a program's first cell set what its numbers depend on.
_ENVIRONMENT = dict(os.environ)


def _predict(asked: dict[str, Any], warm: dict[str, Any]) -> None:
    """Predict raw rows by the trial's own program."""
    run = RunFolder(Path(asked["folder"]))
    # A later run may have the name of a deleted one.
    folder = run.trial(asked["trial"])
    if folder.folds.exists() and not folder.checkpoint.exists():
        # With folds it is trained when it is needed.
        trial.score(None, asked["folder"], asked["trial"])
    kept = folder.checkpoint if folder.checkpoint.exists() else folder.source
    key = (run.path, asked["trial"], kept.stat().st_mtime_ns)
    if warm.get("key") != key:
        warm.clear()
        warm["predict"] = trial.predictor(run, asked["trial"])
        warm["key"] = key
    predictions = warm["predict"](Path(asked["rows"]))
    if isinstance(predictions, dict):
        content = {"outputs": {n: _told(part) for n, part in predictions.items()}}
    else:
        content = _told(predictions)
    write_json(Path(asked["out"]), content)


def _told(predictions: Any) -> dict[str, Any]:
    """Predictions of one output as JSON."""
    kind = "object" if predictions.dtype.kind in "OU" else predictions.dtype.name
    return {"dtype": kind, "values": predictions.tolist()}


def _score(asked: dict[str, Any], warm: dict[str, Any]) -> None:
    """Test metrics of a trial, into its folder."""
    trial.score(None, asked["folder"], asked["trial"])


def _parameters(asked: dict[str, Any], warm: dict[str, Any]) -> list[dict[str, Any]]:
    """The parameters of a run's space."""
    return trial.parameters(asked["folder"])


def _execute(asked: dict[str, Any], warm: dict[str, Any]) -> str:
    """Run a notebook in a fresh kernel; returns why it did not end, or nothing."""
    import nbformat
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    path = Path(asked["notebook"])
    notebook = nbformat.read(path, as_version=4)
    # The interpreter of this very environment, whatever kernels are installed.
    manager: Any = AsyncKernelManager()
    launch = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager.kernel_spec.argv = [sys.executable, *launch]
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=None,
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        client.execute(cleanup_kc=True, env=_ENVIRONMENT)
    except CellExecutionError as error:
        return f"{error.ename}: {error.evalue}"
    except DeadKernelError as error:
        return str(error)
    finally:
        nbformat.write(notebook, Path(asked["out"]))
    return ""


def _importance(asked: dict[str, Any], warm: dict[str, Any]) -> list[Any]:
    """How many trials the study has completed, and its parameters' shares."""
    from notebook_automl.search._study import importance

    return list(importance(RunFolder(Path(asked["folder"])).study))


_DOES: dict[str, Callable[[dict[str, Any], dict[str, Any]], Any]] = {
    "predict": _predict,
    "score": _score,
    "parameters": _parameters,
    "execute": _execute,
    "importance": _importance,
}


def _answer(line: bytes, warm: dict[str, Any]) -> dict[str, Any]:
    """Carry out a request; what goes wrong is told as the kernel raises it again."""
    asked = json.loads(line)
    try:
        with RunFolder(Path(asked["folder"])).log.open("ab") as log:
            for descriptor in (1, 2):
                os.dup2(log.fileno(), descriptor)
        return {"result": _DOES[asked["do"]](asked, warm)}
    except Exception as error:
        sys.stderr.write(traceback.format_exc())
        kind = type(error).__name__
        # No kernel can send lone surrogates to its page.
        message = str(error).encode("utf-8", "backslashreplace").decode()
        if isinstance(error, AutoMLError):
            return {"error": kind, "message": message, "field": error.field}
        return {"error": "HelperError", "message": f"{kind}: {message}"}


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Requests and answers on descriptors of their own.

    What libraries print must not mix in, nor may they or their children read along.
    """
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", 0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


def _listen(requests: BinaryIO, inbox: queue.SimpleQueue[bytes]) -> None:
    """Pass requests on; when the kernel is gone, end what is under way."""
    for line in requests:
        inbox.put(line)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Answer requests until there are none."""
    requests, answers = _take_pipes()
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests, inbox), daemon=True).start()
    warm: dict[str, Any] = {}
    while True:
        # An interrupted cell of the notebook is no reason to end.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            line = inbox.get(timeout=_IDLE_S)
        except queue.Empty:
            return
        answers.write(json.dumps(_answer(line, warm)).encode() + b"\n")


if __name__ == "__main__":
    main()
