"""The form on the page: it follows the variables, and keeps its line in a cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ipywidgets

import notebook_automl
from notebook_automl.api.search import Search
from notebook_automl.errors import AutoMLError, SearchError, received
from notebook_automl.page.bridge import bridge, current_cell
from notebook_automl.page.cells import PageCell, insert
from notebook_automl.record.schema import Schema
from notebook_automl.ui import form
from notebook_automl.ui.display import view_of
from notebook_automl.ui.widget import Widget

_PART = "search"
_AUTO = ("task", "metric", "device")


class FormView(Widget):
    """One form in one cell's output.

    Args:
        shell: IPython's, whose variables may be chosen.
        values: What is filled in already.
    """

    def __init__(self, shell: Any, values: dict[str, Any]) -> None:
        # One thread, so that what is typed is taken in its order.
        self._worker = ThreadPoolExecutor(1, "form")
        self._shell, self._values = shell, values
        self._home = current_cell()
        self._page: str | None = None
        self._cell: str | None = None
        # The same when the notebook is opened again, so that its cell is found again.
        self._export = f"panel {self._home}"
        self._source = ""
        self._misread: dict[str, str] = {}
        self._schema: tuple[object, Schema] | None = None
        self._told: dict[str, Any] = {}
        self._note, self._started = "", False
        super().__init__("panel")
        self.box = ipywidgets.VBox([self])
        shell.events.register("post_run_cell", self._cell_ran)
        if (earlier := _FORMS.pop(self._home, None)) is not None:
            earlier.leave()
        _FORMS[self._home] = self

    def leave(self) -> None:
        """Give way to another form in the same cell."""
        self._shell.events.unregister("post_run_cell", self._cell_ran)
        self.box.close()
        self.close()

    def begin(self, work: Callable[..., None], *arguments: Any) -> None:
        self._worker.submit(work, *arguments)

    def ready(self) -> None:
        self.begin(self._begin)

    def _begin(self) -> None:
        """Tell a page everything; a cell of an earlier form is taken up again."""
        self._told = {}
        if self._cell is None and self._home and bridge().hello is not None:
            at = {"anchor": {"cell": self._home}, "part": _PART}
            found = bridge().ask("read", export=self._export, **at)
            if found is not None and found.get("cell"):
                self._take(str(found["cell"]), str(found["page"]))
                self._edited(found["source"])
                return
        self._refresh()

    def obey(self, content: Mapping[str, Any], envelope: Mapping[str, Any]) -> str:
        self._home = envelope.get("cell") or self._home
        self._page = envelope.get("page") or self._page
        match content:
            case {"do": "set", "field": str(field), "value": value}:
                self._set(field, value)
                return ""
            case {"do": "refresh"}:
                self._refresh()
                return ""
            case {"do": "start"}:
                return self._start()
        raise SearchError(f"Expected something to do, {received(content.get('do'))}.")

    def _set(self, field: str, value: Any) -> None:
        """Take in what was chosen or typed."""
        self._misread.pop(field, None)
        if value is None:
            self._values.pop(field, None)
        else:
            self._values[field] = value
        if field == "data":
            self._values.pop("target", None)  # a column of other data
        self._refresh()
        self._write()

    def _cell_ran(self, *_: object) -> None:
        """Variables may have come, gone or changed."""
        self._schema = None
        self.begin(self._refresh)

    def _refresh(self) -> None:
        """Look at everything, and tell the page if something is new."""
        names = form.variables(self._shell.user_ns)
        if "data" not in self._values and len(names) == 1:
            self._values["data"] = names[0].value
        data, errors, decided = self._look()
        task = decided.get("task") or self._values.get("task", "auto")
        fields = form.form_fields(data, task, names)
        for field in fields:
            if field["name"] in _AUTO:
                field["proposed"] = decided.get(field["name"])
            if field["name"] == "data":
                field["detail"] = _detail(names, self._values.get("data"))
        complete = "data" in self._values and (
            "target" in self._values or not hasattr(data, "columns")
        )
        told = {
            "kind": "form",
            "fields": fields,
            "values": form.defaults() | self._values,
            "errors": errors,
            "line": form.line(self._values),
            "cell": self._cell is not None,
            "ready": complete and not errors,
            "busy": False,
            "note": self._note,
            "run": None,
            "page": bridge().hello is not None,
        }
        if told != self._told:
            self._told = told
            self.send(told)

    def _look(self) -> tuple[Any, dict[str, str], dict[str, Any]]:
        """The data, what is wrong by field, and what "auto" stands for."""
        values = {name: v for name, v in self._values.items() if name != "data"}
        errors = form.check(values) | self._misread
        if "data" not in self._values:
            return None, errors, {}
        data = None
        try:
            data = form.evaluate(self._values["data"], self._shell.user_ns)
            if errors or (hasattr(data, "columns") and "target" not in values):
                return data, errors, {}
            search = Search(data, **values)
            key = (self._values["data"], values.get("target"))
            if self._schema is None or self._schema[0] != key:
                self._schema = key, search.schema()
            return data, errors, search.description(self._schema[1])
        except AutoMLError as error:
            return data, errors | {error.field or "": str(error)}, {}

    def _write(self) -> None:
        """Keep the line in the cell in step with the form."""
        if not self._told["ready"] or bridge().hello is None:
            return
        if self._cell is None:
            self._insert(run=False)
            return
        source = form.written(self._source, self._values)
        if source != self._source:
            page = self._page
            answer = bridge().ask("write", page=page, cell=self._cell, source=source)
            if answer is not None and answer.get("ok"):
                self._source = source
            else:
                self._cell = None

    def _insert(self, run: bool) -> bool:
        """Put the cell below the form's own, or find it there; False without a page."""
        source = self._source if self._cell is not None else self._new_cell()
        done = insert(
            self._export,
            [PageCell(_PART, "code", source)],
            self._home,
            page=self._page,
            undoable=False,
            run=run,
        )
        if done is None:
            return False
        self._source = source
        if self._cell != done.cells[0]:
            self._take(done.cells[0], done.page)
            self._refresh()
        return True

    def _take(self, cell: str, page: str) -> None:
        """Keep in step with this cell from now on."""
        self._cell, self._page = cell, page
        bridge().watch(cell, page, self._on_source)

    def _new_cell(self) -> str:
        module = self._shell.user_ns.get(form.MODULE)
        return form.new_cell(self._values, form.MODULE, module is notebook_automl)

    def _on_source(self, source: str | None) -> None:
        self.begin(self._edited, source)

    def _edited(self, source: str | None) -> None:
        """Let the form follow a person's edit of the cell."""
        self._misread, self._note = {}, ""
        if source is None:
            self._cell = None
        else:
            self._source = source
            try:
                values, self._misread = form.read(source)
                # What the form cannot show stays as it was, and in the cell.
                kept = {n: v for n, v in self._values.items() if n in self._misread}
                self._values = kept | values
            except SearchError as error:
                self._misread = {"": str(error)}
        self._refresh()

    def _start(self) -> str:
        """Run the cell; without our extension, start the search from here."""
        self._schema = None
        self._refresh()
        if not self._told["ready"]:
            errors = list(self._told["errors"].values())
            raise SearchError(
                errors[0] if errors else "Choose data and a target first."
            )
        if self._insert(run=True):
            return "The cell below runs the search."
        values = {name: v for name, v in self._values.items() if name != "data"}
        data = form.evaluate(self._values["data"], self._shell.user_ns)
        run = Search(data, **values).start()
        self._shell.push({"run": run})
        self.box.children = [self, view_of(run)]
        return f"Started {run.name}. Its variable is called run."


def _detail(names: list[form.Choice], value: Any) -> str:
    return next((choice.detail for choice in names if choice.value == value), "")


_FORMS: dict[str | None, FormView] = {}
"""The form that each cell shows."""
