"""What people see: progress on standard error, tables or JSON on standard output, errors as one line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

#: Widest table, in letters.
WIDEST = 1000
# where nobody's window gives a width, tables get room for the longest of most rows
OUT = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
ERR = Console(stderr=True, highlight=False)


class Steps:
    """Says what is being done, with a bar and the time; nothing at all where nobody watches."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet

    @contextmanager
    def step(self, text: str, total: int | None = None) -> Iterator[StepProgress]:
        """Show ``text`` and a bar (moving to and fro without a ``total``) until the block ends."""
        columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), TimeElapsedColumn())
        with Progress(*columns, console=ERR, transient=True, disable=self.quiet or not ERR.is_terminal) as progress:
            yield StepProgress(progress, progress.add_task(text, total=total))

    def done(self, text: str) -> None:
        """Say that something is finished."""
        if not self.quiet:
            ERR.print(f"[green]✓[/green] {escape(text)}", soft_wrap=True)

    def failed(self, text: str) -> None:
        """Say what went wrong; never quiet."""
        ERR.print(f"[red]✗[/red] {escape(text)}", soft_wrap=True)


class StepProgress:
    """The bar of one step."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def to(self, completed: int, total: int | None = None) -> None:
        """Move the bar; with a ``total``, of a bar of another length."""
        self._progress.update(self._task, completed=completed, total=total)

    def of(self, completed: int, total: int) -> None:
        """Move the bar, and say how far it goes."""
        self._progress.update(self._task, completed=completed, total=total)

    def advance(self) -> None:
        """Move the bar by one."""
        self._progress.advance(self._task)

    def say(self, text: str) -> None:
        """Change the text."""
        self._progress.update(self._task, description=text)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()) -> None:
    """Print a table; columns named in ``right`` are aligned to the right."""
    made = Table(title=title, box=SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    for column in columns:
        is_number = column in right
        # names and numbers stay whole; only remarks are broken into lines
        made.add_column(column, justify="right" if is_number else "left", no_wrap=is_number or column == columns[0])
    for row in rows:
        made.add_row(*(number(cell) for cell in row))
    # a table of many columns is wider than some windows: broken lines can be read, numbers that are cut cannot
    window = OUT.width
    OUT.width = max(window, Measurement.get(OUT, OUT.options.update(width=WIDEST), made).minimum)
    OUT.print(made)
    OUT.width = window


def note(text: str) -> None:
    """Print a remark below a table."""
    OUT.print(escape(text), style="dim")


def number(cell: object) -> str:
    """Return a cell as text: thousands separated, nothing for None."""
    if cell is None:
        return ""
    if isinstance(cell, int) and not isinstance(cell, bool):
        return f"{cell:,}"
    return str(cell)


def show_json(data: Mapping[str, Any]) -> None:
    """Print ``data`` as JSON, and nothing else, on standard output."""
    sys.stdout.write(json.dumps(data, indent=2, sort_keys=False) + "\n")


def show_error(line: str) -> None:
    """Print an error as one line on standard error."""
    sys.stderr.write(f"error: {line}\n")
