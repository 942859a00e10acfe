"""Parts of the pages: the frame, cards and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

from agent.evaluation.report.svg import element, shown


@cache
def _style() -> str:
    return files(__name__.rpartition(".")[0]).joinpath("page.css").read_text(encoding="utf-8")


def page(heading: str, below: str, content: str) -> str:
    """A whole page that loads nothing from anywhere, and may run no script."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{shown(heading)}</title><style>{_style()}</style>"
    )
    header = f"<header><h1>{shown(heading)}</h1><p>{shown(below)}</p></header>"
    return (
        f'<!doctype html><html lang="en"><head>{head}</head>'
        f"<body><main>{header}{content}</main></body></html>\n"
    )


def card(heading: str, content: str, *, wide: bool = False) -> str:
    return element(
        "section", element("h2", shown(heading)) + content, class_="wide" if wide else ""
    )


def folded(heading: str, content: str) -> str:
    """A card that is closed at first."""
    inside = element("details", element("summary", shown(heading)) + content)
    return element("section", inside, class_="wide")


def figures(pairs: Iterable[tuple[str, str]]) -> str:
    """Large numbers with what they are."""
    cells = (f"<div><b>{shown(value)}</b><span>{shown(name)}</span></div>" for value, name in pairs)
    return element("div", "".join(cells), class_="hero")


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()
) -> str:
    """Cells are markup; `numbers` are the columns that are set to the right."""

    def cells(kind: str, row: Sequence[str]) -> str:
        return "".join(
            element(kind, cell, class_="number" if column in numbers else "")
            for column, cell in enumerate(row)
        )

    head = element("tr", cells("th", [shown(heading) for heading in headings]))
    return element("table", head + "".join(element("tr", cells("td", row)) for row in rows))


def chip(text: str, *, good: bool) -> str:
    return element("span", shown(text), class_="chip good" if good else "chip")


def percent(share: float) -> str:
    return f"{share * 100:.1f} %"
