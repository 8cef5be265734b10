"""What the pages of HTML have in common: their style, tables, lists of facts and of commands, and notes of bounds."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import resources
from typing import TypeVar

from services.cli.lib.markup import Markup, element, group
from services.cli.lib.output import Column

T = TypeVar("T")


def page_style(*names: str) -> str:
    """That of all pages, and the files besides."""
    files = resources.files("services.cli.lib")
    return "".join(files.joinpath(name).read_text("utf-8") for name in ("page.css", *names))


def fact_list(facts: Iterable[tuple[str, str]]) -> Markup:
    return element("dl", *(group(element("dt", title), element("dd", text)) for title, text in facts))


def command_list(commands: Sequence[str]) -> Markup:
    """Whole: a command that is cut is none."""
    return element("ol", *(element("li", element("code", command)) for command in commands))


def bound_note(text: str | None) -> Markup | None:
    return None if text is None else element("p", text, class_="bound")


def legend(looks: Iterable[tuple[str, str]]) -> Markup:
    """What the bars of a picture mean, by their looks."""
    return element("p", *(element("span", _bar_sign(look), words) for look, words in looks), class_="legend")


def _bar_sign(look: str) -> Markup:
    bar = element("rect", x="1", y="1", width="12", height="12", class_=look)
    return element("svg", bar, width="14", height="14", aria_hidden="true")


def column_table(
    columns: Sequence[Column[T]],
    rows: Sequence[T],
    look_of: Callable[[T], str | None] = lambda _row: None,
    *,
    look: str | None = None,
    target_of: Callable[[T], str | None] = lambda _row: None,
) -> Markup:
    """`look` is the table's, `look_of` a row's; a row's first cell leads to its target. On a narrow page the title
    stands before each text; the style takes it from there."""
    titles = [column.title.capitalize() for column in columns]
    head = element("tr", *(element("th", title, scope="col") for title in titles))
    lines = (element("tr", *_cells(columns, titles, row, target_of(row)), class_=look_of(row)) for row in rows)
    return element("table", element("thead", head), element("tbody", *lines), class_=look)


def _cells(columns: Sequence[Column[T]], titles: Sequence[str], row: T, target: str | None) -> Iterator[Markup]:
    for number, (column, title) in enumerate(zip(columns, titles, strict=True)):
        text = column.of(row) or ""
        content = element("a", text, href=target) if target is not None and number == 0 else text
        yield element("td", content, data_title=title)
