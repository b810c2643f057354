"""A Parquet file: one column is predicted from the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from notebook_automl.data._files import TableFile
from notebook_automl.data._source import Source
from notebook_automl.data.frame import PLUGIN as FRAME


class Parquet(TableFile):
    """Tables in .parquet files, as pandas reads them."""

    def __init__(self) -> None:
        super().__init__("parquet", (".parquet",), "read_parquet")

    def example(self, folder: Path) -> tuple[Any, str | int | None]:
        table, target = FRAME.example(folder)
        path = folder / "flowers.parquet"
        table.to_parquet(path)
        return path, target


PLUGIN: Source = Parquet()
