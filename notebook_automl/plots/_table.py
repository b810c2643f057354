"""Columns of texts as lines that align, and as a table of HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

_LEFT = "text-align:left"
_RIGHT = "text-align:right;font-variant-numeric:tabular-nums"


@dataclass(frozen=True)
class Column:
    """One column; numbers stand at its right edge.

    Args:
        title: Its head.
        cells: Below it.
        text: Whether it holds words.
    """

    title: str
    cells: list[str]
    text: bool = False


def text_lines(columns: list[Column]) -> list[str]:
    """Lines of a terminal, the titles first.

    Args:
        columns: As many cells each.
    """
    padded = []
    for column in columns:
        width = max(map(len, [column.title, *column.cells]))
        align = str.ljust if column.text else str.rjust
        padded.append([align(cell, width) for cell in [column.title, *column.cells]])
    return ["  ".join(line).rstrip() for line in zip(*padded, strict=True)]


def html_table(columns: list[Column], caption: str) -> list[str]:
    """Lines of HTML.

    Args:
        columns: As many cells each; the first one names its row.
        caption: What stands above.
    """
    styles = [_LEFT if column.text else _RIGHT for column in columns]
    heads = "".join(
        f'<th scope="col" style="{style}">{escape(column.title)}</th>'
        for column, style in zip(columns, styles, strict=True)
    )
    body = []
    for cells in zip(*(column.cells for column in columns), strict=True):
        first, *rest = map(escape, cells)
        row = f'<th scope="row" style="{_RIGHT}">{first}</th>' + "".join(
            f'<td style="{style}">{cell}</td>'
            for style, cell in zip(styles[1:], rest, strict=True)
        )
        body.append(f"<tr>{row}</tr>")
    return [
        '<table style="margin-left:0">',
        f'<caption style="caption-side:top;{_LEFT}">{escape(caption)}</caption>',
        f"<thead><tr>{heads}</tr></thead>",
        "<tbody>",
        *body,
        "</tbody></table>",
    ]
