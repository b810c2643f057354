"""A page without a browser: it speaks to a real kernel as our extension does."""

from __future__ import annotations

import queue
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

PATIENCE_S = 60.0


class Front:
    """One page that holds one notebook, without an extension until `greet`.

    Args:
        client: Speaks to the kernel.
    """

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client
        self.page = uuid.uuid4().hex
        self.cells: dict[str, str] = {}
        self.told: list[dict[str, Any]] = []
        self.widgets: list[dict[str, Any]] = []
        self.outputs: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self.text = ""
        self.handles: dict[str, str] = {}
        self.comms: dict[str, str] = {}
        self._kernel_comm = self._page_comm = ""

    def run(self, code: str, cell: str = "cell") -> dict[str, Any]:
        """Run a cell, and wait until the kernel is idle again; gives its reply."""
        self.cells.setdefault(cell, code)
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
        }
        message = self.client.session.msg(
            "execute_request", content, metadata={"cellId": cell}
        )
        self.client.shell_channel.send(message)
        sent = message["header"]["msg_id"]
        self.until(lambda m: _is_idle(m) and m["parent_header"].get("msg_id") == sent)
        while True:
            reply = self.client.get_shell_msg(timeout=PATIENCE_S)
            if reply["parent_header"].get("msg_id") == sent:
                return dict(reply["content"])

    def until(self, enough: Callable[[dict[str, Any]], Any]) -> Any:
        """Take in what the kernel says until something is met, and give that back."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            self._take(message)
            if answer := enough(message):
                return answer
        raise AssertionError(f"waited in vain; errors: {self.errors}")

    def widget(self, test: Callable[[Mapping[str, Any]], Any]) -> dict[str, Any]:
        """Wait for a message to a widget, one that was not asked for yet."""

        def fits(message: dict[str, Any] | None = None) -> Any:
            for told in list(self.widgets):
                self.widgets.remove(told)
                if test(told):
                    return told
            return None

        return fits() or self.until(fits)

    def greet(self, version: str = "") -> None:
        """Open our own comm, as the extension does when it finds the kernel's."""
        assert self._kernel_comm, "the kernel opened no comm"
        self._page_comm = uuid.uuid4().hex
        hello = {
            "op": "hello",
            "protocol": 1,
            "version": version or self.version,
            "page": self.page,
            "app": "Front 1",
            "path": "a.ipynb",
        }
        self._send(
            "comm_open",
            comm_id=self._page_comm,
            target_name="notebook_automl.page",
            data=hello,
        )

    @property
    def has_kernel_comm(self) -> bool:
        """Whether the kernel can be found."""
        return bool(self._kernel_comm)

    def close_kernel_comm(self) -> None:
        """Do as a page without our extension does."""
        self._send("comm_close", comm_id=self._kernel_comm, data={})
        self._kernel_comm = ""

    def say(self, op: str, **content: Any) -> None:
        """Send the kernel something on our comm."""
        data = {"op": op, "page": self.page, **content}
        self._send("comm_msg", comm_id=self._page_comm, data=data)

    def press(self, handle: str, do: str, cell: str = "cell", **content: Any) -> str:
        """Press a button of a widget; gives the request's id."""
        request = uuid.uuid4().hex
        content = {"do": do, "request": request, **content}
        self.say("widget", handle=handle, cell=cell, content=content)
        return request

    def press_without_extension(self, handle: str, do: str, **content: Any) -> str:
        """The same through the widget's own comm."""
        request = uuid.uuid4().hex
        content = {"do": do, "request": request, **content}
        data = {"method": "custom", "content": content}
        self._send("comm_msg", comm_id=self.comms[handle], data=data)
        return request

    def answer(self, request: str) -> dict[str, Any]:
        """Wait for what came of a button."""
        return self.widget(lambda told: told.get("request") == request)

    def bundles(self) -> list[dict[str, Any]]:
        """What was displayed, each with its MIME types."""
        return [output["data"] for output in self.outputs]

    def _take(self, message: dict[str, Any]) -> None:
        content = message["content"]
        match message["msg_type"]:
            case "comm_open" if content["target_name"] == "notebook_automl.kernel":
                self._kernel_comm = content["comm_id"]
                self.version = content["data"]["version"]
            case "comm_open" if "handle" in content["data"].get("state", {}):
                state = content["data"]["state"]
                self.handles[state["kind"]] = state["handle"]
                self.comms[state["handle"]] = content["comm_id"]
            case "comm_msg" if content["comm_id"] == self._kernel_comm:
                self.told.append(content["data"])
                if self._page_comm:
                    self._do(content["data"])
            case "comm_msg" if content["data"].get("method") == "custom":
                told = content["data"]["content"]
                self.widgets.append(told | {"buffers": message["buffers"]})
            case "display_data" | "execute_result" | "update_display_data":
                self.outputs.append(content)
            case "stream" if content["name"] == "stdout":
                self.text += content["text"]
            case "error":
                self.errors.append(content["evalue"])

    def _do(self, asked: dict[str, Any]) -> None:
        """What the extension does with a request."""
        if asked.get("page", self.page) != self.page:
            return
        match asked["op"]:
            case "find" if asked["anchor"]["cell"] in self.cells:
                self._reply(asked, cell=asked["anchor"]["cell"])
            case "insert":
                parts = [f"{asked['export']}/{c['part']}" for c in asked["cells"]]
                new = [part for part in parts if part not in self.cells]
                for part, cell in zip(parts, asked["cells"], strict=True):
                    self.cells[part] = cell["source"]
                counts = {"replaced": len(parts) - len(new), "kept": 0, "removed": 0}
                self._reply(asked, cells=parts, inserted=len(new), **counts)
            case "read" if asked["anchor"]["cell"] in self.cells:
                cell = f"{asked['export']}/{asked['part']}"
                source = self.cells.get(cell)
                self._reply(asked, cell=cell if source else None, source=source)
            case "write" if self.cells[asked["cell"]] == asked["was"]:
                self.cells[asked["cell"]] = asked["source"]
                self._reply(asked)
            case "write":
                self._reply(asked, ok=False, source=self.cells[asked["cell"]])

    def _reply(self, asked: Mapping[str, Any], **content: Any) -> None:
        self.say("reply", **{"request": asked["request"], "ok": True, **content})

    def _send(self, kind: str, **content: Any) -> None:
        session = self.client.session
        self.client.shell_channel.send(session.msg(kind, content))


@contextmanager
def kernel_with_front(folder: Path) -> Iterator[Front]:
    """A kernel of its own in a folder, and a page for it."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(folder))
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=PATIENCE_S)
        yield Front(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _is_idle(message: Mapping[str, Any]) -> bool:
    idle = message["content"].get("execution_state") == "idle"
    return message["msg_type"] == "status" and idle
