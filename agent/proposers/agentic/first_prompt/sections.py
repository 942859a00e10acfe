"""Sections of the task, brought into a budget of characters by their order of importance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

LEFT_OUT = "(shortened here: look at the files themselves)"
MIN_BLOCK_CHARACTERS = 400
"""A block is cut down to no less; then it goes as a whole."""


@dataclass(frozen=True)
class Section:
    """A heading and blocks below it, the most telling first."""

    title: str
    blocks: tuple[str, ...]
    whole: bool = False
    """Its blocks hold marks of untrusted data: they stay as they are, or go."""

    @property
    def text(self) -> str:
        return "\n\n".join((f"## {self.title}", *self.blocks))


def fitted(
    sections: Sequence[Section], importance: Sequence[str], max_characters: int
) -> list[Section]:
    """The sections in their order, shortened from the least important on until all of them have
    at most `max_characters`. `importance` names their titles, the most important first."""
    selection = {section.title: section for section in sections if section.blocks}
    for title in reversed(importance):
        excess = sum(len(section.text) + 2 for section in selection.values()) - max_characters
        if excess <= 0:
            break
        if title in selection:
            shorter = _shortened(selection.pop(title), excess)
            if shorter is not None:
                selection[title] = shorter
    return [selection[section.title] for section in sections if section.title in selection]


def _shortened(section: Section, excess: int) -> Section | None:
    """The section with that many characters less; None where nothing is left of it."""
    blocks = list(section.blocks)
    excess += len(LEFT_OUT) + 2
    while blocks and excess > 0:
        last = blocks.pop()
        keep = len(last) - excess
        if keep >= MIN_BLOCK_CHARACTERS and not section.whole:
            blocks.append(last[:keep].rpartition("\n")[0])
            break
        excess -= len(last) + 2
    return replace(section, blocks=(*blocks, LEFT_OUT)) if blocks else None
