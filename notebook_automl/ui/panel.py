"""`Panel(df)`: a form for a search."""

from __future__ import annotations

import sys
from typing import Any

from notebook_automl.api.cluster import address_of
from notebook_automl.api.names import names_of
from notebook_automl.data.several import PLUGIN as SEVERAL
from notebook_automl.errors import SearchError, received
from notebook_automl.page.bridge import current_shell
from notebook_automl.ui import form

_MINUTES = 10


class Panel:
    """A form for a search.

    Args:
        data: A table or arrays that a variable of the notebook holds.
        **values: Other fields of `Search`, filled in already.

    Raises:
        SearchError: A field that `Search` has not, or data that have no name here.
    """

    def __init__(self, data: Any = None, **values: Any) -> None:
        for name in values:
            if name not in form.FIELDS:
                raise SearchError(
                    f"Expected fields of Search, got {name!r} (str). Type "
                    'Panel(df, target="species", minutes=10).',
                    field=name,
                )
        if cluster := address_of(values.get("cluster")):
            values["cluster"] = cluster  # no line of code holds the object
        self._values: dict[str, Any] = {"minutes": _MINUTES} | values
        if data is not None:
            # Dictionaries by name are one variable, or have no name here.
            names = names_of((data,) if SEVERAL.accepts(data) else data)
            if not names:
                raise SearchError(
                    f"Expected data that a variable holds, {received(data)}. Type "
                    "df = ... first, then Panel(df).",
                    field="data",
                )
            pair = f"({', '.join(names)})"
            self._values["data"] = names[0] if len(names) == 1 else pair

    def __repr__(self) -> str:
        line = form.line({"data": "df"} | self._values)
        return f"The form needs a notebook. Here, type {line}"

    def _ipython_display_(self) -> None:
        shell = current_shell()
        if shell is None:
            sys.stdout.write(f"{self!r}\n")
            return
        from IPython.display import display

        from notebook_automl.ui.form_view import FormView

        view = FormView(shell, dict(self._values))
        text = "The form of notebook-automl: run this cell to open it."
        saved = {"text/html": f"<p>{text}</p>", "text/plain": text}
        bundle = view.bundle(view.box.model_id, saved)
        display(bundle, raw=True)  # type: ignore[no-untyped-call]
