"""HTML from templates. Whatever they show is untrusted: escaped, and made printable."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from agent.untrusted_text import printable, printable_lines
from agent.wording import counted, duration, in_part

TEMPLATE_FOLDER = Path(__file__).parent / "templates"
SHORT_COMMIT_CHARACTERS = 10
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


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
    environment.filters |= {"ago": ago, "short_commit": short_commit, "short_job": short_job}
    environment.filters |= {"in_part": in_part, "lines": lines}
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


def lines(text: str) -> Markup:
    """A text of several lines: each made printable and escaped, the ends of them kept."""
    return Markup("\n").join(printable_lines(text))


def ago(at: datetime, clock: datetime) -> str:
    """`3 min ago`: with one unit, so that it seldom changes."""
    seconds = (clock - at).total_seconds()
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length or (seconds >= length and unit != "days"):
            return f"{int(seconds // length)} {unit} ago"
    return "just now"


def short_commit(revision: str) -> str:
    """A full commit id by its beginning; anything else as it is."""
    return revision[:SHORT_COMMIT_CHARACTERS] if _COMMIT.fullmatch(revision) else revision


def short_job(job_id: str) -> str:
    """The end of a job's id, which is what people tell jobs apart by."""
    return job_id.rpartition("-")[2]
