"""The documents of the checkout, and what stands in them: code spans, blocks, headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

TOP = Path(__file__).parents[2]
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Document:
    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(TOP).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """The text without its blocks of code."""
        return _FENCE.sub("", self.text)

    @property
    def spans(self) -> list[str]:
        return _SPAN.findall(self.prose)

    @property
    def blocks(self) -> list[str]:
        return [block.partition("\n")[2].rpartition("\n")[0] for block in _FENCE.findall(self.text)]

    def block_after(self, heading: str) -> str:
        return Document.fenced(self.text.partition(f"\n{heading}\n")[2])

    @staticmethod
    def fenced(text: str) -> str:
        return text.partition("```\n")[2].partition("\n```")[0]

    def section(self, heading: str) -> str:
        """From a heading of the second level to the next one."""
        return self.text.partition(f"\n{heading}\n")[2].partition("\n## ")[0]

    def anchors(self) -> Iterator[str]:
        """As GitHub makes them of headings; the second of a name has `-1`."""
        seen: dict[str, int] = {}
        for heading in re.findall(r"^#{1,6} (.+)$", self.prose, re.MULTILINE):
            anchor = _slug(heading)
            count = seen.get(anchor, 0)
            seen[anchor] = count + 1
            yield f"{anchor}-{count}" if count else anchor


def _slug(heading: str) -> str:
    shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", shown.strip().lower()).replace(" ", "-")


@cache
def documents() -> tuple[Document, ...]:
    folders = ("", "docs", "benchmarks", "benchmarks/results")
    return tuple(
        Document(path) for folder in folders for path in sorted((TOP / folder).glob("*.md"))
    )


def document(name: str) -> Document:
    return next(one for one in documents() if one.name == name)
