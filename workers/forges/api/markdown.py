"""Untrusted text inside Markdown: shown, never interpreted.

Names of tests, messages of failures and issue texts belong to whoever wrote the repository. In
a forge's Markdown they could mention people, close issues, hide text or load pictures. Inside
code nothing of that happens, so untrusted text goes nowhere else; what cannot be code (titles,
commit messages) is made plain text by `plain`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from agent.patches.commit import inert_message

MAX_BODY_CHARACTERS = 65_000
"""Characters of a comment or description; GitHub takes 65,536."""
MAX_CHECK_BYTES = 65_000
"""Bytes of a check run's summary, and of its text: GitHub takes 65,535, and counts no characters
there."""
MAX_CHARACTER_BYTES = 4
Size = Callable[[str], int]
_SUSPECT = re.compile(r"[^\n\t\x20-\x7e]")
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls, marks that reorder or hide text (CVE-2021-42574), half surrogates, odd line ends."""
_HIDDEN = "\N{HORIZONTAL ELLIPSIS}"

_SECRETS = re.compile(
    r"gh[pousr]_[A-Za-z0-9_.-]{16,}"
    r"|github_pat_\w{20,}"
    r"|\bgl[a-z]{2,5}-[\w.-]{20,}"  # GitLab's, of every kind
    r"|(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+"  # a JSON web token
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bsk-[\w-]{20,}"
    r"|(?<=://)[^\s/:@]+:[^\s/@…]+(?=[@…])"  # whole, or cut off before its end
    r"|(?i:(?<=authorization: )\S+(?: \S+)?)",
    re.DOTALL,
)


def clean(text: str) -> str:
    """A text without secrets, control characters and the marks that reorder or hide text."""
    visible = _SUSPECT.sub(_seen, text.replace("\r\n", "\n"))
    return _SECRETS.sub("[redacted]", visible)


def code(text: str, limit: int = 200) -> str:
    """A code span of one line."""
    line = shortened(" ".join(clean(text).split()), limit) or " "
    fence = "`" * (_longest_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def code_block(text: str, language: str = "", limit: int = 4_000) -> str:
    """A fenced block; what is too long loses its middle."""
    body = cut(clean(text).strip("\n"), limit)
    fence = "`" * max(3, _longest_run(body) + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def plain(text: str, limit: int = 200) -> str:
    """A text as one line that mentions nobody, refers to nothing, closes no issue and skips no
    checks, where Markdown is not rendered: links and HTML in it stay."""
    return inert_message(shortened(" ".join(clean(text).split()), limit))


def marker(kind: str, name: str) -> str:
    """Invisible on the page; by it a comment of ours is found again."""
    return f"<!-- repair:{kind} {name} -->"


def details(summary: str, body: str) -> str:
    """A part that is opened by a click. `summary` is our own text."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def fit(parts: list[str], limit: int = MAX_BODY_CHARACTERS, size: Size = len) -> str:
    """The parts in order; from the end, whole ones are left out until the rest has room. `limit`
    is what `size` may give at most, characters by default."""
    body_parts = [part for part in parts if part]
    note = "_More was found than a comment has room for; the service keeps the whole result._"
    left_out = False
    while len(body_parts) > 1 and size("\n\n".join([*body_parts, note])) > limit:
        body_parts.pop()
        left_out = True
    body = "\n\n".join([*body_parts, note] if left_out else body_parts)
    while size(body) > limit:  # a single part; a character counts as one at least
        body = body[: len(body) - max(1, (size(body) - limit) // MAX_CHARACTER_BYTES)]
    return body


def utf8_size(text: str) -> int:
    """Bytes of a text as it is sent."""
    return len(text.encode("utf-8", "replace"))


def shortened(line: str, limit: int) -> str:
    return line if len(line) <= limit else line[: limit - 1] + _HIDDEN


def cut(text: str, limit: int) -> str:
    """Head and tail: a failure says what it is at either end."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n{_HIDDEN} {len(text) - 2 * half} characters left out\n{text[-half:]}"


def _longest_run(text: str) -> int:
    return max((len(backticks) for backticks in re.findall("`+", text)), default=0)


def _seen(match: re.Match[str]) -> str:
    return "" if unicodedata.category(match[0]) in _UNSEEN_CATEGORIES else match[0]
