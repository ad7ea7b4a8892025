"""What a person sees of a long job: steps, lines and bars in a terminal, plain lines anywhere else."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import wrap

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from cli.files import named_file
from cli.output import legible

WIDTH = 110


def shown(text: str) -> str:
    return escape(legible(text))


class Stage:
    def __init__(self, svg: Path | None = None) -> None:
        console = Console(highlight=False, record=svg is not None)
        # Without a terminal there is no width to ask for.
        self.console = console if console.is_terminal else Console(highlight=False, record=svg is not None, width=WIDTH)
        self._svg = svg

    def title(self, text: str) -> None:
        self.console.print(f"[bold]{shown(text)}[/]")

    def step(self, number: int, text: str) -> None:
        self.console.print(f"\n[bold cyan]{number}  {shown(text)}[/]")

    def done(self, text: str) -> None:
        first, *rest = wrap(legible(text), self.console.width - 5) or [""]
        self.console.print(f"   [green]✓[/] {escape(first)}")
        for line in rest:
            self.console.print(f"     {line}", markup=False)

    def say(self, text: str, style: str = "", hang: int = 0) -> None:
        """`hang` is by how much the lines after the first stand further in."""
        for line in wrap(legible(text), self.console.width - 5, subsequent_indent=" " * hang):
            self.console.print(f"     {line}", style=style, markup=False)

    def pair(self, name: str, value: str) -> None:
        self.say(f"{name:<14}{value}", hang=14)

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        table = Table(*heads, box=None, padding=(0, 1), header_style="dim")
        for column in table.columns[1:]:
            column.justify = "right"
        for row in rows:
            table.add_row(*map(shown, row))
        self.console.print(table)

    @contextmanager
    def bars(self) -> Iterator["Bars"]:
        columns = (
            TextColumn("     {task.description:<14}"),
            BarColumn(bar_width=28),
            TaskProgressColumn(),
            TextColumn("{task.fields[note]}", style="dim"),
        )
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as progress:
            yield Bars(progress)

    def save(self, title: str) -> None:
        if self._svg:
            # Without the fonts that Rich would have a reader's browser fetch from elsewhere.
            form = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
            with named_file():
                self.console.save_svg(str(self._svg), title=title, code_format=form)


class Bars:
    """Each has a name, a share done and a note; they vanish when all is done."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks = dict[str, int]()

    def set(self, name: str, share: float, note: str = "") -> None:
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=1.0, note=note)
        self._progress.update(self._tasks[name], completed=share, note=note)  # type: ignore[arg-type]
