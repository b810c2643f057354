"""The live view of a run: one widget, and the saved view that stands beside it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from typing import Any

from IPython.display import DisplayHandle

from notebook_automl.api.run import Run
from notebook_automl.api.supervisor import ENDED
from notebook_automl.errors import SearchError, received
from notebook_automl.page.bridge import bridge
from notebook_automl.ui.feed import ENDED_POLL_S, READY_S, Feed
from notebook_automl.ui.painter import painter
from notebook_automl.ui.widget import WIDGET_MIME, Widget

_STILL_S = 10.0
_POLL_S = 0.2
# A page answers within milliseconds, unless its messages wait for the cell's end.
_HELLO_S = 1.0
_HEADLESS_S = 5.0
_NO_EXTENSION = (
    "This page has no extension of notebook-automl: it cannot insert code, and its "
    "buttons wait while a cell runs. Type pip install notebook-automl where "
    "JupyterLab runs, and reload the page."
)


class View(Widget):
    """A run, live.

    Args:
        run: The run.
    """

    def __init__(self, run: Run) -> None:
        super().__init__("view")
        self._run = run
        self._began_s = time.monotonic()
        self._watched = self._dropped = False
        self._displays: list[DisplayHandle] = []
        self._greeted = threading.Event()
        self._kept = threading.Condition()
        self._kept_of: tuple[object, ...] = ()
        self._feed = Feed(run, self.send, self._lines, self._notice)
        bridge().on_hello(lambda hello: self._greeted.set())
        self._feed.start()
        threading.Thread(target=self._keep_still, daemon=True).start()

    def show(self) -> None:
        """Make it an output of the cell that runs."""
        if self._run.status in ENDED and not bridge().wait_for_hello(_HELLO_S):
            # Nobody is there who could put a picture there later.
            bundle = self._without_widget(self._bundle(self._first()))
        else:
            bundle = self._bundle(self._summary())
        handle = DisplayHandle()  # type: ignore[no-untyped-call]
        handle.display(bundle, raw=True)  # type: ignore[no-untyped-call]
        self._displays.append(handle)

    def catch_up(self, until_s: float) -> None:
        """Wait until the saved view shows how the run ended, or that it goes on.

        Args:
            until_s: Wait no longer, on the monotonic clock.
        """
        with self._kept:
            while self._run.status in ENDED and not self._is_kept():
                if time.monotonic() >= until_s or not self._feed.is_alive():
                    return
                self._kept.wait(_POLL_S)

    def _is_kept(self) -> bool:
        return self._feed.status in ENDED and self._kept_of == self._feed.seen

    def ready(self) -> None:
        bridge().open()  # a page without our extension has closed its comm
        self._watched = True
        self._feed.again()
        self._greeted.set()  # an output that was undone may hold an old saved view

    def obey(self, content: Mapping[str, Any], envelope: Mapping[str, Any]) -> str:
        try:
            return self._do(content)
        finally:
            self._feed.wake()

    def _do(self, content: Mapping[str, Any]) -> str:
        run, trial = self._run, content.get("trial", "best")
        match content.get("do"):
            case "stop":
                return run.stop()
            case "pause":
                return run.pause()
            case "resume":
                return run.resume()
            case "extend":
                return run.extend(content.get("minutes"), content.get("trials"))
            case "insert":
                return repr(run.export("cells", trial=trial))
            case "export":
                key = run.trial(trial).state.key
                path = f"{run.name}-trial-{key}.ipynb"
                return f"Wrote {run.export('notebook', path, key)}"
        raise SearchError(f"Expected something to do, {received(content.get('do'))}.")

    def _lines(self) -> list[str]:
        """What is missing between kernel and page, a line each."""
        ours, hello = bridge().version, bridge().hello
        if hello is None:
            waited = time.monotonic() - self._began_s > _HEADLESS_S
            return [_NO_EXTENSION] if waited else []
        if hello.version != ours:
            return [
                f"notebook-automl {ours} runs in the kernel, {hello.version} in "
                f"{hello.app}. Type pip install notebook-automl=={ours} where "
                "JupyterLab runs, and reload the page."
            ]
        return []

    def _notice(self, status: str) -> None:
        """Tell the run's end wherever the person is."""
        line = self._run.summary().line()
        kind = {"completed": "success", "stopped": "info"}.get(status, "error")
        name = self._run.name
        bridge().tell("notice", kind=kind, message=f"{name}: {line}", run=name)

    def _bundle(self, saved: Mapping[str, str]) -> dict[str, Any]:
        folder = self._run.search.get("folder")
        return self.bundle(self.model_id, saved, self._run.name, folder)

    def _first(self) -> dict[str, str]:
        """The saved view, or what there is without one."""
        with contextlib.suppress(Exception):  # whatever drawing raises
            return self._still()
        return self._summary()

    def _summary(self) -> dict[str, str]:
        """What is told until there is a picture, which costs a second."""
        summary = self._run.summary()
        return {"text/html": summary.html(), "text/plain": summary.text()}

    def _still(self) -> dict[str, str]:
        """The saved view: a picture and a table, for who has no kernel."""
        return painter().draw(self._run.folder, self._run.started_s)

    def _keep_still(self) -> None:
        """Keep the saved view no older than ten seconds, and true at the end."""
        drawn_s = 0.0
        while self._feed.status != "deleted":
            now, status = self._feed.seen, self._feed.status
            ended = status in ENDED
            due = ended or time.monotonic() - drawn_s >= _STILL_S
            if self._greeted.is_set() or (due and now != self._kept_of):
                if bridge().hello is not None:
                    self._feed.shown.wait(READY_S)  # what is on the screen comes first
                self._greeted.clear()
                # Deleted meanwhile; or whatever drawing raises: it is tried again.
                with contextlib.suppress(Exception):
                    self._save(self._still())
                drawn_s = time.monotonic()
                with self._kept:
                    self._kept_of = now
                    self._kept.notify_all()
            kept = ended and self._feed.seen == self._kept_of
            self._greeted.wait(ENDED_POLL_S if kept else _POLL_S)

    def _save(self, data: dict[str, str]) -> None:
        """Put the saved view where the notebook keeps it."""
        if bridge().hello is not None:
            # Updates of displays reach no page that was reloaded since.
            more = self._bundle(data) if self._dropped else data
            bridge().tell("still", handle=self.handle, data=more)
            self._dropped = False
            return
        bundle = self._bundle(data)
        ended = self._feed.status in ENDED
        if ended or time.monotonic() - self._began_s > _HEADLESS_S:
            bundle = self._without_widget(bundle)
        for display in self._displays:
            display.update(bundle, raw=True)  # type: ignore[no-untyped-call]

    def _without_widget(self, bundle: dict[str, Any]) -> dict[str, Any]:
        """Where no page is: nbclient saves a widget's state, which nbconvert prefers.

        A page that comes after all gets the widget with the next saved view.
        """
        if self._watched:
            return bundle
        self._dropped = True
        return {mime: data for mime, data in bundle.items() if mime != WIDGET_MIME}
