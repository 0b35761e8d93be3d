"""Pieces of HTML that the sections of a report share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def section(title: str, text: str, body: str) -> str:
    """Return a section; ``text`` and ``body`` are HTML."""
    anchor = title.lower().replace(",", "").replace(" ", "-")
    intro = f"<p>{text}</p>\n" if text else ""
    heading = f'<h2 id="{anchor}-title">{title}</h2>'
    return f'<section id="{anchor}" aria-labelledby="{anchor}-title">\n{heading}\n{intro}{body}</section>\n'


def chart(name: str, label: str) -> str:
    """Return the place where the page draws the chart called ``name``."""
    return f'<div class="chart" data-chart="{name}" role="img" aria-label="{escape(label)}"></div>'


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], text: Sequence[int] = ()) -> str:
    """Return a table; cells are HTML, columns ``text`` are aligned to the left."""

    def attributes(column: int) -> str:
        return ' class="text"' if column in text else ""

    header = "".join(f'<th scope="col"{attributes(n)}>{cell}</th>' for n, cell in enumerate(head))
    lines = []
    for row in rows:
        cells = "".join(f"<td{attributes(n)}>{cell}</td>" for n, cell in enumerate(row) if n)
        lines.append(f'<tr><th scope="row">{row[0]}</th>{cells}</tr>')
    return (
        f'<div class="scroll"><table><caption>{caption}</caption><thead><tr>{header}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>\n"
    )
