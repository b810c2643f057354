"""What the view of a run and the form have in common on the kernel's side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import anywidget
import traitlets

from notebook_automl.errors import AutoMLError
from notebook_automl.page.bridge import acting_for, bridge

WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
VIEW_MIME = "application/vnd.notebook-automl.view+json"
_STATIC = Path(__file__).parents[1] / "static"


class Widget(anywidget.AnyWidget):
    """What is shared by all that our one module of the page draws.

    What the page says arrives through the bridge while a cell is busy, and through the
    widget's own comm where the page has no extension of ours.
    """

    _esm = _STATIC / "widget.js"
    _css = _STATIC / "widget.css"
    handle = traitlets.Unicode().tag(sync=True)
    kind = traitlets.Unicode().tag(sync=True)

    def __init__(self, kind: str) -> None:
        super().__init__(handle=uuid4().hex, kind=kind)
        bridge().serve(self.handle, self._heard)
        self.on_msg(lambda widget, content, buffers: self._heard(content, {}))

    def bundle(
        self,
        model_id: str,
        saved: Mapping[str, str],
        run: str | None = None,
        folder: str | None = None,
    ) -> dict[str, Any]:
        """An output: the widget, and what stands there without it.

        Args:
            model_id: Of the widget that is shown.
            saved: What is saved with the notebook, by its MIME type.
            run: The name of the run that it shows, if it shows one.
            folder: Where that run is kept, if not where runs are.
        """
        widget = {"version_major": 2, "version_minor": 0, "model_id": model_id}
        mark = {"version": 1, "handle": self.handle, "run": run, "folder": folder}
        return {WIDGET_MIME: widget, VIEW_MIME: mark, **saved}

    def answer(self, request: str, ok: bool, message: str) -> None:
        """Say what came of something that was asked here."""
        told = message[:1].upper() + message[1:]
        self.send({"kind": "answer", "request": request, "ok": ok, "message": told})

    def ready(self) -> None:
        """A view of the widget begins: it knows nothing yet."""
        raise NotImplementedError

    def obey(self, content: Mapping[str, Any], envelope: Mapping[str, Any]) -> str:
        """Do what was asked, and say what came of it.

        Args:
            content: What the page's widget said.
            envelope: The "page" and the "cell" that it stands in, where known.

        Raises:
            AutoMLError: It cannot be done.
        """
        raise NotImplementedError

    def _heard(self, content: Mapping[str, Any], envelope: Mapping[str, Any]) -> None:
        # The thread that hears must be free for what is said next, say a second stop.
        if content.get("do") == "ready":
            self.ready()
        else:
            self.begin(self._obey, content, envelope)

    def begin(self, work: Callable[..., None], *arguments: Any) -> None:
        """Do something in another thread."""
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _obey(self, content: Mapping[str, Any], envelope: Mapping[str, Any]) -> None:
        request = str(content.get("request", ""))
        try:
            with acting_for(envelope.get("cell")):
                self.answer(request, True, self.obey(content, envelope))
        except AutoMLError as error:
            self.answer(request, False, str(error))
        except Exception as error:
            # Nobody reads what a thread raises: it belongs where the person looks.
            self.answer(request, False, f"{type(error).__name__}: {error}")
