"""What does not go with several inputs or outputs, told before the search begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from notebook_automl.data.several import PLUGIN as SEVERAL
from notebook_automl.errors import SearchError, received

# Fields for one array or table.
_OF_ONE_INPUT = ("graph",)
# Fields for one array of labels.
_OF_ONE_OUTPUT = ("loss", "class_weight")


def check_several(search: Any) -> None:
    """Refuse fields that know one input, or one output, where there are several.

    Args:
        search: A `Search`.

    Raises:
        SearchError: With the field.
    """
    if not SEVERAL.accepts(search.data):
        return
    outputs = isinstance(search.data[1], Mapping)
    for field in (*_OF_ONE_INPUT, *_OF_ONE_OUTPUT * outputs):
        if (value := getattr(search, field)) is not None:
            raise SearchError(
                f"Expected no {field} beside several inputs or outputs, "
                f"{received(value)}. Leave it out, or type Search((x, y), {field}=...) "
                "with one array of each.",
                field=field,
            )
    for field in ("metric", "metrics") if outputs else ():
        given = getattr(search, field)
        for metric in given if isinstance(given, list | tuple) else [given]:
            if metric is not None and not isinstance(metric, str):
                raise SearchError(
                    "Expected names of metrics beside several outputs, "
                    f"{received(metric)}. Type {field}= with the name of an output and "
                    'of a metric, as "price_mae".',
                    field=field,
                )
