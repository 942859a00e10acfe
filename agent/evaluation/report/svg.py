"""Drawing in SVG: a few elements, and axes from values to places."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from agent.untrusted_text import printable


@dataclass(frozen=True, kw_only=True)
class Axis:
    """From a range of values to a range of places, in the drawing's units."""

    low: float
    high: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        """The place of a value; what lies outside is drawn at the edge."""
        span = self.high - self.low or 1.0
        share = min(1.0, max(0.0, (value - self.low) / span))
        return self.begin + share * (self.end - self.begin)


def shown(text: str) -> str:
    """Untrusted text as HTML."""
    return escape(printable(text))


def element(name: str, content: str = "", **attributes: str | float) -> str:
    """An element; `content` is markup. Underscores of attribute names become hyphens."""
    pairs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
    )
    return f"<{name}{pairs}>{content}</{name}>"


def title(text: str) -> str:
    """What a pointer over the enclosing element shows."""
    return element("title", shown(text))


def words(x: float, y: float, text: str, **attributes: str | float) -> str:
    return element("text", shown(text), x=x, y=y, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def rectangle(x: float, y: float, width: float, height: float, class_: str, tip: str = "") -> str:
    content = title(tip) if tip else ""
    return element("rect", content, x=x, y=y, width=width, height=height, rx=2, class_=class_)


def drawing(width: float, height: float, content: str, label: str) -> str:
    """A whole SVG that grows and shrinks with the page."""
    return element(
        "svg",
        content,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=label,
        style=f"max-width:{width:g}px",
    )


def _value(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
