"""A trial's epochs as a table of numbers: a run has a million of them.

A dict an epoch would take ten times the memory, and a second to be read again.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, overload


class Table(NamedTuple):
    """What a history is made of, for who keeps it or counts with it.

    Args:
        names: Of the columns.
        values: The rows one after the other, NaN where an epoch lacks a metric.
        lacks: By row, the names of what an epoch lacks.
    """

    names: tuple[str, ...]
    values: array[float]
    lacks: dict[int, tuple[str, ...]]


class History(Sequence[dict[str, float]]):
    """A list of dicts, one an epoch, that only grows.

    A copy shares the table, of which it sees what there was: it costs nothing.

    Args:
        epochs: What it begins with.
    """

    __slots__ = ("_lacks", "_length", "_names", "_own", "_values")

    def __init__(self, epochs: Iterable[Mapping[str, float]] = ()) -> None:
        self._names: tuple[str, ...] = ()
        self._values = array("d")
        self._lacks: dict[int, tuple[str, ...]] = {}
        self._length, self._own = 0, True
        for epoch in epochs:
            self.append(epoch)

    @classmethod
    def of(cls, table: Table) -> History:
        """The history that is made of a table, which becomes its own.

        Raises:
            ValueError: The table has half a row.
        """
        made = cls()
        made._names, made._values = table.names, table.values
        made._lacks = table.lacks
        made._length, rest = divmod(len(table.values), len(table.names) or 1)
        if rest:
            raise ValueError(f"expected rows of {len(table.names)}, {rest} are over")
        return made

    @property
    def names(self) -> tuple[str, ...]:
        """What any epoch has, in the order in which it appeared."""
        return self._names

    def table(self) -> Table:
        """The numbers, as they are now; they are the caller's own."""
        values = self._values[: self._length * len(self._names)]
        # A copy of the dict first: another thread may add to it.
        known = self._lacks.copy().items()
        lacks = {row: names for row, names in known if row < self._length}
        return Table(self._names, values, lacks)

    def column(self, name: str) -> array[float]:
        """One number an epoch, NaN where it has none.

        Args:
            name: A metric, or "seconds".
        """
        if name not in self._names:
            return array("d", [math.nan]) * self._length
        width, place = len(self._names), self._names.index(name)
        return self._values[place : self._length * width : width]

    def append(self, epoch: Mapping[str, float]) -> None:
        """Add an epoch.

        Args:
            epoch: Its metrics by name; there is at least one.
        """
        if not self._own or tuple(epoch) != self._names:
            self._make_room(epoch)
        self._values.extend([float(epoch.get(n, math.nan)) for n in self._names])
        # Only now is it there: another thread may read a copy that shares the table.
        self._length += 1

    def copy(self) -> History:
        """The same epochs, whatever is added here or there from now on."""
        made = History()
        made._names, made._values, made._lacks = self._names, self._values, self._lacks
        made._length, made._own = self._length, False
        return made

    def __deepcopy__(self, _: Any) -> History:
        return self.copy()

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, place: int) -> dict[str, float]: ...

    @overload
    def __getitem__(self, place: slice) -> list[dict[str, float]]: ...

    def __getitem__(
        self, place: int | slice
    ) -> dict[str, float] | list[dict[str, float]]:
        rows = range(self._length)[place]
        return self._epoch(rows) if isinstance(rows, int) else [*map(self._epoch, rows)]

    def __iter__(self) -> Iterator[dict[str, float]]:
        return map(self._epoch, range(self._length))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, History | list):
            return list(self) == list(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))

    def _epoch(self, row: int) -> dict[str, float]:
        width = len(self._names)
        values = self._values[row * width : (row + 1) * width]
        epoch = dict(zip(self._names, values, strict=True))
        for name in self._lacks.get(row, ()):
            del epoch[name]
        return epoch

    def _make_room(self, epoch: Mapping[str, float]) -> None:
        """Have a table of its own, and in it a column for all that an epoch has."""
        new = [name for name in epoch if name not in self._names]
        if new or not self._own:
            self._own_table(new)
        missing = tuple(name for name in self._names if name not in epoch)
        if missing:
            self._lacks[self._length] = missing

    def _own_table(self, new: Sequence[str]) -> None:
        """Leave the table to the copies, and add columns that the rows lack so far."""
        names, values, lacks = self.table()
        if new:
            narrow, wide = len(names), len(names) + len(new)
            room = array("d", [math.nan]) * (self._length * wide)
            for place in range(narrow):
                room[place::wide] = values[place::narrow]
            values = room
            lacks = {r: (*lacks.get(r, ()), *new) for r in range(self._length)}
        self._names = (*names, *new)
        self._values, self._lacks, self._own = values, lacks, True
