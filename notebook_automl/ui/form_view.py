"""The form on the page: it follows the variables, and keeps its line in a cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ipywidgets

import notebook_automl
from notebook_automl.api.search import Search
from notebook_automl.data._files import seen
from notebook_automl.errors import AutoMLError, SearchError, received
from notebook_automl.page.bridge import bridge, current_cell
from notebook_automl.page.cells import PageCell, insert
from notebook_automl.record.schema import Schema
from notebook_automl.ui import candidates, form, options
from notebook_automl.ui.display import view_of
from notebook_automl.ui.widget import Widget

_PART = "search"
_AUTO = ("task", "metric", "pruner", "device", "backend")


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
        self._left = 0
        self._busy = True
        self._source = ""
        self._misread: dict[str, str] = {}
        self._schema: tuple[object, Schema] | None = None
        self._told: dict[str, Any] = {}
        self._note = ""
        super().__init__("panel")
        self.box = ipywidgets.VBox([self])
        shell.events.register("pre_run_cell", self._cell_begins)
        shell.events.register("post_run_cell", self._cell_ran)
        if self._home is not None:
            if (earlier := _FORMS.pop(self._home, None)) is not None:
                earlier.leave()
            _FORMS[self._home] = self

    def leave(self) -> None:
        """Give way to another form in the same cell."""
        self._shell.events.unregister("pre_run_cell", self._cell_begins)
        self._shell.events.unregister("post_run_cell", self._cell_ran)
        bridge().forget(self.handle, self._cell)
        self._worker.shutdown(wait=False)
        self.box.close()
        self.close()

    def begin(self, work: Callable[..., None], *arguments: Any) -> None:
        self._worker.submit(self._try, work, *arguments)

    def _try(self, work: Callable[..., None], *arguments: Any) -> None:
        try:
            work(*arguments)
        except Exception as error:
            # Nobody reads what this thread raises: it belongs where the person looks.
            self._told |= {"note": f"{type(error).__name__}: {error}"}
            self.send(self._told)

    def ready(self) -> None:
        bridge().open()  # a page without our extension has closed its comm
        self.begin(self._begin)

    def _begin(self) -> None:
        """Tell a page everything; a cell of an earlier form is taken up again."""
        self._told = {}
        if self._cell is None and (found := self._standing()) is not None:
            self._take(found)
            self._edited(self._cell, found["source"])
        else:
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
            self._values[field] = options.typed(field, value)
        if field == "data":
            self._values.pop("target", None)  # a column of other data
        self._refresh()
        if self._told["ready"]:
            self._keep_in_step()

    def _cell_begins(self, *_: object) -> None:
        self._busy = True

    def _cell_ran(self, *_: object) -> None:
        """Variables may have come, gone or changed."""
        self._busy, self._schema = False, None
        self.begin(self._refresh)

    def _refresh(self) -> None:
        """Look at everything, and tell the page if something is new."""
        names = candidates.variables(self._shell.user_ns)
        if "data" not in self._values and len(names) == 1:
            self._values["data"] = names[0].value
        names += candidates.files()
        data, errors, decided = self._look()
        task = decided.get("task") or self._values.get("task", "auto")
        fields = form.form_fields(data, task, names)
        for field in fields:
            if field["name"] in _AUTO:
                field["proposed"] = decided.get(field["name"])
            if field["name"] == "data":
                field["detail"] = _detail(names, self._values.get("data"))
        named = self._values.get("data")
        table = data is None or hasattr(data, "columns")
        known = "target" in self._values or isinstance(named, form.Expression)
        complete = named is not None and (known or not table)
        told = {
            "kind": "form",
            "fields": fields,
            "values": options.shown(form.defaults() | self._values),
            "errors": errors,
            "line": form.line(self._values),
            "cell": self._cell is not None,
            "ready": complete and not errors,
            "note": self._note,
            "page": bridge().hello is not None,
        }
        if told != self._told:
            self._told = told
            self.send(told)

    def _look(self) -> tuple[Any, dict[str, str], dict[str, Any]]:
        """The data, what is wrong by field, and what "auto" stands for."""
        errors = form.check(self._values) | self._misread
        named = self._values.get("data")
        if named is None or isinstance(named, form.Expression):
            return None, errors, {}
        data, values = None, form.literals(self._values)
        try:
            given = candidates.evaluate(named, self._shell.user_ns)
            data = seen(given)
            if errors or (hasattr(data, "columns") and "target" not in values):
                return data, errors, {}
            search = Search(given, **values)
            key = (named, values.get("target"), str(values.get("sample_weight")))
            if self._schema is None or self._schema[0] != key:
                self._schema = key, search.schema()
            return data, errors, search.description(self._schema[1])
        except AutoMLError as error:
            return data, errors | {error.field or "": str(error)}, {}

    def _keep_in_step(self) -> bool:
        """Let the cell say what the form says; False if there is no page to do so."""
        if bridge().hello is None:
            return False
        if self._cell is None and (found := self._standing()) is not None:
            self._take(found)
        return self._write() or self._insert(self._new_cell(), run=False)

    def _write(self) -> bool:
        """Let the cell say it, if there is one that still asks for a search."""
        if self._cell is None:
            return False
        try:
            if form.read(self._source)[0] == self._values:
                return True  # it says so in the person's own way
            source = form.written(self._source, self._values)
        except SearchError:
            self._leave_cell()
            return False
        if source != self._source:
            at = {"page": self._page, "cell": self._cell, "was": self._source}
            answer = bridge().ask("write", source=source, **at) or {}
            if "source" in answer:
                # Edited a moment ago: the person's own hand comes first.
                self._edited(self._cell, answer["source"])
            elif answer.get("ok"):
                self._source = source
            else:
                self._cell = None
                return False
        return True

    def _insert(self, source: str, run: bool) -> bool:
        """Put the cell below the form's own, or where it stands; maybe run it."""
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
        if self._cell != done.cells[0]:
            self._take({"cell": done.cells[0], "page": done.page, "source": source})
            self._refresh()
        return True

    def _standing(self) -> Mapping[str, Any] | None:
        """The cell that stands below the form already, with its page and source."""
        if self._home is None or bridge().hello is None:
            return None
        at = {"anchor": {"cell": self._home}, "part": _PART}
        found = bridge().ask("read", export=self._export, **at)
        return found if found is not None and found.get("cell") else None

    def _take(self, found: Mapping[str, Any]) -> None:
        """Keep in step with a cell from now on."""
        cell = str(found["cell"])
        self._cell, self._page = cell, str(found["page"])
        self._source = str(found["source"])

        def on_source(source: str | None) -> None:
            self.begin(self._edited, cell, source)

        bridge().watch(cell, self._page, on_source)

    def _leave_cell(self) -> None:
        """Leave to the person a cell that has no search any more."""
        self._left += 1
        self._cell, self._misread = None, {}

    @property
    def _export(self) -> str:
        """The same when the notebook is opened again, so that the cell is found."""
        return f"panel {self._home}" + f" {self._left}" * (self._left > 0)

    def _new_cell(self) -> str:
        module = self._shell.user_ns.get(form.MODULE)
        return form.new_cell(self._values, form.MODULE, module is notebook_automl)

    def _edited(self, cell: str | None, source: str | None) -> None:
        """Let the form follow a person's edit of its cell."""
        if self._cell not in (None, cell):
            return  # another cell has taken the place of this one
        self._misread, self._note = {}, ""
        if source is None:
            self._cell = None
        else:
            self._cell, self._source = cell, source
            try:
                self._values, self._misread = form.read(source)
            except SearchError as error:
                self._note = f"{error} Start makes a new one."
        self._refresh()

    def _start(self) -> str:
        """Run the cell; without our extension, start the search from here."""
        self._schema = None
        self._refresh()
        if not self._told["ready"]:
            errors = list(self._told["errors"].values())
            missing = "Expected data and a target, got none. Choose them first."
            raise SearchError(errors[0] if errors else missing)
        busy = self._busy  # before the cell itself makes the kernel so
        if self._keep_in_step() and self._insert(self._source, run=True):
            first = " as soon as the kernel is free" if busy else ""
            return f"The cell below runs the search{first}."
        data = candidates.evaluate(self._values["data"], self._shell.user_ns)
        run = Search(data, **form.literals(self._values)).start()
        self._shell.push({"run": run})
        self.box.children = [self, view_of(run)]
        return f"Started {run.name}. Its variable is called run."


def _detail(names: list[candidates.Choice], value: Any) -> str:
    return next((choice.detail for choice in names if choice.value == value), "")


_FORMS: dict[str, FormView] = {}
"""The form that each cell shows."""
