"""A row of bars as inline SVG: nothing to load, nothing to build. The style sheet colours it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640.0, 150.0
BASE, TOP = 128.0, 14.0
"""Heights of the zero line and of the largest value."""
GAP_SHARE = 0.25
"""Of the room of a bar."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One value, in numbers and in words."""

    label: str
    value: float
    words: str
    upper: float | None = None
    """A second, larger value, drawn as a mark above the bar."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A column in the units of the picture."""

    column: Column
    left: float
    top: float
    width: float
    height: float
    mark: float | None
    """Height of the mark; None without one."""

    @property
    def middle(self) -> float:
        return self.left + self.width / 2


@dataclass(frozen=True, kw_only=True)
class Plot:
    """All that the template draws."""

    title: str
    bars: Sequence[Bar]
    most: str
    """The largest value, in words."""
    width: float = WIDTH
    height: float = HEIGHT
    base: float = BASE
    top: float = TOP

    @property
    def columns(self) -> list[Column]:
        return [bar.column for bar in self.bars]

    @property
    def is_empty(self) -> bool:
        return not any(column.value or column.upper for column in self.columns)


def plot(title: str, columns: Sequence[Column]) -> Plot:
    """The bars of these columns, the largest value at the top."""
    sizes = [max(column.value, column.upper or 0.0) for column in columns]
    largest = max(sizes, default=0.0)
    scale = (BASE - TOP) / largest if largest > 0 else 0.0
    room = WIDTH / max(1, len(columns))
    bars = [
        Bar(
            column=column,
            left=round(room * (index + GAP_SHARE / 2), 2),
            top=round(BASE - column.value * scale, 2),
            width=round(room * (1 - GAP_SHARE), 2),
            height=round(column.value * scale, 2),
            mark=None if column.upper is None else round(BASE - column.upper * scale, 2),
        )
        for index, column in enumerate(columns)
    ]
    top_words = columns[sizes.index(largest)].words if largest > 0 else ""
    return Plot(title=title, bars=bars, most=top_words)
