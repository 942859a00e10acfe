"""HTML from templates. Whatever they show is untrusted: escaped, and made printable."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from agent.untrusted_text import printable
from agent.wording import counted, duration, in_part

TEMPLATE_FOLDER = Path(__file__).parent / "templates"


def render(name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A response with one HTML page."""
    return HTMLResponse(fragment(name, **values), status)


def fragment(name: str, **values: Any) -> str:
    """The HTML of one part of a page."""
    html: str = _templates().get_template(name).render(**values)
    return html


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE_FOLDER),
        autoescape=True,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "counted": counted, "moment": moment}
    environment.filters["in_part"] = in_part
    return environment


def shown(value: Any) -> Any:
    """Each value of a template passes here, so that none can be forgotten.

    Escaping alone lets through ESC and the invisible characters that reorder a line.
    """
    if isinstance(value, Markup):
        return value
    return printable(value) if isinstance(value, str) else value


def moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")
