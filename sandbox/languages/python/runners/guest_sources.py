"""Sources of the guest programs that run on the target's own Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable

_FOLDER = resources.files("sandbox.languages.python.guest_programs")


def guest_source(name: str) -> str:
    """The text of a guest module, by its dotted name below `guest_programs`."""
    *folders, file = name.split(".")
    return _FOLDER.joinpath(*folders, f"{file}.py").read_text(encoding="utf-8")


def guest_sources() -> Mapping[str, str]:
    """Every guest module, by its dotted name, and what starts them."""
    return dict(_sources(_FOLDER, ""))


def _sources(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _sources(entry, f"{prefix}{entry.name}.")
        elif entry.name.endswith(".py") and entry.name != "__init__.py":
            yield f"{prefix}{entry.name[:-3]}", entry.read_text(encoding="utf-8")
