"""A CSV file: one column is predicted from the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from notebook_automl.data._files import TableFile
from notebook_automl.data._source import Source
from notebook_automl.data.frame import PLUGIN as FRAME


class CSV(TableFile):
    """Tables in .csv files, as pandas reads them."""

    def __init__(self) -> None:
        super().__init__("csv", (".csv", ".csv.gz"), "read_csv")

    def example(self, folder: Path) -> tuple[Any, str | int | None]:
        table, target = FRAME.example(folder)
        path = folder / "flowers.csv"
        table.to_csv(path, index=False)
        return str(path), target


PLUGIN: Source = CSV()
