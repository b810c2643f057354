"""Two comms between the kernel and our extension of the page.

The kernel writes to one, which it opens, and the page to another, which the page opens:
ipykernel sends a message to the thread that last wrote to its comm, so that only a comm
that the kernel never writes to reaches a kernel whose cell is busy.
"""

from __future__ import annotations

import contextlib
import math
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

PROTOCOL = 1
_TO_PAGE, _TO_KERNEL = "notebook_automl.kernel", "notebook_automl.page"
_TIMEOUT_S = 2.0

Message = Mapping[str, Any]
_ACTING_FOR: ContextVar[tuple[str | None, ...]] = ContextVar("acting_for", default=())


@dataclass(frozen=True)
class Hello:
    """Who greeted: one page of a browser, connected to this kernel.

    Args:
        page: Its id.
        version: Of the extension.
        app: The application's name and version.
    """

    page: str
    version: str
    app: str


class Bridge:
    """The kernel's end of both comms; `bridge()` gives the kernel's only one.

    Attributes:
        version: Of this package.
        hello: The last greeting, if a page has greeted.
    """

    def __init__(self) -> None:
        self.version = _version()
        self.hello: Hello | None = None
        self._hello_here = threading.Event()
        self._opened_s = math.inf
        self._comm: Any = None
        self._lock = threading.Lock()
        self._replies: dict[str, _Reply] = {}
        self._widgets: dict[str, Callable[[Message, Message], None]] = {}
        self._watchers: dict[str, Callable[[str | None], None]] = {}
        self._greeted: list[Callable[[Hello], None]] = []

    def open(self) -> None:
        """Let pages find this kernel, unless they can already."""
        from comm import create_comm, get_comm_manager

        with self._lock:
            if self._comm is not None:
                return
            get_comm_manager().register_target(_TO_KERNEL, self._on_open)
            self._comm = create_comm(
                target_name=_TO_PAGE,
                data={"protocol": PROTOCOL, "version": self.version},
            )
            self._comm.on_close(self._on_close)
            self._opened_s = min(self._opened_s, time.monotonic())

    def wait_for_hello(self, timeout_s: float) -> bool:
        """Wait until some page has greeted; whether one has.

        Args:
            timeout_s: Wait no longer than so long after pages could first know of us.
        """
        self.open()
        left_s = self._opened_s + timeout_s - time.monotonic()
        return self._hello_here.wait(max(0.0, left_s))

    def tell(self, op: str, **content: Any) -> None:
        """Send something to all pages; nobody may be there.

        Args:
            op: What is to be done.
            **content: What that needs.
        """
        self.open()
        comm = self._comm
        if comm is not None:
            comm.send({"op": op, "request": uuid.uuid4().hex, **content})

    def ask(self, op: str, **content: Any) -> Message | None:
        """Send something and wait for the first answer.

        Args:
            op: What is to be done.
            **content: What that needs.

        Returns:
            The answer; None if no page gave one.
        """
        request, reply = uuid.uuid4().hex, _Reply()
        self._replies[request] = reply
        try:
            self.tell(op, **{**content, "request": request})
            return reply.wait()
        finally:
            del self._replies[request]

    def serve(self, handle: str, fn: Callable[[Message, Message], None]) -> None:
        """Hand on what a widget says, which arrives also while a cell is busy.

        Args:
            handle: The widget's own id.
            fn: Takes what the widget said, and the message around it with "page" and
                "cell". It must come back at once.
        """
        self._widgets[handle] = fn

    def watch(self, cell: str, page: str, fn: Callable[[str | None], None]) -> None:
        """Hear of each change that a person makes to a cell.

        Args:
            cell: The cell's id.
            page: The page that shows it.
            fn: Takes its source; None when it was deleted. It must come back at once.
        """
        self._watchers[cell] = fn
        self.tell("watch", cell=cell, page=page)

    def forget(self, handle: str, cell: str | None) -> None:
        """Hear no more of a widget, and of a cell that it watched."""
        self._widgets.pop(handle, None)
        if cell is not None:
            self._watchers.pop(cell, None)

    def on_hello(self, fn: Callable[[Hello], None]) -> None:
        """Call a function whenever a page greets; it must come back at once."""
        self._greeted.append(fn)

    def _on_open(self, comm: Any, message: Message) -> None:
        comm.on_msg(self._on_message)
        self._on_message(message)

    def _on_close(self, message: Message) -> None:
        # A page without our extension closes what it cannot take.
        self._comm = None

    def _on_message(self, message: Message) -> None:
        data = message["content"]["data"]
        match data:
            case {"op": "hello", "page": str(page), "version": version, "app": app}:
                self.hello = Hello(page, str(version), str(app))
                self._hello_here.set()
                for cell in list(self._watchers):
                    self.tell("watch", cell=cell, page=page)
                for greet in list(self._greeted):
                    greet(self.hello)
            case {"op": "reply", "request": request}:
                if (reply := self._replies.get(request)) is not None:
                    reply.put(data)
            case {"op": "source", "cell": cell, "source": source}:
                if (watcher := self._watchers.get(cell)) is not None:
                    watcher(source)
            case {"op": "widget", "handle": handle, "content": dict(content)}:
                if (widget := self._widgets.get(handle)) is not None:
                    widget(content, data)


class _Reply:
    """The first answer to a request."""

    def __init__(self) -> None:
        self._here = threading.Event()
        self._data: Message | None = None

    def put(self, data: Message) -> None:
        if self._data is None:
            self._data = data
            self._here.set()

    def wait(self) -> Message | None:
        self._here.wait(_TIMEOUT_S)
        return self._data


@cache
def bridge() -> Bridge:
    """The kernel's bridge."""
    return Bridge()


def current_shell() -> Any:
    """IPython's shell if a front end reads our outputs, as no terminal's does."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    shell = get_ipython()
    return shell if getattr(shell, "kernel", None) is not None else None


@contextlib.contextmanager
def acting_for(cell: str | None) -> Iterator[None]:
    """Let what runs inside mean this cell, as if it ran in it.

    Args:
        cell: Its id, or None for none.
    """
    token = _ACTING_FOR.set((cell,))
    try:
        yield
    finally:
        _ACTING_FOR.reset(token)


def in_cell() -> bool:
    """Whether code runs as a cell's own, and not for something pressed on the page."""
    return not _ACTING_FOR.get()


def current_cell() -> str | None:
    """The id of the cell that runs, where the front end tells it."""
    if acting := _ACTING_FOR.get():
        return acting[0]
    shell = current_shell()
    with contextlib.suppress(AttributeError, TypeError):
        cell = shell.kernel.get_parent()["metadata"].get("cellId")
        return cell if isinstance(cell, str) else None
    return None


def _version() -> str:
    from importlib.metadata import version

    return version("notebook-automl")
